"""Ways to connect: addresses held to the list, and what is kept of a token answer."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from flask_crm_sync.config import Settings
from flask_crm_sync.crm.salesforce import SalesforceAdapter
from flask_crm_sync.errors import (
    CredentialsIncomplete,
    CredentialsRefused,
    ReconnectRequired,
    UnsupportedFeature,
)

from .conftest import ORIGIN, adapter_for, payload

_SETTINGS = Settings(
    encryption_keys=(b"k" * 32,), salesforce_client_id="3MVG-app", salesforce_client_secret="app-secret"
)
_TYPED = {"client_id": "3MVG", "client_secret": "s"}


def _instance(address: str) -> str:
    typed = {**_TYPED, "instance_url": address}
    return SalesforceAdapter.checked("client_credentials", typed, _SETTINGS)["instance_url"]


def _login(address: str) -> str:
    return SalesforceAdapter.checked("oauth", {"login_host": address}, _SETTINGS)["login_host"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        ("https://ACME.my.salesforce.com/", "https://acme.my.salesforce.com"),
        ("acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://acme--uat.sandbox.my.salesforce.com"),
        ("https://acme.develop.my.salesforce.com", "https://acme.develop.my.salesforce.com"),
        ("https://acme.my.salesforce.mil", "https://acme.my.salesforce.mil"),
        ("https://acme.my.sfcrmproducts.cn", "https://acme.my.sfcrmproducts.cn"),
        ("https://acme.lightning.force.com", "https://acme.my.salesforce.com"),
        ("acme--uat.sandbox.lightning.force.com/", "https://acme--uat.sandbox.my.salesforce.com"),
    ],
)
def test_address_of_an_org_is_kept_in_one_form(typed: str, kept: str) -> None:
    assert _instance(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "http://acme.my.salesforce.com",
        "https://my.salesforce.com",
        "https://evilmy.salesforce.com",
        "https://acme.my.salesforce.com.example.com",
        "https://acmemy.salesforce.com",
        "https://acme.my.salesforce.com@example.com",
        "https://user:pass@acme.my.salesforce.com",
        "https://user@acme.my.salesforce.com",
        "https://acme.my.salesforce.com:8443",
        "https://acme.my.salesforce.com:443",
        "https://acme.my.salesforce.com/services",
        "https://acme.my.salesforce.com?x=1",
        "https://acme.my.salesforce.com/?",
        "https://acme.my.salesforce.com#x",
        "https://example.com\\.my.salesforce.com",
        "https://example.com/.my.salesforce.com",
        "https://acme.my.salesforce.com.",
        "https://-.my.salesforce.com",
        "https://аcme.my.salesforce.com",
        "https://acme.my.salesforce。com",
        "https://127.0.0.1",
        "https://[::1]",
        "https://evilcrmforce.mil",
        "https://acme.lightning.crmforce.mil",
        "https://acme.force.com",
        "https://acme.my.site.com",
        "https://acme.salesforce-sites.com",
        "https://acme.visualforce.com",
        "https://na1.salesforce.com",
        "https://evillightning.force.com",
        "https://acme.lightning.force.com.example.com",
        "ftp://acme.my.salesforce.com",
        "https://",
        "",
    ],
)
def test_address_that_is_not_an_orgs_is_refused_at_its_field(typed: str) -> None:
    with pytest.raises(CredentialsIncomplete) as refused:
        _instance(typed)
    assert list(refused.value.fields) == ["instance_url"]
    with pytest.raises(ReconnectRequired):
        SalesforceAdapter.base_url(_SETTINGS, {"instance_url": typed})


@pytest.mark.parametrize("host", ["login.salesforce.com", "test.salesforce.com"])
def test_general_hosts_are_for_signing_in_only(host: str) -> None:
    assert _login(host) == _login(f"https://{host}/") == host
    with pytest.raises(CredentialsIncomplete, match="My Domain"):
        _instance(f"https://{host}")
    with pytest.raises(ReconnectRequired):
        SalesforceAdapter.remembered({"instance_url": f"https://{host}"}, _SETTINGS)


def test_login_host_may_be_left_empty_or_be_the_orgs_own() -> None:
    assert _login("") == "login.salesforce.com"
    assert _login("https://acme.my.salesforce.com") == "acme.my.salesforce.com"
    with pytest.raises(CredentialsIncomplete) as refused:
        _login("login.salesforce.com.example.com")
    assert list(refused.value.fields) == ["login_host"]


def test_sign_in_asks_for_the_api_and_a_refresh_token_at_the_login_host() -> None:
    flow = SalesforceAdapter.flow("oauth", {"login_host": "test.salesforce.com"}, _SETTINGS)
    assert flow.authorize_url == "https://test.salesforce.com/services/oauth2/authorize"
    assert flow.token_url == "https://test.salesforce.com/services/oauth2/token"
    assert (flow.scope, flow.refresh_scope, flow.pkce, flow.ahead_seconds) == ("api refresh_token", "", True, 0)
    assert (flow.client_id, flow.client_secret) == ("3MVG-app", "app-secret")


def test_client_credentials_are_for_the_orgs_own_address() -> None:
    flow = SalesforceAdapter.flow("client_credentials", {**_TYPED, "instance_url": ORIGIN}, _SETTINGS)
    assert (flow.grant, flow.token_url) == ("client_credentials", f"{ORIGIN}/services/oauth2/token")
    assert (flow.client_id, flow.client_secret, flow.scope) == ("3MVG", "s", "")
    with pytest.raises(CredentialsIncomplete):
        SalesforceAdapter.flow("client_credentials", {**_TYPED, "instance_url": "https://example.com"}, _SETTINGS)
    with pytest.raises(UnsupportedFeature):
        SalesforceAdapter.flow("token", {}, _SETTINGS)


def test_token_answer_tells_where_the_api_is_and_who_we_are() -> None:
    identity = "https://login.salesforce.com/id/00D000000000001EAA/005000000000001AAA"
    answer = {"instance_url": ORIGIN, "id": identity, "access_token": "a", "signature": "s"}
    assert SalesforceAdapter.remembered(answer, _SETTINGS) == {"instance_url": ORIGIN, "identity": identity}
    assert SalesforceAdapter.remembered({"access_token": "a"}, _SETTINGS) == {}


@pytest.mark.parametrize(
    "told", ["https://example.com", "https://na1.salesforce.com", "https://127.0.0.1:8443", 7, ["x"]]
)
def test_token_answer_cannot_lead_the_token_elsewhere(told: Any) -> None:
    with pytest.raises(ReconnectRequired):
        SalesforceAdapter.remembered({"instance_url": told}, _SETTINGS)


def test_sandbox_may_name_itself_and_nobody_else() -> None:
    own = Settings(encryption_keys=(b"k" * 32,), sandbox_url="https://127.0.0.1:8443", sandbox_ca="/tmp/ca.pem")
    assert SalesforceAdapter.remembered({"instance_url": own.sandbox_url}, own)["instance_url"] == own.sandbox_url
    assert SalesforceAdapter.base_url(own, {"instance_url": own.sandbox_url}) == own.sandbox_url
    with pytest.raises(ReconnectRequired):
        SalesforceAdapter.remembered({"instance_url": "https://127.0.0.1:8444"}, own)


def test_no_token_and_no_address_are_told_before_anything_is_sent() -> None:
    with pytest.raises(CredentialsRefused):
        SalesforceAdapter.authorization({"access_token": " "})
    with pytest.raises(CredentialsRefused):
        SalesforceAdapter.base_url(_SETTINGS, {})
    assert SalesforceAdapter.authorization({"access_token": "00D!x"}) == {"Authorization": "Bearer 00D!x"}


def test_revoking_sends_the_refresh_token_to_the_org(salesforce: responses.RequestsMock) -> None:
    salesforce.add("POST", f"{ORIGIN}/services/oauth2/revoke", body="")
    adapter_for().revoke({"refresh_token": "5Aep861!x", "access_token": "00D!x"})
    assert salesforce.calls[0].request.body == b"token=5Aep861%21x"


@pytest.mark.parametrize("error", ["invalid_token", "unsupported_token_type"])
def test_grant_that_is_over_already_is_revoked(salesforce: responses.RequestsMock, error: str) -> None:
    salesforce.add("POST", f"{ORIGIN}/services/oauth2/revoke", json={"error": error}, status=400)
    adapter_for().revoke({"access_token": "00D!x"})
    assert len(salesforce.calls) == 1  # asked once, and taken for done


def test_revoking_that_does_not_go_through_is_told(salesforce: responses.RequestsMock) -> None:
    salesforce.add("POST", f"{ORIGIN}/services/oauth2/revoke", json=payload("session_expired")["body"], status=401)
    with pytest.raises(CredentialsRefused):
        adapter_for().revoke({"access_token": "00D!x"})
