"""Conversations that keep arriving and go on message by message, for a helpdesk to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from flask import Flask

from .cast import Cast
from .conversation_file import Told
from .extensions import db
from .models import Conversation
from .replay import conversation_with

AT_ONCE = 6  # conversations that go on side by side
NEW_RATHER_THAN_ON = 0.3

Wait = Callable[[float], bool]


@dataclass
class Running:
    """A conversation that has begun, and what is still to be said in it."""

    conversation_id: int
    rest: list[tuple[str, str]]


@dataclass
class Trickle:
    """A helpdesk's day: `step` lets one thing happen."""

    source: Iterator[Told]
    cast: Cast
    rng: Random
    running: list[Running] = field(default_factory=list)

    def step(self) -> bool:
        """Begin a conversation or go on with one; return False when nothing is left to be told."""
        begins = len(self.running) < AT_ONCE and (not self.running or self.rng.random() < NEW_RATHER_THAN_ON)
        told = next(self.source, None) if begins else None
        if told is not None:
            self.begin(told)
        elif self.running:
            self.go_on(self.rng.choice(self.running))
        else:
            return False
        db.session.commit()
        return True

    def begin(self, told: Told) -> None:
        """Let a client write the first message."""
        conversation = conversation_with(self.cast.appear(self.rng), self.cast.account_id, told)
        conversation.say(*told.messages[0])
        db.session.add(conversation)
        db.session.flush()
        self.cast.settle_in()
        self.running.append(Running(conversation.id, list(told.messages[1:])))

    def go_on(self, running: Running) -> None:
        """Let the next message be written, or close the conversation after its last."""
        conversation = db.session.get(Conversation, running.conversation_id)
        if conversation is not None and running.rest:
            conversation.say(*running.rest.pop(0))
            return
        self.running.remove(running)
        if conversation is not None:
            conversation.close()


def trickle(
    app: Flask, source: Iterator[Told], *, per_minute: float, wait: Wait, seed: int = 1, account_id: int = 1
) -> None:
    """Let `per_minute` things happen in the helpdesk until the source ends or `wait(seconds)` returns true."""
    day = Trickle(source, Cast(account_id, seed), Random(f"trickle:{seed}"))
    while not wait(60 / per_minute):
        with app.app_context():
            if not day.step():
                return
