"""The Salesforce scenario through ``jsforce``: records, collections, pages, and OAuth in three ways."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flask_crm_sync.sandbox import Sandbox

from .consent import agree

FOLDER = Path(__file__).parent / "node"
SESSION = "session-of-jsforce"


@pytest.fixture(autouse=True)
def needed() -> None:
    if shutil.which("node") is None or not (FOLDER / "node_modules/jsforce").exists():
        pytest.skip("jsforce is missing; `npm install` in tests/official_clients/node brings it")


@pytest.fixture
def org(sandbox: Sandbox) -> Any:
    """The Salesforce part, empty, naming its own origin as the client knows no other way to it."""
    sandbox.salesforce.start_afresh()
    sandbox.salesforce.add_portal(token=SESSION)
    sandbox.salesforce.dialect.change({"own_instance_url": True})
    return sandbox.salesforce


def run(step: str, sandbox: Sandbox, *more: str, token: str = SESSION) -> Any:
    """Run one step of the script and return what came of it."""
    done = subprocess.run(
        ["node", FOLDER / "jsforce.mjs", step, sandbox.url, token, *more],
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(sandbox.ca_file)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_a_lead_is_created_changed_read_found_and_deleted(sandbox: Sandbox, org: Any) -> None:
    told = run("lead", sandbox)
    assert told["made"] == {"id": told["made"]["id"], "success": True, "errors": []}
    assert (told["city"], told["found"]) == ("Graz", [[told["made"]["id"], "Graz"]])
    assert [row["archived"] for row in org.contacts()] == [True]


def test_upserts_tell_what_they_created(sandbox: Sandbox, org: Any) -> None:
    told = run("upsert", sandbox)
    assert told["single"]["created"] is True
    assert [row.get("created") for row in told["many"]] == [False, True, None]
    assert told["many"][2]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert len(org.contacts()) == 2


def test_a_collection_keeps_its_rows_apart(sandbox: Sandbox, org: Any) -> None:
    told = run("several", sandbox)
    assert [row["success"] for row in told["made"]] == [True, False, True]
    assert told["read"] == ["Novak", "Novak"]
    assert [row["success"] for row in told["gone"]] == [True, True]


def test_a_task_is_written_on_a_lead(sandbox: Sandbox, org: Any) -> None:
    told = run("task", sandbox)
    assert [(each["id"], each["contacts"]) for each in org.notes()] == [(told["task"], [told["lead"]])]


def test_all_pages_are_read(sandbox: Sandbox, org: Any) -> None:
    org.dialect.change({"page_size": 3})
    assert run("pages", sandbox) == {"sizes": [3, 2], "done": True, "all": 5}


def test_describes_are_read(sandbox: Sandbox, org: Any) -> None:
    told = run("describe", sandbox)
    assert {"WhoId", "Subject", "CRM_Sync_Id__c"} <= set(told["fields"])
    assert {"Lead", "Contact", "Task"} <= set(told["kinds"])


def test_errors_surface_with_their_codes(sandbox: Sandbox, org: Any) -> None:
    told = run("error", sandbox)
    assert told == {"errorCode": "REQUIRED_FIELD_MISSING", "message": "Required fields are missing: [LastName]"}
    org.use_up(100_000)
    assert run("spent", sandbox)["errorCode"] == "REQUEST_LIMIT_EXCEEDED"


def test_a_person_signs_in_with_pkce_and_the_session_is_renewed(sandbox: Sandbox, org: Any) -> None:
    asked = run("consent", sandbox)
    back = parse_qs(urlsplit(agree(asked["page"], str(sandbox.ca_file))).query)
    assert back["state"] == ["s1"]
    given = json.dumps({"code": back["code"][0], "verifier": asked["verifier"]})
    told = run("code", sandbox, given)
    assert (told["org"], told["instanceUrl"]) == (org.desk().org.org_id, sandbox.url)
    assert told["user"]["organizationId"] == told["org"]
    org.expire_sessions()
    assert run("refresh", sandbox, told["refreshToken"], token="expired") == {
        "success": True,
        "renewed": 1,
        "other": True,
    }


def test_a_service_signs_in_by_its_credentials(sandbox: Sandbox, org: Any) -> None:
    told = run("service", sandbox)
    assert told["user"]["organizationId"] == org.desk().org.org_id
    assert (told["used"], told["info"]["apiUsage"]["limit"]) == (100_000, 100_000)
    org.dialect.change({"plays_login_host": True})
    assert run("service", sandbox) == {
        "errorCode": "invalid_grant",
        "message": "request not supported on this domain",
    }


def test_a_revoked_session_opens_nothing(sandbox: Sandbox, org: Any) -> None:
    assert run("revoke", sandbox)["errorCode"] == "INVALID_SESSION_ID"
