"""A small helpdesk with two accounts, a manager and a viewer in each, and a CRM that answers as a test wants it to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_sqlalchemy import SQLAlchemy
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy.orm import Mapped, mapped_column

from flask_crm_sync import web
from flask_crm_sync.clock import SystemClock
from flask_crm_sync.config import Settings
from flask_crm_sync.crm import registry
from flask_crm_sync.crm.base import Finding, Identity, RemoteField, RemoteRecord
from flask_crm_sync.errors import CRMError, RecordMissing
from flask_crm_sync.host.convention import resolve_host
from flask_crm_sync.models import Base, Connection, Database, Operation
from flask_crm_sync.models.operation import CREATE_LEAD, PENDING
from flask_crm_sync.sync.connections import ConnectionView, connect_account
from flask_crm_sync.sync.context import Sync
from flask_crm_sync.sync.operations import new_operation
from flask_crm_sync.vault import Vault

TOKEN = "pat-na1-canary-5f1c9a7e"
START = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
OURS, THEIRS = "1", "2"


SCHEMA = (
    RemoteField("firstname", "First name", "text"),
    RemoteField("hs_lead_status", "Lead status", "choice", options=(("OPEN", "Open"), ("UNQUALIFIED", "Unqualified"))),
    RemoteField("labels", "Labels", "choices", options=(("hot", "Hot"), ("cold", "Cold"))),
    RemoteField("jobtitle", "Job title", "text", max_length=20),
    RemoteField("hs_object_id", "Record ID", "number", writable=False),
)
"""What the CRM says of its fields."""

db = SQLAlchemy()  # as Flask-SQLAlchemy 3.0 knows it too


class User(UserMixin, db.Model):  # type: ignore[name-defined,misc]
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int | None]
    role: Mapped[str]


class Client(db.Model):  # type: ignore[name-defined,misc]
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    first_name: Mapped[str] = mapped_column(default="")
    last_name: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    updated_at: Mapped[datetime] = mapped_column(default=datetime.now)


class Conversation(db.Model):  # type: ignore[name-defined,misc]
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    client_id: Mapped[int] = mapped_column(sa.ForeignKey("client.id"))
    status: Mapped[str] = mapped_column(default="open")
    updated_at: Mapped[datetime] = mapped_column(default=datetime.now)


USERS = {
    "manager": (1, 1, "admin"),
    "viewer": (2, 1, "agent"),
    "foreign manager": (3, 2, "admin"),
    "homeless": (4, None, "admin"),
}


class SetClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Portal:
    """The CRM: what its test call answers for each token."""

    answers: dict[str, Identity | CRMError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    records: dict[str, RemoteRecord] = field(default_factory=dict)

    def __call__(self, name: str, credentials: Mapping[str, str], *_: Any, **__: Any) -> Any:
        return _Caller(self, credentials["token"])


@dataclass
class _Caller:
    portal: Portal
    token: str

    @property
    def http(self) -> _Caller:
        """Stand in for the wire as well: there is none to close."""
        return self

    def close(self) -> None:
        """Have nothing to close."""

    def write_also(self, further: Sequence[Any]) -> None:
        """Have no further fields to write."""

    def schema(self) -> tuple[RemoteField, ...]:
        return SCHEMA

    @property
    def batch_size(self) -> int:
        return 100

    def read(self, record_ids: Sequence[str]) -> list[RemoteRecord | CRMError]:
        return [self.portal.records.get(one) or RecordMissing("There is none.") for one in record_ids]

    def diagnose(self) -> list[Finding]:
        return [Finding("good", "Portal", f"It answers as {self.test().label}.")]

    def test(self) -> Identity:
        self.portal.asked.append(self.token)
        answer = self.portal.answers.get(self.token, Identity("111", "Portal 111", {"portal_id": "111"}))
        if isinstance(answer, CRMError):
            raise answer
        return answer


class UserAccess:
    """Who is asking, by Flask-Login."""

    def account_id(self) -> str | None:
        known = current_user.is_authenticated and current_user.account_id is not None
        return str(current_user.account_id) if known else None

    def user_id(self) -> str:
        return str(current_user.id) if current_user.is_authenticated else ""

    def can_view(self) -> bool:
        return bool(current_user.is_authenticated)

    def can_manage(self) -> bool:
        return bool(current_user.is_authenticated and current_user.role == "admin")


@dataclass
class Wakes:
    count: int = 0

    def wake(self) -> None:
        self.count += 1


@dataclass
class Door:
    sync: Sync
    access: UserAccess
    settings: Settings
    queues: Wakes


@dataclass
class Helpdesk:
    """The host, the sync in it, and handles on what surrounds both."""

    app: Flask
    sync: Sync
    clock: SetClock
    portal: Portal
    wakes: Wakes

    def browser(self, who: str | None = None) -> FlaskClient:
        """Return a test client, logged in as one of `USERS`."""
        client = self.app.test_client()
        if who is not None:
            client.get(f"/login-as/{USERS[who][0]}")
        return client

    def connect(self, account_id: str = OURS, token: str = TOKEN, **more: Any) -> ConnectionView:
        """Connect an account to the portal."""
        return connect_account(self.sync, account_id, "hubspot", "token", {"token": token}, **more)

    def add_client(self, client_id: int, account_id: int = 1, name: str = "Ada Quist") -> None:
        """Put a client into the host."""
        first, _, last = name.partition(" ")
        values = {"id": client_id, "account_id": account_id, "first_name": first, "last_name": last, "email": ""}
        with self.sync.database.engine.begin() as connection:
            connection.execute(sa.insert(Client).values(updated_at=START.replace(tzinfo=None), **values))

    def add_operation(self, connection: ConnectionView, client_id: str = "1", **values: Any) -> int:
        """Put an operation into the log and return its number."""
        kind = values.pop("kind", CREATE_LEAD)
        row = new_operation(
            {"id": connection.id, "account_id": connection.account_id, "crm": connection.crm},
            kind=kind,
            lane=0,
            subject_type="client",
            subject_id=values.pop("subject_id", client_id),
            client_id=client_id,
            due_at=self.clock.now(),
            now=self.clock.now(),
        )
        if values.get("status", PENDING) != PENDING:
            row |= {"pending_key": None, "due_at": None, "settled_at": self.clock.now()}
        with self.sync.database.write() as database:
            added = database.execute(sa.insert(Operation).values(row | values))
            return int((added.inserted_primary_key or [0])[0])

    def operation(self, number: int) -> Any:
        """Return an operation as it is stored."""
        with self.sync.database.read() as database:
            return database.execute(sa.select(Operation.__table__).where(Operation.id == number)).one()

    def stored(self, connection_id: UUID) -> Any:
        """Return a connection as it is stored, secrets and all."""
        with self.sync.database.read() as database:
            return database.execute(sa.select(Connection.__table__).where(Connection.id == connection_id)).one()

    def change(self, model: Any, **values: Any) -> None:
        """Change every row of one of our tables."""
        with self.sync.database.write() as database:
            database.execute(sa.update(model).values(values))

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """Collect the SQL that is sent meanwhile."""
        seen: list[str] = []
        engine = self.sync.database.engine

        def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
            seen.append(statement)

        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)


def open_helpdesk(
    directory: Path, *, settings: Settings | None = None, real_crm: bool = False, **config: Any
) -> Helpdesk:
    """Return a new helpdesk on a database of its own, with our tables and pages in it.

    With `real_crm` the real adapters speak, to wherever the settings say, and the clock is the machine's.
    """
    app = Flask("helpdesk", root_path=str(directory))
    app.jinja_options = {**app.jinja_options, "bytecode_cache": _compiled}
    file = directory / "helpdesk.sqlite3"
    app.config.update(SECRET_KEY="only for tests", SQLALCHEMY_DATABASE_URI=f"sqlite:///{file}")
    app.config.update(config)
    if not file.exists():
        file.write_bytes(_empty_tables())
    db.init_app(app)
    _add_login(app)
    settings = settings or Settings(encryption_keys=(b"k" * 32,))
    with app.app_context():
        if "SQLALCHEMY_DATABASE_URI" in config:
            db.create_all()
            Base.metadata.create_all(db.engine)
        for number, account_id, role in USERS.values():
            db.session.add(User(id=number, account_id=account_id, role=role))
        db.session.commit()
        host = resolve_host(app, settings)
    clock, portal, wakes = SetClock(), Portal(), Wakes()
    used_clock, connector = (SystemClock(), registry.connect) if real_crm else (clock, portal)
    sync = Sync(Database(host.engine), host, Vault(settings.encryption_keys), used_clock, settings, connector)
    door = Door(sync, UserAccess(), settings, wakes)
    app.extensions["crm_sync"] = door
    web.register(app, door)
    return Helpdesk(app, sync, clock, portal, wakes)


class _Compiled(BytecodeCache):
    """The templates, compiled once for all helpdesks of a process."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._known:
            bucket.bytecode_from_string(self._known[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key] = bucket.bytecode_to_string()


_compiled = _Compiled()


@cache
def _empty_tables() -> bytes:
    """Return a database of SQLite with all tables and nothing in them: to copy one is quicker than to make it."""
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        db.metadata.create_all(connection)
        Base.metadata.create_all(connection)
        connection.commit()
        made: bytes = connection.connection.driver_connection.serialize()
    engine.dispose()
    return made


def _add_login(app: Flask) -> None:
    manager = LoginManager(app)
    manager.login_view = "login"
    manager.user_loader(lambda number: db.session.get(User, int(number)))

    @app.get("/favicon.ico")
    def icon() -> tuple[str, int]:
        return "", 204

    @app.get("/login")
    def login() -> str:
        return "Please log in."

    @app.get("/login-as/<int:number>")
    def login_as(number: int) -> str:
        login_user(db.session.get(User, number))
        return "Welcome."

    @app.get("/logout")
    def logout() -> str:
        logout_user()
        return "Good-bye."
