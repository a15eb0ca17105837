"""The demonstration's two-way sync: people edit clients in the first account's CRMs, and the helpdesk learns it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask
from sqlalchemy import text

from flask_crm_sync.jobs.running import running_of
from flask_crm_sync.sync.two_way import TwoWay, save_two_way

from .check import differences
from .connecting import FIRST
from .expected import DueClient, Expected, expected_in
from .extensions import db
from .models import Client
from .sandbox_figures import SandboxReader

BOTH_WAYS = ("hubspot", "salesforce", "dynamics")
MOST = 20
"""Edits in one CRM."""
EVERY_CONTESTED = 5
"""Every so manieth edit meets one of the same field in the helpdesk; the CRM's value stays, as the rule is."""
CITIES = ("Graz", "Bregenz", "Innsbruck", "Klagenfurt")

_FIGURES = {
    "conflicts": "SELECT count(*) FROM crm_sync_conflict WHERE cause = 'both_changed'",
    "echoes_suppressed": "SELECT coalesce(sum(echoes), 0) FROM crm_sync_connection",
    "loops": "SELECT count(*) FROM crm_sync_conflict WHERE cause = 'flips'",
}


@dataclass(frozen=True)
class Edit:
    """What somebody changed in a CRM: whose contact it is, and the city that it has now."""

    client_id: int
    contact_id: str
    city: str


def sync_both_ways(app: Flask) -> None:
    """Let edits in the first account's CRMs reach the helpdesk; where both sides change a field, the CRM's stays."""
    with app.app_context():
        for crm in BOTH_WAYS:
            save_two_way(running_of(app).sync, FIRST, crm, TwoWay(True))


def edit_in_the_crms(app: Flask, readers: Sequence[SandboxReader], expected: Expected) -> list[Edit]:
    """Let people of each CRM edit clients whom no other CRM's people edit."""
    parts = [expected.due[number :: len(readers)] for number in range(len(readers))]
    return [edit for reader, part in zip(readers, parts, strict=True) for edit in _edit(app, reader, part)]


def _edit(app: Flask, reader: SandboxReader, clients: Sequence[DueClient]) -> list[Edit]:
    """Move some people to another city in the CRM, a few of them in the helpdesk as well, to yet another."""
    contacts = {contact.values["email"].lower(): contact for contact in reader.contacts() if contact.values["email"]}
    edits: list[Edit] = []
    for number, client in enumerate(clients):
        contact = contacts.get(client.values["email"].lower())
        if contact is None or len(edits) >= MOST:
            continue
        city = next(name for name in (*CITIES[number % 2 :], "Villach") if name != contact.values["city"])
        if len(edits) % EVERY_CONTESTED == 0:
            _move_here(app, client.client_id, "Eisenstadt")
        reader.edit(contact.id, {"city": city})
        edits.append(Edit(client.client_id, contact.id, city))
    return edits


def arrived(app: Flask, edits: Sequence[Edit]) -> int:
    """Return how many of the edits the helpdesk has."""
    with app.app_context():
        cities = dict(db.session.execute(db.select(Client.id, Client.city)).tuples().all())
    return sum(cities.get(edit.client_id) == edit.city for edit in edits)


def with_edits(expected: Expected, edits: Sequence[Edit]) -> Expected:
    """Return what is expected once the edits are everywhere."""
    cities = {edit.client_id: edit.city for edit in edits}
    due = (
        replace(client, values={**client.values, "city": cities.get(client.client_id, client.values["city"])})
        for client in expected.due
    )
    return replace(expected, due=tuple(due))


def two_way_figures(app: Flask, readers: Sequence[SandboxReader], edits: Sequence[Edit]) -> dict[str, int]:
    """Return what became of the edits, and in how many fields the helpdesk and the CRMs differ now."""
    with app.app_context(), db.engine.connect() as connection:
        counted = {name: int(connection.execute(text(count)).scalar_one()) for name, count in _FIGURES.items()}
    told: dict[str, Any] = {"remote_edits": len(edits), "applied": arrived(app, edits)}
    return {**told, **counted, "disagreements": sum(_disagreements(app, reader) for reader in readers)}


def is_well(figures: Mapping[str, int]) -> bool:
    """Tell whether every edit came home, nothing goes round, and both sides agree."""
    return figures["applied"] == figures["remote_edits"] and not figures["loops"] and not figures["disagreements"]


def _disagreements(app: Flask, reader: SandboxReader) -> int:
    with app.app_context():
        due = {client.values["email"].lower(): client for client in expected_in(int(FIRST)).due}
    contacts = reader.contacts()
    pairs = ((due.get(contact.values["email"].lower()), contact) for contact in contacts if contact.values["email"])
    blank = reader.shown.never_blank
    return sum(len(differences(client, contact, blank)) for client, contact in pairs if client is not None)


def _move_here(app: Flask, client_id: int, city: str) -> None:
    with app.app_context():
        db.session.get_one(Client, client_id).city = city
        db.session.commit()
