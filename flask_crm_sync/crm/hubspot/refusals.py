"""Every refusal of HubSpot's that we know, and what each is to us. `answers.py` decides; a test holds it to this table.

Sources: "Handle errors", "Usage guidelines" and "Manage OAuth tokens" of HubSpot's developer documentation; bodies that
others recorded are among the tests' payloads.
"""

from __future__ import annotations

from ...errors import (
    AccountMoving,
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
    Unreachable,
)
from ..base import VendorError

ROW = "207"
"""The status of an answer whose rows fail one by one."""

_ALONE = "The row fails alone. A batch that was refused whole is halved until the faulty row stands alone."
_WHO = "The record that HubSpot names is read and merged into."
_NO_SECOND = "The CRM is read back by our key before anything is sent again."
_RENEWED = "A token of a sign-in is renewed once and the call repeated."

_RECORDS = (
    VendorError("400", "VALIDATION_ERROR", "A value or the request is not valid.", InvalidRecord, _ALONE),
    VendorError("400", "INVALID_EMAIL", "The e-mail is not one.", InvalidRecord, "The host's field is named."),
    VendorError("400", "INVALID_OPTION", "The value is none of the property's options.", InvalidRecord, _ALONE),
    VendorError("400", "READ_ONLY_VALUE", "The property may not be written.", InvalidRecord, _ALONE),
    VendorError(
        "400",
        "PROPERTY_DOESNT_EXIST",
        "A property that we write is not there (any more).",
        ReconnectRequired,
        "The test call makes our own property again.",
    ),
    VendorError("400", "UNIQUE_VALUE_CONFLICT", "Another record has the value of a unique property.", Duplicate, _WHO),
    VendorError("404", "OBJECT_NOT_FOUND", "No such record, or it was deleted.", RecordMissing, "A merge is followed."),
    VendorError("409", "CONFLICT", "A contact with this e-mail is there already.", Duplicate, _WHO),
    VendorError("409", "OBJECT_ALREADY_EXISTS", "There is one of that name already.", Duplicate, "It is used."),
    VendorError("414", "", "The address is too long, or the record was merged 250 times.", RejectedByCRM),
    VendorError("423", "", "Somebody else writes the record just now.", RecordLocked, "Waits for 2 seconds or more."),
    VendorError(ROW, "VALIDATION_ERROR", "One row's values are not valid.", InvalidRecord, _ALONE),
    VendorError(ROW, "CONFLICT", "One row's e-mail is taken.", Duplicate, _WHO),
    VendorError(ROW, "OBJECT_NOT_FOUND", "Some records are not there.", RecordMissing, "A merge is followed."),
    VendorError(ROW, "RECORD_LOCKED", "Somebody else writes one of the records.", RecordLocked),
    VendorError(ROW, "MISSING_SCOPES", "The key lacks a scope for one of the rows.", PermissionMissing),
)

_CONNECTION = (
    VendorError("401", "EXPIRED_AUTHENTICATION", "The token is past its half hour.", CredentialsRefused, _RENEWED),
    VendorError("401", "INVALID_AUTHENTICATION", "The token or key is none, or revoked.", CredentialsRefused, _RENEWED),
    VendorError("403", "MISSING_SCOPES", "The key lacks a scope.", PermissionMissing, "The scopes are named."),
    VendorError("403", "", "A rule of the portal forbids it.", PermissionMissing),
    VendorError(
        "429",
        "TEN_SECONDLY_ROLLING",
        "Too many calls in ten seconds.",
        RateLimited,
        "Rests as `Retry-After` says, else for the interval that the headers tell.",
    ),
    VendorError("429", "SECONDLY", "Too many searches in a second.", RateLimited, "Rests for a second."),
    VendorError(
        "429", "DAILY", "The account's calls of today are used up.", RateLimited, "Rests until the portal's midnight."
    ),
    VendorError(
        "477",
        "",
        "The portal moves to another data centre.",
        AccountMoving,
        "Rests as `Retry-After` says, up to a day.",
    ),
    VendorError("500, 502, 503, 504, 521, 522, 523, 524", "on a read", "Trouble at HubSpot or its edge.", ServerFault),
    VendorError(
        "500, 502, 503, 504, 521, 522, 523, 524",
        "on a write",
        "Trouble after which the write may have been done.",
        OutcomeUnknown,
        _NO_SECOND,
    ),
    VendorError("525, 526", "", "The edge had no TLS connection to HubSpot, so nothing arrived.", Unreachable),
    VendorError("none", "on a read", "No whole answer came, or no connection.", Unreachable),
    VendorError("none", "on a write", "The call was sent and no whole answer came.", OutcomeUnknown, _NO_SECOND),
)

_SIGN_IN = "Connect again: nothing is lost meanwhile."

_TOKENS = (
    VendorError(
        "400", "invalid_grant", "The refresh token was revoked, or the app removed.", ReconnectRequired, _SIGN_IN
    ),
    VendorError("400", "BAD_REFRESH_TOKEN", "The older word for the same.", ReconnectRequired, _SIGN_IN),
    VendorError("400", "BAD_AUTH_CODE", "The code of a sign-in was used or is too old.", ReconnectRequired, _SIGN_IN),
    VendorError(
        "400", "BAD_CLIENT_ID", "The app's client ID or secret is wrong.", ReconnectRequired, "The operator's to mend."
    ),
)

VENDOR_ERRORS = (*_RECORDS, *_CONNECTION, *_TOKENS)
TOKEN_CODES = frozenset(entry.code for entry in _TOKENS)
"""Refusals of the token endpoint, which are not this adapter's to read."""
