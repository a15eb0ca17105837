"""ORM changes of the host's models become changes in the host's own transaction."""

from __future__ import annotations

import gc
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, mapped_column

from flask_crm_sync.config import Settings
from flask_crm_sync.host.binding import ClientBinding, ConversationBinding, Related
from flask_crm_sync.host.capture import RECHECK_SECONDS, install_capture
from flask_crm_sync.host.convention import resolve_host
from tests.host.conftest import Wakes
from tests.host.hosts import CHANGES, HostCase, usual


class FrozenClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 3, 1, 12, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def _talk(case: HostCase, session: Session, **more: Any) -> tuple[Any, Any]:
    client = case.client("ada@example.com")
    session.add(client)
    session.flush()
    conversation = case.conversation(client, **more)
    session.add(conversation)
    session.flush()
    return client, conversation


def _say(case: HostCase, conversation: Any, text: str) -> Any:
    message = case.Message(**case.said(text, False))
    setattr(message, _fk(case), conversation.id)
    return message


def _fk(case: HostCase) -> str:
    assert case.host.message is not None
    return case.host.message.attributes["conversation"].name


def test_life_of_a_client_is_captured(captured: HostCase) -> None:
    with captured.session() as session:
        client = captured.client("ada@example.com")
        session.add(client)
        session.commit()
        id = str(client.id)
        client.email = "ada@example.org"
        session.commit()
        session.delete(client)
        session.commit()
    assert captured.changes() == [("client", id, "created"), ("client", id, "updated"), ("client", id, "deleted")]


def test_account_is_noted_where_it_is_loaded(captured: HostCase) -> None:
    with captured.session() as session:
        session.add(captured.client("ada@example.com"))
        session.commit()
    with captured.host.engine.connect() as connection:
        noted = connection.execute(sa.select(CHANGES.c.account_id)).scalar()
    assert noted == (captured.account_id if captured.tenant else None)


def test_conversation_and_client_of_one_flush_are_one_change_each(usual_captured: HostCase) -> None:
    with usual_captured.session() as session:
        client = usual_captured.client("ada@example.com")
        conversation = usual_captured.Conversation(client=client, account_id=7)
        conversation.messages = [usual_captured.Message(sender="client", text=str(n)) for n in range(3)]
        session.add(conversation)
        session.commit()
    assert sorted(usual_captured.changes()) == [("client", "1", "created"), ("conversation", "1", "created")]


def test_flush_writes_its_changes_in_one_statement(usual_captured: HostCase) -> None:
    inserts = []
    sa.event.listen(
        usual_captured.host.engine,
        "before_cursor_execute",
        lambda *given: inserts.append(given[2]) if "crm_sync_change" in given[2] else None,
    )
    with usual_captured.session() as session:
        session.add_all([usual_captured.client(f"c{n}@example.com") for n in range(50)])
        session.flush()
        assert len([one for one in inserts if one.startswith("INSERT")]) == 1
        session.commit()
    assert len(usual_captured.changes()) == 50


def test_message_is_a_change_of_its_conversation(captured_with_messages: HostCase) -> None:
    with captured_with_messages.session() as session:
        _, conversation = _talk(captured_with_messages, session)
        id = str(conversation.id)
        session.commit()
        captured_with_messages.forget_changes()
        message = _say(captured_with_messages, conversation, "Hello")
        session.add(message)
        session.commit()
        setattr(message, captured_with_messages.host.message.attributes["text"].name, "Hello!")  # type: ignore[union-attr]
        session.commit()
        session.delete(message)
        session.commit()
    assert captured_with_messages.changes() == [("conversation", id, "updated")] * 3


def test_moved_message_changes_both_conversations(usual_captured: HostCase) -> None:
    with usual_captured.session() as session:
        client, first = _talk(usual_captured, session)
        second = usual_captured.conversation(client)
        session.add(second)
        session.flush()
        message = _say(usual_captured, first, "Hello")
        session.add(message)
        session.commit()
        usual_captured.forget_changes()
        message.conversation = second
        session.commit()
        ids = {str(first.id), str(second.id)}
    assert set(usual_captured.changes()) == {("conversation", id, "updated") for id in ids}


