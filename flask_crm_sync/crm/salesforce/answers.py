"""What Salesforce's answers mean: REST errors, refusals of single records, sign-in errors, and its limits.

Every member of an error body is optional to a reader, so each is looked at with care for its type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...errors import CRMError, InvalidRecord, NeedsDecision, OutcomeUnknown, PermissionMissing, ServerFault
from ..answers import objects
from ..base import VendorError
from ..http import Allowance, Response
from .fields import SOURCES
from .refusals import RECORD, RIGHTS, WAITS, known_error

Row: TypeAlias = Mapping[str, Any]
Words: TypeAlias = Callable[[str], str]
"""Cleans the CRM's own words of secrets."""

_USAGE = re.compile(r"(?:^|[;,\s])api-usage=(\d{1,12})/(\d{1,12})")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one record was not written: Salesforce's code and fields ("" and none for other troubles), and our error."""

    error: CRMError
    code: str = ""
    fields: tuple[str, ...] = ()


Result: TypeAlias = Row | Refusal


def allowance(headers: Mapping[str, str]) -> Allowance | None:
    """Return what the headers say of the org's calls in 24 hours; None for an answer that tells nothing."""
    told = _USAGE.search(headers.get("Sforce-Limit-Info") or "")
    if told is None:
        return None
    used, limit = int(told[1]), int(told[2])
    return Allowance(daily_limit=limit, daily_remaining=max(0, limit - used))


def failure(status: int, body: Any, text: str, words: Words, *, writes: bool) -> CRMError | None:
    """Return the error that a whole answer means, None for a success."""
    if 200 <= status < 300:
        return None
    told = _first(body)
    code, message = _code(told), _message(told) or text
    entry = known_error(str(status), code, message)
    if status >= 500 or status < 300 or status in (408, 425) or (300 < status < 400):
        return _trouble(words(message), status, writes=writes)
    if entry is None:
        return InvalidRecord(crm_message=words(message), status_code=status)
    return _error(entry, code, told, words(message), status)


def of_response(response: Response, words: Words, *, writes: bool) -> CRMError | None:
    """Return the error that an answer of the HTTP client means, None for a success."""
    return failure(response.status, response.body, response.text, words, writes=writes)


def result(item: Any, words: Words) -> Result:
    """Return what one entry of an answer to many records says."""
    if isinstance(item, dict) and item.get("success") is True:
        return item
    if not isinstance(item, dict) or item.get("success") is not False:
        return Refusal(OutcomeUnknown("Salesforce's answer does not say what became of this record."))
    told = _first(item.get("errors"))
    code, message = _code(told), words(_message(told))
    entry = known_error(RECORD, code, message)
    error = _error(entry, code, told, message, None) if entry else InvalidRecord(crm_message=message)
    return Refusal(error, code, _fields(told))


def code_of(response: Response) -> str:
    """Return the code of a refused call, "" where it has none."""
    return _code(_first(response.body))


def _trouble(message: str, status: int, *, writes: bool) -> CRMError:
    failing = OutcomeUnknown if writes else ServerFault
    return failing(crm_message=message, status_code=status)


def _error(entry: VendorError, code: str, told: Row, message: str, status: int | None) -> CRMError:
    kind = entry.error
    evidence: dict[str, Any] = {"crm_message": message, "status_code": status}
    if issubclass(kind, InvalidRecord):
        fields = {SOURCES.get(name, name): message or entry.means for name in _fields(told)}
        return kind(f"{entry.means} {', '.join(fields)}".strip(), fields=fields, **evidence)
    if issubclass(kind, PermissionMissing):
        right = RIGHTS.get(code)
        said = f'{entry.means} It is called "{right}".' if right else entry.means
        return kind(said, permissions=(right,) if right else (), **evidence)
    if issubclass(kind, NeedsDecision):
        return kind(f"{entry.means} {message}".strip())
    return kind(entry.means, retry_after=WAITS.get(entry.code), **evidence)


def _first(body: Any) -> Row:
    """Return the first error of a body: REST sends a list of them, OAuth one object."""
    if isinstance(body, dict):
        return body
    return next(iter(objects(body)), {})


def _code(told: Row) -> str:
    code = told.get("errorCode") or told.get("statusCode") or told.get("error")
    return code if isinstance(code, str) else ""


def _message(told: Row) -> str:
    message = told.get("message") or told.get("error_description")
    return message if isinstance(message, str) else ""


def _fields(told: Row) -> tuple[str, ...]:
    names = told.get("fields")
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()
