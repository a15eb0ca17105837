"""Connecting to AutoChat CRM: the form, the address, the hosts that may be called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flask_crm_sync.clock import SystemClock
from flask_crm_sync.config import load_settings
from flask_crm_sync.crm.autochat import AutoChatAdapter
from flask_crm_sync.crm.registry import connect
from flask_crm_sync.errors import CredentialsIncomplete, CredentialsRefused, ReconnectRequired

from .conftest import BASE, SETTINGS

_FOR_ALL = replace(SETTINGS, autochat_base_url=BASE)


def test_form_asks_for_the_address_only_where_the_installation_has_none() -> None:
    asked = [[field.name for field in AutoChatAdapter.ways(settings)[0].fields] for settings in (SETTINGS, _FOR_ALL)]
    assert asked == [["api_key", "base_url"], ["api_key"]]


@pytest.mark.parametrize("typed", [BASE, f"{BASE}/", f" {BASE} ", BASE.replace("abc", "ABC")])
def test_address_is_kept_whole_in_its_one_form(typed: str) -> None:
    assert AutoChatAdapter.checked("api_key", {"api_key": "k", "base_url": typed}, SETTINGS)["base_url"] == BASE


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "abc",
        "http://abc.supabase.co/v1",
        "https://supabase.co/v1",
        "https://evilsupabase.co/v1",
        "https://abc.supabase.co.example.com/v1",
        "https://abc.supabase.co@example.com/v1",
        "https://evil.example.com\\.supabase.co/v1",
        "https://abc.supabase.co:8443/v1",
        "https://abc.supabase.co/v1?x=1",
        "https://abc.supabase.co/v1#x",
        "https://127.0.0.1/v1",
        "https://crm.example.com/v1",
    ],
)
def test_address_that_is_not_a_listed_hosts_is_refused_by_its_field(typed: str) -> None:
    with pytest.raises(CredentialsIncomplete) as refused:
        AutoChatAdapter.checked("api_key", {"api_key": "k", "base_url": typed}, SETTINGS)
    assert list(refused.value.fields) == ["base_url"]


def test_operator_may_list_other_hosts() -> None:
    settings = replace(SETTINGS, autochat_hosts=("crm.example.com",))
    typed = {"api_key": "k", "base_url": "https://crm.example.com/api/v1"}
    assert AutoChatAdapter.checked("api_key", typed, settings) == typed


def test_connections_own_address_wins_over_the_installations() -> None:
    own = "https://own.supabase.co/functions/v1/crm-api/v1"
    assert AutoChatAdapter.base_url(_FOR_ALL, {"base_url": own}) == own
    assert AutoChatAdapter.base_url(_FOR_ALL, {}) == BASE
    assert AutoChatAdapter.checked("api_key", {"api_key": "k"}, _FOR_ALL) == {"api_key": "k"}


def test_without_any_address_the_connection_needs_a_person() -> None:
    with pytest.raises(ReconnectRequired, match="base URL"):
        AutoChatAdapter.base_url(SETTINGS, {"api_key": "k"})


def test_key_is_needed() -> None:
    with pytest.raises(CredentialsRefused):
        AutoChatAdapter.authorization({"api_key": " "})


def test_host_that_is_not_listed_is_never_called() -> None:
    credentials = {"api_key": "key-12345", "base_url": "https://crm.example.com/v1"}
    with pytest.raises(ReconnectRequired, match=r"crm\.example\.com"):
        connect("autochat", credentials, SETTINGS, {}, meter=None, clock=SystemClock())


def test_sandbox_takes_the_place_of_the_origin_and_keeps_the_path(tmp_path: object) -> None:
    from flask_crm_sync.sandbox.authority import Authority

    ca_file = str(Authority(tmp_path / "authority").ca_file)  # type: ignore[operator]
    settings = replace(SETTINGS, sandbox_url="https://127.0.0.1:8443", sandbox_ca=ca_file)
    adapter = connect("autochat", {"api_key": "k", "base_url": BASE}, settings, {}, meter=None, clock=SystemClock())
    assert (adapter.http.origin, adapter.http.base_path) == ("https://127.0.0.1:8443", "/functions/v1/crm-api/v1")


def test_keys_of_the_configuration_reach_the_adapter() -> None:
    config = {
        "CRM_SYNC_ENCRYPTION_KEYS": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
        "CRM_SYNC_AUTOCHAT_CLIENT_FIELDS": "company=organisation, phone=",
        "CRM_SYNC_AUTOCHAT_ACTIVITY_PATH": "off",
    }
    settings = load_settings(config, {})
    assert settings.autochat_client_fields == (("company", "organisation"), ("phone", ""))
    assert settings.autochat_activity_path == ""