def test_unloaded_key_of_a_message_is_asked_for(captured_with_messages: HostCase) -> None:
    with captured_with_messages.session() as session:
        _, conversation = _talk(captured_with_messages, session)
        message = _say(captured_with_messages, conversation, "Hello")
        session.add(message)
        id = str(conversation.id)
        session.commit()  # everything is expired
        captured_with_messages.forget_changes()
        setattr(message, captured_with_messages.host.message.attributes["text"].name, "Bye")  # type: ignore[union-attr]
        session.commit()
        session.expire_all()
        session.delete(message)
        session.commit()
    assert captured_with_messages.changes() == [("conversation", id, "updated")] * 2


@pytest.mark.parametrize(
    "edit",
    [
        lambda client: setattr(client, "last_seen", datetime(2026, 3, 1, tzinfo=UTC)),
        lambda client: setattr(client, "updated_at", datetime(2026, 3, 1, tzinfo=UTC)),
        lambda client: setattr(client, "email", client.email),
        lambda client: client.email and [setattr(client, "email", to) for to in ("x@example.com", "ada@example.com")],
    ],
)
def test_edit_of_nothing_that_is_bound_is_no_change(usual_captured: HostCase, wakes: Wakes, edit: Any) -> None:
    with usual_captured.session() as session:
        client = usual_captured.client("ada@example.com")
        session.add(client)
        session.commit()
        usual_captured.forget_changes()
        wakes.count = 0
        edit(client)
        session.commit()
    assert usual_captured.changes() == []
    assert wakes.count == 0


def test_any_edit_counts_where_the_binding_has_code(usual_host: HostCase, wakes: Wakes) -> None:
    client = ClientBinding(usual_host.Client, company=lambda client: f"seen {client.last_seen}")
    host = resolve_host(usual_host.app, Settings(), client=client)
    capture = install_capture(host, CHANGES, wakes)
    with usual_host.session() as session:
        added = usual_host.client("ada@example.com")
        session.add(added)
        session.commit()
        added.last_seen = datetime(2026, 3, 1, tzinfo=UTC)
        session.commit()
    assert usual_host.changes() == [("client", "1", "created"), ("client", "1", "updated")]
    capture.remove()


def test_cascade_in_the_session_captures_the_whole_family(usual_captured: HostCase) -> None:
    with usual_captured.session() as session:
        client, conversation = _talk(usual_captured, session)
        session.add(_say(usual_captured, conversation, "Hello"))
        session.commit()
        usual_captured.forget_changes()
        session.delete(client)
        session.commit()
    assert set(usual_captured.changes()) == {("client", "1", "deleted"), ("conversation", "1", "deleted")}


def test_new_key_leaves_the_old_one_deleted(usual_captured: HostCase) -> None:
    with usual_captured.session() as session:
        client = usual_captured.client("ada@example.com")
        session.add(client)
        session.commit()
        usual_captured.forget_changes()
        client.id = 99
        session.commit()
    assert set(usual_captured.changes()) == {("client", "99", "updated"), ("client", "1", "deleted")}


def test_subclass_of_the_client_is_a_client(joined_captured: HostCase) -> None:
    with joined_captured.session() as session:
        client = joined_captured.others["ImportantClient"](email="vip@example.com", level=1)
        person = joined_captured.others["Person"](first_name="Not a client")
        session.add_all([client, person])
        session.commit()
        id = str(client.id)
        client.first_name = "Vera"
        session.commit()
        client.level = 2
        session.commit()
    assert joined_captured.changes() == [("client", id, "created"), ("client", id, "updated")]


