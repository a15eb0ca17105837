"""Dynamics' webhooks from end to end: the sandbox delivers with the shared secret, the helpdesk keeps hints."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flask_crm_sync.sandbox.server import Sandbox
from tests.web.helpdesk import START
from tests.webhooks.desk import REMOTE, SECRET, HookedDesk, Served, kept


class Hooked:
    """An environment whose contacts are told to the helpdesk at the address under which it is served."""

    def __init__(self, desk: HookedDesk, served: Served, sandbox: Sandbox) -> None:
        self.desk, self.sandbox, self.dynamics = desk, sandbox, sandbox.dynamics
        door = desk.app.extensions["crm_sync"]
        desk.app.extensions["crm_sync"] = replace(door, settings=replace(door.settings, public_url=served.origin))
        sandbox.clock.set(START.timestamp())
        self.dynamics.sender.add("sandbox", served.origin + desk.hook("dynamics"), secret=SECRET)

    def add(self, name: str) -> str:
        return self.dynamics.add_contact({"lastname": name})

    def kept(self) -> list[tuple[str, str]]:
        self.dynamics.sender.settle()
        return [(row.event, row.remote_id) for row in kept(self.desk.sync)]

    def statuses(self) -> list[int | None]:
        return [each.status for each in reversed(self.dynamics.sender.deliveries())]


@pytest.fixture
def hooked(desk: HookedDesk, served: Served, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Hooked:
    monkeypatch.setitem(REMOTE, "dynamics", sandbox.dynamics.environments.all()[0].organization_id)
    return Hooked(desk, served, sandbox)


def test_what_happens_to_contacts_is_kept_as_hints_and_a_merge_as_one_for_each(hooked: Hooked) -> None:
    ann, ben = hooked.add("Lee"), hooked.add("Li")
    hooked.dynamics.edit_contact(ann, {"address1_city": "Graz"})
    hooked.dynamics.merge_contacts(ann, ben)
    hooked.dynamics.delete_contact(ann)
    events = hooked.kept()
    assert events[:3] == [("contact.create", ann), ("contact.create", ben), ("contact.update", ann)]
    assert set(events[3:5]) == {("contact.merge", ann), ("contact.merge", ben)}
    assert events[5:] == [("contact.delete", ann)]
    assert set(hooked.statuses()) == {204}


@pytest.mark.parametrize(
    ("fault", "statuses", "taken"),
    [("webhook_twice", [204, 204], [0]), ("webhook_forged", [401], []), ("webhook_lost", [], [])],
)
def test_one_that_is_not_genuine_is_refused_and_one_that_comes_twice_taken_once(
    hooked: Hooked, fault: str, statuses: list[int], taken: list[int]
) -> None:
    hooked.sandbox.faults.add("dynamics", fault, times=1)
    ids = [hooked.add("Lee")]
    assert hooked.kept() == [("contact.create", ids[number]) for number in taken]
    assert hooked.statuses() == statuses


def test_another_environments_contacts_are_no_hint(hooked: Hooked, served: Served) -> None:
    hooked.dynamics.add_environment("other")
    (hook,) = hooked.dynamics.sender.listed("sandbox")
    hooked.dynamics.sender.add("other", hook.url, secret=SECRET)
    hooked.dynamics.add_contact({"lastname": "Lee"}, "other")
    assert hooked.kept() == []
    assert hooked.statuses() == [204]
