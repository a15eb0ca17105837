"""Whether the host has an account: as far as its models say."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import flask
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from flask_crm_sync.config import Settings
from flask_crm_sync.host.accounts import knows_account
from flask_crm_sync.host.binding import ClientBinding, ConversationBinding
from flask_crm_sync.host.convention import resolve_host

ACCOUNT = uuid.UUID(int=5)


@pytest.fixture
def engine() -> Iterator[sa.Engine]:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    yield engine
    engine.dispose()


def knows(engine: sa.Engine, account_type: Any, *, linked: bool, row: Any, account_id: str) -> bool | None:
    """Make a host whose clients have an account column of a type, linked to the accounts' table or not."""

    class Base(DeclarativeBase):
        pass

    class Account(Base):
        __tablename__ = "account"
        id: Mapped[Any] = mapped_column(account_type or sa.Integer(), primary_key=True)

    class Client(Base):
        __tablename__ = "client"
        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str]
        if account_type is not None:
            account_id: Mapped[Any] = mapped_column(account_type, *([sa.ForeignKey("account.id")] if linked else []))

    class Conversation(Base):
        __tablename__ = "conversation"
        id: Mapped[int] = mapped_column(primary_key=True)
        client_id: Mapped[int]

    Base.metadata.create_all(engine)
    bindings = {"client": ClientBinding(Client), "conversation": ConversationBinding(Conversation)}
    settings = Settings(encryption_keys=(bytes(32),))
    host = resolve_host(flask.Flask("host"), settings, engine=engine, **bindings)  # type: ignore[arg-type]
    with engine.begin() as connection:
        connection.execute(sa.insert(Account).values(id=row))
        return knows_account(host, connection, account_id)


@pytest.mark.parametrize(("account_id", "there"), [("1", True), ("2", False), ("one", False), ("", False)])
def test_a_foreign_key_leads_to_the_accounts(engine: sa.Engine, account_id: str, there: bool) -> None:
    assert knows(engine, sa.Integer(), linked=True, row=1, account_id=account_id) is there


@pytest.mark.parametrize(("account_id", "there"), [(str(ACCOUNT), True), (str(uuid.UUID(int=6)), False), ("5", False)])
def test_accounts_may_have_uuids(engine: sa.Engine, account_id: str, there: bool) -> None:
    assert knows(engine, sa.Uuid(), linked=True, row=ACCOUNT, account_id=account_id) is there


@pytest.mark.parametrize(
    ("kind", "row", "typed", "there"),
    [
        (sa.Uuid(), uuid.UUID(int=10), str(uuid.UUID(int=10)).upper(), False),
        (sa.String(80, collation="NOCASE"), "acme", "ACME", False),
        (sa.String(80, collation="NOCASE"), "acme", "acme", True),
    ],
)
def test_another_spelling_of_an_account_is_none(
    engine: sa.Engine, kind: Any, row: Any, typed: str, there: bool
) -> None:
    """A connection under it would belong to nobody, and nothing would ever be sent."""
    assert knows(engine, kind, linked=True, row=row, account_id=typed) is there


def test_without_a_foreign_key_nobody_can_tell(engine: sa.Engine) -> None:
    assert knows(engine, sa.Integer(), linked=False, row=1, account_id="404") is None


@pytest.mark.parametrize(("account_id", "there"), [("default", True), ("1", False)])
def test_a_host_without_tenants_has_one_account(engine: sa.Engine, account_id: str, there: bool) -> None:
    assert knows(engine, None, linked=False, row=1, account_id=account_id) is there
