"""Reading changes back: the walk to the first delta link, links that die, and environments that tell nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest
import responses

from flask_crm_sync.crm.base import RemoteChange
from flask_crm_sync.crm.dynamics import DynamicsAdapter
from flask_crm_sync.crm.dynamics.changes import BEGINNING, OVERLAP
from flask_crm_sync.crm.dynamics.untold import ChangesUntold
from flask_crm_sync.errors import PermissionMissing, ServerFault, TransientCRMError

from .environment import ROOT, Environment, refusal
from .office import Office

_DAY = 86_400
_LINK = f"{ROOT}{BEGINNING}&$deltatoken=900001"


class Poll:
    """Somebody who polls an adapter, and keeps the cursor."""

    def __init__(self, adapter: DynamicsAdapter) -> None:
        self.adapter, self.cursor = adapter, ""

    def page(self) -> tuple[tuple[RemoteChange, ...], bool]:
        told = self.adapter.changes_since(self.cursor)
        self.cursor = told.cursor
        return told.changes, told.more

    def all(self) -> list[tuple[str, str]]:
        found: list[RemoteChange] = []
        for _page in range(50):
            changes, more = self.page()
            found += changes
            if not more:
                return sorted((change.record_id, change.what) for change in found)
        raise AssertionError("the pages come to no end")


@pytest.fixture
def poll(office: Office) -> Poll:
    return Poll(office.adapter())


@pytest.fixture
def long_ago(office: Office) -> Iterator[Callable[..., str]]:
    """Make contacts that nobody has touched for weeks; the sandbox's time goes on afterwards as if nothing had been."""

    def made(**columns: str) -> str:
        office.sandbox.clock.set(time.time() - 20 * _DAY)
        contact = office.contact(**columns)
        office.sandbox.clock.set(time.time())
        return contact

    yield made
    office.sandbox.clock.set(time.time())


def test_walk_to_the_first_link_tells_only_what_changed_while_it_went_on(
    office: Office, poll: Poll, long_ago: Callable[..., str]
) -> None:
    edited, *_others = [long_ago(lastname=f"Number {number}") for number in range(5)]
    office.api("PATCH", "switches", {"page_size": 2})
    assert poll.page() == ((), True)
    office.edit(edited, lastname="Edited")
    assert [*poll.all(), *poll.all()] == [(edited, "changed")]
    assert poll.all() == []


def test_link_that_is_too_old_gives_way_to_a_walk_that_tells_what_changed_since(
    office: Office, poll: Poll, long_ago: Callable[..., str]
) -> None:
    edited, untouched = long_ago(lastname="Lee"), long_ago(lastname="Li")
    assert poll.all() == []
    office.sandbox.clock.advance(8 * _DAY)
    office.edit(edited, lastname="Edited")
    poll.adapter = office.adapter()
    assert poll.all() == [(edited, "changed")]
    assert poll.all() == []
    office.edit(untouched, lastname="Edited")
    assert poll.all() == [(untouched, "changed")]


def test_walk_reaches_back_behind_the_time_that_it_starts_from(env: Environment) -> None:
    rows = [
        {"contactid": f"0000000{n}-1111-4111-8111-111111111111", "modifiedon": moment}
        for n, moment in enumerate(["2026-09-21T13:16:39Z", "2026-09-21T13:16:40Z", "2026-09-21T14:00:00Z"])
    ]
    env.mock.add("GET", f"{ROOT}contacts", json={"value": rows, "@odata.deltaLink": _LINK})
    told = env.adapter().changes_since(json.dumps([BEGINNING, True, 1_789_996_600_000 + OVERLAP, 1]))
    assert [change.record_id[:8] for change in told.changes] == ["00000001", "00000002"]
    assert all(change.record is None and change.at is not None for change in told.changes)


def test_deactivated_contact_is_told_with_its_values(office: Office, poll: Poll) -> None:
    contact = office.contact(lastname="Lee")
    poll.all()
    office.edit(contact, statecode=1)
    ((change,), _more) = poll.page()
    assert (change.record_id, change.what) == (contact, "changed")
    assert change.record is not None
    assert change.record.values["lastname"] == "Lee"


def test_merged_contacts_are_told_by_who_stands_for_them_now(office: Office, poll: Poll) -> None:
    first, second, third = (office.contact(lastname=name) for name in ("Lee", "Li", "Lu"))
    poll.all()
    office.api("POST", "contacts/merge", {"primary": second, "other": third})
    office.api("POST", "contacts/merge", {"primary": first, "other": second})
    changes, _more = poll.page()
    assert {change.record_id: change.became for change in changes if change.what == "merged"} == {
        second: first,
        third: first,
    }


