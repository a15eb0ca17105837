"""What Dynamics' answers mean: status, code and the request that they answer, as classes of our error tree.

Every member of an error body is optional to a reader, and `code` may be an empty text, so each is looked at with care.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ...errors import (
    CRMError,
    Duplicate,
    InvalidRecord,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    RecordLocked,
    RejectedByCRM,
    ServerFault,
)
from ..answers import retry_after
from ..http import Allowance
from .fields import SOURCES
from .multipart import Answer, Request
from .refusals import BY_CODE, BY_STATUS, NO_USER, NOT_A_MEMBER, PART_IN_TROUBLE

WINDOW_REQUESTS, WINDOW_SECONDS = 6_000, 300.0
"""Requests of one user on one web server in a sliding window: "Service protection API limits"."""
_REMAINING = "x-ms-ratelimit-burst-remaining-xrm-requests"
_REQUEST_ID = "x-ms-service-request-id"
_WAIT_UNTOLD = 60.0
_LOCK_SECONDS = 2.0
_QUOTED = re.compile(r"'([a-z][a-z0-9_]*)'")
_PRIVILEGE = re.compile(r"\bprv[A-Z]\w+")

_UNKNOWN_USER = (
    "The environment does not know the user that this sign-in stands for. For an app, an administrator adds it in the "
    "Power Platform admin center: Environments, this one, Settings, Users + permissions, Application users, New app "
    "user, with a security role that may read and write contacts and notes. A person needs to be a user of the "
    "environment, with such a role."
)


class Setting(NamedTuple):
    """What an answer is read in the light of: how to clean texts, the time, an id to tell support."""

    words: Callable[[str], str]
    now: datetime
    request_id: str = ""


def allowance(headers: Mapping[str, str]) -> Allowance | None:
    """Return what the headers say of the limit; None for an answer without. It is what one web server has counted."""
    text = headers.get(_REMAINING, "").strip()
    if not (text.isascii() and text.isdigit()):
        return None
    remaining = int(text)
    return Allowance(max(WINDOW_REQUESTS, remaining), remaining, WINDOW_SECONDS)


def failure(answer: Answer, setting: Setting, *, writes: bool, part: Request | None = None) -> CRMError | None:
    """Return the error that an answer means, None for a success.

    `part` is the request that it answers, where that is one of a batch.
    """
    if 200 <= answer.status < 300:
        return None
    code, message = told(answer.body)
    evidence = _evidence(answer, setting, message)
    kind = BY_CODE.get(code.lower())
    if kind is None and answer.status == 412 and part is not None:
        return _conflict(part, evidence)
    if kind is None and (answer.status >= 500 or answer.status < 400 or answer.status in (408, 425)):
        return _fault(evidence, writes=writes, is_part=part is not None)
    sent = part.body if part is not None and isinstance(part.body, dict) else {}
    return _refusal(kind or BY_STATUS.get(answer.status, RejectedByCRM), code, answer, setting, evidence, sent)


def told(body: Any) -> tuple[str, str]:
    """Return code and message of an error body, "" for what it does not tell."""
    error = body.get("error") if isinstance(body, dict) else None
    held = error if isinstance(error, dict) else {}
    return _text(held.get("code")), _text(held.get("message"))


def _refusal(
    kind: type[CRMError],
    code: str,
    answer: Answer,
    setting: Setting,
    evidence: dict[str, Any],
    sent: Mapping[str, Any],
) -> CRMError:
    if issubclass(kind, RateLimited):
        wait = retry_after(answer.headers.get("retry-after"), setting.now)
        return RateLimited(**{**evidence, "retry_after": _WAIT_UNTOLD if wait is None else wait})
    if issubclass(kind, PermissionMissing):
        return _permission(code, evidence)
    if issubclass(kind, InvalidRecord):
        return _invalid(evidence, sent)
    return kind(**evidence)


def _conflict(part: Request, evidence: dict[str, Any]) -> CRMError:
    """A condition was not met: what should be new is there already, or what was read has changed since."""
    if "If-None-Match" in part.headers:
        return Duplicate(existing_id=part.record_id, **evidence)
    return RecordLocked(**{**evidence, "retry_after": _LOCK_SECONDS})


def _fault(evidence: dict[str, Any], *, writes: bool, is_part: bool) -> CRMError:
    if writes:
        return OutcomeUnknown(**evidence)
    return PART_IN_TROUBLE(**evidence) if is_part else ServerFault(**evidence)


def _permission(code: str, evidence: dict[str, Any]) -> PermissionMissing:
    if code.lower() == NOT_A_MEMBER:
        return PermissionMissing(_UNKNOWN_USER, permissions=(NO_USER,), **evidence)
    names = tuple(dict.fromkeys(_PRIVILEGE.findall(evidence["crm_message"])))
    if not names:
        return PermissionMissing("The security role in Dynamics lacks a privilege.", **evidence)
    return PermissionMissing(f"The security role in Dynamics lacks {', '.join(names)}.", permissions=names, **evidence)


def _invalid(evidence: dict[str, Any], sent: Mapping[str, Any]) -> InvalidRecord:
    """Name the host's fields whose columns the message quotes, and columns that were sent beside them."""
    known = {**{name: name for name in sent}, **SOURCES}
    names = dict.fromkeys(known[name] for name in _QUOTED.findall(evidence["crm_message"]) if name in known)
    return InvalidRecord(fields=dict.fromkeys(names, evidence["crm_message"]), **evidence)


def _evidence(answer: Answer, setting: Setting, message: str) -> dict[str, Any]:
    request_id = answer.headers.get(_REQUEST_ID) or answer.headers.get("req_id") or setting.request_id
    return {
        "crm_message": setting.words(message),
        "status_code": answer.status,
        "request_id": setting.words(request_id)[:100] or None,
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
