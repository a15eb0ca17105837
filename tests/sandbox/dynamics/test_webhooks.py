"""Webhooks: a context told with the receiver's own secret, of every contact, also of what fails to arrive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.autochat.conftest import Receiver

from .client import Client, change_set, part


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An endpoint on loopback."""
    made = Receiver()
    yield made
    made.close()


def listen(client: Client, receiver: Receiver, **more: Any) -> str:
    """Register the receiver and return the secret."""
    made = client.api("POST", "webhooks", {"url": receiver.url, **more})
    assert made.status_code == 201, made.text
    return str(made.json()["secret"])


def heard(client: Client, receiver: Receiver) -> list[dict[str, Any]]:
    """Return the contexts that arrived."""
    client.sandbox.dynamics.sender.settle()
    return [json.loads(body) for _headers, body in receiver.got]


def told(contexts: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["MessageName"], each["PrimaryEntityId"]) for each in contexts]


def test_messages_about_contacts_are_told_with_who_did_it_and_the_secret(client: Client, receiver: Receiver) -> None:
    secret = listen(client, receiver)
    environment = client.sandbox.dynamics.environments.all()[0]
    first = client.contact(lastname="Lee")
    second = client.sandbox.dynamics.add_contact({"lastname": "Li"})
    client.data("PATCH", f"contacts({first})", {"firstname": "Ann"})
    client.sandbox.dynamics.merge_contacts(first, second)
    client.sandbox.dynamics.delete_contact(first)
    client.note(second)
    contexts = heard(client, receiver)
    assert told(contexts) == [
        ("Create", first),
        ("Create", second),
        ("Update", first),
        ("Merge", first),
        ("Delete", first),
    ]
    by = [each["InitiatingUserId"] for each in contexts]
    assert by[:2] == [environment.application_user_id, environment.person_id]
    assert {each["OrganizationId"] for each in contexts} == {environment.organization_id}
    for (headers, _body), context in zip(receiver.got, contexts, strict=True):
        assert headers["X-CRM-Sync-Secret"] == secret
        assert headers["x-ms-dynamics-request-name"] == context["MessageName"]
    assert "secret" not in client.api("GET", "webhooks").json()["webhooks"][0]


def test_context_holds_what_was_written_in_the_forms_of_the_serializer(client: Client, receiver: Receiver) -> None:
    listen(client, receiver, events=["Update", "Merge"])
    account = client.sandbox.dynamics.add_account("Example Ltd")
    first, second = client.contact(lastname="Lee"), client.contact(lastname="Li")
    change = {
        "gendercode": 2,
        "birthdate": "1990-05-17",
        "parentcustomerid_account@odata.bind": f"/accounts({account})",
    }
    client.data("PATCH", f"contacts({first})", change)
    client.sandbox.dynamics.merge_contacts(first, second)
    update, merge = heard(client, receiver)
    (target,) = update["InputParameters"]
    written = {each["key"]: each["value"] for each in target["value"]["Attributes"]}
    assert written["gendercode"]["Value"] == 2
    assert (written["parentcustomerid"]["Id"], written["parentcustomerid"]["LogicalName"]) == (account, "account")
    assert written["birthdate"] == "/Date(642902400000)/"
    assert "lastname" not in written
    assert merge["InputParameters"][1] == {"key": "SubordinateId", "value": second}


def test_what_is_undone_is_never_told(client: Client, receiver: Receiver) -> None:
    listen(client, receiver)
    parts = [
        part("POST", "contacts", '{"lastname":"Lee"}', content_id="1"),
        part("POST", "contacts", '{"nonsense":1}', content_id="2"),
    ]
    client.batch([change_set(parts), part("POST", "contacts", '{"lastname":"Li"}')], "odata.continue-on-error")
    (kept,) = client.found("lastname ne 'x'")
    assert (kept, len(heard(client, receiver))) == ("Li", 1)


@pytest.mark.parametrize(
    ("answers", "attempts"), [([503], 2), ([502, 504], 2), ([500], 1), ([429], 1), ([404], 1), ([], 1)]
)
def test_gateways_trouble_alone_is_tried_again_and_once(
    client: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, answers: list[int], attempts: int
) -> None:
    monkeypatch.setattr("flask_crm_sync.sandbox.dynamics.webhooks.WAIT_SECONDS", 0.0)
    listen(client, receiver)
    receiver.answers += answers
    client.contact(lastname="Lee")
    contexts = heard(client, receiver)
    assert len(contexts) == attempts
    assert len({each["OperationId"] for each in contexts}) == 1


def test_body_beyond_256_kilobytes_comes_without_its_parameters(
    client: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_crm_sync.sandbox.dynamics.webhooks.LARGEST_BODY", 2_000)
    listen(client, receiver)
    contact = client.contact(lastname="Lee", description="x" * 2_000)
    ((headers, body),) = (heard(client, receiver), receiver.got)[1]
    assert headers["x-ms-dynamics-msg-size-exceeded"] == "True"
    assert (json.loads(body)["InputParameters"], json.loads(body)["PrimaryEntityId"]) == (None, contact)


@pytest.mark.parametrize(
    ("fault", "expected"), [("webhook_twice", [0, 0, 1]), ("webhook_lost", [1]), ("webhook_late", [1, 0])]
)
def test_faults_double_lose_and_delay_a_delivery(
    client: Client, receiver: Receiver, fault: str, expected: list[int]
) -> None:
    listen(client, receiver)
    client.sandbox.faults.add("dynamics", fault, times=1)
    ids = [client.contact(lastname=name) for name in ("Lee", "Li")]
    assert [contact for _, contact in told(heard(client, receiver))] == [ids[number] for number in expected]


def test_own_header_inactive_webhooks_and_other_environments(client: Client, receiver: Receiver) -> None:
    secret = listen(client, receiver, header="X-Own", secret="a-secret-of-the-tests")
    client.contact(lastname="Lee")
    heard(client, receiver)
    ((headers, _body),) = receiver.got
    assert (secret, headers["X-Own"]) == ("a-secret-of-the-tests", "a-secret-of-the-tests")
    (hook,) = client.api("GET", "webhooks").json()["webhooks"]
    client.api("PATCH", f"webhooks/{hook['id']}", {"active": False})
    client.contact(lastname="Li")
    client.api("DELETE", f"webhooks/{hook['id']}")
    client.contact(lastname="Lu")
    assert len(heard(client, receiver)) == 1
    client.api("POST", "portals", {"portal_id": "other"})
    assert client.api("GET", "webhooks?portal=other").json()["webhooks"] == []


@pytest.mark.parametrize("more", [{"url": "https://example.com/hook"}, {"url": "x"}, {"events": ["Nothing"]}])
def test_nothing_is_sent_off_this_machine_and_of_no_other_message(
    client: Client, receiver: Receiver, more: dict[str, Any]
) -> None:
    assert client.api("POST", "webhooks", {"url": receiver.url, **more}).status_code == 400


def test_page_adds_a_webhook_and_shows_its_secret_once(client: Client) -> None:
    page = f"{client.sandbox.url}/_sandbox/dynamics/webhooks"
    shown = client.call("POST", page, data={"url": "http://127.0.0.1:9/hook"}).text
    (hook,) = client.sandbox.dynamics.sender.listed("sandbox")
    assert hook.secret in shown
    again = client.call("GET", page).text
    assert (hook.url in again, hook.secret in again) == (True, False)
    assert client.call("POST", page, data={"url": "http://example.com"}).status_code == 400
    client.call("POST", f"{page}/{hook.id}/remove")
    assert client.sandbox.dynamics.sender.listed("sandbox") == []
