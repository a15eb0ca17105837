"""Which adapters there are, and how one is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from flask_crm_sync.clock import SystemClock
from flask_crm_sync.config import Settings
from flask_crm_sync.crm import registry
from flask_crm_sync.crm.base import Adapter
from flask_crm_sync.crm.hubspot import HubSpotAdapter
from flask_crm_sync.crm.registry import adapter_class, adapters, connect
from flask_crm_sync.errors import ConfigurationError, CredentialsRefused, ReconnectRequired, UnsupportedFeature
from flask_crm_sync.host.records import CLIENT_FIELDS

_SETTINGS = Settings(encryption_keys=(b"k" * 32,))


class ForeignAdapter(HubSpotAdapter):
    """Stands for an adapter of another package."""

    name = "foreign"

    @classmethod
    def base_url(cls, settings: Settings, credentials: Any) -> str:
        return "https://crm.example.org"


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    group = "flask_crm_sync.crm"
    points = [EntryPoint(name, f"{__name__}:ForeignAdapter", group) for name in ("foreign", "hubspot")]
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [point for point in points if point.group == group])
    adapters.cache_clear()
    yield
    adapters.cache_clear()


def _connect(name: str, settings: Settings = _SETTINGS, token: str = "pat-na1-test") -> Adapter:
    return connect(name, {"token": token}, settings, {}, meter=None, clock=SystemClock())


def test_unknown_name_is_told_with_those_that_are_known() -> None:
    with pytest.raises(UnsupportedFeature, match=r"'pipedrive'.*hubspot"):
        adapter_class("pipedrive")


@pytest.mark.usefixtures("foreign")
def test_other_packages_add_adapters_but_replace_none_of_ours() -> None:
    assert adapter_class("foreign").name == "foreign"
    assert adapter_class("hubspot") is HubSpotAdapter


@pytest.mark.usefixtures("foreign")
def test_adapter_calls_only_the_hosts_that_it_lists() -> None:
    with pytest.raises(ReconnectRequired, match=r"crm\.example\.org"):
        _connect("foreign")


def test_hubspot_is_called_at_its_own_host() -> None:
    assert _connect("hubspot").http.host == "api.hubapi.com"


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_sandbox_without_a_readable_authority_is_a_configuration_error(tmp_path: Path, content: str | None) -> None:
    authority = tmp_path / "ca.pem"
    if content is not None:
        authority.write_text(content)
    with pytest.raises(ConfigurationError, match=r"ca\.pem"):
        _connect("hubspot", replace(_SETTINGS, sandbox_url="https://127.0.0.1:8443", sandbox_ca=str(authority)))


@pytest.mark.parametrize("token", ["", "   ", "pat-\nna1"])
def test_credentials_that_cannot_be_right_are_refused_before_any_call(token: str) -> None:
    with pytest.raises(CredentialsRefused):
        _connect("hubspot", token=token)


def test_token_pasted_with_blanks_around_is_taken() -> None:
    assert HubSpotAdapter.authorization({"token": " pat-na1-test\n"}) == {"Authorization": "Bearer pat-na1-test"}


@pytest.mark.parametrize("name", sorted(adapters()))
def test_every_adapter_declares_what_the_pages_and_the_engine_need(name: str) -> None:
    adapter = adapter_class(name)
    assert adapter.name == name
    assert adapter.label
    assert adapter.auth_methods
    assert all(method.label for method in adapter.auth_methods)
    assert all(method.fields or method.grant == "authorization_code" for method in adapter.auth_methods)
    assert {spec.source for spec in adapter.fields} <= set(CLIENT_FIELDS)
    assert len({spec.name for spec in adapter.fields}) == len(adapter.fields)
    assert adapter.burst_limit[0] > 0
    assert 0 < adapter.batch_size <= 200
