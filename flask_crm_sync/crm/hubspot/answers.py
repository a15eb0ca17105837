"""What HubSpot's answers mean: status, category and row errors as classes of our error tree.

Every member of a HubSpot error body is optional to a reader, so each is looked at with care for its type.
Source: "Handle errors" and "Usage guidelines" of HubSpot's developer documentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ...errors import (
    AccountMoving,
    CredentialsRefused,
    CRMError,
    Duplicate,
    InvalidRecord,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    ReconnectRequired,
    RecordLocked,
    RecordMissing,
    RejectedByCRM,
    ServerFault,
    Unreachable,
)
from ..answers import retry_after
from ..http import Allowance, Response
from .fields import SOURCES

_EXISTING_ID = re.compile(r"Existing ID:\s*(\d+)|(\d+) already has that value", re.IGNORECASE)
_BURST_SECONDS, _SEARCH_SECONDS, _LOCK_SECONDS, _MOVE_SECONDS, _DAY_UNKNOWN_SECONDS = 10.0, 1.0, 2.0, 300.0, 3600.0
_CONFLICTS = {"CONFLICT", "OBJECT_ALREADY_EXISTS", "UNIQUE_VALUE_CONFLICT"}
_NEVER_ARRIVED = {525, 526}
"""The edge could not make a TLS connection to HubSpot, so HubSpot saw nothing; 522 may come after it did."""


class Setting(NamedTuple):
    """What an answer is read in the light of: how to clean texts, the time, the portal's time zone.

    `further` names the properties that a connection writes beside those of every client.
    """

    words: Callable[[str], str]
    now: datetime
    time_zone: str
    further: frozenset[str] = frozenset()


def allowance(headers: Mapping[str, str]) -> Allowance | None:
    """Return what the headers say of the limits; None for an answer without (search sends none)."""
    interval = _number(headers.get("X-HubSpot-RateLimit-Interval-Milliseconds"))
    told = Allowance(
        limit=_number(headers.get("X-HubSpot-RateLimit-Max")),
        remaining=_number(headers.get("X-HubSpot-RateLimit-Remaining")),
        interval_seconds=interval / 1000 if interval else None,
        daily_limit=_number(headers.get("X-HubSpot-RateLimit-Daily")),
        daily_remaining=_number(headers.get("X-HubSpot-RateLimit-Daily-Remaining")),
    )
    return None if told == Allowance() else told


def failure(response: Response, setting: Setting, *, writes: bool) -> CRMError | None:
    """Return the error that a whole answer means, None for a success."""
    status = response.status
    if 200 <= status < 300:
        return None
    body = response.body if isinstance(response.body, dict) else {}
    evidence = _evidence(body, setting, status, response.text)
    if status in (423, 429, 477):
        return _wait(status, body, response.headers, setting, evidence)
    if status == 401:
        return CredentialsRefused(**evidence)
    if status == 403:
        return _permission(body, evidence)
    if status in _NEVER_ARRIVED:
        return Unreachable(**evidence)
    if status >= 500 or status < 400 or status in (408, 425):
        return OutcomeUnknown(**evidence) if writes else ServerFault(**evidence)
    return _refusal(body, evidence, setting)


def row_error(row: Mapping[str, Any], setting: Setting) -> CRMError:
    """Return what one entry of a batch answer's `errors` means."""
    evidence = _evidence(row, setting, None, "")
    if _category(row) == "MISSING_SCOPES":
        return _permission(row, evidence)
    return _refusal(row, evidence, setting)


