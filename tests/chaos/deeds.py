"""What the host does with its clients and conversations, by seeded dice, in transactions of its own.

Each client carries a tag in its company field (and in the others that the order names, for a CRM where a company is no
text), each conversation one in its subject: a name that never changes, by which the records in the CRM are recognised
whatever else was edited. A tag that begins with `never-` belongs to something that was rolled back; tags of what was
deleted stand in the table `departed`, in the same transaction.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from random import Random
from typing import Any

import sqlalchemy as sa
from flask import Flask

from example_host.extensions import db
from example_host.models import Client, Conversation
from example_host.people import Person, edited, person

_TRIES = 100
_FIELDS = [field.name for field in fields(Person)]


def do(app: Flask, order: Mapping[str, Any]) -> None:
    """Do the deeds in a shuffled order, each again where the database went away in between."""
    with app.app_context():
        desk = Desk(order)
        for deed in desk.shuffled(order["deeds"]):
            _stubbornly(getattr(desk, deed))
            time.sleep(order.get("pause", 0.0))


def _stubbornly(deed: Callable[[], None]) -> None:
    """A host's user tries again after an error page; whether the first try was committed shows in the tables alone."""
    for _ in range(_TRIES):
        try:
            return deed()
        except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
            print(f"{deed.__name__}: {error.orig}", file=sys.stderr)
            db.session.rollback()
            time.sleep(0.1)
    raise RuntimeError(f"{deed.__name__} did not work in {_TRIES} tries")


