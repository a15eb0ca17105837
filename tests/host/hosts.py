"""Hosts of many shapes, each told apart from the next by what a real one might do differently."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeDecorator

from flask_crm_sync.config import Settings
from flask_crm_sync.host.binding import ClientBinding, ConversationBinding
from flask_crm_sync.host.convention import resolve_host
from flask_crm_sync.host.reading import Host
from flask_crm_sync.models import Change
from flask_crm_sync.models.base import Instant

CHANGES: sa.Table = Change.__table__  # type: ignore[assignment]


def naive_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(repr=False)
class HostCase:
    """One host: its models, how to open a session, and how to make a client of a given e-mail."""

    app: Flask
    host: Host
    Client: Any
    Conversation: Any
    Message: Any
    session: Callable[[], AbstractContextManager[Session]]
    tenant: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)
    named: Callable[[str, str], dict[str, Any]] = lambda first, last: {"first_name": first, "last_name": last}
    said: Callable[[str, bool], dict[str, Any]] = lambda text, ours: {
        "text": text,
        "sender": "agent" if ours else "client",
    }
    of_client: str = "client_id"
    closed: dict[str, Any] = field(default_factory=lambda: {"status": "closed"})

    @property
    def account_id(self) -> str:
        """The account that every record of this host is expected in."""
        return next(map(str, self.tenant.values()), "default")

    def client(self, email: str, first: str = "Ada", last: str = "Nowak", **more: Any) -> Any:
        return self.Client(email=email, **self.tenant, **self.named(first, last), **more)

    def conversation(self, client: Any, **more: Any) -> Any:
        tenant = self.tenant if any(hasattr(self.Conversation, name) for name in self.tenant) else {}
        return self.Conversation(**{self.of_client: client.id}, **tenant, **more)

    def changes(self) -> list[tuple[str, str, str]]:
        """What was captured and committed: subject type, id, kind; in order."""
        with self.host.engine.connect() as connection:
            rows = connection.execute(sa.select(CHANGES).order_by(CHANGES.c.id))
            return [(row.subject_type, row.subject_id, row.kind) for row in rows]

    def forget_changes(self) -> None:
        with self.host.engine.begin() as connection:
            connection.execute(CHANGES.delete())


def usual(url: str) -> HostCase:
    """Flask-SQLAlchemy, integer keys, the names that convention expects first."""
    db = SQLAlchemy()

    class Client(db.Model):  # type: ignore[name-defined, misc]
        id = mapped_column(sa.Integer, primary_key=True)
        account_id = mapped_column(sa.Integer, nullable=False)
        first_name = mapped_column(sa.String(80))
        last_name = mapped_column(sa.String(80))
        email = mapped_column(sa.String(200))
        phone = mapped_column(sa.String(40))
        zip = mapped_column(sa.Integer)
        is_sensitive = mapped_column(sa.Boolean)
        last_seen = mapped_column(sa.DateTime)
        updated_at = mapped_column(sa.DateTime, default=naive_now, onupdate=naive_now)
        conversations = relationship("Conversation", back_populates="client", cascade="all, delete-orphan")

    class Conversation(db.Model):  # type: ignore[name-defined, misc]
        id = mapped_column(sa.Integer, primary_key=True)
        account_id = mapped_column(sa.Integer, nullable=False)
        client_id = mapped_column(sa.ForeignKey("client.id"))
        channel = mapped_column(sa.String(20), default="webchat")
        status = mapped_column(sa.String(20), default="open")
        is_test = mapped_column(sa.Boolean, default=False)
        created_at = mapped_column(sa.DateTime, default=naive_now)
        updated_at = mapped_column(sa.DateTime, default=naive_now, onupdate=naive_now)
        client = relationship("Client", back_populates="conversations")
        messages = relationship("Message", back_populates="conversation", cascade="all, delete-orphan")

    class Message(db.Model):  # type: ignore[name-defined, misc]
        id = mapped_column(sa.Integer, primary_key=True)
        conversation_id = mapped_column(sa.ForeignKey("conversation.id"))
        sender = mapped_column(sa.String(20))
        text = mapped_column(sa.Text)
        created_at = mapped_column(sa.DateTime, default=naive_now)
        conversation = relationship("Conversation", back_populates="messages")

    return _flask_case(db, url, Client, Conversation, Message, tenant={"account_id": 7})


def plain_uuid(url: str) -> HostCase:
    """Plain declarative models, UUID keys, one `name`, `tenant_id`, aware instants, messages with a direction."""

    class Base(DeclarativeBase):
        pass

    class Client(Base):
        __tablename__ = "client"
        id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
        tenant_id: Mapped[uuid.UUID]
        name: Mapped[str | None]
        email: Mapped[str | None] = mapped_column(sa.String(200))
        mobile: Mapped[str | None] = mapped_column(sa.String(40))
        modified_at: Mapped[datetime] = mapped_column(
            sa.DateTime(timezone=True), default=lambda: datetime.now(UTC), onupdate=lambda: datetime.now(UTC)
        )

    class Conversation(Base):
        __tablename__ = "conversation"
        id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
        tenant_id: Mapped[uuid.UUID]
        customer_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("client.id"))
        source: Mapped[str | None] = mapped_column(sa.String(20))
        closed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
        last_activity_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))

    class Message(Base):
        __tablename__ = "message"
        id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
        conversation_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("conversation.id"))
        direction: Mapped[str | None] = mapped_column(sa.String(20))
        body: Mapped[str | None] = mapped_column(sa.Text)
        sent_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True), default=lambda: datetime.now(UTC))

    return _plain_case(
        Base,
        url,
        Client,
        Conversation,
        Message,
        tenant={"tenant_id": uuid.UUID("0b7c2bd4-7c0f-4d7c-9a52-9d9a4d8c1a10")},
        named=lambda first, last: {"name": f"{first} {last}"},
        said=lambda text, ours: {"body": text, "direction": "outbound" if ours else "inbound"},
        of_client="customer_id",
        closed={"closed_at": datetime(2026, 3, 1, 12, tzinfo=UTC)},
    )


def plain_text_keys(url: str) -> HostCase:
    """Plain declarative models with text keys, another tenant's name, conversations that leave it to their client."""

    class Base(DeclarativeBase):
        pass

    class Client(Base):
        __tablename__ = "client"
        id: Mapped[str] = mapped_column(sa.String(36), primary_key=True, default=lambda: f"c-{uuid.uuid4().hex[:8]}")
        workspace_id: Mapped[str] = mapped_column(sa.String(20))
        given_name: Mapped[str | None] = mapped_column(sa.String(80))
        surname: Mapped[str | None] = mapped_column(sa.String(80))
        email: Mapped[str | None] = mapped_column(sa.String(200))

    class Conversation(Base):
        __tablename__ = "conversation"
        id: Mapped[str] = mapped_column(sa.String(36), primary_key=True, default=lambda: f"v-{uuid.uuid4().hex[:8]}")
        person: Mapped[str | None] = mapped_column(sa.ForeignKey("client.id"))
        is_closed: Mapped[bool] = mapped_column(default=False)

    class Message(Base):
        __tablename__ = "message"
        id: Mapped[int] = mapped_column(primary_key=True)
        talk: Mapped[str | None] = mapped_column(sa.ForeignKey("conversation.id"))
        content: Mapped[str | None] = mapped_column(sa.Text)
        is_from_client: Mapped[bool]

    return _plain_case(
        Base,
        url,
        Client,
        Conversation,
        Message,
        tenant={"workspace_id": "north"},
        named=lambda first, last: {"given_name": first, "surname": last},
        said=lambda text, ours: {"content": text, "is_from_client": not ours},
        of_client="person",
        closed={"is_closed": True},
    )


