"""The JSON interface beside the vendor's: figures, everything that arrived, a person's hands, clock, switches."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flask_crm_sync.sandbox import Sandbox
from flask_crm_sync.sandbox.calls import CallLog

from .client import KEY, Client, row

API = "/_sandbox/api/hubspot"


def lines(client: Client, what: str, **params: str) -> list[dict[str, Any]]:
    answer = client.call("GET", f"{API}/{what}", params=params)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_figures_count_records_notes_and_calls_by_template(client: Client) -> None:
    contact = client.contact(firstname="Ada")
    client.note(contact)
    client.objects("GET", f"contacts/{contact}")
    client.objects("GET", "contacts/999")
    assert client.call("GET", f"{API}/figures").json() == {
        "records": 1,
        "notes": 1,
        "api_calls": 4,
        "calls": {
            "GET /crm/objects/2026-09/contacts/{record_id}": 2,
            "POST /crm/objects/2026-09/contacts": 1,
            "POST /crm/objects/2026-09/notes": 1,
        },
    }


def test_figures_are_per_portal(client: Client, client_for: Callable[..., Client]) -> None:
    body = {"portal_id": 99, "token": "pat-na1-other", "scopes": ["crm.objects.contacts.write"], "tier": "free"}
    assert client.call("POST", f"{API}/portals", json=body).status_code == 201
    other = client_for(token="pat-na1-other")
    other.contact(firstname="Ada")
    assert other.objects("GET", "contacts").status_code == 403
    assert client.call("GET", f"{API}/figures", params={"portal": "99"}).json()["api_calls"] == 2
    assert client.call("GET", f"{API}/figures").json()["api_calls"] == 0
    assert client.call("GET", f"{API}/figures", params={"portal": "404404"}).status_code == 404


def test_everything_is_listed_archived_or_not(client: Client) -> None:
    for start in range(0, 1200, 100):
        rows = [row(email=f"p{number}@example.com", firstname="A\u2028B") for number in range(start, start + 100)]
        client.batch("contacts", "create", rows)
    first = lines(client, "contacts")[0]
    note = client.note(first["id"])
    client.objects("DELETE", f"contacts/{first['id']}")
    listed = lines(client, "contacts")
    assert len({each["id"] for each in listed}) == 1200
    assert [each["archived"] for each in listed].count(True) == 1
    assert listed[0]["notes"] == [note]
    [shown] = lines(client, "notes")
    assert (shown["id"], shown["contacts"], shown["properties"]["hs_note_body"]) == (note, [], "Hello")


def test_a_person_may_do_everything_the_pages_offer(client: Client) -> None:
    made = client.call("POST", f"{API}/contacts", json={"properties": {"email": "a@example.com"}})
    contact = made.json()["id"]
    assert made.status_code == 201
    client.call("PATCH", f"{API}/contacts/{contact}", json={"properties": {"phone": "5"}})
    other = client.contact(email="b@example.com")
    merged = client.call("POST", f"{API}/contacts/merge", json={"primary": contact, "other": other}).json()["id"]
    assert client.read(other, "phone")["properties"]["phone"] == "5"
    assert client.call("DELETE", f"{API}/contacts/{merged}").status_code == 204
    assert client.objects("GET", f"contacts/{merged}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "contacts", {}, 400),
        ("POST", "contacts", {"properties": {"email": "nonsense"}}, 400),
        ("POST", "contacts", [1], 400),
        ("PATCH", "contacts/999", {"properties": {"city": "X"}}, 404),
        ("DELETE", "contacts/999", None, 404),
        ("POST", "portals", {"portal_id": "x"}, 400),
        ("POST", "portals", {"portal_id": 1, "tier": "gold"}, 400),
        ("PATCH", "switches", {"colour": "red"}, 400),
        ("PATCH", "switches", {"shuffle_results": "yes"}, 400),
        ("PATCH", "switches", {"unique_note_properties": "perhaps"}, 400),
        ("POST", "clock", {"set": "noon"}, 400),
    ],
)
def test_a_wrong_call_is_refused_with_a_reason(client: Client, method: str, path: str, body: Any, status: int) -> None:
    answer = client.call(method, f"{API}/{path}", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()


def test_switches_are_read_and_changed_together_or_not_at_all(client: Client) -> None:
    assert client.call("GET", f"{API}/switches").json() == client.sandbox.hubspot.dialect.as_dict()
    changed = client.call("PATCH", f"{API}/switches", json={"search_lag_ms": 0, "repeat_trace_ids": True}).json()
    assert (changed["search_lag_ms"], changed["repeat_trace_ids"]) == (0, True)
    client.call("PATCH", f"{API}/switches", json={"search_lag_ms": 9, "no_such": 1})
    assert client.sandbox.hubspot.dialect.search_lag_ms == 0


def test_the_clock_is_moved_over_http(client: Client) -> None:
    assert client.call("POST", f"{API}/clock", json={"advance": 60}).json() == {"now": "2026-09-21T14:14:20.000Z"}
    assert client.call("POST", f"{API}/clock", json={"set": "2030-01-01T00:00:00Z"}).json()["now"].startswith("2030")


def test_calls_are_listed_newest_first_with_what_they_carried(client: Client) -> None:
    client.batch("contacts", "create", [row(firstname="A"), row(firstname="B")])
    client.objects("GET", "contacts", params={"limit": "1"})
    listed = client.call("GET", f"{API}/calls").json()
    assert (listed["total"], listed["kept"]) == (2, 2)
    newest, oldest = listed["calls"]
    assert (newest["method"], newest["path"], newest["status"]) == ("GET", "/crm/objects/2026-09/contacts?limit=1", 200)
    assert (oldest["items"], oldest["portal"], oldest["number"]) == (2, "1234567", 1)


def test_the_log_keeps_the_newest_and_counts_all() -> None:
    log = CallLog(kept=3)
    for number in range(10):
        log.add(
            at_ms=number,
            crm="hubspot",
            portal=1,
            method="GET",
            path="/",
            template="/",
            status=200,
            ms=1.0,
            items=1,
            note="",
        )
    assert [each.at_ms for each in log.newest()] == [9, 8, 7]
    assert (log.total, log.kept, log.counts("hubspot")) == (10, 3, {"GET /": 10})


def test_resetting_one_portal_leaves_the_other(client: Client, client_for: Callable[..., Client]) -> None:
    client.sandbox.hubspot.add_portal(99, "pat-na1-other")
    other = client_for(token="pat-na1-other")
    client.contact(firstname="A")
    client.make_key()
    other.contact(firstname="B")
    assert client.call("POST", f"{API}/reset", params={"portal": "1234567"}).status_code == 204
    assert (lines(client, "contacts"), len(lines(client, "contacts", portal="99"))) == ([], 1)
    assert client.properties("GET", f"contacts/{KEY}").status_code == 404


def test_a_restarted_sandbox_knows_what_it_knew(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as sandbox, Client(sandbox) as client:
        sandbox.hubspot.add_portal(99, "pat-na1-other", ["crm.objects.contacts.read"])
        client.make_key()
        first = client.contact(email="a@example.com", **{KEY: "k1"})
        note = client.note(first)
        merged = sandbox.hubspot.merge_contacts(first, client.contact(email="b@example.com"))
        authority = sandbox.ca_file.read_bytes()
    with Sandbox(tmp_path) as sandbox, Client(sandbox) as client:
        assert sandbox.ca_file.read_bytes() == authority
        assert client.read(first)["id"] == merged
        assert client.objects("GET", "contacts/k1", params={"idProperty": KEY}).json()["id"] == merged
        assert [each["id"] for each in sandbox.hubspot.notes()] == [note]
        assert client.make_key().status_code == 409
        assert int(client.contact(firstname="new")) > int(merged)
        with Client(sandbox, token="pat-na1-other") as other:
            assert other.objects("GET", "contacts").status_code == 200
