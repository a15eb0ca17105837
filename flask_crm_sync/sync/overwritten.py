"""What our writes replace in a CRM, kept encrypted for a while: written with the intent, so that it is never missing.

A row says what the field held before and, as a digest, what we wrote over it: putting back can then tell whether
anybody has changed the field since. Nothing is asked or written where nothing is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from ..models import Overwritten
from ..models.operation import PENDING, SUCCESS
from ..vault import Place, Vault
from .contact_items import ContactItem
from .context import Sync
from .drain import Drain

SLICE = 1_000

table: sa.Table = sa.inspect(Overwritten).local_table  # type: ignore[assignment]


def value_place(row_id: UUID) -> Place:
    """Return where an overwritten value is sealed."""
    return Place(Overwritten.__tablename__, row_id, "sealed")


def sealed_anew(vault: Vault, row_id: UUID, sealed: str) -> str:
    """Encrypt a kept value with the first key."""
    return vault.seal(vault.open(sealed, value_place(row_id)), value_place(row_id))


def keep_overwritten(drain: Drain, database: sa.Connection, items: Iterable[ContactItem]) -> None:
    """Keep what these writes are about to replace, in the transaction that notes them; blanks are nothing to keep."""
    if not drain.sync.settings.undo_days:
        return
    rows = [row for item in items for row in _rows(drain, item)]
    if rows:
        database.execute(_keeping(database.dialect.name), rows)


def keep_in_between(drain: Drain, items: Sequence[ContactItem]) -> None:
    """Keep what writes that are sent elsewhere than was meant are about to replace, where that is anything."""
    if any(there and there != item.plan.writes[name] for item in items for name, there in _there(item)):
        with drain.sync.database.write() as database:
            drain.lease.renew(database, drain.sync.clock)
            keep_overwritten(drain, database, items)


def _there(item: ContactItem) -> list[tuple[str, str]]:
    """Return the CRM's values of the fields that are about to be written."""
    values = item.record.values if item.record is not None else {}
    return [(name, values.get(name, "")) for name in item.plan.writes]


def forget_unwritten(database: sa.Connection, items: Iterable[ContactItem]) -> None:
    """Forget what was kept for writes that surely did not happen, whole or for single fields, where they settle."""
    for item in items:
        surely_not = item.verdict is not None and item.verdict.status != SUCCESS and not _may_have_arrived(item)
        names = item.overwritten if surely_not else [name for name in item.overwritten if _was_left(item, name)]
        if names:
            own = sa.and_(table.c.operation_id == item.operation.id, table.c.field.in_(names))
            database.execute(table.delete().where(own))


def _was_left(item: ContactItem, name: str) -> bool:
    return name in item.refused or name not in item.plan.writes


def _may_have_arrived(item: ContactItem) -> bool:
    assert item.verdict is not None
    return item.verdict.unknown or (item.verdict.status == PENDING and item.operation.unknown)


def purge_overwritten(sync: Sync) -> int:
    """Delete a slice of values that were kept for `CRM_SYNC_UNDO_DAYS`; return how many."""
    before = sync.clock.now() - timedelta(days=sync.settings.undo_days)
    with sync.database.write() as database:
        old = sa.select(table.c.id).where(table.c.written_at < before).order_by(table.c.written_at).limit(SLICE)
        ids = database.execute(old).scalars().all()
        if ids:
            database.execute(table.delete().where(table.c.id.in_(ids)))
    return len(ids)


def _rows(drain: Drain, item: ContactItem) -> Sequence[Mapping[str, Any]]:
    there = {name: value for name, value in _there(item) if value and value != item.plan.writes[name]}
    item.overwritten = list(there)
    return [_row(drain, item, name, value) for name, value in there.items()]


def _row(drain: Drain, item: ContactItem, name: str, before: str) -> dict[str, Any]:
    id = uuid4()
    return {
        "id": id,
        "account_id": item.operation.account_id,
        "connection_id": drain.connection_id,
        "client_id": item.operation.client_id,
        "operation_id": item.operation.id,
        "lane": item.operation.lane,
        "field": name,
        "sealed": drain.sync.vault.seal(before, value_place(id)),
        "sent": item.digest(name, item.plan.writes[name]),
        "state": "kept",
        "written_at": drain.now(),
    }


@cache
def _keeping(dialect: str) -> sa.Insert:
    """An operation that is tried again meets what it has kept already: the first value is the one from before."""
    if dialect in {"mysql", "mariadb"}:
        return mysql.insert(table).on_duplicate_key_update(operation_id=table.c.operation_id)
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing(index_elements=[table.c.operation_id, table.c.field])
    return sqlite.insert(table).on_conflict_do_nothing(index_elements=[table.c.operation_id, table.c.field])