def lonely(url: str) -> HostCase:
    """Flask-SQLAlchemy without tenants and without messages."""
    db = SQLAlchemy()

    class Client(db.Model):  # type: ignore[name-defined, misc]
        id = mapped_column(sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)
        full_name = mapped_column(sa.String(120))
        email = mapped_column(sa.String(200))

    class Conversation(db.Model):  # type: ignore[name-defined, misc]
        id = mapped_column(sa.Integer, primary_key=True)
        client_id = mapped_column(sa.ForeignKey("client.id"))
        status = mapped_column(sa.String(20), default="open")

    return _flask_case(db, url, Client, Conversation, None, named=lambda first, last: {"full_name": f"{last}, {first}"})


def joined(url: str) -> HostCase:
    """Flask-SQLAlchemy, where a client is a kind of person in a table of its own, and some clients are special."""
    db = SQLAlchemy()

    class Person(db.Model):  # type: ignore[name-defined, misc]
        id = mapped_column(sa.Integer, primary_key=True)
        kind = mapped_column(sa.String(20))
        first_name = mapped_column(sa.String(80))
        last_name = mapped_column(sa.String(80))
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}  # noqa: RUF012

    class Client(Person):
        id = mapped_column(sa.ForeignKey("person.id"), primary_key=True)
        organization_id = mapped_column(sa.Integer)
        email = mapped_column(sa.String(200))
        __mapper_args__ = {"polymorphic_identity": "client"}  # noqa: RUF012

    class ImportantClient(Client):
        id = mapped_column(sa.ForeignKey("client.id"), primary_key=True)
        level = mapped_column(sa.Integer)
        __mapper_args__ = {"polymorphic_identity": "important"}  # noqa: RUF012

    class Conversation(db.Model):  # type: ignore[name-defined, misc]
        id = mapped_column(sa.Integer, primary_key=True)
        organization_id = mapped_column(sa.Integer)
        client_id = mapped_column(sa.ForeignKey("client.id"))
        status = mapped_column(sa.String(20), default="open")

    class Message(db.Model):  # type: ignore[name-defined, misc]
        id = mapped_column(sa.Integer, primary_key=True)
        conversation_id = mapped_column(sa.ForeignKey("conversation.id"))
        sender = mapped_column(sa.String(20))
        text = mapped_column(sa.Text)

    others = {"Person": Person, "ImportantClient": ImportantClient}
    return _flask_case(db, url, Client, Conversation, Message, tenant={"organization_id": 3}, others=others)


