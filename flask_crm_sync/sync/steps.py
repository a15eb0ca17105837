"""The step boundaries of the engine: every instant after which a crash would find something half done.

`reach` does nothing in production. A crash test installs a listener and kills the process at each `Step` in turn; it
reads the steps from the enumeration, so that a new boundary cannot escape it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Step(StrEnum):
    """The boundaries, in the order in which a change meets them."""

    CHANGES_TAKEN = "changes_taken"
    """Changes are deleted and not yet operations; the transaction is open."""
    OPERATIONS_OWED = "operations_owed"
    """Operations are written; the transaction is still open."""
    FANNED_OUT = "fanned_out"
    """The fan-out has committed; nobody works on the operations yet."""
    LEASED = "leased"
    """The connection is leased and its first operations are claimed; the transaction is open."""
    CLAIMED = "claimed"
    """The claim has committed."""
    LOADED = "loaded"
    """Host records and links are in memory."""
    CRM_READ = "crm_read"
    """The CRM's side is in memory."""
    PROPOSING = "proposing"
    """What will be sent is written down; the transaction is open."""
    PROPOSED = "proposed"
    """What will be sent is committed; the next thing is the write itself."""
    CRM_WRITTEN = "crm_written"
    """The CRM has answered; nothing of it is in the database yet."""
    SETTLING = "settling"
    """Outcomes and links are written and the next operations claimed; the transaction is open."""
    SETTLED = "settled"
    """The outcomes have committed."""
    RELEASED = "released"
    """The lease is given back."""


_listener: Callable[[Step], None] | None = None


def reach(step: Step) -> None:
    """Tell the listener, if any, that a boundary is reached."""
    if _listener is not None:
        _listener(step)


def listen(listener: Callable[[Step], None] | None) -> None:
    """Install a listener for every boundary, or remove it with None."""
    global _listener
    _listener = listener
