"""Activities: where the CRM has them, and where it has not."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import AutoChatClient

NOTE = {
    "type": "note",
    "subject": "WhatsApp",
    "description": "Wants a quote",
    "occurred_at": "2026-09-20T10:00:00Z",
}


def test_an_activity_is_put_on_the_clients_timeline(client: AutoChatClient) -> None:
    owner = client.create()
    made = client.call("POST", f"/clients/{owner}/activities", json=NOTE)
    assert (made.status_code, made.json()["data"]["client_id"]) == (201, owner)
    [shown] = client.sandbox.autochat.notes()
    assert (shown["id"], shown["contacts"], shown["properties"]) == (made.json()["data"]["id"], [owner], NOTE)
    assert client.sandbox.autochat.contacts()[0]["notes"] == [shown["id"]]


def test_a_timeline_can_be_read_only_where_the_switch_says_so(client: AutoChatClient) -> None:
    owner = client.create()
    for text in ("first", "second"):
        client.call("POST", f"/clients/{owner}/activities", json={**NOTE, "description": text})
    assert client.call("GET", f"/clients/{owner}/activities").status_code == 405
    client.switch(activities_listed=True)
    listed = client.call("GET", f"/clients/{owner}/activities").json()["data"]
    assert [each["description"] for each in listed] == ["second", "first"]


def test_a_crm_without_activities_answers_404(client: AutoChatClient) -> None:
    owner = client.create()
    client.switch(activities=False)
    answer = client.call("POST", f"/clients/{owner}/activities", json=NOTE)
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "Resource not found")


@pytest.mark.parametrize("wrong", [{"description": ""}, {"type": None}, {"occurred_at": "soon"}, {"colour": "red"}])
def test_a_wrong_activity_is_refused(client: AutoChatClient, wrong: dict[str, Any]) -> None:
    answer = client.call("POST", f"/clients/{client.create()}/activities", json={**NOTE, **wrong})
    assert answer.status_code == 400
    assert client.sandbox.autochat.notes() == []


def test_nobody_has_no_timeline(client: AutoChatClient) -> None:
    assert client.call("POST", "/clients/nobody/activities", json=NOTE).json()["error"]["message"] == "Client not found"
