"""Telling many conversations to the helpdesk as if they happened now, each with an invented client.

Some clients come back for a second conversation, some edit their details later, a few conversations are closed at
once or deleted, and some may stay open. All of it is seeded: the same conversations are told the same way again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from random import Random

from flask import Flask

from .cast import Cast
from .conversation_file import Told
from .expected import Expected, expected_in
from .extensions import db
from .models import Client, Conversation, Message, now

EDITS_LATER = 0.10
EDIT_WITHIN = 20  # conversations between a client's arrival and their edit, at most
DELETED, CLOSED_AT_ONCE = 0.01, 0.01

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Fate:
    """What becomes of a conversation after its last message."""

    deleted: bool
    closed_at_once: bool
    left_open: bool


def replay(
    app: Flask,
    conversations: Iterable[Told],
    *,
    seed: int = 1,
    account_id: int = 1,
    chunk: int = 1,
    left_open: float = 0.0,
    progress: Progress = lambda told: None,
) -> Expected:
    """Tell the conversations to an account and return what must be in its CRM afterwards.

    `chunk` conversations arrive in one transaction; the next one closes them and brings the edits that are due.
    `left_open` is the share that nobody closes: their notes are owed only after a time of silence.
    `progress` hears after each chunk how many have been told.
    """
    with app.app_context():
        telling = Telling(account_id, seed, left_open)
        for some in chunks(conversations, chunk):
            telling.tell(some)
            progress(telling.told)
        telling.finish()
        return replace(expected_in(account_id), conversations=telling.told)


def chunks(conversations: Iterable[Told], size: int) -> Iterator[list[Told]]:
    """Yield lists of up to `size` conversations."""
    rest = iter(conversations)
    while some := list(islice(rest, size)):
        yield some


class Telling:
    """One replay under way: who has appeared, and which edits are still to come."""

    def __init__(self, account_id: int, seed: int, left_open: float) -> None:
        self.account_id = account_id
        self.seed = seed
        self.left_open = left_open
        self.cast = Cast(account_id, seed)
        self.told = 0
        self.edits: list[tuple[int, int]] = []  # (due when so many have been told, person number)

    def tell(self, some: list[Told]) -> None:
        """Commit the arrival of some conversations, then their ends and the edits that are due."""
        numbers = range(self.told, self.told + len(some))
        fates = [self.fate(number) for number in numbers]
        arrived = [self.arrive(*each) for each in zip(numbers, some, fates, strict=True)]
        db.session.flush()
        ids = [conversation.id for conversation in arrived]
        self.plan_edits(self.cast.settle_in())
        db.session.commit()

        self.told += len(some)
        for conversation_id, fate in zip(ids, fates, strict=True):
            end(conversation_id, fate)
        self.bring_edits(self.told)
        db.session.commit()

    def finish(self) -> None:
        """Bring the edits that are still to come."""
        self.bring_edits(self.told + EDIT_WITHIN)
        db.session.commit()

    def fate(self, number: int) -> Fate:
        """Decide what becomes of conversation `number`."""
        share = Random(f"fate:{self.seed}:{number}").random()
        deleted = share < DELETED
        at_once = not deleted and share < DELETED + CLOSED_AT_ONCE
        return Fate(deleted, at_once, left_open=share >= 1 - self.left_open)

    def arrive(self, number: int, told: Told, fate: Fate) -> Conversation:
        """Add a conversation with all its messages to the session."""
        client = self.cast.appear(Random(f"appear:{self.seed}:{number}"))
        conversation = conversation_with(client, self.account_id, told)
        conversation.messages = [Message(sender=sender, text=text) for sender, text in told.messages]
        if fate.closed_at_once:
            conversation.close()
        db.session.add(conversation)
        return conversation

    def plan_edits(self, numbers: range) -> None:
        """Decide which of the newcomers edit their details, and when."""
        for number in numbers:
            rng = Random(f"edit:{self.seed}:{number}")
            if rng.random() < EDITS_LATER:
                self.edits.append((self.told + rng.randint(1, EDIT_WITHIN), number))

    def bring_edits(self, until: int) -> None:
        """Make the edits that are due."""
        for due, number in self.edits:
            if due <= until:
                self.cast.edit(number)
        self.edits = [edit for edit in self.edits if edit[0] > until]


def conversation_with(client: Client, account_id: int, told: Told) -> Conversation:
    """Return a new conversation of the client, without messages yet."""
    return Conversation(
        account_id=account_id, client=client, channel=told.channel, subject=told.subject, last_message_at=now()
    )


def end(conversation_id: int, fate: Fate) -> None:
    """Close or delete a conversation, or leave it as it is."""
    conversation = db.session.get(Conversation, conversation_id)
    if conversation is not None and fate.deleted:
        db.session.delete(conversation)
    elif conversation is not None and conversation.is_open and not fate.left_open:
        conversation.close()
