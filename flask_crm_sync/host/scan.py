"""Keyset pages over `updated_at`: how changes are found that no event has seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from .bound import Bound, Reader, connection_of, dialect_of, key_parser, plain_type
from .values import instant, key_text, version_text


@dataclass(frozen=True, slots=True)
class ScanRow:
    """One row that the scan came by; `at` and `id` of the last one are where the next page begins.

    `account_id` is None where it is no plain column of the row. `version` is that of the row's record.
    """

    id: str
    account_id: str | None
    at: datetime
    version: str


def scan(
    bound: Bound, on: Reader, after: datetime | None, cursor: str, limit: int, *, account_id: str | None = None
) -> list[ScanRow]:
    """Return up to `limit` rows behind (`after`, `cursor`), in the order of `updated_at` and key.

    With an account, only its rows are returned where the account is a mapped attribute; where it is none, all are. An
    empty cursor stands before every key: rows of the very instant `after` are then returned too. Rows whose
    `updated_at` is NULL are never returned. A model that is not scannable has no rows.
    """
    at = bound.column("updated_at")
    if at is None or not is_scannable(bound):
        return []
    account = bound.column("account")
    query = sa.select(bound.id_column, at, sa.null() if account is None else account)
    query = query.where(at.is_not(None)).order_by(at, bound.id_column).limit(limit)
    if after is not None:
        query = query.where(_behind(bound, at, on, after, cursor))
    if account is not None and account_id is not None:
        query = query.where(account == key_parser(account.type, dialect_of(on))(account_id))
    return [_row(*row) for row in connection_of(on).execute(query)]


def is_scannable(bound: Bound) -> bool:
    """Tell whether the model has a mapped `updated_at` with date and time."""
    at = bound.column("updated_at")
    return at is not None and isinstance(plain_type(at.type), sa.DateTime)


def _behind(bound: Bound, at: Any, on: Reader, after: datetime, cursor: str) -> sa.ColumnElement[bool]:
    since = as_stored(at.type, after.astimezone(UTC), dialect_of(on))
    if not cursor:
        return cast(sa.ColumnElement[bool], at >= since)
    key = key_parser(bound.id_column.type, dialect_of(on))(cursor)
    # The first part says nothing new, but lets an index on `updated_at` find the place (SQLite takes none for an OR).
    return sa.and_(at >= since, sa.or_(at > since, bound.id_column > key))


def as_stored(type_: sa.types.TypeEngine[Any], at: datetime, dialect: sa.Dialect) -> datetime:
    """Return an instant as a column takes it: aware where it keeps a zone, or where the host's own type takes it."""
    naive = at.replace(tzinfo=None)
    if not isinstance(type_, TypeDecorator):
        return at if getattr(type_, "timezone", False) else naive
    bind = type_.bind_processor(dialect)
    try:
        if bind is not None:
            bind(at)
    except Exception:  # the host's own code, and each has its own way to refuse
        return naive
    return at


def _row(key: Any, at: Any, account: Any) -> ScanRow:
    updated = instant(at)
    assert updated is not None
    return ScanRow(key_text(key), None if account is None else key_text(account), updated, version_text(at))