def test_related_row_is_a_change_of_its_client(sqlite_url: str, wakes: Wakes) -> None:
    case = usual(sqlite_url)
    db: Any = case.Client.__fsa__

    class Address(db.Model):  # type: ignore[misc, name-defined]
        id = mapped_column(sa.Integer, primary_key=True)
        client_id = mapped_column(sa.ForeignKey("client.id"))
        city = mapped_column(sa.String(80))

    Address.__table__.create(case.host.engine)
    client = ClientBinding(case.Client, related=(Related(Address, "client_id"),))
    host = resolve_host(case.app, Settings(), client=client)
    capture = install_capture(host, CHANGES, wakes)
    with case.session() as session:
        session.add(case.client("ada@example.com"))
        session.commit()
        case.forget_changes()
        address = Address(client_id=1, city="Wien")
        session.add(address)
        session.commit()
        address.city = "Linz"
        session.commit()
        session.execute(sa.update(Address).values(city="Graz"))
        session.delete(address)
        session.commit()
    assert case.changes() == [("client", "1", "updated")] * 4
    capture.remove()


def test_rolled_back_transaction_leaves_nothing_and_wakes_nobody(on_database: HostCase, wakes: Wakes) -> None:
    with on_database.session() as session:
        session.add(on_database.client("ada@example.com"))
        session.flush()
        session.rollback()
        session.commit()
    assert on_database.changes() == []
    assert wakes.count == 0


def test_rolled_back_savepoint_takes_its_changes_with_it(on_database: HostCase, wakes: Wakes) -> None:
    with on_database.session() as session:
        kept = on_database.client("kept@example.com")
        session.add(kept)
        session.flush()
        savepoint = session.begin_nested()
        session.add(on_database.client("lost@example.com"))
        session.flush()
        savepoint.rollback()
        session.commit()
        assert on_database.changes() == [("client", str(kept.id), "created")]
    assert wakes.count == 1


def test_changes_of_a_rolled_back_savepoint_alone_wake_nobody(on_database: HostCase, wakes: Wakes) -> None:
    with on_database.session() as session:
        outer = session.begin_nested()
        inner = session.begin_nested()
        session.add(on_database.client("lost@example.com"))
        inner.commit()
        outer.rollback()
        session.commit()
    assert on_database.changes() == []
    assert wakes.count == 0


def test_released_savepoint_wakes_only_with_the_outermost_commit(on_database: HostCase, wakes: Wakes) -> None:
    with on_database.session() as session:
        with session.begin_nested():
            session.add(on_database.client("ada@example.com"))
        assert wakes.count == 0
        session.commit()
        assert wakes.count == 1
        session.commit()
    assert wakes.count == 1
    assert len(on_database.changes()) == 1


def test_session_that_is_closed_without_a_commit_owes_no_wake(usual_captured: HostCase, wakes: Wakes) -> None:
    with Session(usual_captured.host.engine) as session:
        session.add(usual_captured.client("ada@example.com"))
        session.flush()
        session.close()
        session.execute(sa.text("SELECT 1"))
        session.commit()
    assert wakes.count == 0


def test_failed_flush_leaves_nothing_behind(usual_captured: HostCase, wakes: Wakes) -> None:
    with Session(usual_captured.host.engine) as session:
        session.add(usual_captured.client("ada@example.com", id=1))
        session.commit()
        wakes.count = 0
        session.expunge_all()
        session.add_all(
            [usual_captured.client("new@example.com", id=2), usual_captured.client("twin@example.com", id=1)]
        )
        with pytest.raises(sa.exc.IntegrityError):
            session.flush()
        session.rollback()
        session.execute(sa.text("SELECT 1"))
        session.commit()
    assert usual_captured.changes() == [("client", "1", "created")]
    assert wakes.count == 0


def test_plain_session_is_captured_like_the_hosts_own(usual_captured: HostCase, wakes: Wakes) -> None:
    with Session(usual_captured.host.engine) as session, session.begin():
        session.add(usual_captured.client("ada@example.com"))
    assert usual_captured.changes() == [("client", "1", "created")]
    assert wakes.count == 1


def test_two_sessions_at_once_keep_their_changes_apart(postgres_captured: HostCase, wakes: Wakes) -> None:
    with Session(postgres_captured.host.engine) as one, Session(postgres_captured.host.engine) as other:
        kept, lost = postgres_captured.client("kept@example.com"), postgres_captured.client("lost@example.com")
        one.add(kept)
        other.add(lost)
        one.flush()
        other.flush()
        id = str(kept.id)
        other.rollback()
        one.commit()
    assert postgres_captured.changes() == [("client", id, "created")]
    assert wakes.count == 1