class Desk:
    """The helpdesk of one account, for one list of deeds. `first` is the number of the next new person."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._account, self._number, self._rng = order["account"], order["first"], Random(order["seed"])
        self._first, self._tagged = order["first"], order["tagged"]

    def shuffled(self, wanted: Mapping[str, int]) -> list[str]:
        """Return the deeds to do, one by one."""
        deeds = [deed for deed, times in sorted(wanted.items()) for _ in range(times)]
        self._rng.shuffle(deeds)
        return deeds

    def new(self) -> None:
        """A client comes; one in four is written in a savepoint that is released."""
        if self._rng.random() < 0.25:
            with db.session.begin_nested():
                db.session.add(self._client())
        else:
            db.session.add(self._client())
        db.session.commit()

    def new_together(self) -> None:
        """Several clients come in one transaction, and one more in a savepoint that is rolled back."""
        db.session.add_all([self._client() for _ in range(3)])
        inner = db.session.begin_nested()
        db.session.add(self._client("never-savepoint"))
        db.session.flush()
        inner.rollback()
        db.session.commit()

    def undone(self) -> None:
        """A client comes and another is edited, and all of it is rolled back."""
        db.session.add(self._client("never-committed"))
        known = self._some_client()
        if known is not None:
            known.last_name = "never-edited"
        db.session.flush()
        db.session.rollback()

    def visitor(self) -> None:
        """Somebody comes without e-mail and phone."""
        stranger = self._client()
        stranger.email = stranger.phone = None
        db.session.add(stranger)
        db.session.commit()

    def reachable(self) -> None:
        """Somebody without e-mail and phone tells an e-mail address."""
        nobody = sa.and_(Client.email.is_(None), Client.phone.is_(None))
        client = self._some(Client, nobody)
        if client is not None:
            client.email = f"found{client.id}@example.org"
        db.session.commit()

    def edit(self) -> None:
        """A client moves, marries, gets another number or address, or takes something back."""
        client = self._some_client()
        if client is not None:
            before = Person(**{name: getattr(client, name) for name in _FIELDS})
            dice = self._rng.randrange(1 << 30)
            for name, value in asdict(edited(dice, client.id, before)).items():
                if name not in self._tagged:
                    setattr(client, name, value)
            if dice % 4 == 0:
                client.street = client.city = client.zip = None
                client.state = client.state if "state" in self._tagged else None
            if dice % 3 == 0:
                client.last_name = f"Renamed {dice}"
        db.session.commit()

    def rename(self) -> None:
        """A client changes name, so that there is certainly something to send."""
        client = self._some_client()
        if client is not None:
            client.first_name = f"Name {self._rng.randrange(1 << 30)}"
        db.session.commit()

    def rename_all(self) -> None:
        """Every client changes name."""
        for client in db.session.scalars(sa.select(Client).where(Client.account_id == self._account)):
            client.first_name = f"Name {self._rng.randrange(1 << 30)}"
        db.session.commit()

    def talk(self) -> None:
        """A conversation is held and, a transaction later, closed: with a summary or without."""
        client = self._some_client()
        if client is None:
            return
        talk = Conversation(account_id=self._account, client_id=client.id, subject=self._tag("talk"))
        db.session.add(talk)
        talk.say("client", f"I would like to book number {self._rng.randrange(1 << 30)}.")
        talk.say("agent", "With pleasure.")
        db.session.commit()
        talk.say("client", f"Thank you, until {self._rng.randrange(1 << 30)}.")
        talk.close("Wants to book." if self._rng.random() < 0.3 else None)
        db.session.commit()

    def talk_on(self) -> None:
        """Somebody adds to a closed conversation."""
        talk = self._some(Conversation, Conversation.status == "closed")
        if talk is not None:
            talk.say("client", f"One more thing: {self._rng.randrange(1 << 30)}.")
            talk.summary = None
        db.session.commit()

    def remove(self) -> None:
        """A client is deleted, and the conversations with it."""
        client = self._some_client()
        if client is not None:
            self._delete(client)
        db.session.commit()

    def replace(self) -> None:
        """The newest client is deleted and another comes; on SQLite that one gets the same key, conversations too."""
        self.remove_newest()
        self.new()
        self.talk()

    def remove_newest(self) -> None:
        """The newest client of the host is deleted, if it is ours."""
        newest = db.session.scalar(sa.select(Client).order_by(Client.id.desc()).limit(1))
        if newest is not None and newest.account_id == self._account:
            self._delete(newest)
        db.session.commit()

    def remove_newest_talk(self) -> None:
        """The newest conversation of the host is deleted, if it is ours."""
        newest = db.session.scalar(sa.select(Conversation).order_by(Conversation.id.desc()).limit(1))
        if newest is not None and newest.account_id == self._account:
            self._depart([newest.subject])
            db.session.delete(newest)
        db.session.commit()

    def remove_talk(self) -> None:
        """A conversation is deleted."""
        talk = self._some(Conversation, sa.true())
        if talk is not None:
            self._depart([talk.subject])
            db.session.delete(talk)
        db.session.commit()

    def close_all(self) -> None:
        """Close what a host that died left open; whoever said nothing yet says something."""
        for talk in db.session.scalars(sa.select(Conversation).where(Conversation.status != "closed")):
            talk.say("client", "That is all.")
            talk.close()
        db.session.commit()

    def _client(self, tag: str = "client") -> Client:
        self._number += 1
        who = person(0, self._number)
        return Client(account_id=self._account, **asdict(who) | dict.fromkeys(self._tagged, self._tag(tag)))

    def _delete(self, client: Client) -> None:
        self._depart([client.company, *(talk.subject for talk in client.conversations)])
        db.session.delete(client)

    def _tag(self, kind: str) -> str:
        return f"{kind}-{self._first}-{self._rng.randrange(1 << 30)}"

    def _some_client(self) -> Client | None:
        found: Client | None = self._some(Client, sa.or_(Client.email.is_not(None), Client.phone.is_not(None)))
        return found

    def _some(self, model: Any, condition: Any) -> Any:
        ids = sa.select(model.id).where(model.account_id == self._account, condition).order_by(model.id)
        found = db.session.scalars(ids).all()
        return db.session.get(model, self._rng.choice(found)) if found else None

    def _depart(self, tags: list[Any]) -> None:
        db.session.execute(sa.text("INSERT INTO departed VALUES (:tag)"), [{"tag": tag} for tag in tags])
