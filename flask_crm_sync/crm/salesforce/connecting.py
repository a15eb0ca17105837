"""Ways to connect: what people type in, and how tokens come of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ...config import Settings
from ...errors import CredentialsIncomplete, CredentialsRefused, ReconnectRequired, UnsupportedFeature
from ..base import AuthField, AuthMethod
from ..oauth import Flow
from .hosts import login_host, my_domain

OAUTH, CLIENT_CREDENTIALS = "oauth", "client_credentials"

METHODS = (
    AuthMethod(
        OAUTH,
        "Sign in to Salesforce",
        (
            AuthField(
                "login_host",
                "Where you sign in",
                "Empty for a production org. For a sandbox: test.salesforce.com. If your org allows sign-ins on "
                "its own address only: its My Domain.",
                secret=False,
                optional=True,
                placeholder="login.salesforce.com",
            ),
        ),
        grant="authorization_code",
    ),
    AuthMethod(
        CLIENT_CREDENTIALS,
        "Client credentials (service to service)",
        (
            AuthField(
                "client_id",
                "Client ID (consumer key)",
                "In Salesforce: Setup, External Client App Manager, New. Enable OAuth with the scope api and the "
                "client credentials flow, and set the user to run as in the app's policies. Then: Settings, "
                '"Consumer Key and Secret".',
                secret=False,
            ),
            AuthField("client_secret", "Client secret (consumer secret)", "Beside the consumer key."),
            AuthField(
                "instance_url",
                "Instance URL",
                "In Salesforce: Setup, My Domain, Current My Domain URL.",
                secret=False,
                placeholder="https://yourdomain.my.salesforce.com",
            ),
        ),
        grant="client_credentials",
    ),
)
_SCOPE = "api refresh_token"
_LONGEST_IDENTITY = 300


def checked(method: str, typed: Mapping[str, str]) -> dict[str, str]:
    """Return what was typed in its one right form; raise CredentialsIncomplete naming the address that is wrong."""
    name, read = ("login_host", login_host) if method == OAUTH else ("instance_url", my_domain)
    try:
        host = read(typed.get(name, ""))
    except ValueError as wrong:
        raise CredentialsIncomplete({name: str(wrong)}) from None
    return {**typed, name: host if method == OAUTH else f"https://{host}"}


def flow(method: str, credentials: Mapping[str, str], settings: Settings, label: str) -> Flow:
    """Return how tokens are had. Addresses are checked again: what is stored may be older than the list.

    Salesforce tells no lifetime, so a token is renewed when it is refused; a refresh asks for no scope.
    """
    address = {OAUTH: "login_host", CLIENT_CREDENTIALS: "instance_url"}.get(method)
    if address is None:
        raise UnsupportedFeature(label, f"a connection by {method[:40]!r}")
    known = checked(method, credentials)[address]
    endpoint = f"https://{urlsplit(known).hostname or known}/services/oauth2"
    if method == CLIENT_CREDENTIALS:
        return Flow(
            grant="client_credentials",
            token_url=f"{endpoint}/token",
            client_id=credentials.get("client_id", ""),
            client_secret=credentials.get("client_secret", ""),
            pkce=False,
            ahead_seconds=0.0,
        )
    return Flow(
        grant="authorization_code",
        token_url=f"{endpoint}/token",
        client_id=settings.salesforce_client_id,
        client_secret=settings.salesforce_client_secret,
        authorize_url=f"{endpoint}/authorize",
        scope=_SCOPE,
        ahead_seconds=0.0,
    )


def remembered(answer: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    """Return the org's address and the identity from a token answer; raise ReconnectRequired for a strange address.

    A refresh may name another address than before, as orgs are moved.
    """
    told, identity = answer.get("instance_url"), answer.get("id")
    kept = {"instance_url": _instance(told, settings)} if told else {}
    if isinstance(identity, str) and identity.startswith("https://") and len(identity) <= _LONGEST_IDENTITY:
        kept["identity"] = identity
    return kept


def api_origin(credentials: Mapping[str, str], settings: Settings) -> str:
    """Return the origin of the org's API; raise CredentialsRefused where no usable one is stored."""
    told = credentials.get("instance_url", "")
    if not told:
        raise CredentialsRefused("The connection has no address of an org yet.")
    return _instance(told, settings)


def _instance(told: object, settings: Settings) -> str:
    if settings.sandbox_url and told == settings.sandbox_url:
        return settings.sandbox_url
    try:
        return f"https://{my_domain(str(told))}"
    except ValueError:
        raise ReconnectRequired(
            "The address of the API is none of Salesforce's, so nothing is sent there. Connect again."
        ) from None


def bearer(credentials: Mapping[str, str]) -> Mapping[str, str]:
    """Return the header that carries the token; raise CredentialsRefused where there is none."""
    token = credentials.get("access_token", "").strip()
    if not token:
        raise CredentialsRefused("There is no access token yet.")
    return {"Authorization": f"Bearer {token}"}
