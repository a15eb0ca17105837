"""The sandbox's own JSON and pages for Salesforce."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flask_crm_sync.sandbox import Sandbox

from .conftest import KEY, ORG, OTHER_ORG, TOKEN, SalesforceClient

CONTACTS = "/_sandbox/salesforce/contacts"


def lines(client: SalesforceClient, what: str, **params: str) -> list[dict[str, Any]]:
    answer = client.own("GET", what, params=params)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def page(client: SalesforceClient, path: str, **params: str) -> str:
    answer = client.at("GET", path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_figures_count_people_tasks_and_calls(client: SalesforceClient) -> None:
    lead = client.create()
    client.create("Contact")
    client.create("Task", WhoId=lead)
    client.salesforce.convert_lead(lead)
    assert client.own("GET", "figures").json() == {
        "records": 2,
        "notes": 1,
        "api_calls": 3,
        "calls": {
            "POST /services/data/v{version}/sobjects/Contact": 1,
            "POST /services/data/v{version}/sobjects/Lead": 1,
            "POST /services/data/v{version}/sobjects/Task": 1,
        },
    }


def test_everything_is_listed_with_its_type(client: SalesforceClient) -> None:
    lead, contact = client.create(Email="a@example.com", **{KEY: "k1"}), client.create("Contact")
    task = client.create("Task", WhoId=lead, Subject="Web chat")
    client.call("DELETE", f"/sobjects/Contact/{contact}")
    first, second = lines(client, "contacts")
    assert (first["id"], first["type"], first["notes"], first["archived"]) == (lead, "Lead", [task], False)
    assert first["properties"].items() >= {"Email": "a@example.com", KEY: "k1"}.items()
    assert (second["type"], second["archived"]) == ("Contact", True)
    assert first["createdAt"] == "2026-09-21T14:13:20.000Z"
    [note] = lines(client, "notes")
    assert (note["contacts"], note["properties"]["Subject"]) == ([lead], "Web chat")


def test_a_converted_lead_counts_as_archived(client: SalesforceClient) -> None:
    client.salesforce.convert_lead(client.create())
    assert [(row["type"], row["archived"]) for row in lines(client, "contacts")] == [("Lead", True), ("Contact", False)]


def test_a_person_creates_leads_unless_told_otherwise(client: SalesforceClient) -> None:
    lead = client.own("POST", "contacts", json={"properties": {"LastName": "x", "Company": "y"}})
    contact = client.own("POST", "contacts", json={"type": "Contact", "properties": {"LastName": "x"}})
    assert (lead.status_code, lead.json()["id"][:3], contact.json()["id"][:3]) == (201, "00Q", "003")
    for body, status in (
        ({"properties": {}}, 400),
        ({}, 400),
        ({"type": "Task", "properties": {}}, 400),
    ):
        assert client.own("POST", "contacts", json=body).status_code == status
    assert client.own("PATCH", "contacts/00Q5g00000AAAAA", json={"properties": {}}).status_code == 404


def test_orgs_are_added_with_a_session_and_settings(client: SalesforceClient) -> None:
    body = {"portal_id": OTHER_ORG, "token": "t2", "name": "Other", "settings": {"key_field_on": []}}
    made = client.own("POST", "portals", json=body)
    assert (made.status_code, made.json()["instance"]) == (201, "https://5g0000others.my.salesforce.com")
    assert client.own("GET", "figures", params={"portal": OTHER_ORG}).status_code == 200
    assert client.own("GET", "figures", params={"portal": "00D000000000000"}).status_code == 404
    assert client.own("POST", "portals", json={"portal_id": "short"}).status_code == 400
    assert client.own("GET", "org", params={"portal": "00D5g000004Sandbox"}).json()["portal_id"] == ORG


def test_resetting_one_org_leaves_the_other(client: SalesforceClient, other: SalesforceClient) -> None:
    client.create()
    other.create()
    client.settle(key_field_on=[])
    assert client.own("POST", "reset", params={"portal": ORG}).status_code == 204
    assert (len(client.salesforce.contacts()), len(client.salesforce.contacts(OTHER_ORG))) == (0, 1)
    assert client.create(**{KEY: "k1"})


def test_switches_are_read_and_changed(client: SalesforceClient) -> None:
    assert client.own("PATCH", "switches", json={"page_size": 5}).json()["page_size"] == 5
    assert client.own("PATCH", "switches", json={"duplicate_rule": "perhaps"}).status_code == 400
    assert "duplicate_rule" in page(client, "/_sandbox/salesforce/switches")


def test_a_restarted_sandbox_knows_what_it_knew(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as sandbox:
        sandbox.salesforce.add_portal(token=TOKEN, settings={"daily_requests": 7})
        client = SalesforceClient(sandbox)
        lead = client.create(**{KEY: "k1"})
        refresh = client.traded()["refresh_token"]
    with Sandbox(tmp_path) as sandbox:
        client = SalesforceClient(sandbox)
        assert client.call("GET", f"/sobjects/Lead/{KEY}/k1").json()["Id"] == lead
        assert client.create() > lead
        assert client.refresh(refresh).status_code == 200
        assert client.call("GET", "/limits").json()["DailyApiRequests"]["Max"] == 7


def test_pages_show_what_arrived(client: SalesforceClient) -> None:
    lead = client.create(FirstName="Ada", Phone="+43 1 1")
    client.create("Task", WhoId=lead, Subject="Web chat", Description="Wants a quote")
    contact = client.create("Contact", LastName="Lovelace")
    assert "Ada" in page(client, CONTACTS)
    assert "Lovelace" in page(client, CONTACTS, type="Contact")
    assert "Wants a quote" in page(client, "/_sandbox/salesforce/notes")
    assert "Wants a quote" in page(client, f"{CONTACTS}/{lead}")
    assert "Lovelace" in page(client, f"/lightning/r/Contact/{contact}/view")
    assert "Salesforce" in page(client, "/_sandbox/")
    assert client.at("GET", f"{CONTACTS}/nobody").status_code == 404


def test_values_cannot_act_on_a_page(client: SalesforceClient) -> None:
    evil = '<img src=x onerror="alert(1)">'
    lead = client.create(FirstName="<img src=x>", Company=evil)
    client.create("Task", WhoId=lead, Subject=evil, Description=evil)
    for path in (CONTACTS, f"{CONTACTS}/{lead}", "/_sandbox/salesforce/notes"):
        assert "<img" not in page(client, path)


def test_a_person_works_on_the_pages(client: SalesforceClient) -> None:
    made = client.at("POST", CONTACTS, data={"type": "Lead", "LastName": "x", "Company": "y", "Phone": ""})
    lead = made.url.split("/")[-1].split("?")[0]
    client.at("POST", f"{CONTACTS}/{lead}", data={"name": "Phone", "value": "5"})
    assert client.read("Lead", lead, "Phone")["Phone"] == "5"
    contact = client.at("POST", f"{CONTACTS}/{lead}/convert").url.split("/")[-1].split("?")[0]
    assert f"contact {contact}" in page(client, f"{CONTACTS}/{lead}")
    other = client.create("Contact")
    client.at("POST", "/_sandbox/salesforce/merge", data={"primary": contact, "other": other})
    assert f'Merged into <a href="{CONTACTS}/{contact}' in page(client, f"{CONTACTS}/{other}")
    client.at("POST", f"{CONTACTS}/{contact}/delete")
    assert client.error("GET", f"/sobjects/Contact/{contact}")[0] == 404


def test_a_persons_mistake_is_explained(client: SalesforceClient) -> None:
    wrong = client.at("POST", CONTACTS, data={"type": "Lead", "FirstName": "x"})
    assert wrong.status_code == 400
    assert "Required fields are missing: [LastName, Company]" in wrong.text


def test_an_administrator_works_on_the_page(client: SalesforceClient) -> None:
    client.at("POST", "/_sandbox/salesforce/org", data={"key_field_on": ["Lead"], "daily_requests": "50"})
    settings = client.own("GET", "org").json()["settings"]
    assert (settings["key_field_on"], settings["daily_requests"]) == (["Lead"], 50)
    client.at("POST", "/_sandbox/salesforce/expire")
    assert client.call("GET", "/limits").status_code == 401


@pytest.mark.parametrize("kind", ["Lead", "Contact"])
def test_lists_are_paged(client: SalesforceClient, kind: str) -> None:
    client.many("POST", "", *[{"LastName": "x", **({"Company": "y"} if kind == "Lead" else {})}] * 60, kind=kind)
    assert 'rel="next"' in page(client, CONTACTS, type=kind)
    assert 'rel="next"' not in page(client, CONTACTS, type=kind, page="2")
