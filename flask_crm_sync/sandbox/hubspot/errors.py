"""HubSpot's error bodies: one class that knows the envelope, and a function for each thing that can be wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from ..clock import iso

SCOPES_PAGE = "https://developers.hubspot.com/scopes"
Context = Mapping[str, Sequence[str]]


class HubSpotError(Exception):
    """A refusal, as the body of a whole answer or as one row of a batch answer."""

    def __init__(
        self,
        status: int,
        category: str | None,
        message: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        context: Context | None = None,
        row_context: Context | None = None,
        links: Mapping[str, str] | None = None,
        sub_category: str | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.category, self.message = status, category, message
        self.errors, self.context, self.links, self.sub_category = errors, context, links, sub_category
        self.row_context = row_context or {}
        self.headers = dict(headers or {})
        self.extra = extra or {}

    def body(self) -> dict[str, Any]:
        """Return the JSON body of an answer that refuses the whole call."""
        body: dict[str, Any] = {"status": "error", "message": self.message, "correlationId": str(uuid4())}
        optional = {"context": self.context, "errors": list(self.errors), "links": self.links, **self.extra}
        body.update({key: value for key, value in optional.items() if value})
        if self.category:
            body["category"] = self.category
        if self.sub_category:
            body["subCategory"] = self.sub_category
        return body

    def row(self, trace_id: str) -> dict[str, Any]:
        """Return the entry of a 207 that refuses the input with this trace id."""
        context = {"objectWriteTraceId": [trace_id], **(self.context or {}), **self.row_context}
        return {"status": "error", "category": self.category, "message": self.message, "context": context}


class WholeBatchRefused(HubSpotError):
    """A refusal that takes the whole batch with it, trace ids or not, and does not say which row was at fault."""


@dataclass(frozen=True)
class Invalid:
    """One property value that cannot be."""

    name: str
    code: str
    message: str


def invalid_properties(portal_id: int, found: Sequence[Invalid]) -> HubSpotError:
    """Refuse values in both layers: a JSON list printed into the message, and structured errors."""
    printed = [
        {
            "isValid": False,
            "message": each.message,
            "error": each.code,
            "name": each.name,
            "localizedErrorMessage": each.message,
            "portalId": portal_id,
        }
        for each in found
    ]
    errors = [{"message": each.message, "code": each.code, "context": {"propertyName": [each.name]}} for each in found]
    text = json.dumps(printed, separators=(",", ":"), ensure_ascii=False)
    return HubSpotError(400, "VALIDATION_ERROR", f"Property values were not valid: {text}", errors=errors)


def validation(message: str, **more: Any) -> HubSpotError:
    """Refuse a call that is formed wrongly."""
    return HubSpotError(400, "VALIDATION_ERROR", message, **more)


def invalid_json(detail: str) -> HubSpotError:
    """Refuse a body that cannot be read."""
    return validation(f"Invalid input JSON on line 1, column 1: {detail}")


def not_set(singular: str, names: Sequence[str]) -> HubSpotError:
    """Refuse a record that lacks required properties."""
    message = f"Error creating {singular.upper()}. Some required properties were not set."
    return validation(message, context={"properties": list(names)})


def contact_exists(existing_id: int | None) -> HubSpotError:
    """Refuse an e-mail address that another contact has; ``None`` leaves out whose."""
    if existing_id is None:
        return HubSpotError(409, "CONFLICT", "Contact already exists")
    message = f"Contact already exists. Existing ID: {existing_id}"
    return HubSpotError(409, "CONFLICT", message, row_context={"existingId": [str(existing_id)]})


def unique_value_taken(
    portal_id: int, type_id: str, name: str, value: str, record_id: str, owner: int, envelope: str
) -> HubSpotError:
    """Refuse a value that another record holds in a unique property."""
    where = f"portalId={portal_id}, objectTypeId={type_id}, propertyName={name}, value={value}"
    message = f"Cannot set PropertyValueCoordinates{{{where}}} on {record_id}. {owner} already has that value."
    if envelope == "validation":
        return invalid_properties(portal_id, [Invalid(name, "UNIQUE_VALUE_CONFLICT", message)])
    detail = {
        "message": message,
        "code": "UNIQUE_VALUE_CONFLICT",
        "context": {"propertyName": [name], "existingObjectId": [str(owner)]},
    }
    return HubSpotError(
        400, "UNIQUE_VALUE_CONFLICT", message, errors=[detail], row_context={"existingObjectId": [str(owner)]}
    )


def duplicate_ids(ids: Iterable[str]) -> HubSpotError:
    """Refuse a batch in which two inputs mean one record."""
    listed = list(ids)
    message = f"Duplicate IDs found in batch input: [{', '.join(listed)}]. IDs must be unique"
    return validation(message, context={"ids": listed})


def non_unique_key(action: str, type_id: str, name: str) -> HubSpotError:
    """Refuse an ``idProperty`` that cannot identify a record."""
    return validation(f"Unable to perform {action} by non-unique {type_id} property {name}")


def object_not_found() -> HubSpotError:
    """Say that there is no such record."""
    return HubSpotError(404, "OBJECT_NOT_FOUND", "Object not found.  objectId are usually numeric.")


def missing_rows(singular: str, ids: Sequence[str]) -> dict[str, Any]:
    """Return the one entry of a 207 that stands for all inputs without a record."""
    message = (
        f"Could not get some {singular.upper()} objects, they may be deleted or not exist. Check that ids are valid."
    )
    return {"status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": {"ids": list(ids)}}


def missing_scopes(alternatives: Sequence[str]) -> HubSpotError:
    """Refuse a token that lacks a scope."""
    message = (
        "This app hasn't been granted all required scopes to make this call. "
        f"Read more about required scopes here: {SCOPES_PAGE}."
    )
    detail = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": list(alternatives)},
    }
    return HubSpotError(403, "MISSING_SCOPES", message, errors=[detail], links={"scopes": SCOPES_PAGE})


def invalid_token() -> HubSpotError:
    """Refuse a token that is unknown, revoked or absent."""
    message = (
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
        "details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
    )
    return HubSpotError(401, "INVALID_AUTHENTICATION", message)


def expired_token(expired_ms: int, now_ms: int) -> HubSpotError:
    """Refuse an access token that has outlived itself, saying by how much."""
    count, unit = _ago(max(0, now_ms - expired_ms) // 1000)
    message = f"The OAuth token used to make this call expired {count} {unit}(s) ago."
    return HubSpotError(401, "EXPIRED_AUTHENTICATION", message, context={"expire time": [iso(expired_ms)]})


def _ago(seconds: int) -> tuple[int, str]:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return seconds // size, unit
    return seconds, "second"


def rate_limited(policy: str, *, word: str, portal_id: int | None, headers: Mapping[str, str]) -> HubSpotError:
    """Refuse a call over a limit: TEN_SECONDLY_ROLLING, SECONDLY or DAILY."""
    extra = {"policyName": policy, "groupName": f"publicapi:private-apps:{portal_id}"}
    if word == "errorType":
        extra = {"errorType": "RATE_LIMIT", **extra}
    message = f"You have reached your {policy.lower()} limit."
    category = "RATE_LIMITS" if word == "category" else None
    return HubSpotError(429, category, message, extra=extra, headers=headers)


def locked() -> HubSpotError:
    """Refuse a write while the record is busy."""
    return HubSpotError(423, "RESOURCE_LOCKED", "This resource is locked. Try again in 2 seconds or more.")


def moving(retry_after: int) -> HubSpotError:
    """Refuse every call while the portal is moved between data centres."""
    message = "This account is being migrated. Try again later."
    return HubSpotError(477, "MIGRATION_IN_PROGRESS", message, headers={"Retry-After": str(retry_after)})


def server_error(status: int) -> HubSpotError:
    """Break down."""
    return HubSpotError(status, "INTERNAL_ERROR" if status == 500 else "TRANSIENT_ERROR", "internal error")
