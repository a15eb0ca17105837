"""Tokens, portals, scopes, limits and their headers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flask_crm_sync.sandbox import Sandbox
from flask_crm_sync.sandbox.hubspot.access import ALL_SCOPES

from .client import Client

DETAILS = "/account-info/2026-09/details"
MakeClient = Callable[..., Client]


@pytest.mark.parametrize("token", ["pat-na1-unknown", "", None])
def test_an_unknown_token_is_a_401(client_for: MakeClient, token: str | None) -> None:
    answer = client_for(token=token).call("GET", DETAILS)
    assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")


def test_a_reset_brings_back_the_first_portals_token(client: Client) -> None:
    client.sandbox.hubspot.access.revoke("pat-na1-sandbox")
    assert client.call("POST", "/_sandbox/api/hubspot/reset").status_code == 204
    assert client.objects("GET", "contacts").status_code == 200


def test_a_revoked_token_is_a_401(client: Client) -> None:
    client.sandbox.hubspot.access.revoke("pat-na1-sandbox")
    assert client.call("GET", DETAILS).status_code == 401


@pytest.mark.parametrize(
    ("seconds", "ago"), [(1, "1 second(s)"), (150, "2 minute(s)"), (18_000, "5 hour(s)"), (200_000, "2 day(s)")]
)
def test_an_expired_token_says_since_when(client: Client, seconds: int, ago: str) -> None:
    client.sandbox.hubspot.access.expire("pat-na1-sandbox", 1_790_000_000_000)
    client.sandbox.clock.advance(seconds)
    body = client.call("GET", DETAILS).json()
    assert body["category"] == "EXPIRED_AUTHENTICATION"
    assert body["message"] == f"The OAuth token used to make this call expired {ago} ago."
    assert body["context"] == {"expire time": ["2026-09-21T14:13:20.000Z"]}


@pytest.mark.parametrize(
    ("missing", "method", "path"),
    [
        ("crm.objects.contacts.read", "GET", "/crm/objects/2026-09/contacts"),
        ("crm.objects.contacts.read", "GET", "/crm/objects/2026-09/notes"),
        ("crm.objects.contacts.read", "POST", "/crm/objects/2026-09/contacts/search"),
        ("crm.objects.contacts.write", "POST", "/crm/objects/2026-09/contacts/batch/upsert"),
        ("crm.objects.contacts.write", "POST", "/crm/objects/2026-09/notes"),
        ("crm.schemas.contacts.read", "GET", "/crm/properties/2026-09/contacts"),
        ("crm.schemas.contacts.write", "POST", "/crm/properties/2026-09/contacts"),
    ],
)
def test_a_missing_scope_is_a_403_that_names_it(
    sandbox: Sandbox, client_for: MakeClient, missing: str, method: str, path: str
) -> None:
    sandbox.hubspot.add_portal(1234567, "pat-na1-narrow", [scope for scope in ALL_SCOPES if scope != missing])
    answer = client_for(token="pat-na1-narrow").call(method, path)
    assert (answer.status_code, answer.json()["category"]) == (403, "MISSING_SCOPES")
    assert answer.json()["errors"][0]["context"] == {"requiredGranularScopes": [missing]}


def test_any_token_may_ask_for_its_account(sandbox: Sandbox, client_for: MakeClient) -> None:
    sandbox.hubspot.add_portal(99, "pat-na1-bare", ["crm.schemas.contacts.read"], time_zone="Europe/Vienna")
    details = client_for(token="pat-na1-bare").call("GET", DETAILS).json()
    assert (details["portalId"], details["timeZone"], details["utcOffset"]) == (99, "Europe/Vienna", "+02:00")
    assert details["uiDomain"] == sandbox.url.removeprefix("https://")


def test_portals_keep_to_themselves(sandbox: Sandbox, client: Client, client_for: MakeClient) -> None:
    sandbox.hubspot.add_portal(99, "pat-na1-other")
    other = client_for(token="pat-na1-other")
    mine, theirs = client.contact(email="a@example.com"), other.contact(email="a@example.com")
    assert other.objects("GET", f"contacts/{mine}").status_code == 404
    assert other.objects("PATCH", f"contacts/{mine}", json={"properties": {"city": "X"}}).status_code == 404
    assert other.objects("GET", "contacts/a@example.com", params={"idProperty": "email"}).json()["id"] == theirs
    assert [each["id"] for each in sandbox.hubspot.contacts(99)] == [theirs]
    client.make_key()
    assert other.properties("GET", "contacts/autochat_client_key").status_code == 404


def test_an_unknown_tier_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="tier is one of"):
        sandbox.hubspot.add_portal(99, tier="gold")


def limited(sandbox: Sandbox, client_for: MakeClient, tier: str = "free") -> Client:
    sandbox.hubspot.add_portal(99, "pat-na1-limited", tier=tier)
    return client_for(token="pat-na1-limited")


def test_answers_carry_the_limits_and_what_is_left(sandbox: Sandbox, client_for: MakeClient) -> None:
    client = limited(sandbox, client_for)
    client.call("GET", DETAILS)
    headers = client.call("GET", DETAILS).headers
    assert {name: value for name, value in headers.items() if name.startswith("X-HubSpot")} == {
        "X-HubSpot-RateLimit-Max": "100",
        "X-HubSpot-RateLimit-Remaining": "98",
        "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        "X-HubSpot-RateLimit-Secondly": "10",
        "X-HubSpot-RateLimit-Secondly-Remaining": "10",
        "X-HubSpot-RateLimit-Daily": "250000",
        "X-HubSpot-RateLimit-Daily-Remaining": "249998",
    }


def test_the_burst_limit_rolls_over_ten_seconds(sandbox: Sandbox, client_for: MakeClient) -> None:
    client = limited(sandbox, client_for)
    for _ in range(50):
        client.call("GET", DETAILS)
    sandbox.clock.advance(6)
    for _ in range(50):
        assert client.call("GET", DETAILS).status_code == 200
    refused = client.call("GET", DETAILS)
    assert (refused.status_code, refused.json()["policyName"]) == (429, "TEN_SECONDLY_ROLLING")
    assert refused.json()["errorType"] == "RATE_LIMIT"
    assert "category" not in refused.json()
    assert refused.headers["X-HubSpot-RateLimit-Remaining"] == "0"
    assert "Retry-After" not in refused.headers
    sandbox.clock.advance(4)
    assert client.call("GET", DETAILS).headers["X-HubSpot-RateLimit-Remaining"] == "49"


def test_the_other_form_of_a_429_is_a_switch_away(sandbox: Sandbox, client_for: MakeClient) -> None:
    client = limited(sandbox, client_for)
    sandbox.hubspot.dialect.change({"retry_after_on_429": True, "rate_limit_word": "category"})
    answers = [client.call("GET", DETAILS) for _ in range(101)]
    assert (answers[-1].json()["category"], answers[-1].headers["Retry-After"]) == ("RATE_LIMITS", "10")
    assert "errorType" not in answers[-1].json()


def test_search_has_its_own_limit_per_second_and_no_headers(sandbox: Sandbox, client_for: MakeClient) -> None:
    client = limited(sandbox, client_for)
    answers = [client.search() for _ in range(6)]
    assert [each.status_code for each in answers] == [200] * 5 + [429]
    assert answers[-1].json()["policyName"] == "SECONDLY"
    assert answers[-1].json()["message"] == "You have reached your secondly limit."
    assert not [name for each in answers for name in each.headers if name.startswith("X-HubSpot")]
    sandbox.clock.advance(1)
    assert client.search().status_code == 200
    assert client.call("GET", DETAILS).headers["X-HubSpot-RateLimit-Remaining"] == "99", "search is not in the burst"


def test_the_day_ends_at_the_accounts_midnight(
    sandbox: Sandbox, client_for: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flask_crm_sync.sandbox.hubspot import limits

    monkeypatch.setitem(limits.TIERS, "free", limits.Tier(burst=100, daily=3))
    client = limited(sandbox, client_for)
    sandbox.hubspot.dialect.change({"retry_after_on_429": True})
    assert [client.call("GET", DETAILS).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = client.call("GET", DETAILS)
    assert (refused.json()["policyName"], refused.json()["message"]) == ("DAILY", "You have reached your daily limit.")
    to_midnight = int(refused.headers["Retry-After"])
    assert to_midnight == (13 * 3600 + 46 * 60 + 40) + 1, "14:13:20 UTC is 10:13:20 in US/Eastern"
    sandbox.clock.advance(to_midnight)
    assert client.call("GET", DETAILS).status_code == 200


def test_daily_usage_is_told(sandbox: Sandbox, client_for: MakeClient) -> None:
    client = limited(sandbox, client_for)
    client.call("GET", DETAILS)
    [usage] = client.call("GET", "/account-info/2026-09/api-usage/daily/private-apps").json()["results"]
    assert (usage["currentUsage"], usage["usageLimit"], usage["resetsAt"]) == (2, 250_000, "2026-09-22T04:00:00.000Z")
