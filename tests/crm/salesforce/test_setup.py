"""The test call: which org it is, and what its user may do."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from flask_crm_sync.crm.salesforce.shapes import Shape
from flask_crm_sync.errors import CredentialsRefused, PermissionMissing, ServerFault

from .conftest import API, KEY, ORIGIN, adapter_for, payload

_ORG15, _ORG18 = "00D5g000004Sand", "00D5g000004SandEAC"
_LIMITS = {"DailyApiRequests": {"Max": 15000, "Remaining": 14998}}


def _task() -> dict[str, Any]:
    """Return a task's describe: the fields that it shares with an event, whose recorded describe is at hand."""
    shared: dict[str, Any] = payload("event.describe")
    lists = {"Status": ["Not Started", "Completed"], "Priority": ["High", "Normal"]}
    fields = [
        {
            "name": name,
            "type": "picklist",
            "createable": True,
            "updateable": True,
            "picklistValues": [{"value": value, "active": True} for value in values],
        }
        for name, values in lists.items()
    ]
    return {**shared, "name": "Task", "fields": [*shared["fields"], *fields]}


def _with_key(describe: dict[str, Any], **traits: Any) -> dict[str, Any]:
    key = {"name": KEY, "externalId": True, "unique": True, "createable": True, "updateable": True, "nillable": True}
    return {**describe, "fields": [*describe["fields"], {**key, **traits}]}


def _describes(mock: responses.RequestsMock, **changed: Any) -> None:
    known = {"Lead": payload("lead.describe"), "Contact": payload("contact.describe"), "Task": _task()}
    mock.add("GET", f"{API}/limits", json=_LIMITS)
    for kind, describe in known.items():
        told = changed.get(kind, _with_key(describe))
        status = 200 if isinstance(told, dict) else told
        body = told if isinstance(told, dict) else [{"errorCode": "NOT_FOUND", "message": "no"}]
        mock.add("GET", f"{API}/sobjects/{kind}/describe", json=body, status=status)


def _userinfo(mock: responses.RequestsMock, body: Any, status: int = 200) -> None:
    mock.add("GET", f"{ORIGIN}/services/oauth2/userinfo", json=body, status=status)


def test_org_in_order_has_nothing_to_find_fault_with(salesforce: responses.RequestsMock) -> None:
    _describes(salesforce)
    _userinfo(salesforce, {"organization_id": _ORG15, "user_id": "005000000000001"})
    identity = adapter_for({}).test()
    assert (identity.remote_account_id, identity.label, identity.findings) == (_ORG18, f"Org {_ORG18}", ())
    shapes = identity.traits["objects"]
    assert [shapes[kind]["key"] for kind in ("Lead", "Contact", "Task")] == [KEY, KEY, KEY]
    assert shapes["Task"]["picks"] == {"Status": "Completed", "Priority": "Normal"}
    assert Shape.remembered(identity.traits, "Lead").to_traits() == shapes["Lead"]


def test_identity_that_came_with_the_token_names_the_org(salesforce: responses.RequestsMock) -> None:
    _describes(salesforce)
    _userinfo(salesforce, {"organization_id": "00D000000000999", "preferred_username": "sync@example.com"})
    told = {"identity": f"https://login.salesforce.com/id/{_ORG15}/005000000000001AAA"}
    identity = adapter_for(told).test()
    assert (identity.remote_account_id, identity.user) == (_ORG18, "sync@example.com")


@pytest.mark.parametrize("told", [{}, {"preferred_username": 7}, {"preferred_username": None}])
def test_user_who_is_not_told_has_no_name(salesforce: responses.RequestsMock, told: dict[str, Any]) -> None:
    _describes(salesforce)
    _userinfo(salesforce, {"organization_id": _ORG15, **told})
    assert adapter_for({}).test().user == ""


@pytest.mark.parametrize("status", [401, 403, 404])
def test_token_that_may_not_ask_who_it_is_asks_the_org(salesforce: responses.RequestsMock, status: int) -> None:
    _describes(salesforce)
    _userinfo(salesforce, {"error": "no"}, status)
    salesforce.add("GET", f"{API}/query", json={"done": True, "records": [{"Id": _ORG18}]})
    assert adapter_for({}).test().remote_account_id == _ORG18


