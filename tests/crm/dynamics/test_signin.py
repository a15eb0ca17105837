"""What may be typed into the forms, and the grants that come of it."""

from __future__ import annotations

from typing import Any

import pytest

from flask_crm_sync.config import Settings
from flask_crm_sync.crm.dynamics import DynamicsAdapter
from flask_crm_sync.errors import CredentialsIncomplete, CredentialsRefused, ReconnectRequired, UnsupportedFeature

_TENANT, _APP = "99999999-8888-4777-8666-555555555555", "11111111-2222-4333-8444-555555555555"
_SETTINGS = Settings(encryption_keys=(b"k" * 32,), dynamics_client_id=_APP, dynamics_client_secret="of-the-app")
_TYPED = {
    "instance_url": "https://Org.api.crm4.dynamics.com/",
    "tenant_id": _TENANT.upper(),
    "client_id": _APP.upper(),
    "client_secret": "a~secret.value",
}
_INSTANCE = {"instance_url": "https://org.crm4.dynamics.com"}


def _checked(method: str, **typed: str) -> dict[str, str]:
    return DynamicsAdapter.checked(method, {**_TYPED, **typed}, _SETTINGS)


def test_what_was_typed_is_kept_in_its_one_form() -> None:
    assert _checked("client_credentials") == {
        "instance_url": "https://org.crm4.dynamics.com",
        "tenant_id": _TENANT,
        "client_id": _APP,
        "client_secret": "a~secret.value",
    }
    assert DynamicsAdapter.checked("oauth", {"instance_url": "org.crm4.dynamics.com"}, _SETTINGS) == _INSTANCE


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("instance_url", "https://evil.example", "not the address"),
        ("instance_url", "https://127.0.0.1", "not the address"),
        ("tenant_id", "common", "neither a tenant's ID"),
        ("tenant_id", "../x", "neither a tenant's ID"),
        ("client_id", "my app", "application's ID"),
        ("client_secret", _APP, "Paste its Value"),
    ],
)
def test_what_cannot_be_right_is_named_by_its_field(field: str, value: str, says: str) -> None:
    with pytest.raises(CredentialsIncomplete) as refused:
        _checked("client_credentials", **{field: value})
    assert list(refused.value.fields) == [field]
    assert says in refused.value.fields[field]


def test_person_signs_in_where_the_environment_is_at_home_and_for_it_alone() -> None:
    flow = DynamicsAdapter.flow("oauth", {"instance_url": "https://org.crm.appsplatform.us"}, _SETTINGS)
    root = "https://login.microsoftonline.us/organizations/oauth2/v2.0"
    assert (flow.grant, flow.authorize_url, flow.token_url) == (
        "authorization_code",
        f"{root}/authorize",
        f"{root}/token",
    )
    assert flow.scope == "https://org.crm.appsplatform.us/user_impersonation offline_access openid"
    assert flow.refresh_scope == flow.scope
    assert (flow.client_id, flow.client_secret, flow.pkce) == (_APP, "of-the-app", True)
    assert flow.ahead_seconds == 300
    assert "of-the-app" not in repr(flow)


def test_app_asks_its_own_tenant_for_the_default_scope() -> None:
    flow = DynamicsAdapter.flow("client_credentials", _checked("client_credentials"), _SETTINGS)
    assert flow.grant == "client_credentials"
    assert flow.token_url == f"https://login.microsoftonline.com/{_TENANT}/oauth2/v2.0/token"
    assert flow.scope == "https://org.crm4.dynamics.com/.default"
    assert (flow.client_id, flow.client_secret, flow.refresh_scope) == (_APP, "a~secret.value", "")


@pytest.mark.parametrize(
    "stored", [{}, {"instance_url": "https://evil.example"}, {"instance_url": "https://org.crm.dynamics.com:444"}]
)
def test_stored_address_that_is_not_on_the_list_is_never_called(stored: dict[str, str]) -> None:
    with pytest.raises(ReconnectRequired):
        DynamicsAdapter.base_url(_SETTINGS, stored)
    with pytest.raises(ReconnectRequired):
        DynamicsAdapter.flow("oauth", stored, _SETTINGS)


def test_stored_tenant_that_is_none_is_never_put_into_an_address() -> None:
    with pytest.raises(ReconnectRequired):
        DynamicsAdapter.flow("client_credentials", {**_INSTANCE, "tenant_id": "x/../common"}, _SETTINGS)


def test_unknown_way_to_connect_is_told_as_such() -> None:
    with pytest.raises(UnsupportedFeature):
        DynamicsAdapter.flow("password", _INSTANCE, _SETTINGS)


def test_token_is_a_bearer_and_a_missing_one_is_told() -> None:
    assert DynamicsAdapter.authorization({"access_token": " t "}) == {"Authorization": "Bearer t"}
    with pytest.raises(CredentialsRefused):
        DynamicsAdapter.authorization({})


def test_forms_ask_for_the_instance_first_and_keep_only_the_secret_secret() -> None:
    forms: dict[str, Any] = {method.name: method.fields for method in DynamicsAdapter.ways(_SETTINGS)}
    assert [field.name for field in forms["oauth"]] == ["instance_url"]
    assert [(field.name, field.secret) for field in forms["client_credentials"]] == [
        ("instance_url", False),
        ("tenant_id", False),
        ("client_id", False),
        ("client_secret", True),
    ]
