"""Clients: created, read, replaced, changed, listed, found; and refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from .conftest import BASE, AutoChatClient

ADA = {"first_name": "Ada", "last_name": "Lovelace", "email": "Ada@example.com", "phone": "+43 1 234", "city": "Graz"}


def test_a_client_is_created_and_read_under_a_uuid(client: AutoChatClient) -> None:
    made = client.call("POST", "/clients", json={**ADA, "company_name": "Northwind Bikes"})
    assert made.status_code == 201
    shown = made.json()["data"]
    assert str(UUID(shown["id"])) == shown["id"]
    assert {name: shown[name] for name in ADA} == ADA
    assert (shown["state"], shown["created_at"]) == (None, "2026-09-21T14:13:20.000Z")
    assert client.read(shown["id"]) == shown


@pytest.mark.parametrize(("semantics", "city"), [("replace", None), ("merge", "Graz")])
def test_put_empties_what_it_leaves_out_or_keeps_it_as_the_switch_says(
    client: AutoChatClient, semantics: str, city: str | None
) -> None:
    client.switch(put=semantics)
    made = client.create(**ADA)
    put = client.call("PUT", f"/clients/{made}", json={"company_name": "Northwind Bikes", "phone": "5"})
    assert (put.status_code, put.json()["data"]["phone"], put.json()["data"]["city"]) == (200, "5", city)


def test_the_whole_client_may_be_sent_back_with_what_autochat_sets_itself(client: AutoChatClient) -> None:
    before = client.read(client.create(**ADA))
    client.sandbox.clock.advance(5)
    put = client.call("PUT", f"/clients/{before['id']}", json={**before, "phone": "5", "id": "x", "created_at": "y"})
    after = put.json()["data"]
    assert after == {**before, "phone": "5", "updated_at": "2026-09-21T14:13:25.000Z"}


def test_patch_changes_what_it_names_and_can_be_switched_off(client: AutoChatClient) -> None:
    made = client.create(**ADA)
    patched = client.call("PATCH", f"/clients/{made}", json={"phone": "5", "city": ""})
    assert patched.json()["data"] | {"phone": "5", "city": None, "first_name": "Ada"} == patched.json()["data"]
    client.switch(patch_taken=False)
    assert client.call("PATCH", f"/clients/{made}", json={"phone": "6"}).status_code == 405
    assert client.read(made)["phone"] == "5"


def emails(client: AutoChatClient, **query: str) -> list[str]:
    answer = client.call("GET", "/clients", params=query)
    assert answer.status_code == 200, answer.text
    return [each["email"] for each in answer.json()["data"]]


def test_a_parameter_that_nobody_knows_returns_everybody(client: AutoChatClient) -> None:
    client.create(email="a@example.com")
    client.create(email="b@example.com")
    assert emails(client, email="a@example.com") == ["b@example.com", "a@example.com"]
    client.switch(search_by="email")
    assert emails(client, email="A@Example.com") == ["a@example.com"]
    assert emails(client, phone="1") == ["b@example.com", "a@example.com"]


def test_a_loose_search_returns_more_than_was_meant(client: AutoChatClient) -> None:
    client.create(email="a@example.com")
    client.create(email="anna@example.com")
    client.switch(search_by="email_and_phone")
    assert emails(client, email="a@example.com") == ["anna@example.com", "a@example.com"]
    client.switch(search_is_loose=False)
    assert emails(client, email="a@example.com") == ["a@example.com"]


def test_lists_come_in_pages(client: AutoChatClient) -> None:
    for number in range(5):
        client.create(email=f"p{number}@example.com")
    first = client.call("GET", "/clients", params={"limit": "2"}).json()
    assert first["pagination"] == {"page": 1, "limit": 2, "total": 5}
    pages = [emails(client, limit="2", page=str(page)) for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert len({email for page in pages for email in page}) == 5
    client.switch(paging_shown=False)
    assert set(client.call("GET", "/clients").json()) == {"data"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/clients", {"first_name": "Ada"}, 400, "VALIDATION_ERROR"),
        ("POST", "/clients", {"company_name": "A", "email": "nonsense"}, 400, "VALIDATION_ERROR"),
        ("POST", "/clients", {"company_name": "A", "phone": 5}, 400, "VALIDATION_ERROR"),
        ("POST", "/clients", {"company_name": "A" * 256}, 400, "VALIDATION_ERROR"),
        ("POST", "/clients", {"company_name": "A", "shoe_size": "44"}, 400, "VALIDATION_ERROR"),
        ("POST", "/clients", [1], 400, "INVALID_JSON"),
        ("GET", "/clients/6f1d2c3b-0a4e-4d5f-8a6b-7c8d9e0f1a2b", None, 404, "NOT_FOUND"),
        ("PUT", "/clients/nobody", {"company_name": "A"}, 404, "NOT_FOUND"),
        ("GET", "/clients?limit=101", None, 400, "VALIDATION_ERROR"),
        ("GET", "/clients?page=0", None, 400, "VALIDATION_ERROR"),
        ("DELETE", "/clients/x", None, 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/invoices", None, 404, "NOT_FOUND"),
    ],
)
def test_a_wrong_call_is_refused_in_the_error_envelope(
    client: AutoChatClient, method: str, path: str, body: Any, status: int, code: str
) -> None:
    answer = client.call(method, path, json=body)
    assert (answer.status_code, set(answer.json())) == (status, {"error"})
    assert answer.json()["error"]["code"] == code
    assert set(answer.json()["error"]) == {"message", "code"}


def test_a_body_that_is_no_json_is_refused(client: AutoChatClient) -> None:
    for content, media_type in ((b"{", "application/json"), (b'{"company_name":"A"}', "text/plain")):
        answer = client.call("POST", "/clients", data=content, headers={"Content-Type": media_type})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_JSON")


def test_unknown_fields_and_a_missing_company_pass_when_the_switches_say_so(client: AutoChatClient) -> None:
    client.switch(unknown_fields_refused=False, company_name_required=False)
    made = client.call("POST", "/clients", json={"first_name": "Ada", "shoe_size": "44"})
    assert made.status_code == 201
    assert "shoe_size" not in made.json()["data"]


def test_a_second_client_with_an_address_is_a_conflict_only_by_switch(client: AutoChatClient) -> None:
    client.create(email="a@example.com")
    client.create(email="A@example.com")
    client.switch(email_unique=True)
    answer = client.call("POST", "/clients", json={"company_name": "B", "email": "a@EXAMPLE.com"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CONFLICT")


def test_workspaces_do_not_see_each_other(client: AutoChatClient, client_for: Callable[..., AutoChatClient]) -> None:
    client.sandbox.autochat.add_workspace("other", "ac-other-key")
    made, other = client.create(email="a@example.com"), client_for("ac-other-key")
    assert emails(other) == []
    assert other.call("GET", f"/clients/{made}").status_code == 404
    assert other.call("PUT", f"/clients/{made}", json={"company_name": "B"}).status_code == 404
    assert client.own("POST", "reset", params={"portal": "other"}).status_code == 204
    assert emails(client) == ["a@example.com"]


def test_calls_are_logged_by_template(client: AutoChatClient) -> None:
    client.read(client.create())
    assert client.sandbox.autochat.figures() == {
        "records": 1,
        "notes": 0,
        "api_calls": 2,
        "calls": {f"GET {BASE}/clients/{{client_id}}": 1, f"POST {BASE}/clients": 1},
    }