def test_org_that_tells_nothing_is_known_by_its_host(salesforce: responses.RequestsMock) -> None:
    _describes(salesforce)
    _userinfo(salesforce, None, 403)
    salesforce.add("GET", f"{API}/query", json=[{"errorCode": "INVALID_TYPE", "message": "no"}], status=400)
    assert adapter_for({}).test().remote_account_id == "acme.my.salesforce.com"


def test_trouble_on_the_way_gives_no_other_name(salesforce: responses.RequestsMock) -> None:
    salesforce.add("GET", f"{API}/limits", json=_LIMITS)
    _userinfo(salesforce, None, 503)
    with pytest.raises(ServerFault):
        adapter_for({}).test()


def test_session_that_is_over_fails_the_test(salesforce: responses.RequestsMock) -> None:
    told = payload("session_expired")
    salesforce.add("GET", f"{API}/limits", json=told["body"], status=told["status"])
    with pytest.raises(CredentialsRefused):
        adapter_for({}).test()


@pytest.mark.parametrize(
    ("traits", "fault"),
    [
        ({"externalId": False}, "is not marked as External ID"),
        ({"unique": False}, "is not marked as unique"),
        ({"createable": False}, "may not be written by the user"),
        ({"name": "Other__c"}, "is not there, or hidden from the user"),
    ],
)
def test_field_that_is_no_key_is_not_used_as_one(
    salesforce: responses.RequestsMock, traits: dict[str, Any], fault: str
) -> None:
    _describes(salesforce, Lead=_with_key(payload("lead.describe"), **traits))
    _userinfo(salesforce, {"organization_id": _ORG18})
    identity = adapter_for({}).test()
    assert identity.traits["objects"]["Lead"]["key"] == ""
    assert len(identity.findings) == 1
    assert fault in identity.findings[0]
    assert "recognised by e-mail" in identity.findings[0]


def test_contacts_out_of_sight_limit_the_sync(salesforce: responses.RequestsMock) -> None:
    _describes(salesforce, Contact=404)
    _userinfo(salesforce, {"organization_id": _ORG18})
    identity = adapter_for({}).test()
    assert identity.findings == (
        "The user may not see Contact records: clients who are contacts already are not recognised.",
    )
    assert "see" in identity.traits["objects"]["Contact"]["denied"]


def test_leads_out_of_sight_fail_the_test(salesforce: responses.RequestsMock) -> None:
    _describes(salesforce, Lead=404)
    _userinfo(salesforce, {"organization_id": _ORG18})
    with pytest.raises(PermissionMissing) as missing:
        adapter_for({}).test()
    assert missing.value.permissions == ("Read on Lead",)


def test_field_that_the_org_demands_is_found_by_the_diagnosis(salesforce: responses.RequestsMock) -> None:
    demanded = {"name": "Branch__c", "nillable": False, "createable": True, "defaultedOnCreate": False}
    lead = _with_key(payload("lead.describe"))
    _describes(salesforce, Lead={**lead, "fields": [*lead["fields"], demanded, {"name": "CountryCode"}]})
    _userinfo(salesforce, {"organization_id": _ORG18})
    found = adapter_for({}).diagnose()
    assert [finding.says for finding in found if finding.level == "problem"] == [
        "The org demands the field Branch__c of every lead, and the sync does not send it."
    ]
    assert any("states and countries as lists" in finding.says for finding in found)


def test_diagnosis_survives_what_cannot_be_looked_at(salesforce: responses.RequestsMock) -> None:
    _describes(salesforce, Contact=503)
    _userinfo(salesforce, None, 503)
    found = adapter_for({}).diagnose()
    unseen = {
        finding.about for finding in found if finding.level == "warning" and "could not be looked" in finding.says
    }
    assert unseen == {"Contact"}
    assert any(finding.about == "Connection" and finding.level == "warning" for finding in found)
    assert any(finding.about == "Task" and finding.level == "good" for finding in found)
