"""What OpenAI-compatible answers mean, and how an endpoint that takes less is asked next."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from flask_crm_sync.crm.http import Response
from flask_crm_sync.qualification import review_reasons as why
from flask_crm_sync.qualification.reviewers.abilities import Abilities
from flask_crm_sync.qualification.reviewers.answers import failure, verdict_of
from flask_crm_sync.qualification.reviewers.base import ReviewFailed, Verdict

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GOOD = {"outcome": "qualified", "score": 90, "reason": "Wants a bike.", "evidence": ["I want a bike"]}


def completion(content: Any, finish: str = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **more}}
    return {"object": "chat.completion", "model": "judge-2", "system_fingerprint": "fp_1", "choices": [choice]}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(GOOD),
        "<think>{not this}</think>\n```json\n" + json.dumps(GOOD) + "\n```",
        [{"type": "text", "text": json.dumps(GOOD | {"score": 90.0})}],
    ],
)
def test_a_verdict_is_read_however_it_is_wrapped(content: Any) -> None:
    assert verdict_of(completion(content), "asked") == Verdict(
        "qualified", 90, "Wants a bike.", ("I want a bike",), "judge-2", "fp_1/2"
    )


@pytest.mark.parametrize(
    ("body", "reason", "retry"),
    [
        (None, why.NONSENSE, True),
        ({"choices": []}, why.NONSENSE, True),
        ({"error": {"message": "upstream"}}, why.OVERLOADED, True),
        (completion("I think it is fine."), why.NONSENSE, True),
        (completion(None), why.NONSENSE, True),
        (completion("{" * 100_000), why.NONSENSE, True),
        (completion(json.dumps(GOOD)[:40], "length"), why.CUT_OFF, True),
        (completion(None, refusal="I cannot."), why.REFUSED, False),
        (completion("", "content_filter"), why.REFUSED, False),
        *((completion(json.dumps(GOOD | wrong)), why.NONSENSE, True) for wrong in (
            {"outcome": "yes"}, {"score": 101}, {"score": True}, {"score": "90"}, {"score": 0.9},
            {"reason": " "}, {"evidence": "I want"}, {"evidence": [1]},
        )),
    ],
)  # fmt: skip
def test_what_is_no_verdict_says_why(body: Any, reason: str, retry: bool) -> None:
    assert verdict_of(body, "asked") == ReviewFailed(reason, retry)


@pytest.mark.parametrize(
    ("status", "error", "wait", "expected"),
    [
        (401, {}, None, (why.KEY_REFUSED, True, 3600.0)),
        (403, {}, None, (why.NOT_ALLOWED, True, 3600.0)),
        (404, {}, None, (why.NOT_THERE, True, 3600.0)),
        (429, {"code": "rate_limit_exceeded"}, "7", (why.RATE_LIMITED, True, 7.0)),
        (429, {"code": "insufficient_quota"}, None, (why.QUOTA_SPENT, True, 3600.0)),
        (503, {}, "30", (why.OVERLOADED, True, 30.0)),
        (302, {}, None, (why.MOVED, True, 3600.0)),
        (400, {"code": "context_length_exceeded"}, None, (why.TOO_LONG, False, None)),
        (400, {"message": "?"}, None, (why.NOT_UNDERSTOOD, True, 3600.0)),
    ],
)
def test_what_a_refusal_means(
    status: int, error: dict[str, str], wait: str | None, expected: tuple[str, bool, float | None]
) -> None:
    headers = {"Retry-After": wait} if wait else {}
    failed = failure(Response(status, headers, {"error": error}, ""), NOW)
    assert (failed.reason, failed.retry, failed.retry_after) == expected


def test_what_an_endpoint_refuses_is_left_out_step_by_step() -> None:
    asked = Abilities()
    for error in (
        {"param": "max_tokens", "message": "Use 'max_completion_tokens' instead."},
        {"param": "temperature", "message": "Only 1 is supported."},
        {"param": "response_format", "message": "Not supported."},
        {"message": "'response_format.type' must be 'text'"},
        {"message": "seed: extra fields not permitted"},
    ):
        following = asked.without(error)
        assert following is not None
        asked = following
    assert asked.parameters(500) == {"max_completion_tokens": 500}
    assert asked.without({"message": "You sent something odd."}) is None
    assert Abilities().without({"code": "context_length_exceeded", "message": "Reduce max_tokens"}) is None


def test_a_model_that_begins_to_think_without_end_is_nonsense_soon() -> None:
    """Looking for the end of each thought took the square of their number: a minute for 140 kB."""
    assert verdict_of(completion("<think>" * 300_000), "asked") == ReviewFailed(why.NONSENSE)
