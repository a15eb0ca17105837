"""Which addresses are environments of Dynamics, and where their people sign in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.crm.dynamics.addresses import ALLOWED_HOSTS, environment, environment_of_url, is_tenant
from flask_crm_sync.crm.http import host_allowed

_COMMERCIAL = "login.microsoftonline.com"


@pytest.mark.parametrize(
    ("text", "host", "sign_in"),
    [
        ("https://org.crm.dynamics.com", "org.crm.dynamics.com", _COMMERCIAL),
        ("https://org.crm4.dynamics.com/", "org.crm4.dynamics.com", _COMMERCIAL),
        ("https://my-org.crm21.dynamics.com", "my-org.crm21.dynamics.com", _COMMERCIAL),
        ("https://ORG.CRM9.Dynamics.com", "org.crm9.dynamics.com", _COMMERCIAL),
        ("https://org.api.crm.dynamics.com", "org.crm.dynamics.com", _COMMERCIAL),
        ("org.crm.dynamics.com", "org.crm.dynamics.com", _COMMERCIAL),
        ("https://org.crm.microsoftdynamics.us", "org.crm.microsoftdynamics.us", "login.microsoftonline.us"),
        ("https://org.crm.appsplatform.us", "org.crm.appsplatform.us", "login.microsoftonline.us"),
        ("https://org.crm.dynamics.cn", "org.crm.dynamics.cn", "login.partner.microsoftonline.cn"),
    ],
)
def test_environment_is_read_in_its_one_form(text: str, host: str, sign_in: str) -> None:
    found = environment(text)
    assert found is not None
    assert (found.host, found.url, found.sign_in_host) == (host, f"https://{host}", sign_in)
    assert host_allowed(host, ALLOWED_HOSTS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://org.crm.dynamics.com",
        "ftp://org.crm.dynamics.com",
        "https://crm.dynamics.com",
        "https://org.crm.dynamics.com.evil.example",
        "https://evil.example/org.crm.dynamics.com",
        "https://evilcrm.dynamics.com",
        "https://org.crm.evildynamics.com",
        "https://org.crm123.dynamics.com",
        "https://a.b.crm.dynamics.com",
        "https://-org.crm.dynamics.com",
        "https://org-.crm.dynamics.com",
        "https://org.crm.dynamics.com:8443",
        "https://org.crm.dynamics.com:443",
        "https://user@org.crm.dynamics.com",
        "https://org.crm.dynamics.com@evil.example",
        "https://org.crm.dynamics.com\\@evil.example",
        "https://org.crm.dynamics.com/main.aspx",
        "https://org.crm.dynamics.com?x=1",
        "https://org.crm.dynamics.com#x",
        "https://org.crm.dynamics.com.",
        "https://org.crm.dynamics.com\n.evil.example",
        "https://org.crm\u0661.dynamics.com",
        "https://örg.crm.dynamics.com",
        "https://org.crm.microsoftdynamics.de",
        "https://org.crm4.appsplatform.us",
        "https://globaldisco.crm.dynamics.com",
        "https://admin.crm.dynamics.com",
        "https://127.0.0.1",
        "https://[::1]",
        "https://[",
    ],
)
def test_address_elsewhere_is_none(text: str) -> None:
    assert environment(text) is None


def test_host_is_taken_from_any_address_within_an_environment() -> None:
    assert environment_of_url("https://org.crm4.dynamics.com/api/data/v9.2/$metadata#x") == "org.crm4.dynamics.com"
    assert environment_of_url("https://127.0.0.1:8443/api/data/v9.2/$metadata#x") == ""


@pytest.mark.parametrize("text", ["99999999-8888-4777-8666-555555555555", "contoso.onmicrosoft.com", "example.org"])
def test_tenant_is_an_id_or_a_domain(text: str) -> None:
    assert is_tenant(text)


@pytest.mark.parametrize("text", ["", "common", "organizations", "a/../b.com", "x.com/y", "x.com?y", "-.com", "."])
def test_what_cannot_name_a_tenant_is_refused(text: str) -> None:
    assert not is_tenant(text)


@given(st.text("abcd./:@\\[]#?%-0 \n", max_size=30).map(lambda text: text + "org.crm.dynamics.com"))
def test_whatever_stands_before_a_good_name_the_host_is_on_the_list(text: str) -> None:
    found = environment(text)
    assert found is None or host_allowed(found.host, ("*.crm.dynamics.com",))
