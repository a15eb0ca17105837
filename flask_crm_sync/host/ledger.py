"""What one session has on its mind: changes seen in the running flush, and whether its transaction wrote any."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import InstanceState, PassiveFlag, Session, SessionTransaction

from ..models import Change
from ..models.change import CREATED, DELETED, UPDATED

log = logging.getLogger(__name__)

_key_type: Any = sa.inspect(Change).columns.subject_id.type
KEY_LENGTH: int = _key_type.length
"""Characters that our tables have room for in a key."""

_WEIGHT = {UPDATED: 0, CREATED: 1, DELETED: 2}


APPLYING = "crm_sync_applying"
"""Where a session that brings a CRM's values home says so (`Session.info`)."""


@dataclass(frozen=True, slots=True)
class Applying:
    """What we are writing to a client ourselves: attributes and values that came from the connection `origin`."""

    origin: UUID
    client_id: str | None
    values: Mapping[str, Any]

    def explains(self, state: InstanceState[Any], names: Collection[str]) -> bool:
        """Tell whether all that is edited is what we set: a value that the host's code adds or alters is its own."""
        return all(
            name in self.values and state.dict.get(name) == self.values[name]
            for name in names
            if state.get_history(name, PassiveFlag.PASSIVE_NO_INITIALIZE).has_changes()
        )


class Ledger:
    """The notes of one session. Several events on one subject in one flush are one change: the weightiest."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], tuple[str, str | None, UUID | None]] = {}
        self.connection: sa.Connection | None = None
        self._wrote: set[SessionTransaction] = set()

    def see(self, subject: str, id: str, kind: str, account: str | None, origin: UUID | None = None) -> None:
        """Note that something happened to a subject in this flush. A key too long for us must not fail the host.

        `origin` is the connection that all of it came home from.
        """
        if len(id) > KEY_LENGTH:
            log.warning("A %s is left out: its key has %d characters, we take %d", subject, len(id), KEY_LENGTH)
            return
        if account is not None and len(account) > KEY_LENGTH:
            account = None
        before = self.seen.get((subject, id))
        if before is not None:
            kind = max(kind, before[0], key=_WEIGHT.__getitem__)
            account = before[1] if account is None else account
            origin = origin if origin == before[2] else None
        self.seen[subject, id] = (kind, account, origin)

    def take(self, now: datetime) -> list[dict[str, Any]]:
        """Return the rows of what was seen, and forget it."""
        rows: list[dict[str, Any]] = [
            {"subject_type": subject, "subject_id": id, "account_id": account, "kind": kind, "created_at": now}
            for (subject, id), (kind, account, _) in self.seen.items()
        ]
        origins = [origin for _, _, origin in self.seen.values()]
        if any(origins):
            rows = [{**row, "origin": origin} for row, origin in zip(rows, origins, strict=True)]
        self.seen = {}
        return rows

    def wrote(self, session: Session, connection: sa.Connection) -> None:
        """Note that the innermost open transaction, savepoints included, has written changes."""
        self.connection = connection
        innermost = session.get_nested_transaction() or session.get_transaction()
        if innermost is not None:
            self._wrote.add(innermost)

    def rolled_back(self, transaction: SessionTransaction) -> None:
        """Forget what was written in a transaction, and in the savepoints that it had released."""
        self.seen = {}
        self._wrote = {one for one in self._wrote if not _within(one, transaction)}

    def committed(self, outermost: SessionTransaction | None) -> bool:
        """Tell whether the outermost transaction has just made changes visible to others.

        A session that was joined to a connection's own transaction has not: that one is still open.
        """
        wrote = any(outermost is not None and _within(one, outermost) for one in self._wrote)
        self._wrote = set()
        return wrote and self.connection is not None and not self.connection.in_transaction()


def _within(transaction: SessionTransaction, outer: SessionTransaction) -> bool:
    inner: SessionTransaction | None = transaction
    while inner is not None and inner is not outer:
        inner = inner.parent
    return inner is outer
