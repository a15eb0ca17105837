"""Telling conversations to the helpdesk."""

from __future__ import annotations

from collections import Counter
from itertools import cycle, islice

import pytest
from flask import Flask
from sqlalchemy import func, select

from example_host.conversation_file import Told
from example_host.expected import Expected, expected_in
from example_host.extensions import db
from example_host.models import Client, Conversation, Message, User
from example_host.people import person
from example_host.replay import replay
from example_host.small_talk import SMALL_TALK

MANY = 300


def talk(count: int) -> list[Told]:
    return list(islice(cycle(SMALL_TALK), count))


def counted(model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


@pytest.fixture
def told(host: Flask) -> Expected:
    return replay(host, talk(MANY), seed=3, chunk=50)


def test_small_talk_has_forty_conversations_that_clients_begin() -> None:
    assert len(SMALL_TALK) == 40
    assert all(talk.messages[0][0] == "client" and talk.subject for talk in SMALL_TALK)


def test_most_conversations_get_a_client_of_their_own_and_some_clients_come_back(host: Flask, told: Expected) -> None:
    with host.app_context():
        clients = counted(Client)
    assert told.conversations == MANY
    assert told.clients == clients
    assert 0.03 < 1 - clients / MANY < 0.15


def test_every_conversation_that_is_left_is_closed_with_its_messages(host: Flask, told: Expected) -> None:
    with host.app_context():
        states = Counter(db.session.scalars(select(Conversation.status)))
        assert set(states) == {"closed"}
        assert MANY - 10 < states.total() < MANY
        assert counted(Message) > 2 * states.total()


def test_conversations_may_be_left_open(host: Flask) -> None:
    told = replay(host, talk(60), left_open=0.5)
    with host.app_context():
        still_open = db.session.scalar(select(func.count()).where(Conversation.status == "open")) or 0
    assert 15 < still_open < 45
    assert sum(client.notes for client in told.due) < sum(client.conversations for client in told.due)


def test_some_clients_have_edited_their_details(host: Flask, told: Expected) -> None:
    with host.app_context():
        rows = db.session.scalars(select(Client).order_by(Client.id)).all()
        edits = sum(
            any(
                getattr(row, name) != getattr(person(3, number), name) for name in ("email", "phone", "company", "city")
            )
            for number, row in enumerate(rows)
        )
    assert 0.03 < edits / len(rows) < 0.15


def test_the_same_seed_tells_the_same_story(host: Flask, told: Expected) -> None:
    with host.app_context():
        for row in db.session.scalars(select(Client)):
            db.session.delete(row)
        db.session.commit()
    again = replay(host, talk(MANY), seed=3, chunk=50)
    assert [client.values for client in again.due] == [client.values for client in told.due]
    assert [client.notes for client in again.due] == [client.notes for client in told.due]


def test_expected_names_those_who_can_be_reached_with_their_final_details(host: Flask, told: Expected) -> None:
    with host.app_context():
        rows = {row.id: row for row in db.session.scalars(select(Client))}
        reachable = {key for key, row in rows.items() if row.email or row.phone}
        assert {client.client_id for client in told.due} == reachable
        assert reachable != set(rows)
        assert all(client.values["email"] == (rows[client.client_id].email or "") for client in told.due)


def test_expected_owes_nothing_for_sensitive_clients_tests_and_other_accounts(host: Flask) -> None:
    with host.app_context():
        plain, sensitive = Client(account_id=1, email="a@example.com"), Client(account_id=1, email="b@example.com")
        sensitive.is_sensitive = True
        elsewhere = Client(account_id=2, email="c@example.com")
        talks = [Conversation(account_id=1, client=plain, status=status) for status in ("closed", "open", "closed")]
        talks[2].is_test = True
        db.session.add_all([plain, sensitive, elsewhere, *talks])
        db.session.commit()
        expected = expected_in(1)
        assert [(client.values["email"], client.conversations, client.notes) for client in expected.due] == [
            ("a@example.com", 2, 1)
        ]


def test_each_conversation_arrives_in_a_transaction_of_its_own(host: Flask) -> None:
    seen: list[int] = []
    replay(host, talk(5), progress=seen.append)
    assert seen == [1, 2, 3, 4, 5]


def test_replay_leaves_the_staff_alone(host: Flask, told: Expected) -> None:
    with host.app_context():
        assert counted(User) == 4
