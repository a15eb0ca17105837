"""AutoChat's pages and its own JSON: what arrived is there, and a person can act."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flask_crm_sync.sandbox import Sandbox

from .conftest import AutoChatClient

NOTE = {"type": "note", "subject": "WhatsApp", "description": "Wants a quote", "occurred_at": "2026-09-20T10:00:00Z"}


def page(client: AutoChatClient, path: str, **options: Any) -> str:
    answer = client.session.get(f"{client.sandbox.url}/_sandbox/{path}", timeout=10, **options)
    assert answer.status_code == 200, answer.text
    return answer.text


def post(client: AutoChatClient, path: str, **form: str) -> Any:
    return client.session.post(f"{client.sandbox.url}/_sandbox/autochat/{path}", data=form, timeout=10)


@pytest.mark.parametrize("name", ["contacts", "notes", "webhooks", "switches"])
def test_a_page_names_itself_in_the_navigation_and_holds_no_script(client: AutoChatClient, name: str) -> None:
    shown = page(client, f"autochat/{name}")
    assert f'<a href="/_sandbox/autochat/{name}" aria-current="page">' in shown
    assert "<script" not in shown


def test_what_arrived_is_shown(client: AutoChatClient) -> None:
    made = client.create(last_name="Lovelace <b>")
    client.call("POST", f"/clients/{made}/activities", json=NOTE)
    assert "Lovelace &lt;b&gt;" in page(client, "autochat/contacts")
    assert "Wants a quote" in page(client, "autochat/notes")
    assert "Wants a quote" in page(client, f"autochat/contacts/{made}")
    overview = page(client, "")
    assert "<dt>clients</dt><dd>1</dd>" in overview
    assert '<td class="name">AutoChat CRM</td>' in overview


def test_a_person_creates_edits_and_deletes_through_forms(client: AutoChatClient) -> None:
    assert post(client, "contacts", company_name="Bikes", email="a@example.com").status_code == 200
    [made] = client.sandbox.autochat.contacts()
    assert "Graz" in post(client, f"contacts/{made['id']}", name="city", value="Graz").text
    assert post(client, f"contacts/{made['id']}/delete").status_code == 200
    assert client.sandbox.autochat.contacts()[0]["archived"] is True
    gone = client.session.get(f"{client.sandbox.url}/_sandbox/autochat/contacts/{made['id']}", timeout=10)
    assert (gone.status_code, "may have been deleted" in gone.text) == (404, True)
    assert post(client, "contacts", email="a@example.com").status_code == 400


def test_a_webhook_is_added_by_its_form_and_shows_its_secret_once(client: AutoChatClient) -> None:
    shown = post(client, "webhooks", url="http://127.0.0.1:9/hook").text
    [webhook] = client.sandbox.autochat.sender.listed("sandbox")
    assert webhook.secret in shown
    assert webhook.secret not in page(client, "autochat/webhooks")
    post(client, f"webhooks/{webhook.id}/remove")
    assert client.sandbox.autochat.sender.listed("sandbox") == []


def test_a_person_does_the_same_over_json(client: AutoChatClient) -> None:
    made = client.own("POST", "contacts", json={"properties": {"company_name": "Bikes"}}).json()["id"]
    assert client.own("PATCH", f"contacts/{made}", json={"properties": {"city": "Graz"}}).status_code == 200
    assert client.read(made)["city"] == "Graz"
    assert client.own("DELETE", f"contacts/{made}").status_code == 204
    assert client.call("GET", f"/clients/{made}").status_code == 404
    [row] = [json.loads(line) for line in client.own("GET", "contacts").text.splitlines()]
    assert (row["id"], row["archived"], row["properties"]) == (made, True, {"city": "Graz", "company_name": "Bikes"})
    assert client.own("GET", "figures").json()["records"] == 0
    assert client.own("GET", "contacts", params={"portal": "nobody"}).status_code == 404
    for body in ({}, {"portal_id": "x", "limit": 0}):
        assert client.own("POST", "portals", json=body).status_code == 400


def test_switches_are_saved_from_their_form(client: AutoChatClient) -> None:
    before = client.sandbox.autochat.dialect.as_dict()
    form = {name: str(value).lower() if isinstance(value, bool) else value for name, value in before.items()}
    assert post(client, "switches", **form).status_code == 200
    assert client.sandbox.autochat.dialect.as_dict() == before
    assert post(client, "switches", put="sideways").status_code == 400
    assert client.own("PATCH", "switches", json={"search_by": "email"}).json()["search_by"] == "email"


def test_emptying_one_crm_leaves_the_others_calls_and_records(client: AutoChatClient) -> None:
    client.create()
    client.sandbox.hubspot.add_contact({"email": "a@example.com"})
    client.session.get(f"{client.sandbox.url}/account-info/v3/details", timeout=10)
    post(client, "reset")
    assert client.sandbox.autochat.contacts() == []
    assert len(client.sandbox.hubspot.contacts()) == 1
    assert [call.crm for call in client.sandbox.calls.newest()] == ["hubspot"]
    assert (client.sandbox.calls.total, client.sandbox.calls.counts("autochat")) == (1, {})


def test_a_restarted_sandbox_knows_what_it_knew(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as sandbox:
        sandbox.autochat.add_workspace("other", "ac-other-key", ["clients:read"], per_minute=7)
        client = AutoChatClient(sandbox)
        made = client.create(email="a@example.com")
        client.call("POST", f"/clients/{made}/activities", json=NOTE)
        client.session.close()
    with Sandbox(tmp_path) as sandbox:
        assert [each["id"] for each in sandbox.autochat.contacts()] == [made]
        assert len(sandbox.autochat.notes()) == 1
        client = AutoChatClient(sandbox, "ac-other-key")
        assert client.call("GET", "/clients").headers["X-RateLimit-Limit"] == "7"
        client.session.close()