def context(body: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the texts under a key of an error's `context`, or of the contexts of its `errors`."""
    found: list[str] = []
    for holder in (body, *_details(body)):
        values = _mapping(holder.get("context")).get(key)
        found += [str(value) for value in (values if isinstance(values, list) else [values]) if value not in (None, "")]
    return tuple(found)


def _refusal(body: Mapping[str, Any], evidence: dict[str, Any], setting: Setting) -> CRMError:
    """Return what a 4xx answer, or a row error, means: this record is not accepted as it is."""
    category, status = _category(body), evidence["status_code"]
    if category in _CONFLICTS or status == 409:
        return Duplicate(existing_id=_existing_id(body), **evidence)
    if category == "OBJECT_NOT_FOUND" or status == 404:
        return RecordMissing(**evidence)
    if category == "RECORD_LOCKED":
        return RecordLocked(**{**evidence, "retry_after": _LOCK_SECONDS})
    faults = list(_property_faults(body))
    if any(fault.code == "PROPERTY_DOESNT_EXIST" for fault in faults):
        gone = {fault.name for fault in faults if fault.code == "PROPERTY_DOESNT_EXIST"}
        names = ", ".join(sorted(gone))
        if gone <= setting.further:
            message = f"HubSpot has no property {names} any more. Take it out of the mapping and of what follows."
            return ReconnectRequired(message, **evidence)
        message = f"HubSpot has no property {names} any more. Test the connection to set it up."
        return ReconnectRequired(message, **evidence)
    if category == "VALIDATION_ERROR" or status == 400:
        return _invalid(faults, evidence, setting)
    return RejectedByCRM(**evidence)


def _invalid(faults: Sequence[_Fault], evidence: dict[str, Any], setting: Setting) -> InvalidRecord:
    fields = {SOURCES.get(fault.name, fault.name): setting.words(fault.message) for fault in faults}
    return InvalidRecord("; ".join(f"{name}: {text}" for name, text in fields.items()), fields=fields, **evidence)


def _permission(body: Mapping[str, Any], evidence: dict[str, Any]) -> PermissionMissing:
    scopes = context(body, "requiredGranularScopes") or context(body, "requiredScopes")
    message = f"The key lacks {', '.join(scopes)} in HubSpot." if scopes else ""
    return PermissionMissing(message, permissions=scopes, **evidence)


def _wait(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str], setting: Setting, evidence: dict[str, Any]
) -> CRMError:
    told = retry_after(headers.get("Retry-After"), setting.now)
    if status == 423:
        return RecordLocked(**{**evidence, "retry_after": max(told or 0.0, _LOCK_SECONDS)})
    if status == 477:
        return AccountMoving(**{**evidence, "retry_after": _MOVE_SECONDS if told is None else told})
    return RateLimited(**{**evidence, "retry_after": _limit_wait(body, headers, setting) if told is None else told})


def _limit_wait(body: Mapping[str, Any], headers: Mapping[str, str], setting: Setting) -> float:
    policy = str(body.get("policyName") or "").upper()
    if policy == "DAILY":
        return _until_midnight(setting.now, setting.time_zone)
    if policy == "SECONDLY":
        return _SEARCH_SECONDS
    told = allowance(headers)
    return told.interval_seconds if told and told.interval_seconds else _BURST_SECONDS


def _until_midnight(now: datetime, time_zone: str) -> float:
    """Return the seconds to the portal's midnight, when the daily limit starts anew; an hour for an unknown zone."""
    try:
        here = now.astimezone(ZoneInfo(time_zone))
    except (ValueError, OSError, KeyError):
        return _DAY_UNKNOWN_SECONDS
    midnight = datetime.combine(here.date() + timedelta(days=1), datetime.min.time(), here.tzinfo)
    return (midnight.astimezone(UTC) - now).total_seconds()


class _Fault(NamedTuple):
    name: str
    message: str
    code: str


def _property_faults(body: Mapping[str, Any]) -> Iterator[_Fault]:
    """Yield what is wrong with which property, from both layers: the array printed in `message`, then `errors`."""
    for item in _printed(body.get("message")):
        name = item.get("name")
        if isinstance(name, str):
            text = item.get("localizedErrorMessage") or item.get("message") or item.get("error")
            yield _Fault(name, _short(text), str(item.get("error") or ""))
    for item in _details(body):
        for name in context(item, "propertyName"):
            yield _Fault(name, _short(item.get("message")), str(item.get("code") or ""))


def _printed(message: Any) -> list[Mapping[str, Any]]:
    """Return the JSON array that HubSpot prints inside the message of a validation error."""
    if not isinstance(message, str) or "[{" not in message:
        return []
    try:
        items, _end = json.JSONDecoder().raw_decode(message[message.index("[{") :])
    except (ValueError, RecursionError):
        return []
    return [item for item in items if isinstance(item, dict)]


def _evidence(body: Mapping[str, Any], setting: Setting, status: int | None, text: str) -> dict[str, Any]:
    message = body.get("message")
    request_id = body.get("correlationId")
    return {
        "crm_message": setting.words(message if isinstance(message, str) else text),
        "status_code": status,
        "request_id": setting.words(request_id)[:100] if isinstance(request_id, str) else None,
    }


def _existing_id(body: Mapping[str, Any]) -> str | None:
    told = context(body, "existingId") or context(body, "existingObjectId")
    if told:
        return told[0]
    texts = (holder.get("message") for holder in (body, *_details(body)))
    found = (_EXISTING_ID.search(text) for text in texts if isinstance(text, str))
    return next((match[1] or match[2] for match in found if match), None)


def _category(body: Mapping[str, Any]) -> str:
    return str(body.get("category") or body.get("errorType") or "").upper()


def _details(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    errors = body.get("errors")
    return [item for item in errors if isinstance(item, dict)] if isinstance(errors, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _short(text: Any) -> str:
    return str(text or "not accepted")[:300]


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
