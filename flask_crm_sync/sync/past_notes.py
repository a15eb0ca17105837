"""Notes of conversations from before the connection: owed behind their clients, where somebody asked for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ..host.reading import ConversationHead
from ..models import Link
from ..models.change import CONVERSATION
from ..models.link import ACTIVE
from ..models.operation import ADD_NOTE, BULK
from .context import Sync
from .operations import new_operation
from .qualified import PAST, gate_for
from .reach import ClientKey

_links: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]


def past_notes(
    sync: Sync, database: sa.Connection, to: Mapping[Any, Any], clients: Sequence[ClientKey]
) -> list[dict[str, Any]]:
    """Return the note operations that clients' conversations are owed which have no note yet, in the lane `bulk`."""
    gate, now = gate_for(database, [to], [client.id for client in clients]), sync.clock.now()
    taken = [client.id for client in clients if gate.takes(to, client.id)]
    ids = sync.host.conversations_of(database, taken, PAST) if taken else []
    noted = set(database.execute(_NOTED, {"of": to["id"], "ids": ids}).scalars()) if ids else set()
    heads = sync.host.conversation_heads(database, [id for id in ids if id not in noted])
    return [_note(sync, to, head, now) for head in _fit(heads.values(), to)]


def _fit(heads: Iterable[ConversationHead], to: Mapping[Any, Any]) -> list[ConversationHead]:
    return [head for head in heads if head.account_id == to["account_id"] and head.client_id and not head.test]


def _note(sync: Sync, to: Mapping[Any, Any], head: ConversationHead, now: datetime) -> dict[str, Any]:
    silent = (head.last_message_at or now) + timedelta(minutes=sync.settings.note_after_minutes)
    subject = {"subject_type": CONVERSATION, "subject_id": head.id, "client_id": head.client_id}
    due = now if head.closed else max(now, silent)
    return new_operation(to, kind=ADD_NOTE, lane=BULK, due_at=due, now=now, **subject)


_NOTED = sa.select(_links.c.subject_id).where(
    _links.c.connection_id == sa.bindparam("of"),
    _links.c.subject_type == CONVERSATION,
    _links.c.subject_id.in_(sa.bindparam("ids", expanding=True)),
    _links.c.state == ACTIVE,
)
