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


class JudgingStep(StrEnum):
    """The boundaries of qualification, in the order in which a conversation meets them."""

    TO_JUDGE = "to_judge"
    """Conversations are marked as to be judged, and their changes deleted; the transaction is open."""
    JUDGING_CLAIMED = "judging_claimed"
    """A worker has taken conversations to judge; that is committed."""
    JUDGING_LOADED = "judging_loaded"
    """Conversations and criteria are in memory, and the rules have spoken."""
    JUDGING_SETTLED = "judging_settled"
    """What the rules say is written, with what follows from it; the transaction is open."""
    JUDGED = "judged"
    """What the rules say has committed."""
    REVIEWS_CLAIMED = "reviews_claimed"
    """A worker has taken due reviews; that is committed."""
    REVIEWED = "reviewed"
    """The reviewer has answered; nothing of it is in the database yet."""
    REVIEW_SETTLING = "review_settling"
    """What the review came to is written; the transaction is open."""
    REVIEW_SETTLED = "review_settled"
    """What the review came to has committed."""


_listener: Callable[[Step | JudgingStep], None] | None = None


def reach(step: Step | JudgingStep) -> None:
    """Tell the listener, if any, that a boundary is reached."""
    if _listener is not None:
        _listener(step)


def listen(listener: Callable[[Step | JudgingStep], None] | None) -> None:
    """Install a listener for every boundary, or remove it with None."""
    global _listener
    _listener = listener
