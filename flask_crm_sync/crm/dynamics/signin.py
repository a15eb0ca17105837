"""Connecting: the forms, what may be typed into them, and how Microsoft Entra ID hands out tokens."""

from __future__ import annotations

from collections.abc import Mapping

from ...config import Settings
from ...errors import CredentialsIncomplete, ReconnectRequired, UnsupportedFeature
from ..base import AuthField, AuthMethod
from ..oauth import Flow
from .addresses import Environment, environment, is_guid, is_tenant

OAUTH, CLIENT_CREDENTIALS = "oauth", "client_credentials"
RENEW_AHEAD = 300.0
"""Seconds: access tokens live 60 to 90 minutes and are renewed five minutes early (Entra, "Access tokens")."""

_PLACEHOLDER = "https://yourorg.crm.dynamics.com"
_INSTANCE = AuthField(
    "instance_url",
    "Instance URL",
    "The address at which you open Dynamics 365, up to dynamics.com. It is also listed in the Power Platform admin "
    "center, on the environment's page, as Environment URL.",
    secret=False,
    placeholder=_PLACEHOLDER,
)
METHODS = (
    AuthMethod(OAUTH, "Sign in with Microsoft", (_INSTANCE,), grant="authorization_code"),
    AuthMethod(
        CLIENT_CREDENTIALS,
        "Application (client credentials)",
        (
            _INSTANCE,
            AuthField(
                "tenant_id",
                "Tenant ID",
                "Directory (tenant) ID on the app registration's overview page in the Microsoft Entra admin center.",
                secret=False,
                placeholder="00000000-0000-0000-0000-000000000000",
            ),
            AuthField(
                "client_id",
                "Client ID",
                "Application (client) ID on the same page. The app must also be an application user of the "
                "environment: Power Platform admin center, Environments, yours, Settings, Users + permissions, "
                "Application users, New app user; give it a security role that may read and write contacts and notes.",
                secret=False,
                placeholder="00000000-0000-0000-0000-000000000000",
            ),
            AuthField(
                "client_secret",
                "Client secret",
                "Certificates & secrets, New client secret: copy the Value (not the Secret ID); it is shown once.",
            ),
        ),
        grant="client_credentials",
    ),
)

_NOT_AN_INSTANCE = (
    "This is not the address of a Dynamics 365 environment. It looks like https://yourorg.crm.dynamics.com, with "
    "nothing after it."
)


def checked(method: str, typed: Mapping[str, str]) -> dict[str, str]:
    """Return what was typed in its one right form; raise CredentialsIncomplete naming the fields that are wrong."""
    values = dict(typed)
    wrong: dict[str, str] = {}
    found = environment(values.get("instance_url", ""))
    if found is None:
        wrong["instance_url"] = _NOT_AN_INSTANCE
    else:
        values["instance_url"] = found.url
    if method == CLIENT_CREDENTIALS:
        wrong.update(_wrong_with_app(values))
        values.update({name: values.get(name, "").lower() for name in ("tenant_id", "client_id")})
    if wrong:
        raise CredentialsIncomplete(wrong)
    return values


def _wrong_with_app(values: Mapping[str, str]) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if not is_tenant(values.get("tenant_id", "")):
        wrong["tenant_id"] = "This is neither a tenant's ID nor one of its domains. A name such as common will not do."
    if not is_guid(values.get("client_id", "")):
        wrong["client_id"] = "This is not an application's ID: 32 digits and letters in five groups."
    if is_guid(values.get("client_secret", "")):
        wrong["client_secret"] = "This is the secret's ID. Paste its Value."  # noqa: S105 - a sentence
    return wrong


def instance(credentials: Mapping[str, str]) -> Environment:
    """Return the environment that credentials are for; raise ReconnectRequired for one that is none of Microsoft's."""
    found = environment(credentials.get("instance_url", ""))
    if found is None:
        raise ReconnectRequired("The instance URL is not the address of a Dynamics 365 environment.")
    return found


def flow(method: str, credentials: Mapping[str, str], settings: Settings) -> Flow:
    """Return the grant of a way to connect.

    The scope names the environment, in both grants; without `offline_access` there is no refresh token (Dataverse,
    "Use OAuth authentication"). A token of client credentials cannot be refreshed: another one is asked for.
    """
    if method == OAUTH:
        return _of_person(instance(credentials), settings)
    if method == CLIENT_CREDENTIALS:
        return _of_app(instance(credentials), credentials)
    raise UnsupportedFeature("Dynamics 365", f"a connection by {method[:40]!r}")


def _of_person(env: Environment, settings: Settings) -> Flow:
    scope = f"{env.url}/user_impersonation offline_access openid"
    root = f"https://{env.sign_in_host}/{settings.dynamics_tenant}/oauth2/v2.0"
    return Flow(
        grant="authorization_code",
        token_url=f"{root}/token",
        authorize_url=f"{root}/authorize",
        client_id=settings.dynamics_client_id,
        client_secret=settings.dynamics_client_secret,
        scope=scope,
        refresh_scope=scope,
        pkce=True,
        authorize_extra={"response_mode": "query"},
        ahead_seconds=RENEW_AHEAD,
    )


def _of_app(env: Environment, credentials: Mapping[str, str]) -> Flow:
    tenant = credentials.get("tenant_id", "")
    if not is_tenant(tenant):
        raise ReconnectRequired("The tenant ID is not the ID or a domain of a tenant.")
    return Flow(
        grant="client_credentials",
        token_url=f"https://{env.sign_in_host}/{tenant}/oauth2/v2.0/token",
        client_id=credentials.get("client_id", ""),
        client_secret=credentials.get("client_secret", ""),
        scope=f"{env.url}/.default",
        ahead_seconds=RENEW_AHEAD,
    )
