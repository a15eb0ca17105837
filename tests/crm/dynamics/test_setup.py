"""The test call and the diagnosis."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from flask_crm_sync.crm.base import Finding
from flask_crm_sync.errors import CredentialsRefused, PermissionMissing, ServerFault, TransientCRMError

from .environment import ROOT, Environment, Part, Told, refusal

_ORG, _USER = "AAAAAAAA-1111-4111-8111-111111111111", "BBBBBBBB-1111-4111-8111-111111111111"


def _who(env: Environment, status: int = 200, headers: Mapping[str, str] | None = None, **body: Any) -> None:
    told = {"@odata.context": f"{ROOT}$metadata#x", "UserId": _USER, "OrganizationId": _ORG, **body}
    env.mock.add("GET", f"{ROOT}WhoAmI", json=told, status=status, headers=dict(headers or {}))


def test_test_call_tells_environment_and_user_and_probes_the_tables(env: Environment) -> None:
    _who(env)
    env.answer = lambda part: Told(200, {"fullname": "# CRM sync"} if "systemusers" in part.path else {"value": []})
    identity = env.adapter().test()
    assert (identity.remote_account_id, identity.label) == (_ORG.lower(), "org.crm4.dynamics.com")
    assert identity.user == "# CRM sync"
    assert identity.traits == {
        "organization_id": _ORG.lower(),
        "user_id": _USER.lower(),
        "environment": "org.crm4.dynamics.com",
    }
    assert identity.findings == ()
    assert [part.path for part in env.parts] == [
        "contacts?$select=contactid&$top=1",
        "annotations?$select=annotationid&$top=1",
        "accounts?$select=accountid&$top=1",
        f"systemusers({_USER.lower()})?$select=fullname",
    ]


@pytest.mark.parametrize("told", [refusal(403, "0x80040220"), refusal(404), Told(200, {}), Told(200, {"fullname": 7})])
def test_a_user_whose_name_may_not_be_read_has_none(env: Environment, told: Told) -> None:
    _who(env)
    env.answer = lambda part: told if part.path.startswith("systemusers") else Told(200, {"value": []})
    assert env.adapter().test().user == ""


@pytest.mark.parametrize("table", ["contacts", "annotations"])
def test_table_that_cannot_be_read_fails_the_test(env: Environment, table: str) -> None:
    _who(env)
    env.answer = lambda part: refusal(403, "0x80040220") if part.path.startswith(table) else Told(200, {"value": []})
    with pytest.raises(PermissionMissing):
        env.adapter().test()


def test_accounts_that_cannot_be_read_are_a_finding(env: Environment) -> None:
    _who(env)
    env.answer = lambda part: refusal(403) if part.path.startswith("accounts") else Told(200, {"value": []})
    (finding,) = env.adapter().test().findings
    assert "companies are not sent" in finding
    env.batches.clear()
    assert env.adapter(dynamics_company="off").test().findings == ()
    assert len(env.parts) == 3


def test_refused_token_and_missing_user_are_told(env: Environment) -> None:
    _who(env, 401)
    with pytest.raises(CredentialsRefused):
        env.adapter().test()
    env.mock.remove("GET", f"{ROOT}WhoAmI")
    _who(env, 403, error={"code": "0x80072560", "message": "The user is not a member of the organization."})
    with pytest.raises(PermissionMissing, match="Application users"):
        env.adapter().test()


@pytest.mark.parametrize("organization", [None, 7, "", "not-a-guid"])
def test_environment_that_does_not_name_itself_is_not_taken(env: Environment, organization: Any) -> None:
    _who(env, OrganizationId=organization)
    with pytest.raises(ServerFault):
        env.adapter().test()


def test_answer_that_names_a_host_elsewhere_does_not_become_our_link(env: Environment) -> None:
    _who(env, **{"@odata.context": "https://evil.example/api/data/v9.2/$metadata#x"})
    env.answer = lambda part: Told(200, {"value": []})
    assert env.adapter().test().traits["environment"] == "org.crm4.dynamics.com"


# Diagnose


def _healthy(part: Part) -> Told:
    if part.path.startswith("systemusers"):
        if "Retrieve" in part.path:
            return Told(200, {"RolePrivileges": [{"Depth": "Global"}]})
        return Told(200, {"fullname": "App", "applicationid": _USER, "isdisabled": False})
    if part.path.startswith("EntityDefinitions"):
        columns = [{"LogicalName": "firstname", "MaxLength": 50}]
        return Told(200, {"value": columns} if "Attributes" in part.path else {"ChangeTrackingEnabled": True})
    return Told(200, {"value": []})


def _diagnosis(env: Environment, **settings: Any) -> list[Finding]:
    return env.adapter(**settings).diagnose()


def _levels(findings: list[Finding]) -> dict[str, str]:
    return {finding.about: finding.level for finding in findings}


def _now(ahead: float = 0) -> dict[str, str]:
    return {"Date": format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)}


def test_healthy_environment_is_good_throughout(env: Environment) -> None:
    _who(env)
    env.answer = _healthy
    env.headers = {**_now(), "x-ms-ratelimit-burst-remaining-xrm-requests": "5990"}
    assert set(_levels(_diagnosis(env)).values()) == {"good"}
    assert all(part.method == "GET" for part in env.parts)


def test_everything_hidden_is_said_and_nothing_raised(env: Environment) -> None:
    _who(env, UserId=None)
    env.answer = lambda part: refusal(403, "0x80040220", "No.")
    levels = _levels(_diagnosis(env))
    assert levels.pop("Connection") == "good"
    assert {about for about, level in levels.items() if level == "problem"} == {"Contacts", "Notes"}
    assert levels["Accounts"] == "warning"
    assert {levels[about] for about in ("User", "Privileges", "Columns", "Duplicate rules", "API limit")} == {"note"}


def test_missing_privileges_are_named_with_what_to_do(env: Environment) -> None:
    _who(env)
    missing = ("prvCreateContact", "prvAppendToAccount")

    def answer(part: Part) -> Told:
        found = re.search(r"PrivilegeName='(\w+)'", part.path)
        return Told(200, {"RolePrivileges": []}) if found and found[1] in missing else _healthy(part)

    env.answer = answer
    told = {finding.says: (finding.level, bool(finding.advice)) for finding in _diagnosis(env)}
    assert told["prvCreateContact is missing."] == ("problem", True)
    assert told["prvAppendToAccount is missing."] == ("warning", True)


@pytest.mark.parametrize(
    ("path", "body", "about", "level", "words"),
    [
        ("EntityDefinitions", {"value": [{"LogicalName": "lastname", "MaxLength": 20}]}, "Columns", "warning", "20"),
        ("duplicaterules", {"value": [{"name": "Same e-mail"}]}, "Duplicate rules", "note", "Same e-mail"),
        ("systemusers", {"isdisabled": True}, "User", "problem", "disabled"),
        ("systemusers", {"isdisabled": False, "applicationid": None}, "User", "good", "person"),
    ],
)
def test_what_is_unusual_is_found(
    env: Environment, path: str, body: dict[str, Any], about: str, level: str, words: str
) -> None:
    _who(env)
    env.answer = lambda part: (
        Told(200, body) if part.path.startswith(path) and "Retrieve" not in part.path else _healthy(part)
    )
    (finding,) = [finding for finding in _diagnosis(env) if finding.about == about]
    assert finding.level == level
    assert words in finding.says


def test_clock_that_is_off_and_limit_that_is_low_are_warned_of(env: Environment) -> None:
    _who(env)
    env.answer = _healthy
    env.headers = {**_now(3600), "x-ms-ratelimit-burst-remaining-xrm-requests": "12"}
    levels = _levels(_diagnosis(env))
    assert (levels["Clock"], levels["API limit"]) == ("warning", "warning")


def test_missing_right_to_delete_is_no_problem_of_the_syncs(env: Environment) -> None:
    _who(env)
    none = Told(200, {"RolePrivileges": []})
    env.answer = lambda part: none if "prvDelete" in part.path else _healthy(part)
    told = [finding for finding in _diagnosis(env) if finding.about == "Privileges"]
    assert [finding.level for finding in told] == ["note", "note"]
    assert all("prvDelete" in finding.says for finding in told)


def test_changes_that_are_not_tracked_are_told_with_where_to_switch_them_on(env: Environment) -> None:
    _who(env)
    off = Told(200, {"ChangeTrackingEnabled": False})
    env.answer = lambda part: off if "ChangeTracking" in part.path else _healthy(part)
    (told,) = [finding for finding in _diagnosis(env) if finding.about == "Changes"]
    assert "Track changes" in told.advice
    assert _levels(_diagnosis(env))["Changes"] == "note"


def test_companies_that_are_off_are_not_looked_at(env: Environment) -> None:
    _who(env)
    env.answer = _healthy
    assert _levels(_diagnosis(env, dynamics_company="off"))["Accounts"] == "note"
    assert not any("ccount" in part.path for part in env.parts)


def test_diagnosis_without_a_sign_in_is_an_error(env: Environment) -> None:
    _who(env, 500)
    with pytest.raises(TransientCRMError):
        _diagnosis(env)


def test_disconnecting_calls_nobody(env: Environment) -> None:
    env.adapter().revoke({"access_token": "t", "refresh_token": "r"})
    assert len(env.mock.calls) == 0
