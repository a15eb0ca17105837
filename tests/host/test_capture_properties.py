"""Whatever a host does, in whatever order: what is committed is captured, once, and nothing else is."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.host.conftest import Wakes
from tests.host.hosts import HostCase

Event = tuple[str, str, str]

ROWS = ("add client", "edit client", "touch client", "delete client", "add talk", "edit talk", "delete talk")
MESSAGES = ("say", "edit message", "move", "unsay")
BULK = ("edit many", "delete many", "insert many")
TRANSACTION = ("savepoint", "release", "undo", "commit", "rollback", "expire")

SEED = [("add client", 0), ("add client", 0), ("add talk", 0), ("add talk", 1), ("say", 0), ("say", 1), ("commit", 0)]
STEPS = st.lists(
    st.tuples(st.one_of(*map(st.sampled_from, (ROWS, MESSAGES, BULK, TRANSACTION, TRANSACTION))), st.integers(0, 7)),
    min_size=8,
    max_size=40,
)


@dataclass
class Rows:
    """What the database holds, by our own account: talks by client, messages by talk."""

    clients: set[int] = field(default_factory=set)
    talks: dict[int, int] = field(default_factory=dict)
    messages: dict[int, int] = field(default_factory=dict)


class Story:
    """Plays steps against a session and keeps the books beside it: rows, and the changes they should have made.

    Every step is flushed at once, so that its changes are its own.
    """

    def __init__(self, case: HostCase, session: Session) -> None:
        self.case, self.session = case, session
        self.rows, self.events = Rows(), Counter[Event]()
        self.committed, self.wakes, self.next_id = Counter[Event](), 0, 0
        self.kept_rows = Rows()
        self.savepoints: list[tuple[Any, Rows, Counter[Event]]] = []

    def play(self, step: str, pick: int) -> None:
        """Take one step; one for which there is no row or savepoint is no step."""
        self.events.update(getattr(self, "_" + step.replace(" ", "_"))(pick) or ())
        self.session.flush()

    def _new_id(self) -> int:
        self.next_id += 1
        return self.next_id

    def _get(self, model: Any, ids: Any, pick: int) -> Any:
        known = sorted(ids)
        return self.session.get(model, known[pick % len(known)]) if known else None

    def _client(self, pick: int) -> Any:
        return self._get(self.case.Client, self.rows.clients, pick)

    def _talk(self, pick: int) -> Any:
        return self._get(self.case.Conversation, self.rows.talks, pick)

    def _add_client(self, _: int) -> Iterator[Event]:
        id = self._new_id()
        self.session.add(self.case.client(f"c{id}@example.com", id=id))
        self.rows.clients.add(id)
        yield ("client", str(id), "created")

    def _edit_client(self, pick: int) -> Iterator[Event]:
        client = self._client(pick)
        if client:
            client.email = f"{self._new_id()}@example.org"
            yield ("client", str(client.id), "updated")

    def _touch_client(self, pick: int) -> None:
        client = self._client(pick)
        if client:
            client.last_seen = sa.func.current_timestamp()

    def _delete_client(self, pick: int) -> Iterator[Event]:
        client = self._client(pick)
        if client:
            id = client.id
            for talk in [talk for talk, of in self.rows.talks.items() if of == id]:
                yield self._forget_talk(talk)
            self.rows.clients.remove(id)
            self.session.delete(client)
            yield ("client", str(id), "deleted")

    def _add_talk(self, pick: int) -> Iterator[Event]:
        client = self._client(pick)
        if client:
            id = self._new_id()
            client.conversations.append(self.case.Conversation(id=id, account_id=7))
            self.rows.talks[id] = client.id
            yield ("conversation", str(id), "created")

    def _edit_talk(self, pick: int) -> Iterator[Event]:
        talk = self._talk(pick)
        if talk:
            talk.channel = f"channel {self._new_id()}"
            yield ("conversation", str(talk.id), "updated")

    def _delete_talk(self, pick: int) -> Iterator[Event]:
        talk = self._talk(pick)
        if talk:
            event = self._forget_talk(talk.id)
            talk.client.conversations.remove(talk)
            yield event

    def _forget_talk(self, id: int) -> Event:
        del self.rows.talks[id]
        self.rows.messages = {message: of for message, of in self.rows.messages.items() if of != id}
        return ("conversation", str(id), "deleted")

    def _say(self, pick: int) -> Iterator[Event]:
        talk = self._talk(pick)
        if talk:
            id = self._new_id()
            talk.messages.append(self.case.Message(id=id, sender="client", text="Hello"))
            self.rows.messages[id] = talk.id
            yield ("conversation", str(talk.id), "updated")

    def _unsay(self, pick: int) -> Iterator[Event]:
        message = self._get(self.case.Message, self.rows.messages, pick)
        if message:
            talk = self.rows.messages.pop(message.id)
            message.conversation.messages.remove(message)
            yield ("conversation", str(talk), "updated")

    def _edit_message(self, pick: int) -> Iterator[Event]:
        message = self._get(self.case.Message, self.rows.messages, pick)
        if message:
            self.session.expire(message, ["conversation_id", "text"])
            message.text = f"text {self._new_id()}"
            yield ("conversation", str(self.rows.messages[message.id]), "updated")

    def _move(self, pick: int) -> set[Event]:
        message = self._get(self.case.Message, self.rows.messages, pick)
        former, to = (self.rows.messages[message.id], self._talk(pick + 1).id) if message else (0, 0)
        if former == to:
            return set()
        self.session.expire(message, ["conversation_id"] if pick % 2 else ["text"])
        message.conversation_id = to
        self.rows.messages[message.id] = to
        self.session.flush()
        self.session.expire_all()
        return {("conversation", str(talk), "updated") for talk in (former, to)}

    def _edit_many(self, pick: int) -> list[Event]:
        model = self.case.Client
        found = [id for id in self.rows.clients if id > pick]
        self.session.execute(sa.update(model).where(model.id > pick).values(phone=str(self._new_id())))
        return [("client", str(id), "updated") for id in found]

    def _delete_many(self, pick: int) -> set[Event]:
        model = self.case.Message
        found = [id for id in self.rows.messages if id % 8 == pick]
        self.session.execute(sa.delete(model).where(model.id % 8 == pick))
        self.session.expire_all()
        return {("conversation", str(self.rows.messages.pop(id)), "updated") for id in found}

    def _insert_many(self, pick: int) -> list[Event]:
        ids = [self._new_id() for _ in range(pick)]
        if ids:
            rows = [{"id": id, "account_id": 7, "email": f"m{id}@example.com"} for id in ids]
            self.session.execute(sa.insert(self.case.Client), rows)
            self.rows.clients |= set(ids)
        return [("client", str(id), "created") for id in ids]

    def _expire(self, _: int) -> None:
        self.session.expire_all()

    def _savepoint(self, _: int) -> None:
        self.savepoints.append((self.session.begin_nested(), copy.deepcopy(self.rows), Counter(self.events)))

    def _release(self, _: int) -> None:
        if self.savepoints:
            self.savepoints.pop()[0].commit()

    def _undo(self, _: int) -> None:
        if self.savepoints:
            savepoint, self.rows, self.events = self.savepoints.pop()
            savepoint.rollback()

    def _commit(self, _: int) -> None:
        self.session.commit()
        self.wakes += bool(self.events)
        self.committed += self.events
        self.events, self.kept_rows, self.savepoints = Counter(), copy.deepcopy(self.rows), []

    def _rollback(self, _: int) -> None:
        self.session.rollback()
        self.events, self.rows, self.savepoints = Counter(), copy.deepcopy(self.kept_rows), []


def _empty(case: HostCase) -> None:
    with case.host.engine.begin() as connection:
        for model in (case.Message, case.Conversation, case.Client):
            connection.execute(model.__table__.delete())
    case.forget_changes()


def _is_captured_exactly(case: HostCase, wakes: Wakes, steps: list[tuple[str, int]]) -> None:
    _empty(case)
    wakes.count = 0
    with Session(case.host.engine) as session:
        story = Story(case, session)
        for step, pick in [*SEED, *steps, ("commit", 0)]:
            story.play(step, pick)
    assert Counter(case.changes()) == story.committed
    assert wakes.count == story.wakes


@given(steps=STEPS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_committed_changes_are_captured_exactly(
    savepoints_captured: HostCase, wakes: Wakes, steps: list[tuple[str, int]]
) -> None:
    _is_captured_exactly(savepoints_captured, wakes, steps)


@given(steps=STEPS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
def test_committed_changes_are_captured_exactly_on_postgresql(
    postgres_captured: HostCase, wakes: Wakes, steps: list[tuple[str, int]]
) -> None:
    _is_captured_exactly(postgres_captured, wakes, steps)
