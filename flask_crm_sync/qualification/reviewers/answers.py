"""What an OpenAI-compatible answer means: a verdict, or why there is none. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ...crm.answers import retry_after
from ...crm.http import Response
from .. import review_reasons as why
from ..visible import one_line
from .base import QUALIFIED, UNDECIDED, UNQUALIFIED, ReviewFailed, Verdict
from .prompt import VERSION

_AN_HOUR = 3600.0
_LONGEST_REASON, _LONGEST_QUOTE, _MOST_QUOTES, _LONGEST_NAME = 600, 1000, 10, 180
_THOUGHT = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_THOUGHT_ENDS = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_OF_PERSONS = {401: why.KEY_REFUSED, 402: why.QUOTA_SPENT, 403: why.NOT_ALLOWED, 404: why.NOT_THERE}
"""Troubles that stay until a person mends them: they are met again by every review, so all wait an hour."""


def error_of(body: Any) -> Mapping[str, Any]:
    """Return the error object of an answer, {} where there is none; some servers send a text or `detail` instead."""
    if not isinstance(body, dict):
        return {}
    error = body.get("error", body)
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}


def failure(response: Response, now: datetime) -> ReviewFailed:
    """Return what an answer other than 200 means."""
    error, status = error_of(response.body), response.status
    wait = retry_after(response.headers.get("Retry-After"), now)
    if status == 429 and "insufficient_quota" in (error.get("code"), error.get("type")):
        return ReviewFailed(why.QUOTA_SPENT, retry_after=wait or _AN_HOUR, whole_reviewer=True)
    if status == 429:
        return ReviewFailed(why.RATE_LIMITED, retry_after=wait, whole_reviewer=True)
    if status in _OF_PERSONS:
        return ReviewFailed(_OF_PERSONS[status], retry_after=wait or _AN_HOUR, whole_reviewer=True)
    if 300 <= status < 400:
        return ReviewFailed(why.MOVED, retry_after=_AN_HOUR, whole_reviewer=True)
    if status >= 500 or status in (408, 409, 425):
        return ReviewFailed(why.OVERLOADED, retry_after=wait, whole_reviewer=True)
    if status == 413 or error.get("code") == "context_length_exceeded":
        return ReviewFailed(why.TOO_LONG, retry=False)
    return ReviewFailed(why.NOT_UNDERSTOOD, retry_after=_AN_HOUR, whole_reviewer=True)


def verdict_of(body: Any, model: str) -> Verdict | ReviewFailed:
    """Return the verdict of a chat completion. `model` is the one asked, where the answer names none."""
    if not isinstance(body, dict) or not isinstance(choice := _first(body.get("choices")), dict):
        # Some gateways send their error with status 200.
        return ReviewFailed(why.OVERLOADED if error_of(body).get("message") else why.NONSENSE)
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    if message.get("refusal") or choice.get("finish_reason") == "content_filter":
        return ReviewFailed(why.REFUSED, retry=False)
    if choice.get("finish_reason") == "length":
        return ReviewFailed(why.CUT_OFF)
    found = _object_in(_text(message.get("content")))
    return _verdict(found, *_signed(body, model)) or ReviewFailed(why.NONSENSE)


def _signed(body: Mapping[str, Any], model: str) -> tuple[str, str]:
    """Return the model's name and its version: the server's fingerprint, if any, and that of our own wording."""
    name, fingerprint = body.get("model"), body.get("system_fingerprint")
    version = f"{one_line(fingerprint)[:60]}/{VERSION}" if isinstance(fingerprint, str) and fingerprint else VERSION
    return (one_line(name) if isinstance(name, str) and name else model)[:_LONGEST_NAME], version


def _verdict(found: Any, model: str, version: str) -> Verdict | None:
    """Return a verdict where all members are there and are what they should be, else None."""
    if not isinstance(found, dict):
        return None
    outcome, score, reason, quotes = (found.get(name) for name in ("outcome", "score", "reason", "evidence"))
    if outcome not in (QUALIFIED, UNQUALIFIED, UNDECIDED) or not isinstance(reason, str) or not one_line(reason):
        return None
    if isinstance(score, bool) or not isinstance(score, (int, float)) or score != score // 1 or not 0 <= score <= 100:
        return None
    if not isinstance(quotes, list) or not all(isinstance(quote, str) for quote in quotes):
        return None
    kept = tuple(quote[:_LONGEST_QUOTE] for quote in quotes[:_MOST_QUOTES])
    return Verdict(outcome, int(score), _short(one_line(reason)), kept, model, version)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 1] + "…"


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None


def _text(content: Any) -> str:
    """Return an answer's text; some servers send it in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _object_in(text: str) -> Any:
    """Return the JSON object in a text, None without one; models like to fence it, or to think aloud before it."""
    text = "".join(_aloud(text))
    start, end = text.find("{"), text.rfind("}")
    try:
        return json.loads(text[start : end + 1]) if start >= 0 else None
    except (ValueError, RecursionError):
        return None


def _aloud(text: str) -> Iterator[str]:
    """Yield what stands outside of thoughts; one that does not end is none."""
    at = 0
    while (begins := _THOUGHT.search(text, at)) and (ends := _THOUGHT_ENDS.search(text, begins.end())):
        yield text[at : begins.start()]
        at = ends.end()
    yield text[at:]
