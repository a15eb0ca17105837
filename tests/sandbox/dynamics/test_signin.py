"""Entra ID: the three grants, the consent page, and every refusal by its code."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from .client import API, APP, INSTANCE, SECRET, TENANT, Client, credentials

BACK = "http://localhost:5000/crm/dynamics/callback"
SCOPE = f"{INSTANCE}/user_impersonation offline_access openid"
VERIFIER = "v" * 64
DAY = 86_400


def challenge(verifier: str = VERIFIER) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def question(**other: str) -> dict[str, str]:
    asked = {
        "client_id": APP,
        "response_type": "code",
        "response_mode": "query",
        "redirect_uri": BACK,
        "scope": SCOPE,
        "state": "s t&te",
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
    }
    return {**asked, **other}


def ask(client: Client, tenant: str = TENANT, **other: str) -> requests.Response:
    path = f"/{tenant}/oauth2/v2.0/authorize"
    return client.call("GET", path, params=question(**other), allow_redirects=False)


def agreed(client: Client, tenant: str = TENANT, decision: str = "grant", **other: str) -> dict[str, str]:
    data = {**question(**other), "decision": decision}
    answer = client.call("POST", f"/{tenant}/oauth2/v2.0/authorize", data=data, allow_redirects=False)
    assert answer.status_code == 302, answer.text
    target = urlsplit(answer.headers["Location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == BACK
    return {name: values[0] for name, values in parse_qs(target.query).items()}


def trade(code: str, **other: str) -> dict[str, str]:
    form = {
        "grant_type": "authorization_code",
        "client_id": APP,
        "client_secret": SECRET,
        "code": code,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
        "scope": SCOPE,
    }
    return {**form, **other}


def renewal(refresh_token: str, **other: str) -> dict[str, str]:
    form = {"grant_type": "refresh_token", "client_id": APP, "client_secret": SECRET, "refresh_token": refresh_token}
    return {**form, "scope": SCOPE, **other}


def refused(answer: requests.Response) -> tuple[int, str, int]:
    body = answer.json()
    code = body["error_codes"][0]
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert {"timestamp", "trace_id", "correlation_id", "error_uri"} <= body.keys()
    return answer.status_code, body["error"], code


def opens(client: Client, token: str) -> int:
    return client.data("GET", "WhoAmI", Authorization=f"Bearer {token}").status_code


@pytest.fixture
def stranger(client_for: Any) -> Client:
    client: Client = client_for(None)
    return client


def test_an_app_gets_a_token_and_no_refresh_token(stranger: Client) -> None:
    body = stranger.token(credentials()).json()
    assert (body["token_type"], body["expires_in"], "refresh_token" in body) == ("Bearer", 3599, False)
    assert opens(stranger, body["access_token"]) == 200


def test_the_sandboxs_own_origin_means_its_first_environment(stranger: Client) -> None:
    body = stranger.token(credentials(scope=f"{stranger.sandbox.url}/.default")).json()
    assert opens(stranger, body["access_token"]) == 200
    [call, *_] = stranger.api("GET", "calls").json()["calls"]
    assert call["portal"] == "sandbox"


@pytest.mark.parametrize("tenant", [TENANT.upper(), "sandbox.onmicrosoft.com"])
def test_a_tenant_is_named_by_id_or_domain(stranger: Client, tenant: str) -> None:
    assert stranger.token(credentials(), tenant).status_code == 200


@pytest.mark.parametrize(
    ("form", "tenant", "expected"),
    [
        (credentials(client_secret="its id"), TENANT, (401, "invalid_client", 7000215)),
        (credentials(client_secret=""), TENANT, (401, "invalid_client", 7000218)),
        (credentials(client_id="00000000-0000-4000-8000-000000000000"), TENANT, (400, "unauthorized_client", 700016)),
        (credentials(), "00000000-0000-4000-8000-000000000000", (400, "invalid_request", 90002)),
        (credentials(), "organizations", (400, "invalid_request", 50059)),
        (credentials(), "common", (400, "invalid_request", 50059)),
        (credentials(scope=""), TENANT, (400, "invalid_scope", 70011)),
        (credentials(scope="sandbox/.default"), TENANT, (400, "invalid_scope", 70011)),
        (credentials(scope=f"{INSTANCE}/user_impersonation"), TENANT, (400, "invalid_scope", 70011)),
        (credentials(scope="https://other.crm.dynamics.com/.default"), TENANT, (400, "invalid_resource", 500011)),
        (credentials(grant_type="password"), TENANT, (400, "unsupported_grant_type", 70003)),
        ({}, TENANT, (400, "invalid_request", 900144)),
    ],
)
def test_a_wrong_question_is_refused_by_its_code(
    stranger: Client, form: dict[str, str], tenant: str, expected: tuple[int, str, int]
) -> None:
    assert refused(stranger.token(form, tenant)) == expected


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        (53003, 400, "invalid_grant"),
        (65001, 400, "consent_required"),
        (50076, 400, "interaction_required"),
        (7000112, 400, "unauthorized_client"),
        (50033, 503, "temporarily_unavailable"),
        (90006, 503, "server_error"),
        (90012, 504, "temporarily_unavailable"),
        (90055, 429, "temporarily_unavailable"),
    ],
)
def test_every_other_code_is_a_switch(stranger: Client, code: int, status: int, error: str) -> None:
    stranger.sandbox.dynamics.dialect.change({"entra_error": code})
    assert refused(stranger.token(credentials())) == (status, error, code)


def test_expired_secrets_and_disabled_apps_are_refused(stranger: Client) -> None:
    stranger.sandbox.dynamics.dialect.change({"secret_expired": True, "invalid_client_status": "400"})
    assert refused(stranger.token(credentials())) == (400, "invalid_client", 7000222)
    app = {"client_id": "22222222-2222-4333-8444-555555555555", "client_secret": "x", "disabled": True}
    assert stranger.api("POST", "apps", app).status_code == 201
    form = credentials(client_id=app["client_id"], client_secret="x")
    assert refused(stranger.token(form)) == (400, "unauthorized_client", 7000112)


def test_a_token_opens_its_own_environment_only(stranger: Client) -> None:
    tenant = "77777777-8888-4777-8666-555555555555"
    stranger.api("POST", "portals", {"portal_id": "second", "tenant_id": tenant})
    app = {"client_id": "33333333-2222-4333-8444-555555555555", "client_secret": "y", "tenant_id": tenant}
    stranger.api("POST", "apps", app)
    form = credentials(scope="https://second.crm.dynamics.com/.default", client_secret="y")
    form["client_id"] = app["client_id"]
    token = stranger.token(form, tenant).json()["access_token"]
    me = stranger.data("GET", "WhoAmI", Authorization=f"Bearer {token}").json()
    second = stranger.sandbox.dynamics.environments.get("second")
    assert second is not None
    assert me["OrganizationId"] == second.organization_id
    stranger.data("POST", "contacts", {"lastname": "There"}, Authorization=f"Bearer {token}")
    assert len(stranger.sandbox.dynamics.contacts("second")) == 1
    assert stranger.sandbox.dynamics.contacts() == []
    assert refused(stranger.token(credentials(scope="https://second.crm.dynamics.com/.default")))[2] == 500011
    stranger.sandbox.dynamics.reset("second")


def test_without_an_application_user_a_token_opens_nothing(stranger: Client) -> None:
    token = stranger.token(credentials()).json()["access_token"]
    stranger.sandbox.dynamics.dialect.change({"application_user": False})
    answer = stranger.data("GET", "WhoAmI", Authorization=f"Bearer {token}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "0x80072560")
    code = agreed(stranger)["code"]
    person = stranger.token(trade(code)).json()["access_token"]
    assert opens(stranger, person) == 200


def test_an_access_token_ends_after_an_hour_and_says_where_to_get_another(stranger: Client) -> None:
    token = stranger.token(credentials()).json()["access_token"]
    stranger.sandbox.clock.advance(3598)
    assert opens(stranger, token) == 200
    stranger.sandbox.clock.advance(1)
    answer = stranger.data("GET", "WhoAmI", Authorization=f"Bearer {token}")
    assert answer.status_code == 401
    assert f"{TENANT}/oauth2/authorize, resource_id={INSTANCE}/" in answer.headers["WWW-Authenticate"]
    assert stranger.data("GET", "WhoAmI").status_code == 401


def test_the_consent_page_shows_what_is_asked_for(stranger: Client) -> None:
    page = ask(stranger)
    assert page.status_code == 200
    assert INSTANCE in page.text
    assert "user_impersonation" in page.text
    assert "<script" not in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_code_is_traded_for_tokens_that_can_be_renewed(stranger: Client) -> None:
    back = agreed(stranger)
    assert back["state"] == "s t&te"
    body = stranger.token(trade(back["code"])).json()
    assert {"access_token", "refresh_token", "id_token", "scope", "expires_in"} <= body.keys()
    me = stranger.data("GET", "WhoAmI", Authorization=f"Bearer {body['access_token']}").json()
    environment = stranger.sandbox.dynamics.environments.get("sandbox")
    assert environment is not None
    assert me["UserId"] == environment.person_id
    again = stranger.token(renewal(body["refresh_token"]), "organizations").json()
    assert again["refresh_token"] != body["refresh_token"]
    assert opens(stranger, again["access_token"]) == 200
    assert stranger.token(renewal(body["refresh_token"])).status_code == 200


def test_without_offline_access_there_is_no_refresh_token(stranger: Client) -> None:
    scope = f"{INSTANCE}/.default"
    code = agreed(stranger, scope=scope)["code"]
    assert "refresh_token" not in stranger.token(trade(code, scope=scope)).json()


def test_a_code_is_good_once_and_for_ten_minutes(stranger: Client) -> None:
    code = agreed(stranger)["code"]
    assert stranger.token(trade(code)).status_code == 200
    assert refused(stranger.token(trade(code))) == (400, "invalid_grant", 54005)
    late = agreed(stranger)["code"]
    stranger.sandbox.clock.advance(600)
    assert refused(stranger.token(trade(late))) == (400, "invalid_grant", 70008)


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"code_verifier": "w" * 64}, 501481),
        ({"code_verifier": ""}, 501481),
        ({"redirect_uri": "http://localhost:5000/elsewhere"}, 50011),
        ({"code": "forged"}, 70000),
        ({"client_secret": "wrong"}, 7000215),
        ({"scope": "https://other.crm.dynamics.com/.default"}, 500011),
    ],
)
def test_a_code_is_traded_only_by_who_asked_for_it(stranger: Client, other: dict[str, str], code: int) -> None:
    form = {**trade(agreed(stranger)["code"]), **other}
    assert refused(stranger.token(form))[2] == code


def test_a_refresh_token_ends_when_idle_revoked_or_forged(stranger: Client) -> None:
    first = stranger.token(trade(agreed(stranger)["code"])).json()["refresh_token"]
    assert refused(stranger.token(renewal("forged")))[2] == 70000
    stranger.sandbox.faults.add("dynamics", "revoke_token", times=1, path="/token")
    assert refused(stranger.token(renewal(first)))[2] == 50173
    second = stranger.token(trade(agreed(stranger)["code"])).json()["refresh_token"]
    stranger.sandbox.clock.advance(90 * DAY)
    assert refused(stranger.token(renewal(second))) == (400, "invalid_grant", 700082)


def test_who_declines_is_sent_back_with_the_reason(stranger: Client) -> None:
    back = agreed(stranger, decision="deny")
    assert (back["error"], back["error_subcode"], back["state"]) == ("access_denied", "cancel", "s t&te")


def test_an_unknown_environment_is_told_to_the_app(stranger: Client) -> None:
    answer = ask(stranger, scope="https://other.crm.dynamics.com/user_impersonation")
    assert answer.status_code == 302
    assert "error=invalid_resource" in answer.headers["Location"]


@pytest.mark.parametrize(
    ("tenant", "other", "shown"),
    [
        (TENANT, {"redirect_uri": "https://example.com/steal"}, "AADSTS50011"),
        (TENANT, {"client_id": "00000000-0000-4000-8000-000000000000"}, "AADSTS700016"),
        ("nowhere.example.org", {}, "AADSTS90002"),
        (TENANT, {"response_type": "token"}, "AADSTS900144"),
    ],
)
def test_a_question_of_nobody_known_is_refused_on_the_page(
    stranger: Client, tenant: str, other: dict[str, str], shown: str
) -> None:
    answer = ask(stranger, tenant, **other)
    assert answer.status_code == 400
    assert shown in answer.text
    assert "Location" not in answer.headers


def test_consent_cannot_be_posted_from_another_site(stranger: Client) -> None:
    path, data = f"/{TENANT}/oauth2/v2.0/authorize", {**question(), "decision": "grant"}
    headers = {"Origin": "https://example.com"}
    assert stranger.call("POST", path, data=data, headers=headers, allow_redirects=False).status_code == 400


def test_the_configuration_says_where_things_are(stranger: Client) -> None:
    base = f"{stranger.sandbox.url}/{TENANT}"
    body = stranger.call("GET", f"/{TENANT}/v2.0/.well-known/openid-configuration").json()
    assert body["token_endpoint"] == f"{base}/oauth2/v2.0/token"
    assert body["authorization_endpoint"] == f"{base}/oauth2/v2.0/authorize"
    unknown = "/00000000-0000-4000-8000-000000000000/v2.0/.well-known/openid-configuration"
    assert refused(stranger.call("GET", unknown))[2] == 90002


@pytest.mark.parametrize(("kind", "status", "code"), [("throttle", 429, 90055), ("locked", 503, 90024)])
def test_faults_speak_the_language_of_the_sign_in_service(stranger: Client, kind: str, status: int, code: int) -> None:
    stranger.sandbox.faults.add("dynamics", kind, times=1)
    answer = refused(stranger.token(credentials()))
    assert (answer[0], answer[2]) == (status, code)


def test_a_form_is_expected(stranger: Client) -> None:
    answer = stranger.call("POST", f"/{TENANT}/oauth2/v2.0/token", json=credentials())
    assert refused(answer)[2] == 900144
    assert stranger.call("GET", f"{API}WhoAmI").status_code == 401
