"""Every refusal of Salesforce's that we know, and what each is to us. Data: the adapter decides by it.

`status` is HTTP's; "200" marks a refusal of one record in an answer to many (there the code is called `statusCode`).
A code with a colon tells kinds apart that Salesforce tells apart by its message alone. Source: "Status Codes and Error
Responses" of the REST API Developer Guide, and "OAuth 2.0 Authorization Errors" of Salesforce Help.
"""

from __future__ import annotations

from ...errors import (
    AmbiguousMatch,
    CredentialsRefused,
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
    TransientCRMError,
)
from ..base import VendorError

RECORD = "200"
QUOTA_WAIT, BUSY_WAIT, LOCK_WAIT = 900.0, 10.0, 2.0

_CONNECTION = (
    VendorError(
        "401",
        "INVALID_SESSION_ID",
        "The session is over: it expired, or somebody ended it.",
        CredentialsRefused,
        "The token is renewed once and the call repeated.",
    ),
    VendorError(
        "403",
        "REQUEST_LIMIT_EXCEEDED: TotalRequests",
        "The org's API calls of the last 24 hours are used up.",
        RateLimited,
        "The connection rests a quarter of an hour, then looks again.",
    ),
    VendorError(
        "403",
        "REQUEST_LIMIT_EXCEEDED: Concurrent",
        "Too many slow calls run in the org at this moment.",
        RateLimited,
        "The connection rests a few seconds.",
    ),
    VendorError(
        "403",
        "REQUEST_LIMIT_EXCEEDED",
        "A limit on calls is reached.",
        RateLimited,
        "The connection rests a quarter of an hour, then looks again.",
    ),
    VendorError("403", "API_DISABLED_FOR_ORG", "The org's edition or settings have no API.", PermissionMissing),
    VendorError("403", "API_CURRENTLY_DISABLED", "The API is switched off for this user.", PermissionMissing),
    VendorError("403", "INSUFFICIENT_ACCESS", "The user lacks a right in Salesforce.", PermissionMissing),
    VendorError("403", "INSUFFICIENT_ACCESS_OR_READONLY", "The user lacks a right in Salesforce.", PermissionMissing),
    VendorError("403", "", "The user lacks a right in Salesforce.", PermissionMissing),
    VendorError("401", "", "The token is not accepted.", CredentialsRefused),
    VendorError(
        "400",
        "INVALID_FIELD",
        "A field that was there at the last test is gone, or hidden from the user.",
        ReconnectRequired,
    ),
    VendorError("400", "INVALID_TYPE", "A kind of record is hidden from the user.", ReconnectRequired),
    VendorError(
        "404",
        "NOT_FOUND: Provided external ID field does not exist or is not accessible",
        "Our own field was removed, or hidden from the user.",
        ReconnectRequired,
    ),
    VendorError("", "STORAGE_LIMIT_EXCEEDED", "The org's storage is full.", ReconnectRequired),
    VendorError("500, 502, 503", "on a read", "Salesforce is in trouble, or in maintenance.", ServerFault),
    VendorError(
        "500, 502, 503",
        "on a write",
        "Salesforce is in trouble, or in maintenance, and may have written or not.",
        OutcomeUnknown,
        "It is read back by our key or the e-mail before anything is sent again.",
    ),
)

_RECORDS = (
    VendorError("", "UNABLE_TO_LOCK_ROW", "Somebody else writes this record just now.", RecordLocked),
    VendorError("", "ENTITY_IS_LOCKED", "An approval process holds the record.", RejectedByCRM),
    VendorError(
        "",
        "ENTITY_IS_DELETED",
        "The record was deleted.",
        RecordMissing,
        "If it was merged into another one, that one is written.",
    ),
    VendorError("404", "NOT_FOUND", "There is no such record.", RecordMissing),
    VendorError(RECORD, "NOT_FOUND", "There is no such record.", RecordMissing),
    VendorError("", "INVALID_CROSS_REFERENCE_KEY", "There is no such record (any more).", RecordMissing),
    VendorError("", "MALFORMED_ID", "That is no id.", RecordMissing),
    VendorError(
        "",
        "CANNOT_UPDATE_CONVERTED_LEAD",
        "The lead was converted to a contact.",
        RecordMissing,
        "The contact is written instead, once.",
    ),
    VendorError(
        "",
        "DUPLICATES_DETECTED",
        "A duplicate rule of the org found records like this one.",
        Duplicate,
        "Where exactly one of them has the client's e-mail or phone, it is used.",
    ),
    VendorError(
        "",
        "DUPLICATE_VALUE",
        "Our key, or another value that must be unique, stands on another record.",
        Duplicate,
        "A create is sent once more, which then updates; an update goes without the key.",
    ),
    VendorError("", "DUPLICATE_EXTERNAL_ID", "Several records bear our key.", Duplicate),
    VendorError("300", "", "Several records bear our key.", AmbiguousMatch),
    VendorError("", "REQUIRED_FIELD_MISSING", "The org demands a field that we do not send.", InvalidRecord),
    VendorError("", "DELETE_FAILED", "Other records, such as an open case, keep it from being deleted.", RejectedByCRM),
    VendorError("", "STRING_TOO_LONG", "A text is longer than its field.", InvalidRecord),
    VendorError(
        "",
        "INVALID_EMAIL_ADDRESS",
        "Salesforce does not accept the e-mail address.",
        InvalidRecord,
        "The record is sent once more without it.",
    ),
    VendorError(
        "",
        "FIELD_INTEGRITY_EXCEPTION",
        "A value is not on the org's list, such as a state or country.",
        InvalidRecord,
        "The record is sent once more without state and country.",
    ),
    VendorError("", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "A validation rule of the org refuses it.", InvalidRecord),
    VendorError("", "FIELD_FILTER_VALIDATION_EXCEPTION", "A filter of the org refuses it.", InvalidRecord),
    VendorError("", "CANNOT_EXECUTE_FLOW_TRIGGER", "A flow of the org failed on it.", RejectedByCRM),
    VendorError("", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "A trigger of the org failed on it.", RejectedByCRM),
    VendorError(
        "",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "A field may not be written on this record or by this user.",
        InvalidRecord,
    ),
    VendorError(RECORD, "INVALID_FIELD", "The record has no such field for this user.", InvalidRecord),
    VendorError(RECORD, "INSUFFICIENT_ACCESS_OR_READONLY", "The user may not write this very record.", RejectedByCRM),
    VendorError(
        RECORD,
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "The user may not use a record that this one points to.",
        RejectedByCRM,
    ),
    VendorError(RECORD, "UNKNOWN_EXCEPTION", "Salesforce failed on this record.", TransientCRMError),
    VendorError(RECORD, "SERVER_UNAVAILABLE", "Salesforce could not take this record just now.", TransientCRMError),
    VendorError("", "ALL_OR_NONE_OPERATION_ROLLED_BACK", "Another record of the call failed.", TransientCRMError),
    VendorError("", "PROCESSING_HALTED", "An earlier part of the call failed.", TransientCRMError),
    VendorError("404", "", "There is no such thing.", RecordMissing),
    VendorError("400", "", "The call is not accepted as it is.", InvalidRecord),
    VendorError(RECORD, "", "The record is not accepted as it is.", InvalidRecord),
)

