"""The host of the benchmarks: a helpdesk's clients, conversations and messages, and made-up rows of them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_numbers = count(1)


def now() -> datetime:
    """Return the present instant as hosts store it: UTC without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


class Models(NamedTuple):
    """The host's models and their metadata."""

    metadata: sa.MetaData
    client: Any
    conversation: Any
    message: Any


def make_models(**client_attributes: Any) -> Models:
    """Make the models anew; attributes are added to the client's, as extensions ask for them."""

    class HostBase(DeclarativeBase):
        pass

    class Columns:
        __tablename__ = "client"
        id: Mapped[int] = mapped_column(primary_key=True)
        account_id: Mapped[int] = mapped_column(index=True)
        first_name: Mapped[str | None] = mapped_column(sa.String(100))
        last_name: Mapped[str | None] = mapped_column(sa.String(100))
        email: Mapped[str | None] = mapped_column(sa.String(254), index=True)
        phone: Mapped[str | None] = mapped_column(sa.String(40))
        company: Mapped[str | None] = mapped_column(sa.String(120))
        city: Mapped[str | None] = mapped_column(sa.String(100))
        country: Mapped[str | None] = mapped_column(sa.String(2))
        updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now, index=True)

    client = type("Client", (Columns, HostBase), client_attributes)

    class Conversation(HostBase):
        __tablename__ = "conversation"
        id: Mapped[int] = mapped_column(primary_key=True)
        account_id: Mapped[int] = mapped_column(index=True)
        client_id: Mapped[int] = mapped_column(index=True)
        channel: Mapped[str] = mapped_column(sa.String(30), default="web_chat")
        status: Mapped[str] = mapped_column(sa.String(10), default="open")
        updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now, index=True)

    class Message(HostBase):
        __tablename__ = "message"
        id: Mapped[int] = mapped_column(primary_key=True)
        conversation_id: Mapped[int] = mapped_column(index=True)
        sender: Mapped[str] = mapped_column(sa.String(10))
        text: Mapped[str] = mapped_column(sa.Text)
        created_at: Mapped[datetime] = mapped_column(default=now)

    return Models(HostBase.metadata, client, Conversation, Message)


def make_engine(url: str) -> sa.Engine:
    """Return an engine; SQLite as a busy host sets it up."""
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _write_ahead)
    return engine


def _write_ahead(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def new_clients(models: Models, number: int) -> list[Any]:
    """Make clients that nobody has seen before."""
    made = []
    for _ in range(number):
        n = next(_numbers)
        made.append(
            models.client(
                account_id=1,
                first_name=f"Person{n}",
                last_name="Example",
                email=f"person{n}@example.com",
                phone=f"+1202{n % 10_000_000:07d}",
                company="Example Ltd",
                city="Springfield",
                country="US",
            )
        )
    return made
