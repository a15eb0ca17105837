"""What AutoChat CRM's answers mean. The list of its error codes is not public: only the HTTP status decides.

Source: the public API page, which lists 200, 201, 400, 401, 403, 404, 429 and 500; what else can come is what
a hosted function behind a gateway answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ...errors import (
    CredentialsRefused,
    CRMError,
    InvalidRecord,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    ReconnectRequired,
    RecordMissing,
    RejectedByCRM,
    ServerFault,
    Unreachable,
)
from ..answers import retry_after
from ..base import VendorError
from ..http import Allowance, Response

LONGEST_WAIT = 300.0
"""Seconds that one answer may make us rest: the window is a minute, so more is a mistake or another clock."""
_OLDEST_EPOCH = 1_000_000_000
"""A smaller reset is taken for seconds from now, as some servers tell it; the sample is Unix seconds."""


class ActivitiesMissing(RejectedByCRM):
    """AutoChat CRM takes no activities at the configured path, or none is configured."""

    code = "activities_missing"
    says = "AutoChat CRM takes no notes at the configured path, so this one was not written; clients are sent as usual."
    advice = (
        "Set CRM_SYNC_AUTOCHAT_ACTIVITY_PATH to the path of a client's activities, or switch notes off for this "
        "connection."
    )


class ChangesUnsure(RejectedByCRM):
    """AutoChat CRM's answer is no list of the clients that changed."""

    code = "changes_unsure"
    says = "AutoChat CRM's answer does not tell for sure which clients changed; its webhooks are used as before."
    advice = (
        "Correct CRM_SYNC_AUTOCHAT_CHANGED_SINCE, _CHANGED_FIELD and _PAGING, or set CRM_SYNC_AUTOCHAT_CHANGED_SINCE "
        "to off."
    )


VENDOR_ERRORS = (
    VendorError("400", "", "The request is not valid.", InvalidRecord),
    VendorError("401", "", "The API key is wrong, revoked, or past its expiry.", CredentialsRefused),
    VendorError("403", "", "The key lacks a scope.", PermissionMissing, "Names the scope that the call needs."),
    VendorError(
        "404", "", "No such client.", RecordMissing, "Believed only while the list of clients answers as usual."
    ),
    VendorError("404", "on the list of clients", "The base URL or the path is wrong.", ReconnectRequired),
    VendorError("405", "on clients", "The path takes no such method.", ReconnectRequired, "Names the key to change."),
    VendorError(
        "404, 405", "on activities", "There are no activities there.", ActivitiesMissing, "Clients are sent as usual."
    ),
    VendorError("2xx", "on changed clients", "Clients that did not change, or without a time.", ChangesUnsure),
    VendorError("408, 425", "on a read", "The gateway gave up waiting.", ServerFault),
    VendorError("408, 425", "on a write", "The gateway gave up waiting.", OutcomeUnknown),
    VendorError("409", "", "A conflict; which, is not documented.", InvalidRecord),
    VendorError("422", "", "The values are not acceptable.", InvalidRecord),
    VendorError(
        "429",
        "",
        "More than the key's calls a minute (100 by default).",
        RateLimited,
        f"Rests as `Retry-After` says, else until `X-RateLimit-Reset`; {LONGEST_WAIT:g} seconds at most.",
    ),
    VendorError("3xx", "", "The address leads elsewhere.", ReconnectRequired, "No redirect is followed with a key."),
    VendorError("other 4xx", "", "Not accepted.", RejectedByCRM),
    VendorError("5xx", "on a read", "Trouble in the CRM or its gateway.", ServerFault),
    VendorError("5xx", "on a write", "Trouble after which the write may have been done.", OutcomeUnknown),
    VendorError("none", "on a write", "The call was sent and no whole answer came.", OutcomeUnknown),
    VendorError("none", "on a read", "No whole answer came, or no connection.", Unreachable),
)

_INVALID = {400, 409, 422}
_GATEWAY_GAVE_UP = {408, 425}


def allowance(headers: Mapping[str, str]) -> Allowance | None:
    """Return what the headers say of the limit; None for an answer without."""
    limit, remaining = _count(headers.get("X-RateLimit-Limit")), _count(headers.get("X-RateLimit-Remaining"))
    if not limit:
        return None
    return Allowance(limit=limit, remaining=remaining)


def failure(
    response: Response, *, scope: str, writes: bool, now: datetime, words: Callable[[str], str]
) -> CRMError | None:
    """Return the error that a whole answer means, None for a success.

    `scope` is what the key needs for the call; `words` cleans the CRM's own texts.
    """
    status = response.status
    if 200 <= status < 300:
        return None
    evidence: dict[str, Any] = {"crm_message": words(_message(response)), "status_code": status}
    if status >= 500 or status in _GATEWAY_GAVE_UP:
        return OutcomeUnknown(**evidence) if writes else ServerFault(**evidence)
    if status < 400:
        return ReconnectRequired("The base URL leads elsewhere: enter the address of the API itself.", **evidence)
    if status == 429:
        return RateLimited(retry_after=_wait(response.headers, now), **evidence)
    if status == 403:
        return PermissionMissing(f"The key lacks {scope} in AutoChat CRM.", permissions=(scope,), **evidence)
    return _REFUSALS.get(status, RejectedByCRM)(**evidence)


_REFUSALS: Mapping[int, type[CRMError]] = {
    **dict.fromkeys(_INVALID, InvalidRecord),
    401: CredentialsRefused,
    404: RecordMissing,
}


def _message(response: Response) -> str:
    """Return `CODE: message` of an error body, which may be absent, no JSON, or of another shape."""
    body = response.body if isinstance(response.body, dict) else {}
    error = body.get("error", body.get("message"))
    if isinstance(error, dict):
        parts = (error.get("code"), error.get("message"))
        return ": ".join(str(part) for part in parts if part)
    return str(error or response.text)


def _wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds to rest after a 429, None where the answer does not say."""
    told = retry_after(headers.get("Retry-After"), now)
    if told is None:
        told = _until_reset(headers.get("X-RateLimit-Reset"), now)
    return None if told is None else min(max(told, 0.0), LONGEST_WAIT)


def _until_reset(text: str | None, now: datetime) -> float | None:
    reset = _count(text)
    if reset is None:
        return None
    return reset - now.timestamp() if reset >= _OLDEST_EPOCH else float(reset)


def _count(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