@pytest.mark.parametrize("status", [404, 403, 400])
def test_contact_that_cannot_be_read_is_left_to_the_next_reader(env: Environment, status: int) -> None:
    gone = "00000001-1111-4111-8111-111111111111"
    row = {"contactid": gone.upper(), "modifiedon": "2026-09-21T13:16:39Z"}
    env.mock.add("GET", f"{ROOT}contacts", json={"value": [row], "@odata.deltaLink": _LINK})
    env.answer = lambda part: refusal(status)
    told = env.adapter().changes_since(json.dumps([BEGINNING.replace("?", "?$deltatoken=1&"), False, 1, 0]))
    assert [(change.record_id, change.what, change.record) for change in told.changes] == [(gone, "changed", None)]


def test_page_whose_contacts_cannot_be_read_now_is_asked_for_again(env: Environment) -> None:
    row = {"contactid": "00000001-1111-4111-8111-111111111111", "modifiedon": "2026-09-21T13:16:39Z"}
    env.mock.add("GET", f"{ROOT}contacts", json={"value": [row], "@odata.deltaLink": _LINK})
    env.answer = lambda part: refusal(503)
    with pytest.raises(TransientCRMError):
        env.adapter().changes_since(json.dumps([BEGINNING.replace("?", "?$deltatoken=1&"), False, 1, 0]))
    assert len(env.mock.calls) == 2


def test_time_that_a_pass_reaches_back_to_is_that_of_its_first_page(env: Environment) -> None:
    pages = [("Mon, 21 Sep 2026 13:16:40 GMT", "nextLink"), ("Mon, 21 Sep 2026 15:00:00 GMT", "deltaLink")]
    for date, link in pages:
        env.mock.add("GET", f"{ROOT}contacts", json={"value": [], f"@odata.{link}": _LINK}, headers={"Date": date})
    adapter = env.adapter()
    half = adapter.changes_since(json.dumps([BEGINNING, False, 1, 0]))
    whole = adapter.changes_since(half.cursor)
    assert (half.more, whole.more) == (True, False)
    assert json.loads(whole.cursor)[2:] == [1_789_996_600_000, 0]


def test_empty_answer_where_nothing_changed_keeps_the_link(env: Environment) -> None:
    link = BEGINNING.replace("?", "?$deltatoken=1&")
    env.mock.add("GET", f"{ROOT}contacts", body="{}", content_type="application/json")
    cursor = json.dumps([link, False, 1_790_000_000_000, 0], separators=(",", ":"))
    told = env.adapter().changes_since(cursor)
    assert (told.changes, told.cursor, told.more) == ((), cursor, False)


@pytest.mark.parametrize("switches", [{"change_tracking": False}, {"withheld_privilege": "prvReadContact"}])
def test_environment_that_tells_no_changes_says_what_to_switch_on(
    office: Office, poll: Poll, switches: dict[str, object]
) -> None:
    poll.all()
    kept = poll.cursor
    office.api("PATCH", "switches", switches)
    for cursor in ("", kept):
        poll.cursor = cursor
        with pytest.raises((ChangesUntold, PermissionMissing)):
            poll.page()
    poll.cursor = ""
    with pytest.raises(ChangesUntold, match="webhooks alone"):
        poll.page()


def test_environment_that_ignores_the_wish_for_a_link_tells_no_changes(env: Environment) -> None:
    env.mock.add("GET", f"{ROOT}contacts", json={"value": []})
    with pytest.raises(ChangesUntold, match="no delta link"):
        env.adapter().changes_since("")


def test_user_that_the_environment_does_not_know_is_a_matter_of_the_connection(env: Environment) -> None:
    body = {"error": {"code": "0x80072560", "message": "The user is not a member of the organization."}}
    env.mock.add("GET", f"{ROOT}contacts", json=body, status=403)
    with pytest.raises(PermissionMissing):
        env.adapter().changes_since("")


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example.com/api/data/v9.2/contacts?$deltatoken=1",
        f"{ROOT}systemusers?$deltatoken=1",
        f"{ROOT}contacts?$deltatoken={'1' * 5_000}",
    ],
)
def test_link_to_another_place_or_without_end_is_not_kept(env: Environment, link: str) -> None:
    env.mock.add("GET", f"{ROOT}contacts", json={"value": [], "@odata.deltaLink": link})
    with pytest.raises(ServerFault):
        env.adapter().changes_since("")


def test_cursor_that_leads_elsewhere_is_none(env: Environment) -> None:
    with pytest.raises(ValueError, match="no cursor"):
        env.adapter().changes_since(json.dumps(["systemusers?$select=fullname", False, 1, 0]))
    assert isinstance(env.mock, responses.RequestsMock)
    assert len(env.mock.calls) == 0
