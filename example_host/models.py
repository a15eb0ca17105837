"""The helpdesk's own tables: accounts, their users, and the clients whose conversations they answer."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import current_app
from flask_login import UserMixin
from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship
from werkzeug.security import check_password_hash, generate_password_hash

from .extensions import db


def now() -> datetime:
    """Return the current time in UTC, without a zone, as every database stores it alike."""
    return datetime.now(UTC).replace(tzinfo=None)


class Account(db.Model):  # type: ignore[name-defined]
    """A business that uses the helpdesk; everything else belongs to one."""

    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    slug: Mapped[str] = mapped_column(String(60), unique=True)


class User(UserMixin, db.Model):  # type: ignore[name-defined]
    """Somebody who works at an account and may log in."""

    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(20), default="agent")

    account: Mapped[Account] = relationship()

    @property
    def is_admin(self) -> bool:
        """Tell whether this person may change the account's settings."""
        return self.role == "admin"

    def set_password(self, password: str) -> None:
        """Keep a salted hash of the password."""
        self.password_hash = generate_password_hash(password)

    def has_password(self, password: str) -> bool:
        """Tell whether this is the password."""
        return check_password_hash(self.password_hash, password)


class Client(db.Model):  # type: ignore[name-defined]
    """A person who writes to an account."""

    __tablename__ = "client"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    first_name: Mapped[str | None] = mapped_column(String(100))
    last_name: Mapped[str | None] = mapped_column(String(100))
    email: Mapped[str | None] = mapped_column(String(254), index=True)
    phone: Mapped[str | None] = mapped_column(String(40))
    company: Mapped[str | None] = mapped_column(String(120))
    street: Mapped[str | None] = mapped_column(String(200))
    city: Mapped[str | None] = mapped_column(String(100))
    state: Mapped[str | None] = mapped_column(String(100))
    zip: Mapped[str | None] = mapped_column(String(20))
    country: Mapped[str | None] = mapped_column(String(2))
    is_sensitive: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now, index=True)

    account: Mapped[Account] = relationship()
    conversations: Mapped[list[Conversation]] = relationship(back_populates="client", cascade="all, delete-orphan")

    @property
    def full_name(self) -> str:
        """Return the name to show, whatever part of it is known."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or self.email or "Visitor"


class Conversation(db.Model):  # type: ignore[name-defined]
    """One exchange with a client, open until an agent closes it."""

    __tablename__ = "conversation"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    channel: Mapped[str] = mapped_column(String(30), default="web_chat")
    subject: Mapped[str | None] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(10), default="open", index=True)
    summary: Mapped[str | None] = mapped_column(Text)
    is_test: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now, index=True)
    closed_at: Mapped[datetime | None]
    last_message_at: Mapped[datetime] = mapped_column(default=now, index=True)

    client: Mapped[Client] = relationship(back_populates="conversations")
    messages: Mapped[list[Message]] = relationship(
        back_populates="conversation", cascade="all, delete-orphan", order_by="Message.id"
    )

    @property
    def url(self) -> str:
        """Return the address of the conversation's page, "" where the helpdesk does not know its own address."""
        base = str(current_app.config["PUBLIC_URL"]).rstrip("/")
        return f"{base}/conversations/{self.id}" if base else ""

    @property
    def is_open(self) -> bool:
        """Tell whether somebody still waits for an answer."""
        return self.status == "open"

    def say(self, sender: str, text: str) -> Message:
        """Add a message of the `client` or the `agent`."""
        message = Message(sender=sender, text=text)
        self.messages.append(message)
        self.last_message_at = now()
        return message

    def close(self, summary: str | None = None) -> None:
        """Close the conversation, keeping an agent's summary when there is one."""
        self.status, self.closed_at = "closed", now()
        self.summary = summary or self.summary

    def reopen(self) -> None:
        """Open the conversation again."""
        self.status, self.closed_at = "open", None


class Message(db.Model):  # type: ignore[name-defined]
    """One thing said in a conversation."""

    __tablename__ = "message"
    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id"), index=True)
    sender: Mapped[str] = mapped_column(String(10))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)

    conversation: Mapped[Conversation] = relationship(back_populates="messages")
