"""OAuth: consent with PKCE, refresh and rotation, client credentials, introspection and revoking."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .conftest import APP, BACK, CHALLENGE, ORG, OTHER_ORG, VERIFIER, SalesforceClient


@pytest.fixture
def caller(client_for: Callable[..., SalesforceClient], client: SalesforceClient) -> SalesforceClient:
    """An app without a session."""
    return client_for(None)


def limits(caller: SalesforceClient, access_token: str) -> int:
    """Return how an API call with a token ends."""
    return caller.call("GET", "/limits", headers={"Authorization": f"Bearer {access_token}"}).status_code


def refused(answer: Any) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["error"], body["error_description"]


def test_the_consent_page_names_the_app_and_its_wishes(caller: SalesforceClient) -> None:
    asked = {"response_type": "code", "redirect_uri": BACK, "scope": "api refresh_token", "code_challenge": CHALLENGE}
    page = caller.at(
        "GET", "/services/oauth2/authorize", params={"client_id": APP["client_id"], **asked, "state": '"x'}
    )
    assert page.status_code == 200
    assert "Sandbox app" in page.text
    assert "<code>refresh_token</code>" in page.text
    assert f'<option value="{ORG}">' in page.text
    assert 'value="&#34;x"' in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_a_code_is_traded_for_tokens_without_a_lifetime(caller: SalesforceClient) -> None:
    back = caller.authorize()
    assert back["state"] == "s1"
    body = caller.token(
        grant_type="authorization_code", code=back["code"], redirect_uri=BACK, code_verifier=VERIFIER
    ).json()
    assert set(body) == {
        "access_token",
        "refresh_token",
        "signature",
        "scope",
        "instance_url",
        "id",
        "token_type",
        "issued_at",
    }
    assert body["instance_url"] == "https://sandbox.my.salesforce.com"
    assert re.fullmatch(rf"https://login\.salesforce\.com/id/{ORG}/005\w{{15}}", body["id"])
    assert (body["issued_at"], body["token_type"]) == ("1790000000000", "Bearer")
    assert body["access_token"].startswith(f"{ORG[:15]}!")
    assert limits(caller, body["access_token"]) == 200


def test_a_refresh_token_needs_its_scope(caller: SalesforceClient) -> None:
    assert "refresh_token" not in caller.traded(scope="api")


def test_a_person_may_say_no_and_choose_the_org(caller: SalesforceClient, other: SalesforceClient) -> None:
    assert caller.authorize(decision="deny") == {
        "error": "access_denied",
        "error_description": "end-user denied authorization",
        "state": "s1",
    }
    other_id = caller.salesforce.desk(OTHER_ORG).org.org_id
    assert f"/id/{other_id}/" in caller.traded(portal_id=OTHER_ORG)["id"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code": "x"}, "invalid_grant"),
        ({"redirect_uri": "https://127.0.0.1/elsewhere"}, "redirect_uri_mismatch"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"code_verifier": "w" * 64}, "invalid_request"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client_id"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_wrong_trade_is_refused(caller: SalesforceClient, changes: dict[str, str], error: str) -> None:
    form = {"grant_type": "authorization_code", "redirect_uri": BACK, "code_verifier": VERIFIER, **APP}
    answer = caller.token(**{**form, "code": caller.authorize()["code"], **changes})
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_code_works_once_and_not_for_long(caller: SalesforceClient) -> None:
    form = {"grant_type": "authorization_code", "redirect_uri": BACK, "code_verifier": VERIFIER}
    code = caller.authorize()["code"]
    assert caller.token(**form, code=code).status_code == 200
    assert caller.token(**form, code=code).status_code == 400
    late = caller.authorize()["code"]
    caller.sandbox.clock.advance(901)
    assert refused(caller.token(**form, code=late))[1:] == ("invalid_grant", "expired authorization code")


def test_a_question_without_a_challenge_goes_back_to_the_app(caller: SalesforceClient) -> None:
    asked = {"response_type": "code", "client_id": APP["client_id"], "redirect_uri": BACK, "state": "s1"}
    answer = caller.at("GET", "/services/oauth2/authorize", params=asked, allow_redirects=False)
    assert answer.headers["Location"].startswith(f"{BACK}?error=invalid_request&")
    caller.switch(require_pkce=False)
    assert caller.at("GET", "/services/oauth2/authorize", params=asked).status_code == 200


@pytest.mark.parametrize("changes", [{"client_id": "nobody"}, {"redirect_uri": "https://evil.example.com/"}])
def test_nobody_is_sent_to_a_stranger(caller: SalesforceClient, changes: dict[str, str]) -> None:
    asked = {"response_type": "code", "client_id": APP["client_id"], "redirect_uri": BACK, "code_challenge": CHALLENGE}
    answer = caller.at("GET", "/services/oauth2/authorize", params={**asked, **changes}, allow_redirects=False)
    assert (answer.status_code, "Location" in answer.headers) == (400, False)
    posted = caller.at("POST", "/services/oauth2/authorize", data={**asked, "portal_id": ORG, **changes})
    assert posted.status_code == 400


def test_a_form_posted_from_another_site_gives_no_code(caller: SalesforceClient) -> None:
    form = {"response_type": "code", **APP, "redirect_uri": BACK, "code_challenge": CHALLENGE, "portal_id": ORG}
    headers = {"Origin": "https://evil.example.com"}
    answer = caller.at("POST", "/services/oauth2/authorize", data={**form, "decision": "grant"}, headers=headers)
    assert answer.status_code == 400


def test_a_refresh_opens_a_new_session_and_keeps_its_token(caller: SalesforceClient) -> None:
    first = caller.traded()
    body = caller.refresh(first["refresh_token"]).json()
    assert "refresh_token" not in body
    assert body["access_token"] != first["access_token"]
    assert [limits(caller, each["access_token"]) for each in (first, body)] == [200, 200]
    assert caller.refresh(first["refresh_token"]).status_code == 200


def test_a_refresh_names_no_scope(caller: SalesforceClient) -> None:
    token = caller.traded()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token, "scope": "api"}
    assert refused(caller.token(**form)) == (400, "invalid_request", "scope parameter not supported")
    caller.switch(scope_on_refresh="ignore")
    assert caller.token(**form).status_code == 200


def test_a_rotated_token_that_is_used_again_ends_everything(caller: SalesforceClient) -> None:
    caller.switch(rotate_refresh_tokens=True)
    first = caller.traded()
    second = caller.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert refused(caller.refresh(first["refresh_token"])) == (400, "invalid_grant", "expired access/refresh token")
    assert refused(caller.refresh(second["refresh_token"]))[1] == "invalid_grant"
    assert [limits(caller, each["access_token"]) for each in (first, second)] == [401, 401]


def test_a_sixth_authorisation_ends_the_oldest(caller: SalesforceClient) -> None:
    tokens = [caller.traded()["refresh_token"] for _ in range(6)]
    assert [caller.refresh(token).status_code for token in tokens] == [400, 200, 200, 200, 200, 200]


def test_sessions_end_by_time_or_by_hand(caller: SalesforceClient) -> None:
    token = caller.traded()["access_token"]
    caller.sandbox.clock.advance(7199)
    assert limits(caller, token) == 200
    caller.sandbox.clock.advance(1)
    assert limits(caller, token) == 401
    token = caller.traded()["access_token"]
    assert caller.own("POST", "sessions/expire").json()["expired"] >= 1
    answer = caller.call("GET", "/limits", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()) == (
        401,
        [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}],
    )


def test_client_credentials_open_a_session_in_the_apps_org(caller: SalesforceClient, other: SalesforceClient) -> None:
    body = caller.token(grant_type="client_credentials").json()
    assert "refresh_token" not in body
    assert limits(caller, body["access_token"]) == 200
    caller.own("POST", "portals", json={"portal_id": OTHER_ORG, "client_id": "theirs", "client_secret": "s"})
    theirs = caller.at(
        "POST", "/services/oauth2/token", auth=("theirs", "s"), data={"grant_type": "client_credentials"}
    )
    assert caller.salesforce.desk(OTHER_ORG).org.org_id in theirs.json()["id"]


@pytest.mark.parametrize(
    ("switches", "changes", "error", "description"),
    [
        ({"plays_login_host": True}, {}, "invalid_grant", "request not supported on this domain"),
        ({"client_credentials_user": False}, {}, "invalid_grant", "no client credentials user enabled"),
        ({}, {"client_secret": "wrong"}, "invalid_client", "invalid client credentials"),
        ({}, {"client_id": "wrong"}, "invalid_client_id", "client identifier invalid"),
    ],
)
def test_client_credentials_are_refused_in_the_vendors_words(
    caller: SalesforceClient, switches: Any, changes: Any, error: str, description: str
) -> None:
    caller.switch(**switches)
    assert refused(caller.token(grant_type="client_credentials", **changes)) == (400, error, description)


def test_introspection_tells_the_end(caller: SalesforceClient) -> None:
    tokens = caller.traded()

    def told(token: str) -> dict[str, Any]:
        shown: dict[str, Any] = caller.at("POST", "/services/oauth2/introspect", data={**APP, "token": token}).json()
        return shown

    shown = told(tokens["access_token"])
    assert (shown["active"], shown["scope"], shown["exp"]) == (True, "api refresh_token", 1_790_007_200)
    assert "exp" not in told(tokens["refresh_token"])
    assert told("nonsense") == {"active": False}


def test_revoking_a_refresh_token_ends_its_sessions(caller: SalesforceClient) -> None:
    tokens = caller.traded()
    form = {"token": tokens["refresh_token"]}
    done = caller.at("POST", "/services/oauth2/revoke", data=form)
    assert (done.status_code, done.text) == (200, "")
    assert limits(caller, tokens["access_token"]) == 401
    assert refused(caller.at("POST", "/services/oauth2/revoke", data=form))[:2] == (400, "invalid_token")
    unknown = caller.at("POST", "/services/oauth2/revoke", data={"token": "nonsense"})
    assert refused(unknown)[:2] == (400, "unsupported_token_type")


def test_revoking_a_session_leaves_the_refresh_token(caller: SalesforceClient) -> None:
    tokens = caller.traded()
    caller.at("POST", "/services/oauth2/revoke", data={"token": tokens["access_token"]})
    assert limits(caller, tokens["access_token"]) == 401
    assert caller.refresh(tokens["refresh_token"]).status_code == 200


def test_userinfo_needs_an_identity_scope(caller: SalesforceClient) -> None:
    def told(**changes: str) -> Any:
        headers = {"Authorization": f"Bearer {caller.traded(**changes)['access_token']}"}
        return caller.at("GET", "/services/oauth2/userinfo", headers=headers)

    assert told().status_code == 403
    shown = told(scope="api id").json()
    assert (shown["organization_id"], shown["active"]) == (ORG, True)
    caller.switch(userinfo_needs_identity=False)
    assert told().status_code == 200
    assert caller.at("GET", "/services/oauth2/userinfo").text == "Bad_OAuth_Token"


def test_a_session_without_the_api_scope_opens_no_api(caller: SalesforceClient) -> None:
    assert limits(caller, caller.traded(scope="id refresh_token")["access_token"]) == 403


def test_answers_may_name_the_sandbox_itself(caller: SalesforceClient) -> None:
    caller.switch(own_instance_url=True)
    body = caller.traded()
    assert body["instance_url"] == caller.sandbox.url
    identity = caller.session.get(body["id"], headers={"Authorization": f"Bearer {body['access_token']}"}, timeout=10)
    assert identity.status_code == 403
    caller.switch(userinfo_needs_identity=False)
    identity = caller.session.get(body["id"], headers={"Authorization": f"Bearer {body['access_token']}"}, timeout=10)
    assert identity.json()["user_id"] == body["id"].rsplit("/", 1)[1]


def test_of_many_refreshes_at_once_one_wins(
    client_for: Callable[..., SalesforceClient], caller: SalesforceClient
) -> None:
    caller.switch(rotate_refresh_tokens=True)
    token = caller.traded()["refresh_token"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda each: each.refresh(token), [client_for(None) for _ in range(4)]))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
