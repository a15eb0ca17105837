"""The host's models, and databases with them and our own tables in place."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from flask_crm_sync.models import Base


class HostBase(DeclarativeBase):
    pass


class Client(HostBase):
    __tablename__ = "clients"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    first_name: Mapped[str] = mapped_column(sa.String(200), default="")
    last_name: Mapped[str] = mapped_column(sa.String(200), default="")
    email: Mapped[str] = mapped_column(sa.String(200), default="")
    phone: Mapped[str] = mapped_column(sa.String(200), default="")
    city: Mapped[str] = mapped_column(sa.String(200), default="")
    is_sensitive: Mapped[bool] = mapped_column(default=False)
    updated_at: Mapped[datetime]


class Conversation(HostBase):
    __tablename__ = "conversations"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    client_id: Mapped[int | None]
    channel: Mapped[str] = mapped_column(sa.String(40), default="chat")
    status: Mapped[str] = mapped_column(sa.String(40), default="closed")
    is_test: Mapped[bool] = mapped_column(default=False)
    updated_at: Mapped[datetime]


class Message(HostBase):
    __tablename__ = "messages"
    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int]
    sender: Mapped[str] = mapped_column(sa.String(40))
    text: Mapped[str] = mapped_column(sa.Text())
    created_at: Mapped[datetime]


def make_engine(url: str) -> sa.Engine:
    """Return an engine with the host's and our own tables in place."""
    engine = sa.create_engine(url, pool_size=8)
    if engine.dialect.name in _QUICKLY:
        sa.event.listen(engine, "connect", _quick)
    HostBase.metadata.create_all(engine)
    Base.metadata.create_all(engine)
    return engine


_QUICKLY = {
    "sqlite": ["pragma journal_mode=wal", "pragma synchronous=off"],
    "postgresql": ["set synchronous_commit to off"],
}
"""What a test need not wait for: that a commit has reached the disk."""


def _quick(connection: Any, _: Any) -> None:
    kind = "sqlite" if type(connection).__module__.startswith("sqlite3") else "postgresql"
    for statement in _QUICKLY[kind]:
        connection.execute(statement)
    connection.commit()


def wipe(engine: sa.Engine) -> None:
    """Empty every table."""
    with engine.begin() as connection:
        for metadata in (HostBase.metadata, Base.metadata):
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
