"""Comparing a batch of linked records with what would be sent: what differs though nobody decided so, what is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ..models.change import CLIENT
from ..models.operation import FULL_BATCH, PENDING, UPDATE, UPDATE_CONTACT
from . import reasons
from .claim import Claimed
from .contact_items import ContactItem
from .contacts import plan_contacts
from .drain import Drain
from .mapping.turning_away import filtered_out
from .operations import new_operation, owe
from .operations import table as operations
from .qualified import held_back


@dataclass(frozen=True, slots=True)
class Compared:
    """What a read-back came to: records compared, those that drifted, those sent again, those gone in the CRM.

    `ran_at` is when. `whole` tells whether every record was reached that there is.
    """

    checked: int = 0
    drifted: int = 0
    repaired: int = 0
    gone: int = 0
    ran_at: datetime | None = None
    whole: bool = False

    @property
    def is_beyond_repair(self) -> bool:
        """Tell whether more drifted than was sent again: then a person should look."""
        return self.drifted + self.gone > self.repaired


def with_batch(desk: Drain, found: Compared, client_ids: Sequence[str]) -> Compared:
    """Compare a batch of clients, owe what may be owed, and count it all."""
    batch = [_looked_at(desk, number, client_id) for number, client_id in enumerate(client_ids, 1)]
    items, _ = plan_contacts(desk, _taken(desk, batch))
    if desk.trouble is not None:
        return found
    drifted = [item for item in items if item.verdict is None and _has_drifted(item)]
    gone = [item for item in items if item.verdict is not None and _is_gone(item)]
    with desk.sync.database.write() as database:
        desk.lease.renew(database, desk.sync.clock)
        given = {"of": desk.connection_id, "clients": [item.client.id for item in (*drifted, *gone)]}
        under_way = set(database.execute(_UNDER_WAY, given).scalars()) if given["clients"] else set()
        drifted, gone = _without(drifted, under_way), _without(gone, under_way)
        room = max(0, desk.sync.settings.agreement_repairs - found.repaired)
        repaired = [*drifted, *gone][:room]
        owe(database, [_repair(desk, item.client.id) for item in repaired])
    checked = sum(item.verdict is None or _is_gone(item) for item in items)
    counted = (found.checked + checked, found.drifted + len(drifted), found.repaired + len(repaired))
    return Compared(*counted, gone=found.gone + len(gone))


def _taken(desk: Drain, batch: Sequence[Claimed]) -> list[Claimed]:
    """Leave out clients whom the connection does not take (any more): their records stay as they are."""
    away = held_back(desk, batch)
    away |= filtered_out(desk, [one for one in batch if one.id not in away])
    return [one for one in batch if one.id not in away]


def _has_drifted(item: ContactItem) -> bool:
    """Tell whether something would be written, on either side, or the record is another one by now."""
    moved = item.record is not None and item.record.id != item.link.remote_id
    return bool(item.plan.writes or item.plan.brings) or moved


def _is_gone(item: ContactItem) -> bool:
    return item.verdict is not None and item.verdict.reason == reasons.RECORD_DELETED_IN_CRM


def _without(items: Sequence[ContactItem], client_ids: set[str]) -> list[ContactItem]:
    return [item for item in items if item.client.id not in client_ids]


def _looked_at(desk: Drain, number: int, client_id: str) -> Claimed:
    """Return what stands for an operation that only looks; it is in no log, and its number is no entry's."""
    row: Mapping[Any, Any] = desk.connection
    subject = {"subject_type": CLIENT, "subject_id": client_id, "client_id": client_id}
    return Claimed(
        connection_id=desk.connection_id,
        id=-number,
        account_id=row["account_id"],
        crm=row["crm"],
        kind=UPDATE_CONTACT,
        lane=UPDATE,
        attempts=1,
        crashes=0,
        batch_limit=FULL_BATCH,
        unknown=False,
        retried_seconds=0.0,
        decision=None,
        details=None,
        created_at=desk.now(),
        **subject,
    )


def _repair(desk: Drain, client_id: str) -> dict[str, Any]:
    subject = {"subject_type": CLIENT, "subject_id": client_id, "client_id": client_id}
    now = desk.now()
    return new_operation(desk.connection, kind=UPDATE_CONTACT, lane=UPDATE, due_at=now, now=now, **subject)


_UNDER_WAY = sa.select(operations.c.client_id).where(
    operations.c.client_id.in_(sa.bindparam("clients", expanding=True)),
    operations.c.status == PENDING,
    operations.c.connection_id == sa.bindparam("of"),
)
