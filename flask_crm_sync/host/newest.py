"""The newest rows first, page by page: by keys that grow, and by `updated_at` where keys tell nothing of age."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from .bound import Bound, key_parser
from .scan import as_stored, is_scannable
from .values import instant, key_text, version_text

LONGEST_KEY = 150
"""Longer keys leave a place no room for an instant: such rows come in the order of their keys."""
_UNDATED = "-"

Row = tuple[str, str, str]
"""A row's id, its version, and its place: what the next page begins behind."""


def newest(
    bound: Bound, database: sa.Connection, held: Sequence[sa.ColumnElement[bool]], behind: str, size: int
) -> list[Row]:
    """Return up to `size` rows behind a place ("" begins), the newest first; `held` holds them to conditions.

    A row whose `updated_at` moves while pages are read may be passed over: its change is told of by itself.
    """
    at: Any = bound.column("updated_at")
    version = sa.null() if at is None else at
    query = sa.select(bound.id_column, version).where(*held).limit(size)
    if not _goes_by_time(bound):
        return _by_key(bound, database, query, behind)
    dated = [] if behind.startswith(_UNDATED) else _by_time(bound, database, query, behind)
    if len(dated) == size:
        return dated
    undated = query.where(at.is_(None)).limit(size - len(dated))
    last = behind.removeprefix(_UNDATED) if behind.startswith(_UNDATED) else ""
    return dated + [(id, told, f"{_UNDATED}{id}") for id, told, _ in _by_key(bound, database, undated, last)]


def _goes_by_time(bound: Bound) -> bool:
    kind: Any = bound.id_column.type
    is_long = (getattr(kind, "length", None) or 0) > LONGEST_KEY
    return is_scannable(bound) and not isinstance(kind, sa.Integer) and not is_long


def _by_key(bound: Bound, database: sa.Connection, query: sa.Select[Any], behind: str) -> list[Row]:
    key: Any = bound.id_column
    if behind:
        query = query.where(key < key_parser(key.type, database.dialect)(behind))
    rows = database.execute(query.order_by(key.desc()))
    return [(key_text(one), version_text(at), key_text(one)) for one, at in rows]


def _by_time(bound: Bound, database: sa.Connection, query: sa.Select[Any], behind: str) -> list[Row]:
    key: Any = bound.id_column
    at: Any = bound.column("updated_at")
    query = query.where(at.is_not(None))
    if behind:
        told, _, last = behind.partition(" ")
        until = as_stored(at.type, datetime.fromisoformat(told).astimezone(UTC), database.dialect)
        older = sa.or_(at < until, key < key_parser(key.type, database.dialect)(last))
        query = query.where(at <= until, older)  # the first part lets an index on `updated_at` find the place
    rows = database.execute(query.order_by(at.desc(), key.desc()))
    return [(key_text(one), version_text(when), _place(when, one)) for one, when in rows]


def _place(at: Any, key: Any) -> str:
    when = instant(at)
    assert when is not None
    return f"{when.isoformat()} {key_text(key)}"
