"""What hosts know of clients beyond the usual: tags, and attributes of their own."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import flask
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from flask_crm_sync.config import Settings
from flask_crm_sync.errors import ConfigurationError
from flask_crm_sync.host.binding import ClientBinding, ConversationBinding
from flask_crm_sync.host.convention import resolve_host
from flask_crm_sync.host.reading import Host
from flask_crm_sync.host.records import ClientRecord
from flask_crm_sync.host.rules import rules_of
from flask_crm_sync.host.values import plain_text, tags


class Base(DeclarativeBase):
    pass


class Client(Base):
    __tablename__ = "client"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str | None] = mapped_column(sa.String(80))
    tags: Mapped[Any] = mapped_column(sa.JSON(), nullable=True)
    wants_no_mail: Mapped[bool] = mapped_column(default=False)
    score: Mapped[Decimal | None] = mapped_column(sa.Numeric(8, 2))
    born_on: Mapped[date | None]


class Conversation(Base):
    __tablename__ = "conversation"
    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(sa.ForeignKey("client.id"))


CUSTOM = {"opted_out": "wants_no_mail", "score": "score", "age": lambda client: 2026 - client.born_on.year}


def host_of(engine: sa.Engine, custom: dict[str, Any]) -> Host:
    binding = ClientBinding(Client, custom=custom)
    settings = Settings(encryption_keys=(b"k" * 32,))
    return resolve_host(
        flask.Flask("host"), settings, client=binding, conversation=ConversationBinding(Conversation), engine=engine
    )


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'host.sqlite'}", poolclass=sa.pool.NullPool)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        known = {"wants_no_mail": True, "score": Decimal("1.50"), "born_on": date(1990, 5, 4)}
        session.add(Client(id=1, email="ada@example.com", tags=["vip", "trade"], **known))
        session.commit()
    return engine


def read(host: Host) -> ClientRecord:
    with host.engine.connect() as connection:
        (record,) = host.load_clients(connection, ["1"]).values()
    assert isinstance(record, ClientRecord)
    return record


def test_tags_and_custom_attributes_come_with_the_client(engine: sa.Engine) -> None:
    record = read(host_of(engine, CUSTOM))
    assert record.tags == ("vip", "trade")
    assert record.custom == {"opted_out": "true", "score": "1.50", "age": "36"}


def test_a_host_that_names_none_has_none(engine: sa.Engine) -> None:
    host = host_of(engine, {})
    assert host.custom_fields == ()
    assert read(host).custom == {}


def test_an_edit_of_a_custom_column_is_a_change(engine: sa.Engine) -> None:
    plain = {"opted_out": "wants_no_mail"}
    assert "wants_no_mail" in (rules_of(host_of(engine, plain))[0].watched or ())
    assert "wants_no_mail" not in (rules_of(host_of(engine, {}))[0].watched or ())
    assert rules_of(host_of(engine, CUSTOM))[0].watched is None


@pytest.mark.parametrize(
    ("custom", "said"),
    [
        ({"Bad Name": "score"}, "no name for a custom attribute"),
        ({"score": "no_such"}, "no attribute 'no_such' (given as custom score"),
        ({"score": 7}, "must be an attribute's name or a function"),
    ],
)
def test_what_cannot_be_is_said_at_the_start(engine: sa.Engine, custom: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        host_of(engine, custom)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (None, ""),
        (Decimal("10.0"), "10.0"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        ("  as it is ", "  as it is "),
    ],
)
def test_values_become_text_that_programs_read(value: object, text: str) -> None:
    assert plain_text(value) == text


@pytest.mark.parametrize(
    ("value", "found"),
    [(None, ()), ("vip, trade;vip", ("vip", "trade")), (["vip", " ", 7], ("vip", "7")), ("", ())],
)
def test_tags_stand_in_lists_and_texts(value: object, found: tuple[str, ...]) -> None:
    assert tags(value) == found
