"""Ids in, plain records out, whatever the host's models look like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, mapped_column, relationship

from flask_crm_sync.config import Settings
from flask_crm_sync.host.binding import ClientBinding, ConversationBinding
from flask_crm_sync.host.bound import BindingFailure, plain_type
from flask_crm_sync.host.convention import resolve_host
from flask_crm_sync.host.records import ClientRecord, ConversationRecord
from tests.host.hosts import HOSTS, HostCase, usual

NOON = datetime(2026, 3, 1, 12)  # noqa: DTZ001 - as naive hosts store it


def _add(case: HostCase, *rows: Any) -> None:
    with case.session() as session:
        session.add_all(rows)
        session.commit()


def _with_client(case: HostCase, email: str = "ada@example.com") -> str:
    with case.session() as session:
        client = case.client(email)
        session.add(client)
        session.commit()
        return str(client.id)


def _with_conversation(case: HostCase, texts: list[tuple[str, bool]], **more: Any) -> tuple[str, str]:
    with case.session() as session:
        client = case.client("ada@example.com")
        session.add(client)
        session.flush()
        conversation = case.conversation(client, **more)
        session.add(conversation)
        session.flush()
        for text, ours in texts if case.Message else []:
            message = case.Message(**case.said(text, ours))
            setattr(message, case.host.message.attributes["conversation"].name, conversation.id)  # type: ignore[union-attr]
            session.add(message)
            session.flush()
        session.commit()
        return str(client.id), str(conversation.id)


def test_client_is_read_from_any_host(any_host: HostCase) -> None:
    id = _with_client(any_host)
    with any_host.host.engine.connect() as connection:
        (record,) = any_host.host.load_clients(connection, [id]).values()
    assert isinstance(record, ClientRecord)
    assert (record.id, record.account_id) == (id, any_host.account_id)
    assert (record.first_name, record.last_name, record.email) == ("Ada", "Nowak", "ada@example.com")


def test_conversation_is_read_from_any_host_with_its_messages_in_order(any_host: HostCase) -> None:
    client_id, id = _with_conversation(any_host, [("Hello", False), ("How can I help?", True), ("Prices?", False)])
    with Session(any_host.host.engine) as session:
        (record,) = any_host.host.load_conversations(session, [id]).values()
    assert isinstance(record, ConversationRecord)
    assert (record.id, record.client_id, record.account_id) == (id, client_id, any_host.account_id)
    assert not record.closed
    expected = [(True, "Hello"), (False, "How can I help?"), (True, "Prices?")] if any_host.Message else []
    assert [(message.from_client, message.text) for message in record.messages] == expected


def test_closed_conversation_is_seen_in_any_host(any_host: HostCase) -> None:
    _, id = _with_conversation(any_host, [("Bye", False)], **any_host.closed)
    with any_host.host.engine.connect() as connection:
        assert any_host.host.conversation_heads(connection, [id])[id].closed


def test_head_and_record_agree(any_host: HostCase) -> None:
    _, id = _with_conversation(any_host, [("Hello", False)])
    with any_host.host.engine.connect() as connection:
        head = any_host.host.conversation_heads(connection, [id])[id]
        record: Any = any_host.host.load_conversations(connection, [id])[id]
    for name in ("id", "client_id", "account_id", "closed", "test", "last_message_at", "version"):
        assert getattr(head, name) == getattr(record, name)


@pytest.mark.parametrize("id", ["", "x", "-", "1.0", "007", "9" * 40, "٣", "\ud800", "\0", "' or 1=1"])
def test_id_that_no_key_can_have_is_absent(any_host: HostCase, id: str) -> None:
    with any_host.host.engine.connect() as connection:
        if not isinstance(plain_type(any_host.Client.__mapper__.columns.id.type), sa.String):
            assert any_host.host.load_clients(connection, [id]) == {}
            assert any_host.host.conversation_heads(connection, [id]) == {}


@pytest.mark.parametrize("id", ["9" * 40, "9999999999", "x"])
def test_id_beyond_the_key_is_absent_on_postgresql(database_host: HostCase, id: str) -> None:
    with database_host.host.engine.connect() as connection:
        assert database_host.host.load_clients(connection, [id]) == {}
        assert database_host.host.existing_client_ids(connection, [id]) == set()


def test_thousand_clients_take_one_query(usual_host: HostCase) -> None:
    _add(usual_host, *(usual_host.client(f"c{n}@example.com") for n in range(1000)))
    queries = []
    with usual_host.host.engine.connect() as connection:
        sa.event.listen(connection, "before_cursor_execute", lambda *given: queries.append(given[2]))
        found = usual_host.host.load_clients(connection, map(str, range(1, 1001)))
    assert len(found) == 1000
    assert len(queries) == 1


def test_values_of_odd_types_become_texts(usual_host: HostCase) -> None:
    _add(usual_host, usual_host.client("z@example.com", zip=1010, is_sensitive=None, phone=None))
    with usual_host.host.engine.connect() as connection:
        record: Any = usual_host.host.load_clients(connection, ["1"])["1"]
    assert (record.zip, record.phone, record.city, record.sensitive) == ("1010", "", "", False)


def test_version_moves_with_updated_at(usual_host: HostCase) -> None:
    _add(usual_host, usual_host.client("z@example.com", updated_at=NOON))
    with usual_host.host.engine.begin() as connection:
        before: Any = usual_host.host.load_clients(connection, ["1"])["1"]
        connection.execute(sa.text("UPDATE client SET updated_at = '2026-03-01 12:00:00.000001'"))
        after: Any = usual_host.host.load_clients(connection, ["1"])["1"]
    assert before.version == "2026-03-01T12:00:00"
    assert after.version != before.version


def test_long_conversation_keeps_its_beginning_and_its_end(usual_host: HostCase) -> None:
    _, id = _with_conversation(usual_host, [(f"message {n}", False) for n in range(80)])
    with usual_host.host.engine.connect() as connection:
        record: Any = usual_host.host.load_conversations(connection, [id])[id]
    numbers = [int(message.text.split()[1]) for message in record.messages]
    assert numbers == [*range(5), *range(30, 80)]


def test_messages_of_several_conversations_are_not_mixed(usual_host: HostCase) -> None:
    first = _with_conversation(usual_host, [("one", False)])[1]
    second = _with_conversation(usual_host, [("two", False), ("three", True)])[1]
    with usual_host.host.engine.connect() as connection:
        found: Any = usual_host.host.load_conversations(connection, [first, second])
    assert [m.text for m in found[first].messages] == ["one"]
    assert [m.text for m in found[second].messages] == ["two", "three"]


def test_naive_instants_are_utc_and_aware_ones_are_kept(any_host: HostCase) -> None:
    _, id = _with_conversation(any_host, [("Hello", False)])
    with any_host.host.engine.connect() as connection:
        head = any_host.host.conversation_heads(connection, [id])[id]
    at = any_host.host.message.column("at") if any_host.host.message else None
    if at is not None:
        assert head.last_message_at is not None
        assert head.last_message_at.tzinfo is UTC
        assert abs(datetime.now(UTC) - head.last_message_at) < timedelta(minutes=5)


def test_stored_value_that_its_type_cannot_read_fails_alone(usual_host: HostCase) -> None:
    _add(usual_host, *(usual_host.client(f"c{n}@example.com") for n in range(3)))
    with usual_host.host.engine.begin() as connection:
        connection.execute(sa.text("UPDATE client SET updated_at = 'no date' WHERE id = 2"))
        found = usual_host.host.load_clients(connection, ["1", "2", "3"])
    assert [type(found[id]) for id in "123"] == [ClientRecord, BindingFailure, ClientRecord]


def test_scan_pages_through_everything_behind_a_place(usual_host: HostCase) -> None:
    same = [usual_host.client(f"c{n}@example.com", updated_at=NOON) for n in range(5)]
    later = [usual_host.client(f"d{n}@example.com", updated_at=NOON + timedelta(seconds=n)) for n in range(1, 4)]
    _add(usual_host, *same, *later, usual_host.client("never@example.com", updated_at=None))
    with usual_host.host.engine.begin() as connection:
        connection.execute(sa.text("UPDATE client SET updated_at = NULL WHERE email = 'never@example.com'"))
        seen: list[str] = []
        after, cursor = None, ""
        while page := usual_host.host.scan_clients(connection, after, cursor, 2):
            seen += [row.id for row in page]
            after, cursor = page[-1].at, page[-1].id
        again = usual_host.host.scan_clients(connection, NOON.replace(tzinfo=UTC), "", 100)
        records: Any = usual_host.host.load_clients(connection, seen)
    assert seen == [str(n) for n in range(1, 9)]
    assert [row.id for row in again] == seen
    assert {row.id: row.version for row in again} == {id: record.version for id, record in records.items()}
    assert again[0].account_id == "7"
    assert again[0].at == NOON.replace(tzinfo=UTC)


def _scans_everything(case: HostCase) -> bool:
    with case.session() as session:
        session.add_all([case.client(f"c{n}@example.com") for n in range(7)])
        session.commit()
    seen: list[str] = []
    with case.host.engine.connect() as connection:
        after, cursor = None, ""
        while page := case.host.scan_clients(connection, after, cursor, 3):
            seen += [row.id for row in page]
            after, cursor = page[-1].at, page[-1].id
        return len(seen) == 7 and case.host.existing_client_ids(connection, [*seen, "5000"]) == set(seen)


def test_scan_takes_instants_and_keys_as_each_database_keeps_them(database_host: HostCase) -> None:
    assert _scans_everything(database_host)


@pytest.mark.parametrize("kind", ["plain_uuid", "decorated"])
def test_scan_takes_instants_and_keys_as_the_host_declares_them(sqlite_url: str, kind: str) -> None:
    assert _scans_everything(HOSTS[kind](sqlite_url))


def test_host_without_updated_at_has_nothing_to_scan(any_host: HostCase) -> None:
    _with_client(any_host)
    with any_host.host.engine.connect() as connection:
        rows = any_host.host.scan_clients(connection, None, "", 10)
    assert len(rows) == ("updated_at" in any_host.host.client.attributes)


def test_sweep_tells_the_living_from_the_dead(any_host: HostCase) -> None:
    client_id, id = _with_conversation(any_host, [])
    with any_host.host.engine.connect() as connection:
        assert any_host.host.existing_client_ids(connection, [client_id, "404404"]) == {client_id}
        assert any_host.host.existing_conversation_ids(connection, [id, "404404"]) == {id}
        assert any_host.host.client_accounts(connection, [client_id]) == {client_id: any_host.account_id}


def _refusing_phone(client: Any) -> str:
    if client.email.startswith("bad"):
        raise RuntimeError("no phone today")
    return f"+43 {client.id}"


def _rebound(case: HostCase, **words: Any) -> Any:
    client = ClientBinding(case.Client, **words)
    conversation = ConversationBinding(case.Conversation)
    return resolve_host(case.app, Settings(), client=client, conversation=conversation)


def test_bindings_code_that_fails_fails_for_that_record_alone(usual_host: HostCase) -> None:
    _add(usual_host, *(usual_host.client(email) for email in ("a@example.com", "bad@example.com", "c@example.com")))
    host = _rebound(usual_host, phone=_refusing_phone)
    with host.engine.connect() as connection:
        found: Any = host.load_clients(connection, ["1", "2", "3"])
    assert found["1"].phone == "+43 1"
    assert found["3"].phone == "+43 3"
    assert found["2"] == BindingFailure("2", "Client: phone cannot be read (RuntimeError)")


def test_bindings_query_that_fails_spoils_no_transaction(on_database: HostCase) -> None:
    with on_database.session() as session:
        session.add_all([on_database.client(email) for email in ("a@example.com", "bad@example.com")])
        session.commit()

    def phone(client: Any) -> str:
        if client.email.startswith("bad"):
            sa.orm.object_session(client).execute(sa.text("SELECT * FROM nowhere"))  # type: ignore[union-attr]
        return "+43 1"

    client = ClientBinding(on_database.Client, phone=phone)
    conversation = ConversationBinding(on_database.Conversation)
    host = resolve_host(
        on_database.app, Settings(), client=client, conversation=conversation, engine=on_database.host.engine
    )
    with host.engine.connect() as connection:
        ids = connection.execute(sa.select(on_database.Client.id)).scalars().all()
        found = host.load_clients(connection, map(str, ids))
        assert sorted(type(one).__name__ for one in found.values()) == ["BindingFailure", "ClientRecord"]
        assert connection.execute(sa.text("SELECT 1")).scalar() == 1


def test_reading_instances_leaves_the_callers_transaction_open(usual_host: HostCase) -> None:
    _with_client(usual_host)
    host = _rebound(usual_host, phone=lambda client: "1")
    with host.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.text("UPDATE client SET email = 'new@example.com'"))
        found: Any = host.load_clients(connection, ["1"])
        assert found["1"].email == "new@example.com"
        assert transaction.is_active
    with host.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT email FROM client")).scalar() == "new@example.com"


def test_value_whose_text_fails_is_a_failure_of_that_record(usual_host: HostCase) -> None:
    class Unspeakable:
        def __str__(self) -> str:
            raise ValueError("no")

    _with_client(usual_host)
    host = _rebound(usual_host, company=lambda client: Unspeakable())
    with host.engine.connect() as connection:
        assert isinstance(host.load_clients(connection, ["1"])["1"], BindingFailure)


def test_path_into_a_related_row_is_loaded_for_all_at_once(sqlite_url: str) -> None:
    case = usual(sqlite_url)
    db: Any = case.Client.__fsa__

    class Address(db.Model):  # type: ignore[misc, name-defined]
        id = mapped_column(sa.Integer, primary_key=True)
        client_id = mapped_column(sa.ForeignKey("client.id"))
        city = mapped_column(sa.String(80))

    case.Client.address = relationship(Address, uselist=False)
    host = _rebound(case, city="address.city")
    Address.__table__.create(host.engine)
    with case.session() as session:
        for n in range(3):
            client = case.client(f"c{n}@example.com")
            client.address = Address(city=f"Town {n}") if n else None
            session.add(client)
        session.commit()
    queries = []
    with host.engine.connect() as connection:
        sa.event.listen(connection, "before_cursor_execute", lambda *given: queries.append(given[2]))
        found: Any = host.load_clients(connection, ["1", "2", "3"])
    assert [found[id].city for id in "123"] == ["", "Town 1", "Town 2"]
    assert len(queries) == 2
