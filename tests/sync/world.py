"""A host with clients and conversations, our tables beside them, a sync with a clock of its own, and a CRM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import flask
import sqlalchemy as sa
from sqlalchemy.orm import Session

from flask_crm_sync.config import Settings
from flask_crm_sync.crm import registry
from flask_crm_sync.crm.base import Adapter
from flask_crm_sync.host.binding import ClientBinding, ConversationBinding, MessageBinding
from flask_crm_sync.host.convention import resolve_host
from flask_crm_sync.models import Change, Connection, Database, Link, Operation
from flask_crm_sync.sync.connections import connect_account
from flask_crm_sync.sync.context import Connector, Sync
from flask_crm_sync.sync.fanout import fan_out
from flask_crm_sync.sync.push import Drained, drain
from flask_crm_sync.vault import Vault
from tests.sync.host_models import Client, Conversation, Message

START = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
KEY = bytes(range(32))
ACCOUNT = "1"
RESTS = Adapter.confirm_after
"""Seconds that an unanswered write rests before it is read back."""

Rows = Sequence[Mapping[str, Any]]


class FakeClock:
    """A clock that moves when somebody sleeps on it or advances it."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return 1000.0 + self.passed

    def column(self) -> sa.ColumnElement[float]:
        """Return what stands for the database's clock in a statement, and reads this one whenever it is run."""
        return sa.bindparam("fake_now", callable_=lambda: self.now().timestamp(), type_=sa.Double())

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += max(0.0, seconds)

    def advance(self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0) -> None:
        self.passed += seconds + 60 * minutes + 3600 * hours