@pytest.mark.parametrize("mode", ["conditional_savepoint", "rollback_only", "create_savepoint"])
def test_session_joined_to_an_open_transaction_leaves_the_wake_to_the_bell(
    on_database: HostCase, wakes: Wakes, mode: Any
) -> None:
    with on_database.host.engine.connect() as connection, connection.begin():
        with Session(connection, join_transaction_mode=mode) as session:
            session.add(on_database.client("ada@example.com"))
            session.commit()
        assert wakes.count == 0
    assert len(on_database.changes()) == 1


def test_wake_that_fails_breaks_no_host(
    usual_captured: HostCase, wakes: Wakes, caplog: pytest.LogCaptureFixture
) -> None:
    wakes.error = ConnectionError("no Redis")
    with usual_captured.session() as session:
        session.add(usual_captured.client("ada@example.com"))
        session.commit()
    assert usual_captured.changes() == [("client", "1", "created")]
    assert "wake" in caplog.text


def test_flush_of_other_models_costs_no_statement(usual_captured: HostCase, sqlite_url: str) -> None:
    statements: list[str] = []
    sa.event.listen(usual_captured.host.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    with usual_captured.session() as session:
        session.add(usual_captured.Message(sender="client", text="without a conversation"))
        session.commit()
    assert not [one for one in statements if "crm_sync" in one]


def test_missing_tables_switch_capture_off_until_they_are_there(
    usual_host: HostCase, wakes: Wakes, caplog: pytest.LogCaptureFixture
) -> None:
    CHANGES.drop(usual_host.host.engine)
    clock = FrozenClock()
    capture = install_capture(usual_host.host, CHANGES, wakes, clock=clock)
    asked: list[str] = []
    sa.event.listen(
        usual_host.host.engine,
        "before_cursor_execute",
        lambda *given: asked.append(given[2]) if "crm_sync_change" in given[2] else None,
    )
    with caplog.at_level(logging.WARNING, "flask_crm_sync.host.capture"), usual_host.session() as session:
        for n in range(3):
            session.add(usual_host.client(f"c{n}@example.com"))
            session.commit()
        session.execute(sa.update(usual_host.Client).values(email="x@example.com"))
        session.commit()
        questions = len(asked)
        CHANGES.create(usual_host.host.engine)
        session.add(usual_host.client("still@example.com"))
        session.commit()
        assert usual_host.changes() == []
        clock.sleep(RECHECK_SECONDS)
        session.add(usual_host.client("seen@example.com"))
        session.commit()
    assert questions <= 2  # one question, whatever the number of statements that SQLite needs for it
    assert usual_host.changes() == [("client", "5", "created")]
    assert [record.message for record in caplog.records if "flask crm upgrade" in record.message][1:] == []
    assert wakes.count == 1
    capture.remove()


def test_change_that_cannot_be_written_fails_the_hosts_commit(usual_captured: HostCase, wakes: Wakes) -> None:
    with usual_captured.session() as session:
        session.add(usual_captured.client("first@example.com"))
        session.commit()
        wakes.count = 0
        with usual_captured.host.engine.begin() as connection:
            connection.execute(
                sa.text(
                    "CREATE TRIGGER no_more BEFORE INSERT ON crm_sync_change BEGIN SELECT raise(ABORT, 'full'); END"
                )
            )
        session.add(usual_captured.client("second@example.com"))
        with pytest.raises(sa.exc.IntegrityError):
            session.commit()
        session.rollback()
        assert session.scalar(sa.select(sa.func.count()).select_from(usual_captured.Client)) == 1
    assert wakes.count == 0


def test_database_of_another_engine_is_passed_by(usual_captured: HostCase, tmp_path: Any) -> None:
    other = sa.create_engine(f"sqlite:///{tmp_path / 'other.sqlite'}", poolclass=sa.pool.NullPool)
    usual_captured.Client.metadata.create_all(other)
    CHANGES.create(other)
    with Session(other) as session:
        client = usual_captured.client("ada@example.com")
        session.add(client)
        session.commit()
        client.email = "x@example.com"
        session.commit()
        session.execute(sa.update(usual_captured.Client).values(email="y@example.com"))
        session.execute(sa.insert(usual_captured.Client), [{"account_id": 7, "email": "z@example.com"}])
        session.delete(client)
        session.commit()
        assert session.scalar(sa.select(sa.func.count()).select_from(CHANGES)) == 0
    assert usual_captured.changes() == []


def test_engine_with_other_execution_options_is_the_same_database(usual_captured: HostCase) -> None:
    with Session(usual_captured.host.engine.execution_options(logging_token="x")) as session:
        session.add(usual_captured.client("ada@example.com"))
        session.execute(sa.update(usual_captured.Client).values(email="y@example.com"))
        session.commit()
    assert usual_captured.changes() == [("client", "1", "created"), ("client", "1", "updated")]


def test_removed_capture_sees_nothing(usual_host: HostCase, wakes: Wakes) -> None:
    install_capture(usual_host.host, CHANGES, wakes).remove()
    with usual_host.session() as session:
        session.add(usual_host.client("ada@example.com"))
        session.commit()
    assert usual_host.changes() == []


def test_capture_ends_with_the_last_reference_to_it(usual_host: HostCase, wakes: Wakes) -> None:
    capture = install_capture(usual_host.host, CHANGES, wakes)
    with Session(usual_host.host.engine) as session:
        session.add(usual_host.client("ada@example.com"))
        session.commit()
    del capture, session
    gc.collect()
    before = usual_host.changes()
    with Session(usual_host.host.engine) as session:
        session.add(usual_host.client("unseen@example.com"))
        session.commit()
    assert usual_host.changes() == before


def test_a_capture_that_is_forgotten_in_the_middle_of_a_flush_disturbs_nobody(
    usual_host: HostCase, wakes: Wakes
) -> None:
    install_capture(usual_host.host, CHANGES, wakes).remove()
    before = _listeners()
    kept = install_capture(usual_host.host, CHANGES, wakes)
    elsewhere = replace(usual_host.host, engine=sa.create_engine("sqlite://"))
    held = [install_capture(elsewhere, CHANGES, wakes)]

    @sa.event.listens_for(Session, "after_flush")
    def collect(*_: object) -> None:
        held.clear()
        gc.collect()

    try:
        with usual_host.session() as session:
            session.add(usual_host.client("ada@example.com"))
            session.commit()
    finally:
        sa.event.remove(Session, "after_flush", collect)
    assert _listeners() == before + 2
    install_capture(usual_host.host, CHANGES, wakes).remove()
    assert _listeners() == before + 1
    kept.remove()
    assert _listeners() == before


def _listeners() -> int:
    return len(Session.dispatch.after_flush._clslevel[Session])


def test_key_longer_than_ours_may_be_is_left_out(sqlite_url: str, wakes: Wakes) -> None:
    db: Any = usual(sqlite_url).Client.__fsa__

    class Guest(db.Model):  # type: ignore[misc, name-defined]
        id = mapped_column(sa.String(400), primary_key=True)
        email = mapped_column(sa.String(80))

    class Visit(db.Model):  # type: ignore[misc, name-defined]
        id = mapped_column(sa.Integer, primary_key=True)
        client_id = mapped_column(sa.ForeignKey("guest.id"))

    engine = sa.create_engine(sqlite_url, poolclass=sa.pool.NullPool)
    db.metadata.create_all(engine)
    from flask import Flask

    host = resolve_host(
        Flask("other"),
        Settings(),
        client=ClientBinding(Guest, account=None),
        conversation=ConversationBinding(Visit, messages=None),
        engine=engine,
    )
    capture = install_capture(host, CHANGES, wakes)
    with Session(engine) as session:
        session.add_all([Guest(id="g" * 400, email="long@example.com"), Guest(id="short", email="s@example.com")])
        session.commit()
        session.execute(sa.update(Guest).values(email="all@example.com"))
        session.commit()
    with engine.connect() as connection:
        ids = connection.execute(sa.select(CHANGES.c.subject_id)).scalars().all()
    assert ids == ["short", "short"]
    capture.remove()
