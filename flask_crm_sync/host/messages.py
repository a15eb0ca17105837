"""The messages of many conversations in one query, the long ones bounded."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from .bound import BindingFailure, Bound, Reader, Values, bad_rows_apart, connection_of, reading_session
from .records import MessageRecord
from .values import instant, is_from_client, key_text, text

ENDS = (5, 50)
"""How many messages of a conversation are read for its note: how it began and how it ended."""
WHOLE = (1000, 4000)
"""How many are read where the whole conversation counts: a bound that hardly any conversation meets."""

_WORDS = ("text", "from_client", "at")

Messages = tuple[MessageRecord, ...]


def load_messages(
    message: Bound, on: Reader, keys: list[Any], ends: tuple[int, int] = ENDS
) -> dict[str, Messages | BindingFailure]:
    """Return the messages of each conversation, oldest first: all of them, or of a longer one both ends.

    `keys` are keys of conversations as the database has them. A message that cannot be read makes the whole
    conversation a BindingFailure. Conversations without messages are left out.
    """
    return bad_rows_apart(message, keys, lambda some: _load(message, connection_of(on), some, ends))


def _load(
    message: Bound, connection: sa.Connection, keys: list[Any], ends: tuple[int, int]
) -> dict[str, Messages | BindingFailure]:
    found: dict[str, list[MessageRecord]] = defaultdict(list)
    failed: dict[str, BindingFailure] = {}
    for key, values in _rows(message, connection, keys, ends):
        id = key_text(key)
        if isinstance(values, BindingFailure):
            failed[id] = BindingFailure(id, values.reason)
        else:
            found[id].append(_record(message, values))
    return {id: tuple(messages) for id, messages in found.items()} | failed


def _record(message: Bound, values: Values) -> MessageRecord:
    said, sender, at = values
    from_client = is_from_client(sender) if "from_client" in message.attributes else True
    return MessageRecord(from_client, text(said), instant(at))


def _rows(
    message: Bound, connection: sa.Connection, keys: list[Any], ends: tuple[int, int]
) -> list[tuple[Any, Values | BindingFailure]]:
    kept = _kept(message, keys, ends)
    own = [column == kept.c[f"key_{n}"] for n, column in enumerate(_primary_key(message))]
    place = (kept.c.conversation, kept.c.place)
    if message.is_plain(_WORDS):
        columns = [message.column(word) if word in message.attributes else sa.null() for word in _WORDS]
        query = sa.select(kept.c.conversation, *columns).select_from(message.model)
        rows = connection.execute(query.join(kept, sa.and_(*own)).order_by(*place))
        return [(row[0], tuple(row[1:])) for row in rows]
    entities = sa.select(message.model, kept.c.conversation).options(*message.eager(_WORDS))
    with reading_session(connection) as session:
        found = session.execute(entities.join(kept, sa.and_(*own)).order_by(*place)).unique().all()
        return [(key, message.read(session, _WORDS, instance)[1]) for instance, key in found]


def _kept(message: Bound, keys: list[Any], ends: tuple[int, int]) -> sa.Subquery:
    """Number the messages of each conversation and keep both ends; texts are fetched for those alone."""
    of = conversation_key(message)
    at = message.column("at")
    order = [*([at] if at is not None else []), *_primary_key(message)]
    numbered = (
        sa.select(
            of.label("conversation"),
            *(column.label(f"key_{n}") for n, column in enumerate(_primary_key(message))),
            sa.func.row_number().over(partition_by=of, order_by=order).label("place"),
            sa.func.count().over(partition_by=of).label("total"),
        )
        .where(of.in_(keys))
        .subquery()
    )
    first, last = ends
    kept = sa.or_(numbered.c.place <= first, numbered.c.place > numbered.c.total - last)
    return sa.select(numbered).where(kept).subquery()


def conversation_key(message: Bound) -> InstrumentedAttribute[Any]:
    """Return the mapped attribute of a message that holds its conversation's key."""
    column = message.column("conversation")
    assert column is not None
    return column


def _primary_key(message: Bound) -> list[InstrumentedAttribute[Any]]:
    names = [message.mapper.get_property_by_column(column).key for column in message.mapper.primary_key]
    return [getattr(message.model, name) for name in names]
