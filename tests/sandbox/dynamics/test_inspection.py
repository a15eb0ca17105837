"""The sandbox's own JSON and pages: what arrived, and a person's hands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flask_crm_sync.sandbox import Sandbox

from .client import Client

CONTACTS = "/_sandbox/dynamics/contacts"


def lines(client: Client, what: str) -> list[dict[str, Any]]:
    text = client.api("GET", what).text
    assert text.isascii()
    return [json.loads(line) for line in text.splitlines()]


def test_everything_that_arrived_is_listed(client: Client) -> None:
    contact = client.contact(lastname="Łovelace\u2028", emailaddress1="ada@example.com")
    note = client.note(contact, "Wants a quote")
    [row] = lines(client, "contacts")
    assert (row["id"], row["notes"], row["archived"]) == (contact, [note], False)
    assert row["properties"]["lastname"] == "Łovelace\u2028"
    assert row["createdAt"] == "2026-09-21T14:13:20Z"
    [kept] = lines(client, "notes")
    assert (kept["id"], kept["contacts"], kept["properties"]["notetext"]) == (note, [contact], "Wants a quote")


def test_figures_count_rows_and_calls(client: Client) -> None:
    client.note(client.contact(lastname="X"))
    figures = client.api("GET", "figures").json()
    assert (figures["records"], figures["notes"], figures["api_calls"]) == (1, 1, 2)
    assert figures["calls"] == {"POST /api/data/{version}/annotations": 1, "POST /api/data/{version}/contacts": 1}


def test_a_person_works_over_the_own_api(client: Client) -> None:
    properties = {"lastname": "Lovelace", "parentcustomerid": "Engines"}
    first = client.api("POST", "contacts", {"properties": properties}).json()["id"]
    other = client.api("POST", "contacts", {"properties": properties}).json()["id"]
    rows = lines(client, "contacts")
    assert {row["properties"]["parentcustomerid"] for row in rows} == {"Engines"}
    assert len({row["properties"]["_parentcustomerid_value"] for row in rows}) == 1
    assert client.api("PATCH", f"contacts/{first}", {"properties": {"telephone1": "1"}}).status_code == 200
    assert client.api("POST", "contacts/merge", {"primary": first, "other": other}).json() == {"id": first}
    assert client.api("DELETE", f"contacts/{other}").status_code == 204
    assert client.read(first)["telephone1"] == "1"
    wrong = client.api("PATCH", f"contacts/{first}", {"properties": {"firstname": "x" * 51}})
    assert wrong.status_code == 400
    assert client.api("PATCH", f"contacts/{other}", {"properties": {}}).status_code == 404
    assert client.api("POST", "contacts", {}).json() == {"error": "missing: 'properties'"}


def test_switches_and_environments_are_set_over_the_own_api(client: Client) -> None:
    assert client.api("PATCH", "switches", {"page_size": 2}).json()["page_size"] == 2
    assert client.api("PATCH", "switches", {"page_size": "two"}).status_code == 400
    made = client.api("POST", "portals", {"portal_id": "third", "tier": "standard", "token": "third-token"}).json()
    assert made["instance_url"] == "https://third.crm.dynamics.com"
    assert client.api("POST", "portals", {"portal_id": "no/name"}).status_code == 400
    assert client.api("POST", "portals", {"portal_id": "x", "tier": "no"}).status_code == 400
    client.data("POST", "contacts", {"lastname": "There"}, Authorization="Bearer third-token")
    assert client.api("GET", "figures?portal=third").json()["records"] == 1
    assert client.api("GET", "figures?portal=nowhere").status_code == 404
    client.api("POST", "reset?portal=third")
    assert client.api("GET", "figures?portal=third").json()["records"] == 0


@pytest.mark.parametrize("path", [CONTACTS, "/_sandbox/dynamics/notes", "/_sandbox/dynamics/switches", "/_sandbox/"])
def test_a_page_holds_no_script_and_nothing_that_acts(client: Client, path: str) -> None:
    contact = client.contact(lastname="<script>alert(1)</script>")
    client.note(contact, "<img src=x onerror=alert(1)>")
    answer = client.call("GET", path)
    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert "<img" not in answer.text
    assert "default-src 'none'; style-src 'self'" in answer.headers["Content-Security-Policy"]


def test_a_person_works_on_the_pages(client: Client) -> None:
    form = {"emailaddress1": "ada@example.com", "lastname": "Lovelace", "telephone1": ""}
    page = client.call("POST", CONTACTS, data=form)
    first = page.url.split("/")[-1].split("?")[0]
    assert "Lovelace" in page.text
    other = client.contact(lastname="Other")
    client.note(other, "Wants a quote")
    client.call("POST", f"{CONTACTS}/{first}", data={"name": "telephone1", "value": "5"})
    assert client.read(first)["telephone1"] == "5"
    assert "read-only" in client.call("POST", f"{CONTACTS}/{other}/state", data={"active": "no"}).text
    assert client.read(other)["statecode"] == 1
    client.call("POST", f"{CONTACTS}/{other}/state", data={"active": "yes"})
    merged = client.call("POST", "/_sandbox/dynamics/merge", data={"primary": first, "other": other})
    assert "Wants a quote" in merged.text
    assert "Merged into" in client.call("GET", f"{CONTACTS}/{other}").text
    assert (
        client.call("GET", f"/main.aspx?etn=contact&pagetype=entityrecord&id={first}").url.split("?")[0].endswith(first)
    )
    client.call("POST", f"{CONTACTS}/{first}/delete")
    assert client.call("GET", f"{CONTACTS}/{first}").status_code == 404
    wrong = client.call("POST", CONTACTS, data={"lastname": "x" * 51})
    assert wrong.status_code == 400
    assert "exceeded the maximum allowed length" in wrong.text


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as first:
        before = Client(first)
        contact = before.contact(lastname="Lovelace", emailaddress1="ada@example.com")
        tag = before.read(contact)["@odata.etag"]
        before.close()
    with Sandbox(tmp_path) as again:
        after = Client(again)
        assert after.read(contact)["@odata.etag"] == tag
        assert after.found("emailaddress1 eq 'ada@example.com'") == ["Lovelace"]
        after.data("PATCH", f"contacts({contact})", {"lastname": "King"})
        assert after.read(contact)["@odata.etag"] > tag
        after.close()