SIGN_IN = (
    VendorError(
        "400",
        "invalid_grant: expired access/refresh token",
        "The grant is over: revoked, unused for too long, or pushed out by a newer one. Salesforce keeps about five "
        "for each user and app. Connect again.",
        CredentialsRefused,
    ),
    VendorError(
        "400",
        "invalid_grant: authentication failure",
        "Salesforce refused the sign-in, often for the user's login hours, IP ranges or a locked user. Connect again.",
        CredentialsRefused,
    ),
    VendorError(
        "400",
        "invalid_grant: request not supported on this domain",
        "Client credentials work on the org's own My Domain address only, not on login or test.salesforce.com.",
        CredentialsRefused,
    ),
    VendorError(
        "400",
        "invalid_grant: no client credentials user enabled",
        'The app has no user to run as: set "Run As" in the client credentials flow of its policies.',
        CredentialsRefused,
    ),
    VendorError("400", "invalid_grant", "Salesforce does not accept the grant (any more).", CredentialsRefused),
    VendorError("400", "invalid_client", "The app's secret is wrong, or was replaced.", CredentialsRefused),
    VendorError(
        "400",
        "invalid_client_id",
        "There is no such app. A new one takes up to ten minutes until Salesforce knows it everywhere.",
        CredentialsRefused,
    ),
    VendorError(
        "400", "unsupported_grant_type", "The app's settings do not allow this way to sign in.", CredentialsRefused
    ),
    VendorError("400", "invalid_request", "The sign-in was not complete. Begin it again.", CredentialsRefused),
    VendorError("", "access_denied", "The person who signed in did not allow it.", CredentialsRefused),
    VendorError("", "access-denied", "The person who signed in did not allow it.", CredentialsRefused),
)

VENDOR_ERRORS = (*_CONNECTION, *_RECORDS, *SIGN_IN)

WAITS = {
    "REQUEST_LIMIT_EXCEEDED: TotalRequests": QUOTA_WAIT,
    "REQUEST_LIMIT_EXCEEDED: Concurrent": BUSY_WAIT,
    "REQUEST_LIMIT_EXCEEDED": QUOTA_WAIT,
    "UNABLE_TO_LOCK_ROW": LOCK_WAIT,
}
"""Seconds to wait; Salesforce itself tells none."""

RIGHTS = {
    "API_DISABLED_FOR_ORG": "API Enabled",
    "API_CURRENTLY_DISABLED": "API Enabled",
    "INSUFFICIENT_ACCESS": "Read, Create and Edit on Lead, Contact and Task",
    "INSUFFICIENT_ACCESS_OR_READONLY": "Read, Create and Edit on Lead, Contact and Task",
}
"""The user permissions that a refusal asks for, as Salesforce's set-up pages call them."""


def known_error(status: str, code: str, message: str) -> VendorError | None:
    """Return the entry for a refusal: the nearest kind of its code, else what its status alone means."""
    for kind in _kinds(code, message):
        entry = _TABLE.get((status, kind)) or _TABLE.get(("", kind))
        if entry is not None:
            return entry
    return _TABLE.get((status, ""))


def _kinds(code: str, message: str) -> list[str]:
    """Return the codes of the table that a refusal may be, the narrowest first."""
    narrow = [known for known in _NARROW if f"{code}: {message}".startswith(known)]
    return [*narrow, code] if code else []


_TABLE = {(entry.status, entry.code): entry for entry in VENDOR_ERRORS}
_NARROW = [entry.code for entry in VENDOR_ERRORS if ": " in entry.code]
