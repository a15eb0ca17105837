"""Change tracking: everything once, then changes and deletions, in small pages, until the token is too old."""

from __future__ import annotations

from typing import Any

import pytest

from .client import API, Client

TRACK = "odata.track-changes"
DAY = 86_400


def passed(client: Client, link: str, prefer: str) -> tuple[list[dict[str, Any]], str, int]:
    """Follow a pass to its end; return its entries, its delta link, and how many pages it had."""
    entries: list[dict[str, Any]] = []
    pages = 0
    while True:
        answer = client.data("GET", link.removeprefix(client.sandbox.url + API), Prefer=prefer)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        entries, pages = entries + body["value"], pages + 1
        if "@odata.deltaLink" in body:
            assert "@odata.nextLink" not in body
            return entries, body["@odata.deltaLink"], pages
        link = body["@odata.nextLink"]


def first_pass(client: Client) -> str:
    return passed(client, "contacts?$select=lastname", TRACK)[1]


def test_the_first_pass_tells_everything_and_no_deletions(client: Client) -> None:
    gone = client.contact(lastname="Gone")
    for number in range(5):
        client.contact(lastname=f"Number {number}")
    client.data("DELETE", f"contacts({gone})")
    entries, link, pages = passed(client, "contacts?$select=lastname", f"{TRACK},odata.maxpagesize=2")
    assert {entry["lastname"] for entry in entries} == {f"Number {n}" for n in range(5)}
    assert pages == 3
    assert "$deltatoken=" in link


def test_a_later_pass_tells_changes_and_deletions_in_pages(client: Client) -> None:
    ids = [client.contact(lastname=f"Number {number}") for number in range(4)]
    link = first_pass(client)
    assert passed(client, link, "")[0] == []
    client.data("PATCH", f"contacts({ids[0]})", {"lastname": "Changed"})
    client.data("DELETE", f"contacts({ids[1]})")
    made = client.contact(lastname="New")
    entries, after, pages = passed(client, link, "odata.maxpagesize=1")
    assert pages == 3
    told = {entry.get("contactid") or entry["id"]: entry.get("lastname") or entry["reason"] for entry in entries}
    assert told == {ids[0]: "Changed", ids[1]: "deleted", made: "New"}
    [deletion] = [entry for entry in entries if "reason" in entry]
    assert deletion["@odata.context"].endswith("/$metadata#contacts/$deletedEntity")
    assert passed(client, after, "")[0] == []


def test_what_changes_during_a_pass_is_told_by_the_next(client: Client) -> None:
    ids = [client.contact(lastname=f"Number {number}") for number in range(3)]
    first = client.data("GET", "contacts?$select=lastname", Prefer=f"{TRACK},odata.maxpagesize=1").json()
    client.data("PATCH", f"contacts({ids[0]})", {"lastname": "Meanwhile"})
    rest, link, _ = passed(client, first["@odata.nextLink"], "odata.maxpagesize=1")
    assert [entry["lastname"] for entry in rest] == ["Number 1", "Number 2"]
    assert [entry["lastname"] for entry in passed(client, link, "")[0]] == ["Meanwhile"]


def test_a_recreated_row_is_a_change_and_no_deletion(client: Client) -> None:
    made = client.contact(lastname="First")
    link = first_pass(client)
    client.data("DELETE", f"contacts({made})")
    client.data("PATCH", f"contacts({made})", {"lastname": "Again"})
    assert [entry.get("lastname") for entry in passed(client, link, "")[0]] == ["Again"]


def test_a_token_lives_for_a_week(client: Client) -> None:
    link = first_pass(client).removeprefix(client.sandbox.url + API)
    client.sandbox.clock.advance(7 * DAY)
    assert client.data("GET", link).status_code == 200
    client.sandbox.clock.advance(1)
    answer = client.data("GET", link)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "0x80044352")


@pytest.mark.parametrize("option", ["$filter=statecode eq 0", "$orderby=lastname", "$top=5", "$deltatoken=forged"])
def test_an_option_that_tracking_does_not_take_is_refused(client: Client, option: str) -> None:
    assert client.data("GET", f"contacts?{option}", Prefer=TRACK).status_code == 400


def test_tracking_is_refused_where_it_is_off(client: Client) -> None:
    client.sandbox.dynamics.dialect.change({"change_tracking": False})
    answer = client.data("GET", "contacts?$select=lastname", Prefer=TRACK)
    assert answer.status_code == 400
    assert "change tracking" in answer.json()["error"]["message"]
    definition = client.data("GET", "EntityDefinitions(LogicalName='contact')?$select=ChangeTrackingEnabled").json()
    assert definition["ChangeTrackingEnabled"] is False


def test_a_restored_contact_has_its_id_its_values_and_its_notes_and_shows_as_changed(client: Client) -> None:
    contact = client.contact(lastname="Lee")
    note = client.note(contact)
    link = first_pass(client)
    client.data("DELETE", f"contacts({contact})")
    assert client.api("POST", f"contacts/{contact}/restore").status_code == 204
    (entry,) = passed(client, link, "")[0]
    assert (entry["contactid"], entry["lastname"]) == (contact, "Lee")
    assert client.data("GET", f"annotations({note})").status_code == 200
    assert client.api("POST", f"contacts/{contact}/restore").status_code == 404
