"""HubSpot's webhooks from end to end: the sandbox signs and delivers, the helpdesk keeps hints."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flask_crm_sync.sandbox.server import Sandbox
from tests.web.helpdesk import START
from tests.webhooks.desk import SECRET, HookedDesk, Served, kept

PORTAL = 33


class Hooked:
    """A portal whose contacts are told to the helpdesk, where people reach it under the address it is served at."""

    def __init__(self, desk: HookedDesk, served: Served, sandbox: Sandbox) -> None:
        self.desk, self.sandbox, self.hubspot = desk, sandbox, sandbox.hubspot
        door = desk.app.extensions["crm_sync"]
        door = replace(door, settings=replace(door.settings, public_url=served.origin))
        desk.app.extensions["crm_sync"] = door
        sandbox.clock.set(START.timestamp())
        self.hubspot.add_portal(PORTAL)
        self.hubspot.dialect.change({"creation_tells_properties": False})
        self.hubspot.listeners.add(PORTAL, served.origin + desk.hook("hubspot"), secret=SECRET)

    def add(self, name: str) -> str:
        return self.hubspot.add_contact({"firstname": name}, PORTAL)

    def kept(self) -> list[tuple[str, str]]:
        self.hubspot.sender.settle()
        return [(row.event, row.remote_id) for row in kept(self.desk.sync)]

    def statuses(self) -> list[int | None]:
        return [each.status for each in reversed(self.hubspot.sender.deliveries())]


@pytest.fixture
def hooked(desk: HookedDesk, served: Served, sandbox: Sandbox) -> Hooked:
    return Hooked(desk, served, sandbox)


def test_what_happens_to_contacts_is_kept_as_hints(hooked: Hooked) -> None:
    ids = [hooked.add(name) for name in ("Ada", "Ben", "Cat")]
    hooked.hubspot.edit_contact(ids[0], {"city": "Graz"}, PORTAL)
    hooked.hubspot.delete_contact(ids[0], PORTAL)
    hooked.hubspot.restore_contact(ids[0], PORTAL)
    survivor = hooked.hubspot.merge_contacts(ids[0], ids[1], PORTAL)
    hooked.hubspot.erase_contact(ids[2], PORTAL)
    events = hooked.kept()
    assert events[:6] == [
        *(("contact.creation", each) for each in ids),
        ("contact.propertyChange", ids[0]),
        ("contact.deletion", ids[0]),
        ("contact.restore", ids[0]),
    ]
    assert set(events[6:9]) == {("contact.merge", each) for each in (survivor, ids[0], ids[1])}
    assert set(events[9:]) == {("contact.deletion", ids[2]), ("contact.privacyDeletion", ids[2])}
    assert set(hooked.statuses()) == {204}


@pytest.mark.parametrize(
    ("fault", "statuses", "taken"),
    [
        ("webhook_twice", [204, 204], [0]),
        ("webhook_forged", [401, 401, 401], []),
        ("webhook_stale", [401, 401, 401], []),
        ("webhook_lost", [], []),
    ],
)
def test_one_that_is_not_genuine_is_refused_and_one_that_comes_twice_taken_once(
    hooked: Hooked, monkeypatch: pytest.MonkeyPatch, fault: str, statuses: list[int], taken: list[int]
) -> None:
    monkeypatch.setattr("flask_crm_sync.sandbox.hubspot.sender.WAITS_SECONDS", (0.0, 0.0))
    hooked.sandbox.faults.add("hubspot", fault, times=1)
    ids = [hooked.add("Ada")]
    assert hooked.kept() == [("contact.creation", ids[number]) for number in taken]
    assert hooked.statuses() == statuses


def test_events_that_overtake_one_another_are_all_kept(hooked: Hooked) -> None:
    hooked.sandbox.faults.add("hubspot", "webhook_late", times=1)
    first, second = hooked.add("Ada"), hooked.add("Ben")
    assert hooked.kept() == [("contact.creation", second), ("contact.creation", first)]
