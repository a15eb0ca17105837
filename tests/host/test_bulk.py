"""Bulk statements through a session are captured too, and the host gets the result that it expects."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from tests.host.conftest import Wakes
from tests.host.hosts import CHANGES, HostCase

SQLALCHEMY = tuple(int(part) for part in sa.__version__.split(".")[:3] if part.isdigit())
EMAILS = ("a@example.com", "b@example.com", "c@example.com")


def _seed(case: HostCase) -> list[Any]:
    """Add three clients and return their keys, in the order of EMAILS, with no change left."""
    with case.session() as session:
        clients = [case.client(email) for email in EMAILS]
        session.add_all(clients)
        session.commit()
        ids = [client.id for client in clients]
        session.commit()
    case.forget_changes()
    return ids


def _expected(ids: list[Any], kind: str) -> list[tuple[str, str, str]]:
    return sorted(("client", str(id), kind) for id in ids)


def _run(case: HostCase, statement: Any, *parameters: Any) -> Any:
    with case.session() as session:
        result = session.execute(statement, *parameters)
        session.commit()
        return result


def _accounts(case: HostCase) -> set[str | None]:
    with case.host.engine.connect() as connection:
        return set(connection.execute(sa.select(CHANGES.c.account_id)).scalars())


def test_bulk_update_is_captured_for_the_rows_that_it_touches(on_database: HostCase, wakes: Wakes) -> None:
    ids = _seed(on_database)
    wakes.count = 0
    client_model = on_database.Client
    result = _run(
        on_database, sa.update(client_model).where(client_model.email != EMAILS[1]).values(email="x@example.com")
    )
    assert result.rowcount == 2
    assert sorted(on_database.changes()) == _expected([ids[0], ids[2]], "updated")
    assert _accounts(on_database) == {on_database.account_id}
    assert wakes.count == 1


def test_bulk_delete_is_captured_for_the_rows_that_it_takes(on_database: HostCase) -> None:
    ids = _seed(on_database)
    _run(on_database, sa.delete(on_database.Client).where(on_database.Client.email == EMAILS[0]))
    assert sorted(on_database.changes()) == _expected(ids[:1], "deleted")


def test_bulk_update_and_delete_reach_every_kind_of_host(captured: HostCase) -> None:
    ids = _seed(captured)
    client_model = captured.Client
    _run(captured, sa.update(client_model).where(client_model.email == EMAILS[0]).values(email="x@example.com"))
    assert sorted(captured.changes()) == _expected(ids[:1], "updated")
    captured.forget_changes()
    _run(captured, sa.delete(client_model.__table__).where(client_model.__table__.c.email == EMAILS[1]))
    assert sorted(captured.changes()) == _expected(ids[1:2], "deleted")


@pytest.mark.parametrize("orm", [True, False], ids=["orm", "core"])
def test_rolled_back_bulk_statement_leaves_nothing(on_database: HostCase, wakes: Wakes, orm: bool) -> None:
    _seed(on_database)
    wakes.count = 0
    target = on_database.Client if orm else on_database.Client.__table__
    with on_database.session() as session:
        session.execute(sa.update(target).values(email="x@example.com"))
        savepoint = session.begin_nested()
        session.execute(sa.delete(target))
        savepoint.rollback()
        session.rollback()
        session.commit()
    assert on_database.changes() == []
    assert wakes.count == 0


def test_update_of_no_row_is_no_change(on_database: HostCase, wakes: Wakes) -> None:
    _seed(on_database)
    wakes.count = 0
    client_model = on_database.Client
    _run(on_database, sa.update(client_model).where(client_model.email == "nobody").values(email="x@example.com"))
    assert on_database.changes() == []
    assert wakes.count == 0 or SQLALCHEMY < (2, 0, 28)  # before that, how many rows were copied may stay unknown


def test_update_of_nothing_that_is_bound_is_no_change(usual_captured: HostCase) -> None:
    _seed(usual_captured)
    client_model = usual_captured.Client
    _run(usual_captured, sa.update(client_model).values(last_seen=None))
    _run(usual_captured, sa.update(client_model).values({client_model.updated_at: None}))
    _run(usual_captured, sa.update(client_model).ordered_values((client_model.last_seen, None)))
    _run(usual_captured, sa.update(client_model), [{"id": 1, "last_seen": None}])
    _run(usual_captured, sa.update(client_model.__table__).values(last_seen=None))
    assert usual_captured.changes() == []


@pytest.mark.parametrize(
    "values",
    [
        lambda update, model: update.values(email="x@example.com"),
        lambda update, model: update.values({"email": "x@example.com"}),
        lambda update, model: update.values({model.email: "x@example.com"}),
        lambda update, model: update.values({model.__table__.c.email: sa.func.lower(model.email)}),
        lambda update, model: update.ordered_values((model.last_seen, None), (model.email, "x@example.com")),
    ],
)
def test_every_way_to_set_a_bound_column_counts(usual_captured: HostCase, values: Callable[..., Any]) -> None:
    ids = _seed(usual_captured)
    _run(usual_captured, values(sa.update(usual_captured.Client), usual_captured.Client))
    assert sorted(usual_captured.changes()) == _expected(ids, "updated")


def test_update_with_named_parameters_is_captured(on_database: HostCase) -> None:
    ids = _seed(on_database)
    client_model = on_database.Client
    update = sa.update(client_model).where(client_model.email == sa.bindparam("old")).values(email=sa.bindparam("new"))
    _run(on_database, update, {"old": EMAILS[0], "new": "x@example.com"})
    assert sorted(on_database.changes()) == _expected(ids[:1], "updated")


def test_core_update_of_many_parameter_sets_is_captured(on_database: HostCase) -> None:
    ids = _seed(on_database)
    table = on_database.Client.__table__
    update = sa.update(table).where(table.c.email == sa.bindparam("old")).values(email=sa.bindparam("new"))
    _run(on_database, update, [{"old": email, "new": f"x{email}"} for email in EMAILS[:2]])
    assert sorted(on_database.changes()) == _expected(ids[:2], "updated")


def test_update_by_a_list_of_keys_is_captured(on_database: HostCase) -> None:
    ids = _seed(on_database)
    _run(on_database, sa.update(on_database.Client), [{"id": id, "email": "x@example.com"} for id in ids[1:]])
    assert sorted(on_database.changes()) == _expected(ids[1:], "updated")


def test_legacy_query_update_and_delete_are_captured(usual_captured: HostCase) -> None:
    ids = _seed(usual_captured)
    with usual_captured.session() as session:
        session.query(usual_captured.Client).filter_by(email=EMAILS[0]).update({"email": "x@example.com"})
        session.query(usual_captured.Client).filter_by(email=EMAILS[1]).delete()
        session.commit()
    assert usual_captured.changes() == [*_expected(ids[:1], "updated"), *_expected(ids[1:2], "deleted")]


def test_update_sees_what_the_session_has_not_flushed_yet(usual_captured: HostCase) -> None:
    _seed(usual_captured)
    client_model = usual_captured.Client
    with usual_captured.session() as session:
        session.get(client_model, 2).last_seen = sa.func.current_timestamp()  # bound to nothing, but the WHERE reads it
        session.execute(
            sa.update(client_model).where(client_model.last_seen.is_not(None)).values(email="x@example.com")
        )
        session.commit()
    assert usual_captured.changes() == [("client", "2", "updated")]


def test_statement_of_a_listener_inside_a_flush_is_captured(usual_captured: HostCase) -> None:
    _seed(usual_captured)
    client_model = usual_captured.Client
    with Session(usual_captured.host.engine) as session:

        @sa.event.listens_for(session, "before_flush")
        def _also(flushing: Session, *_: Any) -> None:
            flushing.execute(sa.update(client_model).where(client_model.id == 3).values(email="x@example.com"))

        session.get(client_model, 1).email = "y@example.com"
        session.commit()
    assert sorted(usual_captured.changes()) == _expected([1, 3], "updated")


def test_update_from_another_table_is_captured(usual_captured: HostCase) -> None:
    ids = _seed(usual_captured)
    client_model, conversation_model = usual_captured.Client, usual_captured.Conversation
    with usual_captured.session() as session:
        session.add_all([conversation_model(client_id=ids[0], account_id=7, status="closed") for _ in range(2)])
        session.commit()
    usual_captured.forget_changes()
    joined = sa.update(client_model).where(
        client_model.id == conversation_model.client_id, conversation_model.status == "closed"
    )
    _run(usual_captured, joined.values(email="x@example.com").execution_options(synchronize_session=False))
    assert set(usual_captured.changes()) == set(_expected(ids[:1], "updated"))


def _talks(case: HostCase) -> list[Any]:
    """Add two conversations, the first with two messages, the second with one; return their keys."""
    with case.session() as session:
        client = case.client("ada@example.com")
        session.add(client)
        session.flush()
        talks = [case.conversation(client) for _ in range(2)]
        session.add_all(talks)
        session.flush()
        for talk in (talks[0], talks[0], talks[1]):
            session.add(case.Message(conversation_id=talk.id, **case.said("Hello", False)))
        session.commit()
        ids = [talk.id for talk in talks]
        session.commit()
    case.forget_changes()
    return ids


def test_bulk_statements_on_messages_change_their_conversations_once(on_database: HostCase) -> None:
    ids = _talks(on_database)
    message_model = on_database.Message
    _run(on_database, sa.update(message_model).values({on_database.host.message.attributes["text"].name: "Bye"}))  # type: ignore[union-attr]
    assert sorted(on_database.changes()) == sorted(("conversation", str(id), "updated") for id in ids)
    on_database.forget_changes()
    _run(on_database, sa.delete(message_model).where(message_model.conversation_id == ids[0]))
    assert on_database.changes() == [("conversation", str(ids[0]), "updated")]


def test_messages_moved_in_bulk_change_both_conversations(on_database: HostCase) -> None:
    ids = _talks(on_database)
    message_model = on_database.Message
    move = sa.update(message_model).where(message_model.conversation_id == ids[0]).values(conversation_id=ids[1])
    _run(on_database, move)
    assert sorted(on_database.changes()) == sorted(("conversation", str(id), "updated") for id in ids)


def test_bulk_insert_of_messages_changes_their_conversations(on_database: HostCase) -> None:
    ids = _talks(on_database)
    rows = [{"conversation_id": id, **on_database.said("Hello again", True)} for id in (ids[0], ids[0], ids[1])]
    _run(on_database, sa.insert(on_database.Message), rows)
    assert sorted(on_database.changes()) == sorted(("conversation", str(id), "updated") for id in ids)


def _new(case: HostCase, *emails: str) -> list[dict[str, Any]]:
    return [{"email": email, **case.tenant, **case.named("Ada", "Nowak")} for email in emails]


def _ids_of(case: HostCase, *emails: str) -> list[Any]:
    with case.host.engine.connect() as connection:
        table = case.Client.__table__
        return list(connection.execute(sa.select(table.c.id).where(table.c.email.in_(emails))).scalars())


@pytest.mark.parametrize("orm", [True, False], ids=["orm", "core"])
def test_insert_of_many_rows_is_captured(on_database: HostCase, wakes: Wakes, orm: bool) -> None:
    target = on_database.Client if orm else on_database.Client.__table__
    result = _run(on_database, sa.insert(target), _new(on_database, *EMAILS))
    assert result.rowcount == 3
    assert sorted(on_database.changes()) == _expected(_ids_of(on_database, *EMAILS), "created")
    assert _accounts(on_database) == {on_database.account_id}
    assert wakes.count == 1


@pytest.mark.parametrize("orm", [True, False], ids=["orm", "core"])
@pytest.mark.parametrize("way", ["values", "many values", "parameters"])
def test_insert_in_every_spelling_is_captured(on_database: HostCase, orm: bool, way: str) -> None:
    target = on_database.Client if orm else on_database.Client.__table__
    emails = EMAILS[:2] if way == "many values" else EMAILS[:1]
    rows = _new(on_database, *emails)
    insert = {
        "values": lambda: (sa.insert(target).values(rows[0]),),
        "many values": lambda: (sa.insert(target).values(rows),),
    }
    result = _run(on_database, *insert.get(way, lambda: (sa.insert(target), rows[0]))())
    ids = _ids_of(on_database, *emails)
    assert sorted(on_database.changes()) == _expected(ids, "created")
    assert result.rowcount in (len(emails), -1)  # for a single row, SQLAlchemy does not promise a count
    if way != "many values":
        assert result.inserted_primary_key == (ids[0],)


def test_insert_from_select_is_captured(on_database: HostCase) -> None:
    _seed(on_database)
    if "account_id" not in on_database.tenant:
        pytest.skip("this key has no default in the database")
    table = on_database.Client.__table__
    copied = sa.select(sa.literal("copy@example.com"), table.c.account_id).where(table.c.email == EMAILS[0])
    _run(on_database, sa.insert(table).from_select(["email", "account_id"], copied))
    assert on_database.changes() == _expected(_ids_of(on_database, "copy@example.com"), "created")


def test_insert_that_returns_gives_the_host_what_it_asked_for(on_database: HostCase) -> None:
    client_model = on_database.Client
    rows = _new(on_database, *EMAILS)
    with on_database.session() as session:
        emails = session.execute(sa.insert(client_model).returning(client_model.email), rows).all()
        assert sorted(emails) == [(email,) for email in EMAILS]
        entities = session.scalars(
            sa.insert(client_model).returning(client_model), _new(on_database, "d@example.com")
        ).all()
        assert [(type(one), one.email) for one in entities] == [(client_model, "d@example.com")]
        one = session.scalar(
            sa.insert(client_model).values(_new(on_database, "e@example.com")[0]).returning(client_model.email)
        )
        assert one == "e@example.com"
        session.commit()
    everybody = _ids_of(on_database, *EMAILS, "d@example.com", "e@example.com")
    assert sorted(on_database.changes()) == _expected(everybody, "created")


def test_insert_that_returns_in_order_keeps_the_order(on_database: HostCase) -> None:
    client_model = on_database.Client
    try:
        insert = sa.insert(client_model).returning(client_model.email, sort_by_parameter_order=True)
    except (TypeError, sa.exc.ArgumentError):
        pytest.skip("this SQLAlchemy cannot sort what an INSERT returns")
    emails = [f"c{n}@example.com" for n in range(30)]
    with on_database.session() as session:
        assert session.scalars(insert, _new(on_database, *emails)).all() == emails
        session.commit()
    assert len(on_database.changes()) == 30


def test_rows_of_an_insert_that_returns_nothing_cannot_be_fetched(on_database: HostCase) -> None:
    result = _run(on_database, sa.insert(on_database.Client), _new(on_database, *EMAILS))
    assert not result.returns_rows
    with pytest.raises(sa.exc.ResourceClosedError):
        result.all()


IF_NEW: dict[str, Callable[[Any], Any]] = {
    "sqlite": lambda model: sqlite.insert(model).on_conflict_do_nothing(),
    "postgresql": lambda model: postgresql.insert(model).on_conflict_do_nothing(),
    "mysql": lambda model: sa.insert(model).prefix_with("IGNORE"),
}


@pytest.mark.filterwarnings("ignore:.*Duplicate entry")
def test_row_that_an_upsert_leaves_alone_is_no_change(on_database: HostCase) -> None:
    ids = _seed(on_database)
    insert = IF_NEW[on_database.host.engine.dialect.name](on_database.Client)
    rows = _new(on_database, "x@example.com", "new@example.com")
    rows[0]["id"] = ids[0]
    for row in rows:
        _run(on_database, insert.values(row))
    assert on_database.changes() == _expected(_ids_of(on_database, "new@example.com"), "created")


def test_joined_client_is_captured_through_its_base_class(joined_captured: HostCase) -> None:
    person_model, important_model = joined_captured.others["Person"], joined_captured.others["ImportantClient"]
    ids = _seed(joined_captured)
    with joined_captured.session() as session:
        session.add_all(
            [person_model(first_name="Nobody's client"), important_model(email="vip@example.com", organization_id=3)]
        )
        session.commit()
    joined_captured.forget_changes()
    everybody = [*ids, *_ids_of(joined_captured, "vip@example.com")]
    _run(joined_captured, sa.update(person_model).values(first_name="Everybody"))
    assert sorted(joined_captured.changes()) == _expected(everybody, "updated")
    joined_captured.forget_changes()
    _run(joined_captured, sa.insert(joined_captured.Client), _new(joined_captured, "many@example.com"))
    _run(joined_captured, sa.insert(person_model), [{"first_name": "Not a client", "kind": "person"}])
    assert joined_captured.changes() == _expected(_ids_of(joined_captured, "many@example.com"), "created")


def test_statement_that_cannot_be_read_is_left_to_the_scan(
    usual_captured: HostCase, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    _seed(usual_captured)

    def unreadable(*_: Any) -> Any:
        raise sa.exc.CompileError("no idea")

    monkeypatch.setattr("flask_crm_sync.host.bulk.entity_of", unreadable)
    with caplog.at_level(logging.WARNING, "flask_crm_sync.host.bulk"):
        result = _run(usual_captured, sa.update(usual_captured.Client).values(email="x@example.com"))
    assert result.rowcount == 3
    assert usual_captured.changes() == []
    assert "left to the scan" in caplog.text


def test_statements_on_other_tables_and_plain_texts_pass(usual_captured: HostCase) -> None:
    with Session(usual_captured.host.engine) as session:
        session.execute(sa.text("UPDATE client SET email = 'raw@example.com'"))
        session.execute(sa.delete(CHANGES))
        session.commit()
    assert usual_captured.changes() == []
