"""Authlib's OAuth client against the token endpoints: codes with PKCE, refreshing by itself, revoking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flask_crm_sync.sandbox import Sandbox

from .consent import agree

requests_client = pytest.importorskip("authlib.integrations.requests_client", reason="Authlib is not installed")

BACK = "https://127.0.0.1:5000/crm/oauth/callback"
VERIFIER = "v" * 64


@dataclass(frozen=True)
class Provider:
    """Where one CRM's OAuth lives, and a call that a token opens."""

    crm: str
    authorize: str
    token: str
    revoke: str
    scope: str
    call: str
    scope_in_refresh: bool
    """Whether a refresh may name scopes, as Authlib does for a session that has some."""


PROVIDERS = (
    Provider(
        "hubspot",
        "/oauth/authorize",
        "/oauth/2026-09/token",
        "/oauth/2026-09/token/revoke",
        "oauth crm.objects.contacts.read crm.objects.contacts.write",
        "/crm/objects/2026-09/contacts?limit=1",
        scope_in_refresh=True,
    ),
    Provider(
        "salesforce",
        "/services/oauth2/authorize",
        "/services/oauth2/token",
        "/services/oauth2/revoke",
        "api refresh_token",
        "/services/data/v60.0/limits",
        scope_in_refresh=False,
    ),
)


@pytest.fixture(params=PROVIDERS, ids=lambda provider: provider.crm)
def provider(request: pytest.FixtureRequest, sandbox: Sandbox) -> Provider:
    chosen: Provider = request.param
    if chosen.crm not in {crm.name for crm in sandbox.crms}:
        pytest.skip(f"the sandbox has no {chosen.crm}")
    return chosen


@pytest.fixture
def session(sandbox: Sandbox, provider: Provider) -> Iterator[Callable[..., Any]]:
    """Make Authlib sessions; they put the secret into the form, as these CRMs want it."""
    made: list[Any] = []

    def make(**options: Any) -> Any:
        made.append(
            requests_client.OAuth2Session(
                "sandbox-client-id",
                "sandbox-client-secret",
                scope=provider.scope if provider.scope_in_refresh else None,
                redirect_uri=BACK,
                token_endpoint=sandbox.url + provider.token,
                token_endpoint_auth_method="client_secret_post",
                revocation_endpoint_auth_method="client_secret_post",
                code_challenge_method="S256",
                **options,
            )
        )
        made[-1].verify = str(sandbox.ca_file)
        return made[-1]

    yield make
    for each in made:
        each.close()


def asked(sandbox: Sandbox, provider: Provider, client: Any, decision: str = "grant") -> tuple[str, str]:
    """Walk through the consent page; return where it leads back to, and the state that must be there."""
    page, state = client.create_authorization_url(
        sandbox.url + provider.authorize, code_verifier=VERIFIER, scope=provider.scope
    )
    return agree(page, str(sandbox.ca_file), decision=decision), state


def signed_in(sandbox: Sandbox, provider: Provider, client: Any) -> dict[str, Any]:
    """Walk through the consent page and trade the code in."""
    back, state = asked(sandbox, provider, client)
    assert back.startswith(BACK)
    token: dict[str, Any] = client.fetch_token(authorization_response=back, state=state, code_verifier=VERIFIER)
    return token


def test_a_code_becomes_a_token_that_opens_the_api(sandbox: Sandbox, provider: Provider, session: Any) -> None:
    client = session()
    token = signed_in(sandbox, provider, client)
    assert {"access_token", "refresh_token"} <= token.keys()
    assert client.get(sandbox.url + provider.call).status_code == 200


def test_a_wrong_verifier_is_refused(sandbox: Sandbox, provider: Provider, session: Any) -> None:
    client = session()
    back, state = asked(sandbox, provider, client)
    with pytest.raises(requests_client.OAuthError) as refused:
        client.fetch_token(authorization_response=back, state=state, code_verifier="w" * 64)
    assert refused.value.error in ("invalid_grant", "invalid_request")


def test_a_person_who_says_no_is_told_to_the_app(sandbox: Sandbox, provider: Provider, session: Any) -> None:
    back, state = asked(sandbox, provider, session(), "deny")
    told = parse_qs(urlsplit(back).query)
    assert (told["error"], told["state"]) == (["access_denied"], [state])
    assert "code" not in told


def test_an_expired_token_is_refreshed_before_the_call(sandbox: Sandbox, provider: Provider, session: Any) -> None:
    token = signed_in(sandbox, provider, session())
    heard: list[dict[str, Any]] = []
    late = session(token={**token, "expires_at": 1}, update_token=lambda token, **_: heard.append(token))
    assert late.get(sandbox.url + provider.call).status_code == 200
    [fresh] = heard
    assert fresh["access_token"] != token["access_token"]


def test_a_revoked_grant_cannot_be_refreshed(sandbox: Sandbox, provider: Provider, session: Any) -> None:
    client = session()
    token = signed_in(sandbox, provider, client)
    where, text = sandbox.url + provider.revoke, token["refresh_token"]
    revoked = client.revoke_token(where, token=text, token_type_hint="refresh_token")
    assert revoked.status_code == 200
    with pytest.raises(requests_client.OAuthError) as refused:
        client.refresh_token(sandbox.url + provider.token, refresh_token=token["refresh_token"])
    assert refused.value.error == "invalid_grant"
