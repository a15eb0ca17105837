"""The pages for people: what arrived is on them, forms work, nothing a record holds can act on the page."""

from __future__ import annotations

import re

import pytest

from flask_crm_sync.sandbox.faults import KINDS

from .client import Client

CONTACTS = "/_sandbox/hubspot/contacts"
PAGES = (
    "/_sandbox/",
    CONTACTS,
    "/_sandbox/hubspot/notes",
    "/_sandbox/calls",
    "/_sandbox/faults",
    "/_sandbox/hubspot/switches",
)


def page(client: Client, path: str, **params: str) -> str:
    answer = client.call("GET", path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("path", PAGES)
def test_a_page_names_itself_in_the_navigation_and_holds_no_script(client: Client, path: str) -> None:
    answer = client.call("GET", path)
    assert f'<a href="{path}" aria-current="page">' in answer.text
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    assert "default-src 'none'; style-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_root_leads_to_the_overview(client: Client) -> None:
    assert client.call("GET", "/").url.endswith("/_sandbox/")
    assert client.call("GET", "/_sandbox/style.css").headers["Content-Type"].startswith("text/css")


def test_every_link_of_the_overview_leads_somewhere(client: Client) -> None:
    links = set(re.findall(r'href="(/_sandbox/[^"?]*)"', page(client, "/_sandbox/")))
    names = {crm.name for crm in client.sandbox.crms}
    assert {link.split("/")[2] for link in links if link.count("/") == 3} >= names
    assert {link: client.call("GET", link).status_code for link in links} == dict.fromkeys(links, 200)


def test_what_arrived_is_shown(client: Client) -> None:
    contact = client.contact(email="ada@example.com", firstname="Ada", lastname="Lovelace", phone="+43 1 1")
    client.note(contact, body="Wants a quote")
    assert "Lovelace" in page(client, CONTACTS)
    assert "Wants a quote" in page(client, "/_sandbox/hubspot/notes")
    shown = page(client, f"{CONTACTS}/{contact}")
    assert "Wants a quote" in shown
    assert "+43 1 1" in shown
    assert "POST /crm/objects/2026-09/contacts" in page(client, "/_sandbox/calls")
    assert re.search(r"<dt>contacts</dt><dd>1</dd>", page(client, "/_sandbox/"))


def test_a_record_link_leads_to_the_contacts_page(client: Client) -> None:
    contact = client.contact(firstname="Ada")
    details = client.call("GET", "/account-info/2026-09/details").json()
    link = f"/contacts/{details['portalId']}/record/0-1/{contact}"
    assert details["uiDomain"] in client.sandbox.url
    assert client.call("GET", link).url.endswith(f"{CONTACTS}/{contact}?portal=1234567")


def test_values_cannot_act_on_a_page(client: Client) -> None:
    evil = '<img src=x onerror="alert(1)">'
    contact = client.contact(firstname=evil)
    client.note(contact, body=evil)
    client.sandbox.faults.add("hubspot", "locked", path=evil)
    for path in (*PAGES, f"{CONTACTS}/{contact}"):
        assert "<img" not in page(client, path)


def test_lists_are_paged_and_follow_only_on_their_first_page(client: Client) -> None:
    for start in (0, 100):
        rows = [{"properties": {"firstname": f"P{number}"}} for number in range(start, start + 60)]
        client.batch("contacts", "create", rows)
    assert 'rel="next"' in page(client, CONTACTS)
    last = page(client, CONTACTS, page="3")
    assert ('rel="prev"' in last, 'rel="next"' in last) == (True, False)
    assert 'http-equiv="refresh"' in page(client, CONTACTS)
    assert 'http-equiv="refresh"' not in last
    assert 'http-equiv="refresh"' not in page(client, CONTACTS, live="0")


def test_a_missing_contact_is_a_404_with_a_sentence(client: Client) -> None:
    answer = client.call("GET", f"{CONTACTS}/999")
    assert answer.status_code == 404
    assert "There is no contact 999" in answer.text


def test_a_person_creates_edits_merges_and_deletes(client: Client) -> None:
    first = client.call("POST", CONTACTS, data={"email": "a@example.com", "phone": ""}).url.split("/")[-1].split("?")[0]
    second = client.contact(email="b@example.com")
    client.call("POST", f"{CONTACTS}/{first}", data={"name": "phone", "value": "5"})
    assert client.read(first, "phone")["properties"]["phone"] == "5"
    merged = client.call("POST", "/_sandbox/hubspot/merge", data={"primary": first, "other": second})
    survivor = client.read(first)["id"]
    assert f"{CONTACTS}/{survivor}" in merged.url
    assert f"{second} was merged into this contact" in page(client, f"{CONTACTS}/{second}")
    client.call("POST", f"{CONTACTS}/{survivor}/delete")
    assert client.objects("GET", f"contacts/{survivor}").status_code == 404


def test_a_persons_mistake_is_explained_on_the_page(client: Client) -> None:
    client.contact(email="a@example.com")
    answer = client.call("POST", CONTACTS, data={"email": "a@example.com"})
    assert answer.status_code == 409
    assert "Contact already exists" in answer.text
    merge = client.call("POST", "/_sandbox/hubspot/merge", data={"primary": "1", "other": "2"})
    assert merge.status_code == 404


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_is_added_by_its_form_as_it_stands(client: Client, kind: str) -> None:
    shown = page(client, "/_sandbox/faults")
    form = re.search(rf'<input type="hidden" name="kind" value="{kind}">(.*?)</form>', shown, re.S)
    assert form is not None
    fields = dict(re.findall(r'<input id="[^"]+"(?: type="number")?[^>]*? name="([^"]+)" value="([^"]*)"', form[1]))
    selects = re.findall(r'<select [^>]*name="([^"]+)">(?:<option(?: value="([^"]*)")?[^>]*>([^<]*)</option>)', form[1])
    fields |= {name: value or ("" if text == "any" else text) for name, value, text in selects}
    answer = client.call("POST", "/_sandbox/faults", data={"kind": kind, "crm": "hubspot", **fields})
    assert answer.status_code == 200, answer.text
    [fault] = client.sandbox.faults.listed()
    assert (fault.kind, fault.params) == (kind, dict(KINDS[kind].params))


def test_a_fault_is_removed_by_its_button(client: Client) -> None:
    made = client.sandbox.faults.add("hubspot", "locked")
    client.sandbox.faults.add("hubspot", "moving")
    client.call("POST", f"/_sandbox/faults/{made.id}/remove")
    assert [each.kind for each in client.sandbox.faults.listed()] == ["moving"]
    client.call("POST", "/_sandbox/faults/clear")
    assert client.sandbox.faults.listed() == []


def test_a_wrong_fault_form_is_explained_and_stays_open(client: Client) -> None:
    answer = client.call("POST", "/_sandbox/faults", data={"kind": "latency", "params.ms": "soon"})
    assert answer.status_code == 400
    assert "ms must be of type int" in answer.text
    assert "<details open><summary>latency" in answer.text


def test_switches_are_shown_and_saved_as_their_form_sends_them(client: Client) -> None:
    before = client.sandbox.hubspot.dialect.as_dict()
    form = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in before.items()}
    assert client.call("POST", "/_sandbox/hubspot/switches", data=form).status_code == 200
    assert client.sandbox.hubspot.dialect.as_dict() == before
    client.call("POST", "/_sandbox/hubspot/switches", data={**form, "shuffle_results": "false", "search_lag_ms": "5"})
    assert client.sandbox.hubspot.dialect.shuffle_results is False
    assert re.search(r"<option selected>false</option>", page(client, "/_sandbox/hubspot/switches"))
    wrong = client.call("POST", "/_sandbox/hubspot/switches", data={"search_lag_ms": "soon"})
    assert wrong.status_code == 400


def test_emptying_leaves_nothing(client: Client) -> None:
    client.note(client.contact(firstname="Ada"))
    client.call("POST", "/_sandbox/hubspot/reset")
    assert (client.sandbox.hubspot.contacts(), client.sandbox.hubspot.notes()) == ([], [])
