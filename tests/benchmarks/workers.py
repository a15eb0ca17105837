"""A worker's process: the host with our tables, one account that is connected, and what it is measured against."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from flask_crm_sync import CRMSync, migration
from flask_crm_sync.host.binding import ClientBinding, ConversationBinding, MessageBinding
from flask_crm_sync.models import Connection, Link, Operation
from flask_crm_sync.models.operation import PENDING, SUCCESS
from flask_crm_sync.sync.connections import connect_account
from flask_crm_sync.sync.fanout import fan_out
from flask_crm_sync.sync.now import sync_now
from flask_crm_sync.sync.push import drain

from .figures import Spent, spent
from .hosts import make_engine, make_models, new_clients

operations: Any = sa.inspect(Operation).local_table
links: Any = sa.inspect(Link).local_table
connections: Any = sa.inspect(Connection).local_table


class Desk:
    """A host with `CRMSync(app)`, on a database, a queue and a sandbox that are there."""

    def __init__(self, database_url: str, config: dict[str, str]) -> None:
        self.engine, self.models = make_engine(database_url), make_models()
        self.app = Flask(__name__)
        self.app.config.update(config)
        self.models.metadata.create_all(self.engine)
        migration.upgrade(self.engine)
        client, conversation, message = self.models[1:]
        bound = ConversationBinding(conversation, messages=MessageBinding(message))
        self.crm = CRMSync(self.app, client=ClientBinding(client), conversation=bound, engine=self.engine)


@dataclass(frozen=True)
class Account:
    """An account in a CRM: the way to connect and its keys."""

    crm: str
    method: str
    credentials: Mapping[str, str]


class Worker(Desk):
    """A desk that is connected, and does by itself what a worker's jobs do."""

    def __init__(self, database_url: str, config: dict[str, str], account: str | Account, floor_url: str = "") -> None:
        """Connect; an account that is a text is a HubSpot key."""
        super().__init__(database_url, config)
        to = Account("hubspot", "token", {"token": account}) if isinstance(account, str) else account
        self.connection_id = connect_account(self.crm.sync, "1", to.crm, to.method, to.credentials).id
        self.sent: list[requests.PreparedRequest] = []
        self.bare = requests.Session()
        self.bare.trust_env, self.bare.verify = False, config["CRM_SYNC_SANDBOX_CA"]
        self.last_client = 0
        self.floor = Floor(self.engine, floor_url) if floor_url else None

    # The host

    def save(self, clients: int, conversations: bool = True) -> float:
        """Commit new clients, each with a closed conversation if asked; return when the commit began."""
        made = new_clients(self.models, clients)
        with Session(self.engine) as session:
            session.add_all(made)
            if conversations:
                self._converse(session, made)
            session.flush()
            self.last_client = max(client.id for client in made)
            began = time.time()
            session.commit()
        return began

    def edit(self, last: int) -> None:
        """Change the city of so many clients, those before the newest ones that are linked already."""
        with Session(self.engine) as session:
            client = self.models.client
            newest = sa.select(client).where(client.id > self.last_client - last)
            for found in session.scalars(newest):
                found.city = f"{found.city}+"
            session.commit()

    def _converse(self, session: Session, clients: list[Any]) -> None:
        session.flush()
        said = [self.models.conversation(account_id=1, client_id=client.id, status="closed") for client in clients]
        session.add_all(said)
        session.flush()
        words = "Hello, do you have the blue one in stock? I would like to buy two."
        session.add_all([self.models.message(conversation_id=one.id, sender="client", text=words) for one in said])

    # What is measured

    def work(self, settled: int) -> Spent:
        """Fan out and drain until nothing is left; `settled` operations must have succeeded."""
        before = self._successes()
        took = spent(self._work)
        if self._successes() - before != settled:
            raise RuntimeError(f"{self._successes() - before} operations succeeded, not {settled}: {self._states()}")
        return took

    def work_now(self, settled: int) -> Spent:
        """Do the same after bringing forward what waits for its round, as Sync Now does."""
        before = self._successes()
        took = spent(lambda: (sync_now(self.crm.sync), self._work()))
        if self._successes() - before != settled:
            raise RuntimeError(f"{self._successes() - before} operations succeeded, not {settled}: {self._states()}")
        return took

    def record(self, settled: int) -> None:
        """Work, and keep what was sent."""
        with _recorded() as self.sent:
            self.work(settled)
        if self.floor is not None:
            self.floor.learn(self.connection_id, settled, self.last_client)

    def send(self) -> Spent:
        """Send again what was recorded: the same bytes over as many calls, by requests alone."""
        return spent(self._send)

    def reach_floor(self) -> Spent:
        """Read the host's rows, write operations and links, and send: nothing less could do the work."""
        assert self.floor is not None
        self.floor.forget()
        return spent(lambda: (self.floor.do(self.models.client.__table__), self._send()))  # type: ignore[union-attr]

    def _work(self) -> None:
        fan_out(self.crm.sync)
        while True:
            drained = drain(self.crm.sync, self.connection_id)
            if drained.blocked_until is not None:
                time.sleep(max(0.0, (drained.blocked_until - datetime.now(UTC)).total_seconds()))
            elif not drained.more:
                return

    def _send(self) -> None:
        for call in self.sent:
            headers = {name: value for name, value in call.headers.items() if name != "Content-Length"}
            answer = self.bare.request(call.method or "", call.url or "", data=call.body, headers=headers, timeout=30)
            answer.raise_for_status()

    def _successes(self) -> int:
        with self.engine.connect() as connection:
            done = sa.select(sa.func.count()).select_from(operations).where(operations.c.account_id == "1")
            return int(connection.execute(done.where(operations.c.status == SUCCESS)).scalar_one())

    def _states(self) -> list[Any]:
        with self.engine.connect() as connection:
            grouped = sa.select(operations.c.kind, operations.c.status, operations.c.reason, sa.func.count())
            query = grouped.where(operations.c.status != SUCCESS).group_by(*grouped.selected_columns[:3])
            return [tuple(row) for row in connection.execute(query)]

    def pending(self) -> int:
        """Return how many operations wait."""
        with self.engine.connect() as connection:
            waiting = sa.select(sa.func.count()).select_from(operations).where(operations.c.status == PENDING)
            return int(connection.execute(waiting).scalar_one())


