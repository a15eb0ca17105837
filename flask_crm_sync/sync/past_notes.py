"""Notes of conversations from before the connection: owed behind their clients, where somebody asked for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ..host.reading import ConversationHead
from ..models.change import CONVERSATION
from ..models.operation import ADD_NOTE, BULK
from .context import Sync
from .operations import new_operation
from .qualified import conversations_of, gate_for, without_note
from .reach import ClientKey


def past_notes(
    sync: Sync, database: sa.Connection, to: Mapping[Any, Any], clients: Sequence[ClientKey]
) -> list[dict[str, Any]]:
    """Return the note operations that clients' conversations are owed which have no note yet, in the lane `bulk`."""
    gate, now = gate_for(database, [to], [client.id for client in clients]), sync.clock.now()
    taken = [client.id for client in clients if gate.takes(to, client.id)]
    ids = conversations_of(sync, database, taken)
    heads = sync.host.conversation_heads(database, without_note(database, to, ids))
    return [_note(sync, to, head, now) for head in _fit(heads.values(), to)]


def _fit(heads: Iterable[ConversationHead], to: Mapping[Any, Any]) -> list[ConversationHead]:
    return [head for head in heads if head.account_id == to["account_id"] and head.client_id and not head.test]


def _note(sync: Sync, to: Mapping[Any, Any], head: ConversationHead, now: datetime) -> dict[str, Any]:
    silent = (head.last_message_at or now) + timedelta(minutes=sync.settings.note_after_minutes)
    subject = {"subject_type": CONVERSATION, "subject_id": head.id, "client_id": head.client_id}
    due = now if head.closed else max(now, silent)
    return new_operation(to, kind=ADD_NOTE, lane=BULK, due_at=due, now=now, **subject)
