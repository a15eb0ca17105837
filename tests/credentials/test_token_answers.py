"""What token endpoints answer: usable tokens, refusals in three dialects, and nonsense."""

from __future__ import annotations

from typing import Any

import pytest

from flask_crm_sync.config import Settings
from flask_crm_sync.credentials.refusals import AppRefused, SignInEnded
from flask_crm_sync.credentials.token_answer import checked_answer, kept
from flask_crm_sync.crm.base import Adapter, VendorError
from flask_crm_sync.crm.http import Response
from flask_crm_sync.crm.hubspot.adapter import HubSpotAdapter
from flask_crm_sync.crm.oauth import Flow, Grant
from flask_crm_sync.errors import CredentialsRefused, CRMError, RateLimited, ServerFault, Unreachable
from tests.web.helpdesk import SetClock

SECRET = "canary-client-secret"


class Entra(HubSpotAdapter):
    """A CRM whose table knows Entra's numbers and Salesforce's sentences."""

    vendor_errors = (
        VendorError("", "7000215", "the client secret is wrong", CredentialsRefused, "paste its Value, not its ID"),
        VendorError("", "90033", "the sign-in service is in trouble", Unreachable),
        VendorError("400", "invalid_grant: no client credentials user enabled", "Set Run As.", CredentialsRefused),
    )


def read(body: Any, status: int = 200, grant: Grant = "authorization_code", adapter: type[Adapter] = Entra) -> Any:
    flow = Flow(grant, "https://login.example.com/token", "id", SECRET)
    text = body if isinstance(body, str) else ""
    response = Response(status, {"Retry-After": "7"}, None if isinstance(body, str) else body, text)
    return checked_answer(response, adapter, flow, (SECRET,))


GOOD = {"access_token": "a" * 300, "token_type": "bearer", "expires_in": 1800}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"token_type": "Bearer"},
        {"expires_in": "3599"},
        {"expires_in": None},
        {"refresh_token": None},
        {"refresh_token": "na1-aaaa-bbbb"},
        {"issued_at": "1763800000000", "instance_url": 7},
    ],
)
def test_usable_answers_are_taken(more: dict[str, Any]) -> None:
    assert read({**GOOD, **more})["access_token"] == GOOD["access_token"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 5},
        {"access_token": ["a"]},
        {"access_token": "a\r\nX-Evil: 1"},
        {"access_token": "a" * 20_000},
        {"refresh_token": 5},
        {"refresh_token": "line\nbreak"},
        {"expires_in": 0},
        {"expires_in": -5},
        {"expires_in": 1e30},
        {"expires_in": float("nan")},
        {"expires_in": "soon"},
        {"expires_in": True},
        {"expires_in": {}},
        {"token_type": "mac"},
        {"token_type": 3},
    ],
)
def test_an_answer_without_a_usable_token_is_a_fault_of_the_crm(wrong: dict[str, Any]) -> None:
    with pytest.raises(ServerFault):
        read({**GOOD, **wrong})


@pytest.mark.parametrize("body", [None, [], "text", 5, {}])
def test_an_answer_that_is_no_object_is_a_fault_of_the_crm(body: Any) -> None:
    with pytest.raises(ServerFault):
        read(body)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"error": "invalid_grant"}, 400, SignInEnded),
        ({"error": "interaction_required", "error_codes": [50076]}, 400, SignInEnded),
        ({"error": "invalid_client"}, 401, AppRefused),
        ({"error": "invalid_scope"}, 400, AppRefused),
        ({"error": "invalid_grant"}, 200, SignInEnded),
        ({"error": "server_error"}, 400, ServerFault),
        ({"error": "temporarily_unavailable", "error_codes": [90033]}, 400, Unreachable),
        ({"error": "invalid_grant"}, 503, ServerFault),
        ({"error": ["odd"]}, 400, ServerFault),
        ("<html>", 502, ServerFault),
        ("<html>", 404, ServerFault),
        ({}, 429, RateLimited),
    ],
)
def test_the_class_of_a_refusal_decides(body: Any, status: int, error: type[CRMError]) -> None:
    with pytest.raises(CRMError) as refused:
        read(body, status)
    assert type(refused.value) is error


def test_a_limit_says_how_long() -> None:
    with pytest.raises(RateLimited) as limited:
        read({}, 429)
    assert limited.value.retry_after == 7


def test_a_persons_own_client_is_theirs_to_mend() -> None:
    body = {"error": "invalid_client", "error_codes": [7000215], "error_description": "AADSTS7000215: Invalid secret."}
    with pytest.raises(CredentialsRefused, match=r"The client secret is wrong: paste its Value, not its ID\."):
        read(body, 401, "client_credentials")


def test_a_table_may_know_whole_sentences() -> None:
    body = {"error": "invalid_grant", "error_description": "no client credentials user enabled"}
    with pytest.raises(CredentialsRefused, match=r"Set Run As\."):
        read(body, 400, "client_credentials")


def test_the_crms_words_are_cleaned_of_our_secrets() -> None:
    body = {"error": "invalid_client", "error_description": f"bad secret {SECRET}\r\nTrace ID: 1"}
    with pytest.raises(AppRefused) as refused:
        read(body, 400)
    assert SECRET not in repr(vars(refused.value))
    assert refused.value.crm_message == "bad secret [removed] Trace ID: 1"


def test_a_refresh_token_stays_where_no_other_comes() -> None:
    clock = SetClock()
    before = {"refresh_token": "r-1", "access_token": "old", "instance_url": "https://x.example.com"}
    settings = Settings(encryption_keys=(b"k" * 32,))
    after = kept({"access_token": "new"}, before, HubSpotAdapter, settings, clock)
    assert after == {**before, "access_token": "new", "expires_at": ""}
    rotated = kept({"access_token": "n", "refresh_token": "r-2", "expires_in": 60}, after, Entra, settings, clock)
    assert (rotated["refresh_token"], rotated["expires_at"]) == ("r-2", str(int(clock.now().timestamp()) + 60))
