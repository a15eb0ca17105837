"""One drain: what a worker holds while it works on one connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from ..errors import CRMError
from .agreed import Digester
from .budget import SharedMeter
from .claim import Claimed
from .context import Sync
from .lease import Lease
from .links import LinkState
from .retry import Verdict, judge

if TYPE_CHECKING:
    from ..crm.base import Adapter

SHORT_WAIT = 12.0
"""Seconds that a drain waits by itself for a connection that rests, rather than giving it back."""
CONTACT, NOTE = "contact", "note"
"""What links point at in a CRM, in our words; an adapter knows what it calls them."""


@dataclass
class Drain:
    """The lease, the adapter and the meter of one drain, and the connection's settings as it began.

    `trouble` is set when the CRM shows that the whole connection is in trouble; the drain then ends.
    """

    sync: Sync
    lease: Lease
    connection: sa.RowMapping
    adapter: Adapter
    meter: SharedMeter
    trouble: CRMError | None = None
    released: bool = False
    """Whether the connection was given back with the last batch."""
    day_rests: float = 0.0
    """Seconds for which all lanes but the live one rest, because the day's calls run short."""
    share_rests: float = 0.0
    """Seconds for which they rest, because their share of a long window is used up."""
    looks_again: bool = False
    """Whether webhooks told of more than one look takes, so that another one is due at once."""

    @property
    def connection_id(self) -> UUID:
        """Return the connection's id."""
        return self.lease.connection_id

    def now(self) -> datetime:
        """Return the present instant."""
        return self.sync.clock.now()

    @property
    def only_slower_lanes_rest(self) -> bool:
        """Tell whether the trouble is that slower lanes have used up their share of a window that lasts yet."""
        used = self.meter.share_used
        return used is not None and used is self.trouble and (used.retry_after or 0.0) > SHORT_WAIT

    @property
    def rest(self) -> float:
        """Return the seconds that an unanswered write rests before it is read back."""
        configured = self.sync.settings.confirm_seconds
        return self.adapter.confirm_after if configured is None else configured

    def new_link(self, subject_type: str, subject_id: str, seen_at: datetime) -> LinkState:
        """Return a link that has no row yet, to a subject that was loaded after `seen_at`.

        Its row will be as old as that: where the subject's key in the host goes to another in the meantime, the link
        is seen to be the former's.
        """
        return LinkState(self.sync.link_id(self.connection_id, subject_type, subject_id), subject_id, seen_at=seen_at)

    def digester(self, link_id: UUID) -> Digester:
        """Return the digests of one link."""
        return Digester(self.sync.installation.digest_secret, link_id)

    def judged(self, operation: Claimed, error: CRMError, *, alone: bool) -> Verdict:
        """Return what becomes of an operation that met an error, and note a trouble of the whole connection."""
        if error.whole_connection and self.trouble is None:
            self.trouble = error
        return judge(
            error,
            attempts=operation.attempts,
            retried_seconds=operation.retried_seconds,
            alone=alone,
            now=self.now(),
            settings=self.sync.settings,
            rest=self.rest,
        )


@dataclass(frozen=True, slots=True)
class Settled:
    """One operation that came to something, for signals and progress. No personal data."""

    operation_id: int
    account_id: str
    crm: str
    kind: str
    client_id: str
    subject_id: str
    status: str
    reason: str
    came_home: bool = False
    """Whether the host was changed by it: other connections may be owed that."""


def settled_view(operation: Claimed, verdict: Verdict) -> Settled:
    """Return what the outside is told of a settled operation."""
    return Settled(
        operation.id,
        operation.account_id,
        operation.crm,
        verdict.kind or operation.kind,
        operation.client_id,
        operation.subject_id,
        verdict.status,
        verdict.reason,
        came_home=bool({"brought", "created_client"} & (verdict.details or {}).keys()),
    )


def alone(batch: Sequence[Any]) -> bool:
    """Tell whether a batch is a single item."""
    return len(batch) == 1
