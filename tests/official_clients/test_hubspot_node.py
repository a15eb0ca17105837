"""The v3 scenario through HubSpot's own client for Node, which waits and tries again when it meets a limit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from flask_crm_sync.sandbox import Sandbox

FOLDER = Path(__file__).parent / "node"


@pytest.fixture(autouse=True)
def needed() -> None:
    if shutil.which("node") is None or not (FOLDER / "node_modules/@hubspot/api-client").exists():
        pytest.skip("@hubspot/api-client is missing; `npm install` in tests/official_clients/node brings it")


def run(step: str, sandbox: Sandbox) -> Any:
    """Run one step of the script and return what came of it."""
    done = subprocess.run(
        ["node", FOLDER / "hubspot.mjs", step, sandbox.url, "pat-na1-sandbox"],
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(sandbox.ca_file)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_a_contact_is_created_changed_read_and_listed(sandbox: Sandbox) -> None:
    told = run("contact", sandbox)
    assert (told["properties"]["email"], told["properties"]["city"]) == ("ada@example.com", "Graz")
    assert told["page"] == [told["id"]]


def test_a_note_is_written_with_its_contact(sandbox: Sandbox) -> None:
    told = run("note", sandbox)
    assert [(each["id"], each["contacts"]) for each in sandbox.hubspot.notes()] == [(told["note"], [told["contact"]])]


def test_a_duplicate_surfaces_as_a_409_with_the_owners_id(sandbox: Sandbox) -> None:
    told = run("duplicate", sandbox)
    assert (told["code"], told["message"]) == (409, f"Contact already exists. Existing ID: {told['owner']}")


def test_a_limit_is_read_as_one_and_the_call_tried_again(sandbox: Sandbox) -> None:
    sandbox.faults.add("hubspot", "throttle", params={"policy": "SECONDLY"}, times=2)
    assert run("limited", sandbox) == {"total": 0}
    assert [call.status for call in sandbox.calls.newest()] == [200, 429, 429]
