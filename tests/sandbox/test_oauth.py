"""OAuth: consent, codes with PKCE, refreshing, introspection, revoking, leaving."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from .client import Client

APP = {"client_id": "sandbox-client-id", "client_secret": "sandbox-client-secret"}
BACK = "https://127.0.0.1:5000/crm/oauth/callback"
VERIFIER = "a" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASK = {
    "client_id": APP["client_id"],
    "redirect_uri": BACK,
    "scope": "oauth crm.objects.contacts.read",
    "optional_scope": "crm.schemas.contacts.read",
    "state": "s-1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
VERSIONS = ("2026-03", "2026-09", "v3", "v1")


def consent(client: Client, decision: str = "grant", **changes: str) -> dict[str, list[str]]:
    """Answer the consent page and return the query that the app gets back."""
    form = {**ASK, **changes, "portal_id": "1234567", "decision": decision}
    answer = client.call("POST", "/oauth/authorize", data=form, allow_redirects=False)
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"].startswith(BACK + "?")
    return parse_qs(urlsplit(answer.headers["Location"]).query)


def token(client: Client, version: str = "2026-09", **form: str) -> Any:
    return client.call("POST", f"/oauth/{version}/token", data={**APP, **form})


def connect(client: Client, version: str = "2026-09") -> dict[str, Any]:
    code = consent(client)["code"][0]
    answer = token(
        client,
        version,
        grant_type="authorization_code",
        code=code,
        redirect_uri=BACK,
        code_verifier=VERIFIER,
    )
    assert answer.status_code == 200, answer.text
    granted: dict[str, Any] = answer.json()
    return granted


def bearer(granted: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {granted['access_token']}"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_code_is_traded_for_tokens_that_work(client: Client, version: str) -> None:
    granted = connect(client, version)
    assert (granted["token_type"], granted["expires_in"], granted["hub_id"]) == ("bearer", 1800, 1234567)
    assert granted["scopes"] == ["crm.objects.contacts.read", "crm.schemas.contacts.read", "oauth"]
    answer = client.call("GET", "/account-info/2026-09/details", headers=bearer(granted))
    assert answer.status_code == 200
    assert "X-HubSpot-RateLimit-Daily" not in answer.headers
    assert client.objects("POST", "contacts", json={}, headers=bearer(granted)).status_code == 403


def test_an_app_has_the_burst_of_a_marketplace_app_and_no_daily_limit(client: Client) -> None:
    client.sandbox.hubspot.add_portal(1234567, tier="enterprise")
    headers = client.call("GET", "/account-info/2026-09/details", headers=bearer(connect(client))).headers
    assert headers["X-HubSpot-RateLimit-Max"] == "110"
    assert "X-HubSpot-RateLimit-Daily" not in headers


def test_the_consent_page_lists_what_is_asked_for(client: Client) -> None:
    page = client.call("GET", "/oauth/authorize", params=ASK)
    assert page.status_code == 200
    for text in ("Sandbox app", "crm.objects.contacts.read", "crm.schemas.contacts.read", "Sandbox portal"):
        assert text in page.text


def test_the_grant_is_for_the_portal_that_the_person_chooses(client: Client) -> None:
    client.sandbox.hubspot.add_portal(99, name="Second portal")
    page = client.call("GET", "/oauth/authorize", params=ASK).text
    assert {"99", "1234567"} <= set(re.findall(r'<option value="(\d+)"', page))
    form = {**ASK, "portal_id": "99", "decision": "grant"}
    back = client.call("POST", "/oauth/authorize", data=form, allow_redirects=False).headers["Location"]
    code = parse_qs(urlsplit(back).query)["code"][0]
    granted = token(client, grant_type="authorization_code", code=code, redirect_uri=BACK, code_verifier=VERIFIER)
    assert granted.json()["hub_id"] == 99
    details = client.call("GET", "/account-info/2026-09/details", headers=bearer(granted.json()))
    assert details.json()["portalId"] == 99


def test_optional_scopes_are_taken_under_both_of_their_names(client: Client) -> None:
    code = consent(client, optional_scopes="crm.objects.contacts.write")["code"][0]
    form = {"grant_type": "authorization_code", "redirect_uri": BACK, "code_verifier": VERIFIER}
    assert token(client, **form, code=code).json()["scopes"] == [
        "crm.objects.contacts.read",
        "crm.objects.contacts.write",
        "crm.schemas.contacts.read",
        "oauth",
    ]


@pytest.mark.parametrize(
    "wrong",
    [{"client_id": "nobody"}, {"redirect_uri": "https://evil.example.com/"}, {"scope": "", "optional_scope": ""}],
)
def test_a_wrong_question_is_never_sent_back(client: Client, wrong: dict[str, str]) -> None:
    for method, options in (
        ("GET", {"params": {**ASK, **wrong}}),
        ("POST", {"data": {**ASK, **wrong, "portal_id": "1234567"}}),
    ):
        answer = client.call(method, "/oauth/authorize", allow_redirects=False, **options)
        assert answer.status_code == 400


def test_consent_is_not_given_from_another_site(client: Client) -> None:
    form = {**ASK, "portal_id": "1234567", "decision": "grant"}
    headers = {"Origin": "https://evil.example.com"}
    assert client.call("POST", "/oauth/authorize", data=form, headers=headers).status_code == 400


def test_a_refusal_comes_back_as_access_denied_with_the_state(client: Client) -> None:
    assert consent(client, "deny") == {
        "error": ["access_denied"],
        "error_description": ["The user denied the request."],
        "state": ["s-1"],
    }


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"code_verifier": "b" * 43}, "BAD_AUTH_CODE"),
        ({"code_verifier": ""}, "BAD_AUTH_CODE"),
        ({"code": "guess"}, "BAD_AUTH_CODE"),
        ({"redirect_uri": BACK + "/x"}, "MISMATCH_REDIRECT_URI_AUTH_CODE"),
        ({"client_secret": "wrong"}, "BAD_CLIENT_SECRET"),
        ({"client_id": "nobody"}, "BAD_CLIENT_ID"),
        ({"grant_type": "password"}, "BAD_GRANT_TYPE"),
    ],
)
def test_a_wrong_trade_is_refused_in_the_oauth_form(client: Client, wrong: dict[str, str], word: str) -> None:
    form = {"grant_type": "authorization_code", "code": consent(client)["code"][0], "redirect_uri": BACK}
    answer = token(client, **{**form, "code_verifier": VERIFIER, **wrong})
    assert (answer.status_code, answer.json()["status"]) == (400, word)
    assert set(answer.json()) == {"error", "error_description", "status", "message"}


def test_a_code_is_good_once_and_not_for_long(client: Client) -> None:
    form = {"grant_type": "authorization_code", "redirect_uri": BACK, "code_verifier": VERIFIER}
    code = consent(client)["code"][0]
    assert token(client, **form, code=code).status_code == 200
    assert token(client, **form, code=code).status_code == 400
    late = consent(client)["code"][0]
    client.sandbox.clock.advance(301)
    assert token(client, **form, code=late).status_code == 400


def test_an_access_token_ends_after_half_an_hour_and_a_refresh_gives_another(client: Client) -> None:
    granted = connect(client)
    client.sandbox.clock.advance(1801)
    expired = client.call("GET", "/account-info/2026-09/details", headers=bearer(granted))
    assert expired.json()["category"] == "EXPIRED_AUTHENTICATION"
    fresh = token(client, grant_type="refresh_token", refresh_token=granted["refresh_token"]).json()
    assert fresh["refresh_token"] == granted["refresh_token"]
    assert client.call("GET", "/account-info/2026-09/details", headers=bearer(fresh)).status_code == 200


def test_rotation_kills_the_old_refresh_token_when_the_switch_says_so(client: Client) -> None:
    client.sandbox.hubspot.dialect.change({"rotate_refresh_tokens": True})
    granted = connect(client)
    fresh = token(client, grant_type="refresh_token", refresh_token=granted["refresh_token"]).json()
    assert fresh["refresh_token"] != granted["refresh_token"]
    again = token(client, grant_type="refresh_token", refresh_token=granted["refresh_token"])
    assert again.json()["status"] == "BAD_REFRESH_TOKEN"


def test_a_refresh_token_opens_no_call(client: Client) -> None:
    granted = connect(client)
    headers = {"Authorization": f"Bearer {granted['refresh_token']}"}
    assert client.call("GET", "/account-info/2026-09/details", headers=headers).status_code == 401


@pytest.mark.parametrize("field", ["token", "access_token", "refresh_token"])
def test_introspection_takes_the_token_under_any_of_its_names(client: Client, field: str) -> None:
    granted = connect(client)
    use = "refresh_token" if field == "refresh_token" else "access_token"
    told = client.call("POST", "/oauth/2026-09/token/introspect", data={**APP, field: granted[use]}).json()
    assert (told["active"], told["token_use"], told["hub_id"]) == (True, use, 1234567)
    assert ("expires_in" in told) is (use == "access_token")


def test_introspection_keeps_quiet_about_strange_tokens(client: Client) -> None:
    form = {**APP, "token": "pat-na1-sandbox"}
    assert client.call("POST", "/oauth/2026-09/token/introspect", data=form).status_code == 400


def test_a_revoked_refresh_token_is_dead_while_its_access_token_lives(client: Client) -> None:
    granted = connect(client)
    form = {**APP, "token": granted["refresh_token"], "token_type_hint": "refresh_token"}
    assert client.call("POST", "/oauth/2026-09/token/revoke", data=form).status_code == 200
    refused = token(client, grant_type="refresh_token", refresh_token=granted["refresh_token"])
    assert refused.json()["error"] == "invalid_grant"
    assert client.call("GET", "/account-info/2026-09/details", headers=bearer(granted)).status_code == 200


@pytest.mark.parametrize("version", ["2026-03", "2026-09", "v3"])
def test_uninstalling_kills_every_token_of_the_app(client: Client, version: str) -> None:
    granted = connect(client)
    path = f"/appinstalls/{version}/external-install"
    assert client.call("DELETE", path, headers=bearer(granted)).status_code == 204
    assert client.call("GET", "/account-info/2026-09/details", headers=bearer(granted)).status_code == 401
    refused = token(client, grant_type="refresh_token", refresh_token=granted["refresh_token"])
    assert refused.json()["status"] == "BAD_REFRESH_TOKEN"
    assert client.call("DELETE", path).status_code == 400, "a static token has nothing to uninstall"


def test_version_one_names_tokens_in_the_path(client: Client) -> None:
    granted = connect(client, "v1")
    access, refresh = granted["access_token"], granted["refresh_token"]
    assert client.call("GET", f"/oauth/v1/access-tokens/{access}").json()["hub_id"] == 1234567
    assert client.call("GET", f"/oauth/v1/refresh-tokens/{refresh}").json()["client_id"] == APP["client_id"]
    assert client.call("DELETE", f"/oauth/v1/refresh-tokens/{refresh}").status_code == 204
    assert client.call("GET", f"/oauth/v1/refresh-tokens/{refresh}").status_code == 404
    assert not [each for each in client.sandbox.calls.newest() if refresh in each.path or access in each.path]


def test_credentials_are_taken_from_a_form_only(client: Client) -> None:
    answer = client.call("POST", "/oauth/2026-09/token", json={**APP, "grant_type": "refresh_token"})
    assert answer.status_code == 415
    basic = client.call(
        "POST",
        "/oauth/2026-09/token",
        data={"grant_type": "refresh_token"},
        auth=(APP["client_id"], APP["client_secret"]),
    )
    assert basic.json()["status"] == "BAD_CLIENT_ID"


def test_an_app_with_addresses_of_its_own_is_held_to_them(client: Client) -> None:
    client.sandbox.hubspot.grants.add_app("own", "s", redirect_uris=["https://app.example.com/back"])
    for uri, status in ((BACK, 400), ("https://app.example.com/back", 200)):
        asked = {**ASK, "client_id": "own", "redirect_uri": uri}
        assert client.call("GET", "/oauth/authorize", params=asked).status_code == status
