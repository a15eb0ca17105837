"""Conversations that keep arriving."""

from __future__ import annotations

from itertools import cycle

from flask import Flask
from sqlalchemy import select

from example_host.extensions import db
from example_host.models import Conversation
from example_host.small_talk import SMALL_TALK
from example_host.trickle import AT_ONCE, trickle


class Clock:
    """Lets a number of steps happen, without any time passing."""

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.waits: list[float] = []

    def __call__(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.left -= 1
        return self.left < 0


def states(host: Flask) -> list[str]:
    with host.app_context():
        return list(db.session.scalars(select(Conversation.status)))


def test_conversations_begin_go_on_and_end(host: Flask) -> None:
    trickle(host, cycle(SMALL_TALK), per_minute=30, wait=Clock(200))
    seen = states(host)
    assert seen.count("closed") > 10
    assert 0 < seen.count("open") <= AT_ONCE


def test_as_many_events_come_as_were_asked_for(host: Flask) -> None:
    clock = Clock(3)
    trickle(host, cycle(SMALL_TALK), per_minute=30, wait=clock)
    assert set(clock.waits) == {2.0}


def test_a_source_that_ends_is_told_to_its_end(host: Flask) -> None:
    trickle(host, iter(SMALL_TALK[:5]), per_minute=30, wait=Clock(1000))
    assert states(host) == ["closed"] * 5


def test_a_conversation_that_somebody_deletes_is_given_up(host: Flask) -> None:
    clock = Clock(1)
    trickle(host, iter(SMALL_TALK[:1]), per_minute=30, wait=clock)
    source = iter(SMALL_TALK[:3])

    def wait(seconds: float) -> bool:
        with host.app_context():
            for row in db.session.scalars(select(Conversation)):
                db.session.delete(row)
            db.session.commit()
        return clock(seconds)

    clock.left = 1000
    trickle(host, source, per_minute=30, wait=wait, seed=2)
    assert clock.left > 900
