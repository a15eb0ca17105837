"""Answers and describes recorded from real orgs, against what the sandbox says."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ..contracts import FOLDER
from .conftest import SalesforceClient

RECORDED = FOLDER.parent / "salesforce"


def recorded(name: str) -> Any:
    """Return a recording; skip the test, saying what is missing, when there is none."""
    path = RECORDED / name
    if not path.is_file():
        pytest.skip(f"{path} is missing; CRM_CONTRACTS names the folder beside it")
    return json.loads(path.read_text())


def exchange(client: SalesforceClient, each: dict[str, Any]) -> tuple[int, Any]:
    """Send a recorded request; return the status and the body."""
    asked = each["request"]
    path = re.sub(r"^https://[^/]+", "", asked["uri"]).replace("vxx.0", "v60.0")
    body = json.loads(json.dumps(asked["body"]).replace("vxx.0", "v60.0"))
    answer = client.at(asked["method"], path, json=body)
    return answer.status_code, answer.json()


def shape(value: Any) -> Any:
    """Return what a body is made of: names and types, ids and texts left out."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items() if not name.startswith("_")}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


@pytest.mark.parametrize("kind", ["lead", "contact"])
def test_fields_are_described_as_in_a_real_org(client: SalesforceClient, kind: str) -> None:
    real = {field["name"]: field for field in recorded(f"{kind}.describe.json")["fields"]}
    ours = client.call("GET", f"/sobjects/{kind}/describe").json()["fields"]
    standard = [field for field in ours if not field.get("custom")]
    assert len(standard) > 40
    assert standard == [real[field["name"]] for field in standard]


def test_tasks_share_what_activities_share(client: SalesforceClient) -> None:
    real = {field["name"]: field for field in recorded("event.describe.json")["fields"]}
    ours = {field["name"]: field for field in client.call("GET", "/sobjects/Task/describe").json()["fields"]}
    for name in ("WhoId", "Description", "ActivityDate", "CreatedDate", "SystemModstamp", "IsReminderSet"):
        facts = {fact: ours[name][fact] for fact in ours[name] if fact != "label"}
        assert facts == {fact: real[name][fact] for fact in facts}


def test_an_upsert_by_e_mail_answers_as_recorded(client: SalesforceClient) -> None:
    found = [each for each in recorded("recorded_exchanges.json") if each["request"]["uri"].endswith("/Contact/Email")]
    assert found
    for each in found:
        assert shape(exchange(client, each)[1]) == shape(each["response"]["body"])


def test_composite_errors_answer_as_recorded(client: SalesforceClient) -> None:
    found = [each for each in recorded("recorded_exchanges.json") if "error" in each["source"].rsplit("/", 1)[1]]
    composite = [each for each in found if each["request"]["uri"].endswith("/composite")]
    assert len(composite) == 2
    for each in composite:
        status, body = exchange(client, each)
        assert status == each["response"]["status"]
        for ours, theirs in zip(body["compositeResponse"], each["response"]["body"]["compositeResponse"], strict=True):
            same = ours["body"] == theirs["body"] or "totalSize" in ours["body"]
            assert same, (ours, theirs)
            assert (ours["httpStatusCode"], ours["referenceId"]) == (theirs["httpStatusCode"], theirs["referenceId"])


def test_every_code_the_sandbox_says_is_a_known_one() -> None:
    from pathlib import Path

    import flask_crm_sync.sandbox.salesforce as package

    known = set(recorded("error_codes.json")) | {
        # real ones that the list of names, made for another library, lacks
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "INSUFFICIENT_ACCESS",
        "NOT_FOUND",
        "QUERY_TOO_COMPLICATED",
        "PROCESSING_HALTED",
        "UNSUPPORTED_MEDIA_TYPE",
        # the status line alone is documented for these
        "URI_TOO_LONG",
        "REQUEST_HEADERS_TOO_LARGE",
    }
    folder = Path(str(package.__file__)).parent
    pattern = re.compile(r"\b(?:SalesforceError|WholeCallRefused|refused)\(\s*\d{3}, \"([A-Z_]+)\"")
    said = {code for path in folder.glob("*.py") for code in pattern.findall(path.read_text())}
    assert len(said) > 25
    assert said - known == set()
