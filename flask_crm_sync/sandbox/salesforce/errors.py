"""Refusals in Salesforce's words: a list of errors for a call, ``statusCode`` rows inside a collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class SalesforceError(Exception):
    """One refusal. ``fields`` None leaves the member out of a call's error, as answers without a record do."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: Iterable[str] | None = None,
        *,
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.fields = None if fields is None else list(fields)
        self.more, self.headers = dict(more or {}), dict(headers or {})

    def body(self) -> Any:
        """Return the body of a refused call."""
        shown: dict[str, Any] = {**self.more, "message": self.message, "errorCode": self.code}
        return [shown if self.fields is None else {**shown, "fields": self.fields}]

    def row(self) -> dict[str, Any]:
        """Return the result of a refused record in a collection."""
        error = {"statusCode": self.code, "message": self.message, "fields": self.fields or []}
        return {"success": False, "errors": [error]}


class WholeCallRefused(SalesforceError):
    """A refusal that no record of a collection can take for itself."""


class SeveralMatches(SalesforceError):
    """A key that leads to several records: HTTP 300 with their addresses."""

    def __init__(self, field: str, record_ids: list[str], urls: list[str]) -> None:
        found = ", ".join(record_ids)
        super().__init__(300, "DUPLICATE_EXTERNAL_ID", f"More than one record found for external id field: [{found}]")
        self.fields, self.urls = [field], urls

    def body(self) -> Any:
        """Return the addresses of the records."""
        return self.urls


def session_gone() -> SalesforceError:
    """Say that the token opens nothing (any more)."""
    return SalesforceError(401, "INVALID_SESSION_ID", "Session expired or invalid")


def not_found(message: str = "The requested resource does not exist") -> SalesforceError:
    """Say that nothing is there."""
    return SalesforceError(404, "NOT_FOUND", message)


def no_such_key(name: str) -> SalesforceError:
    """Say that a field cannot identify records."""
    return not_found(f"Provided external ID field does not exist or is not accessible: {name}")


def no_such_column(name: str, kind: str) -> SalesforceError:
    """Say that a record type has no such field."""
    return SalesforceError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {kind}")


def unreadable(message: str) -> WholeCallRefused:
    """Say that a body could not be read as what it should be."""
    return WholeCallRefused(400, "JSON_PARSER_ERROR", message)


def wrong_type(wanted: str, value: Any) -> WholeCallRefused:
    """Say that a JSON value has another type than the field."""
    kinds = {str: "STRING", bool: "TRUE" if value is True else "FALSE", int: "NUMBER_INT", float: "NUMBER_FLOAT"}
    token = f"VALUE_{kinds[type(value)]} value {value}" if type(value) in kinds else "START_OBJECT"
    return unreadable(
        f"Cannot deserialize instance of {wanted} from {token} or request may be missing a required field "
        "at [line:1, column:1]"
    )


def required_missing(names: Iterable[str]) -> SalesforceError:
    """Name the required fields that have no value."""
    names = list(names)
    return SalesforceError(400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(names)}]", names)


def too_long(label: str, name: str, value: str, length: int) -> SalesforceError:
    """Say that a text does not fit."""
    return SalesforceError(
        400, "STRING_TOO_LONG", f"{label}: data value too large: {value} (max length={length})", [name]
    )


def not_writeable(names: Iterable[str]) -> SalesforceError:
    """Name fields that this user cannot write."""
    names = list(names)
    message = (
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of this field and "
        "verify that it is read/write for your profile or permission set."
    )
    return SalesforceError(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message, names)


def named_in_body(name: str) -> SalesforceError:
    """Refuse a field that stands in the path already."""
    message = f"The {name} field should not be specified in the sobject data."
    return SalesforceError(400, "INVALID_FIELD", message, [name])


def malformed_id(label: str, name: str, value: object) -> SalesforceError:
    """Say that a text is no id, or one of another type."""
    return SalesforceError(400, "MALFORMED_ID", f"{label}: id value of incorrect type: {value}", [name])


def no_such_reference() -> SalesforceError:
    """Say that an id leads nowhere."""
    return SalesforceError(404, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])


def deleted() -> SalesforceError:
    """Say that the record lies in the recycle bin."""
    return SalesforceError(404, "ENTITY_IS_DELETED", "entity is deleted", [])


def converted() -> SalesforceError:
    """Say that a lead has become a contact."""
    return SalesforceError(400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", [])


def value_taken(name: str, owner: str) -> SalesforceError:
    """Say that another record holds a unique value; the id stands there in fifteen characters."""
    message = f"duplicate value found: {name} duplicates value on record with id: {owner[:15]}"
    return SalesforceError(400, "DUPLICATE_VALUE", message, [])
