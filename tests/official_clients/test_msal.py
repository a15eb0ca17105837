"""Signing in through Microsoft's own ``msal``: as an app, as a person with a code, and again with a refresh token."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from flask_crm_sync.sandbox import Sandbox

from .consent import agree

msal = pytest.importorskip("msal", reason="msal is not installed")

pytestmark = pytest.mark.filterwarnings("ignore:response_mode='form_post' is recommended:UserWarning")
"""The advice is for apps in which a person signs in by a page of their own; Dynamics' contract says ``query``."""

TENANT = "99999999-8888-4777-8666-555555555555"
APP = "11111111-2222-4333-8444-555555555555"
SECRET = "sandbox-client-secret"
INSTANCE = "https://sandbox.crm.dynamics.com"
BACK = "http://localhost:8400/crm/oauth/callback"


@pytest.fixture(autouse=True)
def _empty(sandbox: Sandbox) -> None:
    sandbox.dynamics.start_afresh()


def app(sandbox: Sandbox, tenant: str = TENANT, **options: Any) -> Any:
    session = requests.Session()
    session.verify = str(sandbox.ca_file)
    where = options or {"authority": f"{sandbox.url}/{tenant}", "instance_discovery": False}
    return msal.ConfidentialClientApplication(
        APP, client_credential=where.pop("secret", SECRET), http_client=session, **where
    )


def who_am_i(sandbox: Sandbox, token: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(
        f"{sandbox.url}/api/data/v9.2/WhoAmI", headers=headers, verify=str(sandbox.ca_file), timeout=10
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def signed_in(sandbox: Sandbox, opened: Any, scopes: list[str]) -> dict[str, Any]:
    flow = opened.initiate_auth_code_flow(scopes, redirect_uri=BACK)
    back = agree(flow["auth_uri"], str(sandbox.ca_file))
    query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    answer: dict[str, Any] = opened.acquire_token_by_auth_code_flow(flow, query)
    return answer


@pytest.mark.parametrize("of", ["authority", "oidc_authority"])
def test_an_app_gets_a_token_of_its_own(sandbox: Sandbox, of: str) -> None:
    options = {"oidc_authority": f"{sandbox.url}/{TENANT}/v2.0"} if of == "oidc_authority" else {}
    answer = app(sandbox, **options).acquire_token_for_client([f"{INSTANCE}/.default"])
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3599)
    assert "refresh_token" not in answer
    user = sandbox.dynamics.environments.get("sandbox").application_user_id
    assert who_am_i(sandbox, answer["access_token"])["UserId"] == user


def test_a_wrong_secret_is_refused(sandbox: Sandbox) -> None:
    opened = app(sandbox, authority=f"{sandbox.url}/{TENANT}", instance_discovery=False, secret="the id of the secret")
    answer = opened.acquire_token_for_client([f"{INSTANCE}/.default"])
    assert (answer["error"], answer["error_codes"]) == ("invalid_client", [7000215])


def test_an_unknown_tenant_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        app(sandbox, tenant="00000000-0000-4000-8000-000000000000")


def test_a_person_signs_in_with_a_code(sandbox: Sandbox) -> None:
    answer = signed_in(sandbox, app(sandbox), [f"{INSTANCE}/user_impersonation"])
    assert answer["id_token_claims"]["preferred_username"] == "admin@example.com"
    assert answer["refresh_token"]
    user = sandbox.dynamics.environments.get("sandbox").person_id
    assert who_am_i(sandbox, answer["access_token"])["UserId"] == user


def test_a_refresh_brings_new_tokens(sandbox: Sandbox) -> None:
    opened = app(sandbox)
    scopes = [f"{INSTANCE}/user_impersonation"]
    first = signed_in(sandbox, opened, scopes)
    [account] = opened.get_accounts()
    again = opened.acquire_token_silent(scopes, account, force_refresh=True)
    assert again["access_token"] != first["access_token"]
    assert who_am_i(sandbox, again["access_token"])
    moved = opened.acquire_token_by_refresh_token(first["refresh_token"], scopes)
    assert moved["access_token"] not in (first["access_token"], again["access_token"])


def test_any_tenant_will_do_for_a_person(sandbox: Sandbox) -> None:
    answer = signed_in(sandbox, app(sandbox, "organizations"), [f"{INSTANCE}/user_impersonation"])
    assert who_am_i(sandbox, answer["access_token"])
