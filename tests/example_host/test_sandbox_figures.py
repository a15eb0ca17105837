"""Reading the sandbox over HTTPS, from its own store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from example_host.sandbox_figures import SandboxReader
from flask_crm_sync.sandbox import Sandbox

TOKEN = {"Authorization": "Bearer pat-na1-sandbox"}


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path, keep=False) as running:
        yield running


def create(sandbox: Sandbox, path: str, **body: object) -> str:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(sandbox.ca_file)
        answer = session.post(f"{sandbox.url}/crm/v3/objects/{path}", json=body, headers=TOKEN, timeout=10)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_what_arrived_is_read_with_its_links(sandbox: Sandbox) -> None:
    contact = create(sandbox, "contacts", properties={"email": "Anna@Example.com", "firstname": "Anna\u2028B"})
    association = {
        "to": {"id": contact},
        "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}],
    }
    stamp = "2026-01-01T00:00:00Z"
    properties = {"hs_note_body": "Hello", "hs_timestamp": stamp}
    note = create(sandbox, "notes", properties=properties, associations=[association])
    with SandboxReader(sandbox.url, sandbox.ca_file) as reader:
        [found], [written] = reader.contacts(), reader.notes()
        assert (found.id, found.values["email"], found.values["first_name"]) == (
            contact,
            "anna@example.com",
            "Anna\u2028B",
        )
        assert (written.id, written.contact_ids, written.body) == (note, (contact,), "Hello")
        assert reader.api_calls() == 2


def test_archived_contacts_are_gone(sandbox: Sandbox) -> None:
    contact = create(sandbox, "contacts", properties={"email": "anna@example.com"})
    sandbox.hubspot.delete_contact(contact)
    with SandboxReader(sandbox.url, sandbox.ca_file) as reader:
        assert reader.contacts() == []