@dataclass
class World:
    """One host, one account's connection, and the hands of everybody who touches it."""

    engine: sa.Engine
    clock: FakeClock
    settings: Settings
    connector: Connector = registry.connect
    token: str = "pat-na1-test"
    client_binding: ClientBinding = field(default_factory=lambda: ClientBinding(Client))
    sync: Sync = field(init=False)
    connection_id: UUID = field(init=False)

    def __post_init__(self) -> None:
        self.sync = self.fresh_sync()
        self.connection_id = self.connect(ACCOUNT)

    def fresh_sync(self) -> Sync:
        """Return a sync as a new process would have it."""
        host = resolve_host(
            flask.Flask("host"),
            self.settings,
            engine=self.engine,
            client=self.client_binding,
            conversation=ConversationBinding(Conversation, messages=MessageBinding(Message)),
        )
        vault = Vault(self.settings.encryption_keys)
        return Sync(Database(self.engine), host, vault, self.clock, self.settings, self.connector)

    def restart(self, **settings: Any) -> None:
        """Go on as a new process, with other settings where they are given."""
        self.settings = replace(self.settings, **settings)
        self.sync = self.fresh_sync()

    def connect(self, account_id: str, token: str = "") -> UUID:
        return connect_account(self.sync, account_id, "hubspot", "token", {"token": token or self.token}).id

    # The host's people

    def client(self, first_name: str = "Ada", *, told: bool = True, account: str = ACCOUNT, **values: Any) -> str:
        """Add a client; `told` is whether capture saw it."""
        (one,) = self.clients([{"first_name": first_name, **values}], told=told, account=account)
        return one

    def clients(
        self, rows: int | Sequence[Mapping[str, Any]], *, told: bool = True, account: str = ACCOUNT
    ) -> list[str]:
        """Add clients, or as many as the number says, each with an e-mail of its own."""
        given = _people(rows) if isinstance(rows, int) else rows
        with Session(self.engine) as session:
            made = [Client(account_id=int(account), updated_at=self._naive_now(), **row) for row in given]
            session.add_all(made)
            session.flush()
            ids = [str(client.id) for client in made]
            session.commit()
        if told:
            self.tell("client", ids, "created", account)
        return ids

    def edit(self, client_id: str, *, told: bool = True, **values: Any) -> None:
        self._update(Client, client_id, values)
        if told:
            self.tell("client", [client_id], "updated")

    def edit_all(self, client_ids: Sequence[str], **values: Any) -> None:
        with self.engine.begin() as connection:
            chosen = sa.update(Client).where(Client.id.in_([int(id) for id in client_ids]))
            connection.execute(chosen.values({"updated_at": self._naive_now(), **values}))
        self.tell("client", client_ids, "updated")

    def remove(self, client_id: str, *, told: bool = True) -> None:
        self._delete(Client, client_id)
        if told:
            self.tell("client", [client_id], "deleted")

    def conversation(self, client_id: str, *said: str, told: bool = True, account: str = ACCOUNT, **values: Any) -> str:
        """Add a conversation, by default a closed one in which the client asked for an offer."""
        with Session(self.engine) as session:
            row = Conversation(
                account_id=int(account), client_id=int(client_id), updated_at=self._naive_now(), **values
            )
            session.add(row)
            session.flush()
            conversation_id = str(row.id)
            session.commit()
        self.say(conversation_id, *(said or ("I would like an offer",)), told=False)
        if told:
            self.tell("conversation", [conversation_id], "created", account)
        return conversation_id

    def conversations(self, client_ids: Sequence[str], *, account: str = ACCOUNT) -> list[str]:
        """Add a closed conversation for each client, in few statements."""
        with Session(self.engine) as session:
            at = self._naive_now()
            made = [Conversation(account_id=int(account), client_id=int(c), updated_at=at) for c in client_ids]
            session.add_all(made)
            session.flush()
            ids = [str(one.id) for one in made]
            said = [
                Message(conversation_id=one.id, sender="client", text="I want to buy", created_at=at) for one in made
            ]
            session.add_all(said)
            session.commit()
        self.tell("conversation", ids, "created", account)
        return ids

    def say(self, conversation_id: str, *said: str, sender: str = "client", told: bool = True) -> None:
        with Session(self.engine) as session:
            for text in said:
                at = self._naive_now()
                session.add(Message(conversation_id=int(conversation_id), sender=sender, text=text, created_at=at))
            session.commit()
        if told:
            self.tell("conversation", [conversation_id], "updated")

    def change_conversation(self, conversation_id: str, *, told: bool = True, **values: Any) -> None:
        self._update(Conversation, conversation_id, values)
        if told:
            self.tell("conversation", [conversation_id], "updated")

    def remove_conversation(self, conversation_id: str, *, told: bool = True) -> None:
        self._delete(Conversation, conversation_id)
        if told:
            self.tell("conversation", [conversation_id], "deleted")

    def tell(self, subject_type: str, ids: Sequence[str], kind: str, account: str | None = None) -> None:
        """Write changes as capture would."""
        same = {"subject_type": subject_type, "account_id": account, "kind": kind, "created_at": self.clock.now()}
        if ids:
            with self.engine.begin() as connection:
                connection.execute(sa.insert(Change), [{"subject_id": id, **same} for id in ids])

    def _update(self, model: type[Any], id: str, values: Mapping[str, Any]) -> None:
        with self.engine.begin() as connection:
            changed = {"updated_at": self._naive_now(), **values}
            connection.execute(sa.update(model).where(model.id == int(id)).values(changed))

    def _delete(self, model: type[Any], id: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.delete(model).where(model.id == int(id)))

    def _naive_now(self) -> datetime:
        return self.clock.now().replace(tzinfo=None)

    # The workers

    def fan_out(self) -> int:
        return fan_out(self.sync)

    def drain(self, connection_id: UUID | None = None, **options: Any) -> Drained:
        return drain(self.sync, connection_id or self.connection_id, **options)

    def run(self) -> Drained:
        """Do what a wake does."""
        self.fan_out()
        return self.drain()

    def run_until_done(self, *, hours: float = 200.0) -> None:
        """Run, and let time pass to whatever is due next, until nothing waits for time."""
        end = self.clock.passed + hours * 3600
        while True:
            drained = self.run()
            due = self._next_time()
            if due is None:
                return
            due = max(due, drained.blocked_until or due)
            assert self.clock.passed < end, f"still waiting: {self.pending()}"
            self.clock.passed = max(self.clock.passed + 0.01, (due - START).total_seconds())

    def _next_time(self) -> datetime | None:
        """Return when there is something to do again: an operation, the end of a rest, or of a dead drain's lease."""
        (row,) = self.rows(Connection, Connection.id == self.connection_id)
        waiting = [op.due_at for op in self.pending() if op.due_at is not None]
        if not waiting:
            return None
        held = START + timedelta(seconds=row.lease_until - START.timestamp() + 0.1) if row.lease_until else START
        return max(min(waiting), row.blocked_until or START, held)

    # What came of it

    def rows(self, model: type[Any], *where: Any) -> list[Any]:
        with self.engine.connect() as connection:
            table = sa.inspect(model).local_table
            return list(connection.execute(sa.select(table).where(*where).order_by(*table.primary_key)))

    def operations(self, **where: Any) -> list[Any]:
        """Return operations in the order in which they were owed."""
        return self.rows(Operation, *(getattr(Operation, name) == value for name, value in where.items()))

    def operation(self, **where: Any) -> Any:
        """Return the one operation that fits."""
        found = self.operations(**where)
        assert len(found) == 1, found
        return found[0]

    def last(self, subject_id: str, subject_type: str = "client") -> Any:
        """Return the newest operation of a subject."""
        return self.operations(subject_id=subject_id, subject_type=subject_type)[-1]

    def pending(self) -> list[Any]:
        return self.operations(status="pending")

    def outcomes(self, **where: Any) -> list[tuple[str, str, str]]:
        """Return kind, status and reason of operations."""
        return [(op.kind, op.status, op.reason) for op in self.operations(**where)]

    def link(self, subject_id: str, subject_type: str = "client") -> Any:
        where = (Link.subject_id == subject_id, Link.subject_type == subject_type)
        return next(iter(self.rows(Link, *where, Link.connection_id == self.connection_id)), None)

    @property
    def connection(self) -> Any:
        """Return the connection's row."""
        (row,) = self.rows(Connection, Connection.id == self.connection_id)
        return row

    def set_connection(self, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.update(Connection).where(Connection.id == self.connection_id).values(values))

    def set_operation(self, operation_id: int, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.update(Operation).where(Operation.id == operation_id).values(values))


def _people(number: int) -> list[dict[str, Any]]:
    return [
        {"first_name": f"First{i}", "last_name": "Person", "email": f"person{i}@example.com", "city": "Graz"}
        for i in range(number)
    ]
