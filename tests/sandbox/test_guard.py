"""Who may speak to the sandbox: loopback names, and no forms from other sites."""

from __future__ import annotations

import pytest

from .client import Client

FAULTS = "/_sandbox/api/hubspot/faults"


@pytest.mark.parametrize("host", ["crm.example.com", "127.0.0.1.example.com", "10.0.0.1:443", ""])
def test_a_rebound_name_is_refused_everywhere(client: Client, host: str) -> None:
    for path in ("/_sandbox/", "/account-info/2026-09/details", FAULTS):
        assert client.call("GET", path, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:1234", "127.0.0.1", "[::1]:8443", "127.0.0.2"])
def test_loopback_names_are_served(client: Client, host: str) -> None:
    assert client.call("GET", "/_sandbox/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_posts_from_other_sites_change_nothing(client: Client, headers: dict[str, str]) -> None:
    assert client.call("POST", FAULTS, json={"kind": "locked"}, headers=headers).status_code == 403
    assert client.call("POST", "/_sandbox/faults", data={"kind": "locked"}, headers=headers).status_code == 403
    assert client.call("GET", FAULTS).json() == {"faults": []}


def test_the_panels_own_forms_and_programs_may_post(client: Client) -> None:
    own = {"Origin": client.sandbox.url, "Sec-Fetch-Site": "same-origin"}
    assert client.call("POST", FAULTS, json={"kind": "locked"}, headers=own).status_code == 201
    assert client.call("POST", FAULTS, json={"kind": "locked"}).status_code == 201
