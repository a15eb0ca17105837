"""`flask --app example_host init-db`: the tables, two accounts and the people who work there."""

from __future__ import annotations

import os
from dataclasses import dataclass

import click
from flask import Flask
from sqlalchemy import select, text

from .extensions import db
from .models import Account, User

DEFAULT_PASSWORD = "helpdesk"  # a demonstration on loopback; HELPDESK_PASSWORD names another


@dataclass(frozen=True)
class Seat:
    """A user to be created: who, and in which role."""

    name: str
    email: str
    role: str


STAFF = {
    ("Harbour Travel", "harbour-travel"): (
        Seat("Ada Marsh", "ada@example.com", "admin"),
        Seat("Ben Ortiz", "ben@example.com", "agent"),
    ),
    ("Fjord Outdoor", "fjord-outdoor"): (
        Seat("Cleo Berg", "cleo@example.org", "admin"),
        Seat("Dag Lien", "dag@example.org", "agent"),
    ),
}


def register(app: Flask) -> None:
    """Add the helpdesk's commands to the `flask` command line."""

    @app.cli.command("init-db")
    def init_db() -> None:
        """Create the tables and, where missing, the example accounts and users."""
        create_tables_and_staff()
        click.echo("The helpdesk's tables are there. Log in as ada@example.com.")


def create_tables_and_staff() -> None:
    """Create what is missing of the tables, accounts and users; running it twice changes nothing."""
    db.create_all()
    if db.engine.dialect.name == "sqlite":
        db.session.execute(text("PRAGMA journal_mode=WAL"))  # readers need not wait for the workers; kept in the file
    password = os.environ.get("HELPDESK_PASSWORD") or DEFAULT_PASSWORD
    for (name, slug), seats in STAFF.items():
        if db.session.scalar(select(Account.id).where(Account.slug == slug)) is None:
            open_account(name, slug, seats, password)
    db.session.commit()


def open_account(name: str, slug: str, seats: tuple[Seat, ...], password: str) -> Account:
    """Add an account and its users to the session; everybody gets the same password."""
    account = Account(name=name, slug=slug)
    db.session.add(account)
    db.session.flush()
    for seat in seats:
        user = User(account_id=account.id, name=seat.name, email=seat.email, role=seat.role)
        user.set_password(password)
        db.session.add(user)
    return account
