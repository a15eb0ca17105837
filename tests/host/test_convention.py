"""What convention finds by itself, and what it says when it cannot."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from flask_crm_sync.config import Settings
from flask_crm_sync.errors import ConfigurationError
from flask_crm_sync.host.binding import ClientBinding, ConversationBinding, MessageBinding, Related
from flask_crm_sync.host.convention import resolve_host
from tests.host.hosts import HostCase, flask_app


def _models(client: dict[str, Any], conversation: dict[str, Any], message: dict[str, Any] | None = None) -> SQLAlchemy:
    """Models of the given columns, beside a key and a foreign key to the one above."""
    db = SQLAlchemy()
    _declare(db, "Client", client)
    _declare(db, "Conversation", {"client_id": mapped_column(sa.Integer), **conversation})
    if message is not None:
        _declare(db, "Message", message)
    return db


def _declare(db: Any, name: str, attributes: dict[str, Any]) -> Any:
    """Declare a model with an integer key, and keep it: a registry alone holds its classes weakly."""
    model = type(name, (db.Model,), {"id": mapped_column(sa.Integer, primary_key=True), **attributes})
    db.declared = [*getattr(db, "declared", ()), model]
    return model


def _text() -> Any:
    return mapped_column(sa.String(80))


def _key() -> Any:
    return mapped_column(sa.Integer, primary_key=True)


def _resolve(db: SQLAlchemy, **given: Any) -> Any:
    return resolve_host(flask_app(db, "sqlite://"), Settings(), **given)


def _model(db: SQLAlchemy, name: str) -> Any:
    return next(mapper.class_ for mapper in db.Model.registry.mappers if mapper.class_.__name__ == name)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("first_name", "given_name"),
        ("last_name", "family_name"),
        ("name", "full_name"),
        ("email", "email_address"),
        ("phone", "mobile"),
        ("street", "address_line1"),
        ("zip", "postcode"),
        ("company", "company_name"),
    ],
)
def test_attribute_is_found_by_a_usual_name(word: str, name: str) -> None:
    reachable = {} if word == "email" else {"email": _text()}
    host = _resolve(_models({**reachable, name: _text()}, {}))
    assert host.client.attributes[word].name == name


@pytest.mark.parametrize("name", ["account_id", "tenant_id", "organization_id", "organisation_id", "workspace_id"])
def test_tenant_is_found_by_a_usual_name(name: str) -> None:
    host = _resolve(_models({"email": _text(), name: mapped_column(sa.Integer)}, {}))
    assert host.has_accounts


def test_column_of_another_kind_does_not_fit() -> None:
    client = {
        "email": _text(),
        "updated_at": _text(),
        "sensitive": _text(),
        "company": mapped_column(sa.ForeignKey("x.id")),
    }
    conversation = {"status": mapped_column(sa.Integer), "closed_at": mapped_column(sa.DateTime)}
    host = _resolve(_models(client, conversation))
    assert not {"updated_at", "sensitive", "company"} & host.client.attributes.keys()
    assert host.conversation.attributes["closed"].name == "closed_at"


def test_only_foreign_key_to_the_client_is_its_key() -> None:
    db = _models({"email": _text()}, {"client_id": None, "asked_by": mapped_column(sa.ForeignKey("client.id"))})
    assert _resolve(db).conversation.attributes["client"].name == "asked_by"


def test_models_of_other_names_are_found_by_setting() -> None:
    db = SQLAlchemy()
    _declare(db, "Contact", {"email": _text()})
    _declare(db, "Ticket", {"contact_id": mapped_column(sa.Integer)})
    settings = Settings(client_model="Contact", conversation_model=f"{__name__}.Ticket")
    host = resolve_host(flask_app(db, "sqlite://"), settings)
    assert (host.client.name, host.conversation.name, host.message) == ("Contact", "Ticket", None)


def test_conventional_host_needs_nothing_said(usual_host: HostCase) -> None:
    assert usual_host.host.engine.url.database is not None
    assert usual_host.host.message is not None


def test_everything_that_is_missing_is_said_at_once() -> None:
    db = _models({"nickname": _text()}, {"client_id": None}, {"conversation_id": mapped_column(sa.Integer)})
    with pytest.raises(ConfigurationError) as caught:
        _resolve(db)
    said = str(caught.value)
    for part in (
        "email_address",
        'ClientBinding(Client, email="...")',
        "Client has: id, nickname",
        "customer_id",
        'ConversationBinding(Conversation, client="...")',
        'MessageBinding(Message, text="...")',
        'MessageBinding(Message, from_client="...")',
    ):
        assert part in said


def test_missing_models_are_named_with_their_settings() -> None:
    with pytest.raises(ConfigurationError) as caught:
        _resolve(SQLAlchemy())
    said = str(caught.value)
    for part in ("CRM_SYNC_CLIENT_MODEL", "CRM_SYNC_CONVERSATION_MODEL", "client=ClientBinding(YourModel)", "imported"):
        assert part in said


def test_two_models_of_one_name_are_told_apart_by_their_path() -> None:
    db = _models({"email": _text()}, {})
    _declare(db, "Client", {"__tablename__": "other", "__module__": "elsewhere"})
    with pytest.raises(ConfigurationError, match=r"Several models are called Client: elsewhere\.Client, .*full path"):
        _resolve(db)


def test_host_without_any_database_is_told_how_to_give_one() -> None:
    class Base(DeclarativeBase):
        pass

    class Client(Base):
        __tablename__ = "client"
        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str]

    class Conversation(Base):
        __tablename__ = "conversation"
        id: Mapped[int] = mapped_column(primary_key=True)
        client_id: Mapped[int]

    with pytest.raises(ConfigurationError, match=r"CRMSync\(app, engine=engine, \.\.\.\)"):
        resolve_host(
            Flask("host"), Settings(), client=ClientBinding(Client), conversation=ConversationBinding(Conversation)
        )


def test_models_in_two_databases_are_refused() -> None:
    db = _models({"email": _text()}, {"__bind_key__": "elsewhere"})
    app = Flask("host")
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    app.config["SQLALCHEMY_BINDS"] = {"elsewhere": "sqlite:////nowhere/else.sqlite"}
    db.init_app(app)
    with pytest.raises(ConfigurationError, match="different databases"):
        resolve_host(app, Settings())


def test_models_that_share_another_bind_use_its_engine() -> None:
    db = _models({"email": _text(), "__bind_key__": "crm"}, {"__bind_key__": "crm"})
    app = Flask("host")
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    app.config["SQLALCHEMY_BINDS"] = {"crm": "sqlite:////somewhere/crm.sqlite"}
    db.init_app(app)
    assert resolve_host(app, Settings()).engine.url.database == "/somewhere/crm.sqlite"


def test_account_on_conversations_alone_is_not_guessed_away() -> None:
    db = _models({"email": _text()}, {"tenant_id": mapped_column(sa.Integer)})
    with pytest.raises(ConfigurationError, match=r'ClientBinding\(Client, account="\.\.\."\)'):
        _resolve(db)


def test_composite_key_needs_its_part_named() -> None:
    db = SQLAlchemy()
    _declare(db, "Client", {"id": None, "shard": _key(), "number": _key(), "email": _text()})
    _declare(db, "Conversation", {"client_id": mapped_column(sa.Integer)})
    app = flask_app(db, "sqlite://")
    with pytest.raises(ConfigurationError, match=r'several columns.*ClientBinding\(Client, id="\.\.\."\)'):
        resolve_host(app, Settings())
    host = resolve_host(app, Settings(), client=ClientBinding(_model(db, "Client"), id="number"))
    assert host.client.id.name == "number"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"email": "emial"}, "no attribute 'emial' (given as email"),
        ({"company": "friends"}, "is a relationship"),
        ({"id": "shout"}, "given as id, wanted: a mapped column"),
        ({"email": "nobody.email"}, "no attribute 'nobody.email'"),
    ],
)
def test_attribute_that_was_misnamed_is_said(words: dict[str, str], expected: str) -> None:
    db = _models({"email": _text(), "shout": property(lambda self: "!")}, {})
    client = _model(db, "Client")
    client.friends = relationship(
        _model(db, "Conversation"), primaryjoin="foreign(Conversation.client_id) == Client.id", viewonly=True
    )
    with pytest.raises(ConfigurationError) as caught:
        _resolve(db, client=ClientBinding(client, **words))  # type: ignore[arg-type]
    assert expected in str(caught.value)


def test_misnamed_related_model_is_said() -> None:
    db = _models({"email": _text()}, {})
    related = (Related(_model(db, "Conversation"), "klient_id"), Related(dict, "x"))
    with pytest.raises(ConfigurationError) as caught:
        _resolve(db, client=ClientBinding(_model(db, "Client"), related=related))
    assert "'klient_id' (given as Related" in str(caught.value)
    assert "<class 'dict'> is not a mapped class" in str(caught.value)


def _people() -> tuple[SQLAlchemy, dict[str, Any]]:
    """Clients with one town and many addresses."""
    db = SQLAlchemy()
    town = _declare(db, "Town", {"name": _text()})
    columns = {"mail": _text(), "town_id": mapped_column(sa.ForeignKey("town.id")), "town": relationship("Town")}
    _declare(db, "Client", {**columns, "addresses": relationship("Address")})
    address = {"client_id": mapped_column(sa.ForeignKey("client.id")), "text": _text()}
    models = {"Town": town, "Address": _declare(db, "Address", address)}
    _declare(db, "Conversation", {"client_id": mapped_column(sa.Integer)})
    return db, {**models, **{name: _model(db, name) for name in ("Client", "Conversation")}}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"email": lambda model: model.mail}, 'email="mail"'),
        ({"email": lambda model: 5}, "was given 5"),
        ({"id": lambda model: model.id}, "id=...) wants the name"),
        ({"related": lambda model: Related(model, "id")}, "with its comma"),
        ({"custom": lambda model: ["mail"]}, "wants a dict"),
        ({"email": lambda model: "addresses.text"}, "leads through a list"),
        ({"city": lambda model: "town.nmae"}, "Town has no attribute 'town.nmae'"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_not_found_out_record_by_record(
    words: dict[str, Any], expected: str
) -> None:
    db, models = _people()
    said = {word: given(models["Client"]) for word, given in words.items()}
    with pytest.raises(ConfigurationError) as refused:
        _resolve(db, client=ClientBinding(models["Client"], **{"email": "mail", **said}))
    assert expected in str(refused.value)


def test_path_through_one_related_row_is_taken() -> None:
    db, models = _people()
    host = _resolve(db, client=ClientBinding(models["Client"], email="mail", city="town.name"))
    assert host.client.attributes["city"].name == "town.name"


@pytest.mark.parametrize("word", ["client", "conversation"])
def test_model_in_place_of_its_binding_is_told_how_to_say_it(word: str) -> None:
    db, models = _people()
    with pytest.raises(ConfigurationError, match=rf"say {word}={word.title()}Binding\(Town\)"):
        _resolve(db, **{word: models["Town"]})


def test_model_in_place_of_the_messages_binding_is_told_how_to_say_it() -> None:
    db, models = _people()
    binding = ConversationBinding(models["Conversation"], messages=models["Town"])
    with pytest.raises(ConfigurationError, match=r"say messages=MessageBinding\(Town\)"):
        _resolve(db, conversation=binding)


def test_message_model_that_was_set_and_is_not_there_is_no_host_without_messages() -> None:
    db = _models({"email": _text()}, {})
    with pytest.raises(ConfigurationError, match=r"No model is called Mesage .*CRM_SYNC_MESSAGE_MODEL"):
        resolve_host(flask_app(db, "sqlite://"), Settings(message_model="Mesage"))


def test_messages_must_be_found_by_a_column() -> None:
    db = _models({"email": _text()}, {}, {"text": _text(), "sender": _text()})
    messages = MessageBinding(_model(db, "Message"), conversation=lambda message: 1)
    binding = ConversationBinding(_model(db, "Conversation"), messages=messages)
    with pytest.raises(ConfigurationError, match="conversation must be a mapped column"):
        _resolve(db, conversation=binding)


def test_messages_can_be_declared_absent() -> None:
    db = _models({"email": _text()}, {}, {"subject": _text()})
    assert _resolve(db, conversation=ConversationBinding(_model(db, "Conversation"), messages=None)).message is None


def test_full_name_that_the_host_names_beats_conventional_parts() -> None:
    db = _models({"email": _text(), "first_name": _text(), "shown_as": _text()}, {})
    host = _resolve(db, client=ClientBinding(_model(db, "Client"), name="shown_as"))
    assert "first_name" not in host.client.attributes


def test_host_without_updated_at_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "flask_crm_sync"):
        _resolve(_models({"email": _text(), "updated_at": mapped_column(sa.DateTime)}, {}))
    assert [record.message.split()[0] for record in caplog.records] == ["Conversation"]
