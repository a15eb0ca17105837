"""A person decides: it stands above the rules and every review, and it says who, when and why."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..errors import CRMSyncError
from ..host.reading import ConversationHead
from ..models.qualification import PERSON
from ..sync.audit import OVERRIDE, record
from ..sync.context import Sync
from ..sync.deadlock import again_if_deadlocked
from ..sync.qualified import table
from ..sync.refusals import NotFound
from .bounds import SET_NAME
from .standing import STATUSES, after_person
from .standings import Move, Say, Telling, standing_of, stored

CONVERSATION = "conversation"
LONGEST_REASON = 1000


class OverrideInvalid(CRMSyncError):
    """What a person typed cannot be a decision; `field` names what to mend."""

    code = "override_invalid"
    says = "This cannot be decided."
    advice = "Choose a status and give a reason."

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


def override(
    sync: Sync, account_id: str, conversation_id: str, set_name: str, status: str, reason: str, by: str
) -> Move:
    """Set a conversation's status by a person's word; a review that is under way comes to nothing.

    Raises NotFound where the account has no such conversation, OverrideInvalid for an unknown status or no reason.
    """
    reason = reason.strip()
    _check(set_name, status, reason)
    with sync.database.read() as connection:
        head = sync.host.conversation_heads(connection, [conversation_id]).get(conversation_id)
    if head is None or head.account_id != account_id:
        raise NotFound("There is no such conversation.")
    decide = partial(_decide, sync, head, set_name, status, reason, by)
    try:
        return again_if_deadlocked(decide, sync.clock)
    except IntegrityError:  # the fan-out marked the conversation at this very moment: its row is the one to change
        return again_if_deadlocked(decide, sync.clock)


def _check(set_name: str, status: str, reason: str) -> None:
    if status not in STATUSES:
        raise OverrideInvalid("status", "Choose one of the three statuses.")
    if not 0 < len(reason) <= LONGEST_REASON:
        raise OverrideInvalid("reason", "Give a reason of at most 1000 characters.")
    if not 0 < len(set_name) <= SET_NAME:
        raise OverrideInvalid("set", "There is no such set of criteria.")


def _decide(sync: Sync, head: ConversationHead, set_name: str, status: str, reason: str, by: str) -> Move:
    now, telling = sync.clock.now(), Telling(sync.clock.now())
    with sync.database.write() as connection:
        row = _row(connection, head, set_name, now)
        before = standing_of(row)
        owner = (head.account_id, head.id, head.client_id, set_name)
        move, say = Move(*owner, before.status, status, PERSON), Say(PERSON, reason, user_id=by[:191])
        own = {"account_id": head.account_id, "client_id": head.client_id, "reason": reason}
        changed = stored(row, after_person(before, status), now) | own
        connection.execute(table.update().where(table.c.id == row.id).values(changed))
        telling.add(row.id, move, say)
        telling.write(connection)
        told: dict[str, Any] = {"subject_type": CONVERSATION, "subject_id": head.id}
        was, becomes = {"qualification": before.status}, {"qualification": status, "set": set_name, "why": reason}
        record(connection, head.account_id, OVERRIDE, now=now, by=by, before=was, after=becomes, **told)
    return move


def _row(connection: sa.Connection, head: ConversationHead, set_name: str, now: datetime) -> sa.Row[Any]:
    """Return the conversation's row, held until the transaction ends; one that nobody has judged yet gets its row."""
    own = {"conversation": head.id, "set": set_name}
    found = connection.execute(_HELD, own).first()
    if found is None:
        made = {"id": uuid4(), "account_id": head.account_id, "conversation_id": head.id, "client_id": head.client_id}
        connection.execute(table.insert().values(**made, set_name=set_name, created_at=now, updated_at=now))
        found = connection.execute(_HELD, own).one()
    return found


_HELD = (
    sa.select(table)
    .where(table.c.conversation_id == sa.bindparam("conversation"), table.c.set_name == sa.bindparam("set"))
    .with_for_update()
)