class Guid(TypeDecorator[uuid.UUID]):
    """The UUID that many hosts have made for themselves: sixteen bytes in the database."""

    impl = sa.LargeBinary(16)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> bytes | None:
        return None if value is None else value.bytes

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> uuid.UUID | None:
        return None if value is None else uuid.UUID(bytes=value)


def decorated(url: str) -> HostCase:
    """Plain declarative models whose keys, tenant and instants are of types that the host made itself."""

    class Base(DeclarativeBase):
        pass

    class Client(Base):
        __tablename__ = "client"
        id: Mapped[uuid.UUID] = mapped_column(Guid, primary_key=True, default=uuid.uuid4)
        tenant_id: Mapped[uuid.UUID] = mapped_column(Guid)
        first_name: Mapped[str | None]
        last_name: Mapped[str | None]
        email: Mapped[str | None]
        updated_at: Mapped[datetime] = mapped_column(Instant, default=lambda: datetime.now(UTC))

    class Conversation(Base):
        __tablename__ = "conversation"
        id: Mapped[uuid.UUID] = mapped_column(Guid, primary_key=True, default=uuid.uuid4)
        client_id: Mapped[uuid.UUID] = mapped_column(Guid, sa.ForeignKey("client.id"))
        status: Mapped[str | None]

    class Message(Base):
        __tablename__ = "message"
        id: Mapped[int] = mapped_column(primary_key=True)
        conversation_id: Mapped[uuid.UUID] = mapped_column(Guid, sa.ForeignKey("conversation.id"))
        text: Mapped[str | None]
        sender: Mapped[str | None]
        created_at: Mapped[datetime] = mapped_column(Instant, default=lambda: datetime.now(UTC))

    tenant = {"tenant_id": uuid.UUID("0b7c2bd4-7c0f-4d7c-9a52-9d9a4d8c1a10")}
    return _plain_case(Base, url, Client, Conversation, Message, tenant=tenant)


HOSTS: dict[str, Callable[[str], HostCase]] = {
    build.__name__: build for build in (usual, plain_uuid, plain_text_keys, decorated, lonely, joined)
}


def flask_app(db: SQLAlchemy, url: str) -> Flask:
    app = Flask("host")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"poolclass": NullPool}
    db.init_app(app)
    return app


def _flask_case(db: SQLAlchemy, url: str, client: Any, conversation: Any, message: Any, **more: Any) -> HostCase:
    app = flask_app(db, url)
    host = resolve_host(app, Settings())

    def session() -> AbstractContextManager[Session]:
        return _SessionInContext(app, db)

    _create(host.engine, db.metadata)
    return HostCase(app, host, client, conversation, message, session, **more)


class _SessionInContext(AbstractContextManager[Session]):
    """The host's own `db.session`, as a request has it."""

    def __init__(self, app: Flask, db: SQLAlchemy) -> None:
        self._context, self._db = app.app_context(), db

    def __enter__(self) -> Session:
        self._context.push()
        return self._db.session()

    def __exit__(self, *_: object) -> None:
        self._context.pop()


def _plain_case(base: Any, url: str, client: Any, conversation: Any, message: Any, **more: Any) -> HostCase:
    app, engine = Flask("host"), begun_engine(url)
    host = resolve_host(
        app,
        Settings(),
        client=ClientBinding(client),
        conversation=ConversationBinding(conversation),
        engine=engine,
    )
    _create(engine, base.metadata)
    return HostCase(app, host, client, conversation, message, lambda: Session(engine), **more)


def begun_engine(url: str) -> sa.Engine:
    """An engine on which savepoints work on SQLite too, as SQLAlchemy's documentation shows."""
    engine = sa.create_engine(url, poolclass=NullPool)
    begin_explicitly(engine)
    return engine


def begin_explicitly(engine: sa.Engine) -> None:
    if engine.dialect.name == "sqlite":

        @sa.event.listens_for(engine, "connect")
        def _leave_transactions_to_us(connection: Any, _: Any) -> None:
            connection.isolation_level = None

        @sa.event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN")


def _create(engine: sa.Engine, metadata: sa.MetaData) -> None:
    if engine.dialect.name == "sqlite":

        @sa.event.listens_for(engine, "connect")
        def _trust_the_disk(connection: Any, _: Any) -> None:
            connection.execute("PRAGMA synchronous = OFF")

    metadata.create_all(engine)
    CHANGES.metadata.create_all(engine, tables=[CHANGES])
