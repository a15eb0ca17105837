"""Keyset pages over `updated_at`: how changes are found that no event has seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import sqlalchemy as sa

from .bound import Bound, Reader, connection_of, dialect_of, key_parser, plain_type
from .values import instant, key_text, version_text


@dataclass(frozen=True, slots=True)
class ScanRow:
    """One row that the scan came by; `at` and `id` of the last one are where the next page begins.

    `account_id` is None where it is no plain column of the row.
    """

    id: str
    account_id: str | None
    at: datetime
    version: str


def scan(bound: Bound, on: Reader, after: datetime | None, cursor: str, limit: int) -> list[ScanRow]:
    """Return up to `limit` rows behind (`after`, `cursor`), in the order of `updated_at` and key.

    An empty cursor stands before every key: rows of the very instant `after` are then returned too. Rows whose
    `updated_at` is NULL are never returned. A model without a mapped `updated_at` has no rows to scan.
    """
    at = bound.column("updated_at")
    if at is None:
        return []
    account = bound.column("account")
    query = sa.select(bound.id_column, at, sa.null() if account is None else account)
    query = query.where(at.is_not(None)).order_by(at, bound.id_column).limit(limit)
    if after is not None:
        query = query.where(_behind(bound, at, on, after, cursor))
    return [_row(*row) for row in connection_of(on).execute(query)]


def is_instant(type_: sa.types.TypeEngine[Any]) -> bool:
    """Tell whether the type holds date and time, so that a scan can go by it."""
    return isinstance(plain_type(type_), sa.DateTime)


def _behind(bound: Bound, at: Any, on: Reader, after: datetime, cursor: str) -> sa.ColumnElement[bool]:
    since = after if getattr(plain_type(at.type), "timezone", False) else after.astimezone(UTC).replace(tzinfo=None)
    if not cursor:
        return cast(sa.ColumnElement[bool], at >= since)
    key = key_parser(bound.id_column.type, dialect_of(on))(cursor)
    return sa.or_(at > since, sa.and_(at == since, bound.id_column > key))


def _row(key: Any, at: Any, account: Any) -> ScanRow:
    updated = instant(at)
    assert updated is not None
    return ScanRow(key_text(key), None if account is None else key_text(account), updated, version_text(at))