class Floor:
    """The least that the work takes, in SQLAlchemy Core: the rows that we came to, written into an empty database."""

    def __init__(self, host: sa.Engine, url: str) -> None:
        self.host, self.engine = host, make_engine(url)
        migration.upgrade(self.engine)
        self.operations: list[dict[str, Any]] = []
        self.links: list[dict[str, Any]] = []

    def learn(self, connection_id: Any, settled: int, last_client: int) -> None:
        """Take over the newest rows of the worker, and the clients that they are of."""
        with self.host.connect() as host, self.engine.begin() as own:
            mine = host.execute(sa.select(connections).where(connections.c.id == connection_id)).mappings()
            own.execute(connections.insert(), [dict(row) for row in mine])
            newest = sa.select(operations).order_by(operations.c.id.desc()).limit(settled)
            self.operations = [{**row, "id": None} for row in host.execute(newest).mappings()]
            for row in self.operations:
                del row["id"]
            fresh = sa.select(links).order_by(links.c.created_at.desc()).limit(settled)
            self.links = [dict(row) for row in host.execute(fresh).mappings()]
        self.clients = range(last_client - settled // 2 + 1, last_client + 1)

    def forget(self) -> None:
        """Empty the tables again."""
        with self.engine.begin() as connection:
            connection.execute(operations.delete())
            connection.execute(links.delete())

    def do(self, client: sa.Table) -> None:
        """Read and write."""
        with self.host.connect() as host:
            wanted = client.c.id.between(self.clients.start, self.clients.stop - 1)
            found = host.execute(sa.select(client).where(wanted)).all()
        assert len(found) == len(self.clients)
        with self.engine.begin() as connection:
            connection.execute(operations.insert(), self.operations)
            connection.execute(links.insert(), self.links)


@contextmanager
def _recorded() -> Iterator[list[requests.PreparedRequest]]:
    """Note what any session of `requests` sends."""
    sent: list[requests.PreparedRequest] = []
    send = requests.Session.send

    def noting(self: requests.Session, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        sent.append(request)
        return send(self, request, **how)

    requests.Session.send = noting  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        requests.Session.send = send  # type: ignore[method-assign]
