"""Every refusal of Dynamics and of its sign-in, and the class that each is to us: the table that decides.

Sources: Dataverse, "Compose HTTP requests and handle errors", "Service protection API limits", "Manage duplicate
detection", "Perform conditional operations"; Entra, "Authentication and authorization error codes". A code decides
before a status, because one code comes with several: the same duplicate is a 412 on one page and a 500 on another.
"""

from __future__ import annotations

from types import MappingProxyType

from ...errors import (
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
    TransientCRMError,
    Unreachable,
)
from ..base import VendorError
from .untold import ChangesUntold

DUPLICATE_FOUND = "0x80040333"
NOT_A_MEMBER = "0x80072560"
NO_USER = "user of the environment"
"""What is missing, as a permission, where the environment does not know the user."""
TOO_MUCH_WORK = "0x80072321"

_HELD = "the whole connection waits for Retry-After, which grows for those who go on calling"
_RECONNECT = "connect again"
_FAULTS = "408, 500, 502, 503, 504"

_DATAVERSE = (
    VendorError(
        "412, 500", DUPLICATE_FOUND, "a duplicate rule refused the record", Duplicate, "never sent again by itself"
    ),
    VendorError("400", "0x80044331", "a text is longer than its column", InvalidRecord, "the field is named"),
    VendorError("404", "0x80040217", "the row is gone", RecordMissing, "nothing is recreated by itself"),
    VendorError("429", "0x80072322", "more than 6,000 requests in 300 seconds", RateLimited, _HELD),
    VendorError(
        "429", TOO_MUCH_WORK, "more than 20 minutes of work in 300 seconds", RateLimited, f"{_HELD}; batches are halved"
    ),
    VendorError("429", "0x80072326", "more than 52 requests at a time", RateLimited, _HELD),
    VendorError(
        "403",
        NOT_A_MEMBER,
        "the environment does not know the user that the token stands for",
        PermissionMissing,
        "the connection stops, and says how to add the application user",
    ),
    VendorError("400", "", "a request or a value is not accepted", InvalidRecord),
    VendorError("401", "", "the token is not accepted (any more)", CredentialsRefused, "renewed and sent once more"),
    VendorError("403", "", "a privilege is missing in the security role", PermissionMissing, "the connection stops"),
    VendorError("404", "", "the row is gone", RecordMissing, "nothing is recreated by itself"),
    VendorError(
        "412",
        "",
        "a new record is there already (If-None-Match: *)",
        Duplicate,
        "it is ours, made by an attempt without an answer: it is read and kept",
    ),
    VendorError(
        "412", "", "the record was changed since it was read (If-Match)", RecordLocked, "read, merged and sent again"
    ),
    VendorError(
        "400",
        "0x80044352",
        "a delta link is too old",
        RejectedByCRM,
        "all contacts are listed anew, and those told that changed since the link was given out",
    ),
    VendorError(
        "", "on a list of changes", "contacts are not tracked, or a role may not read all of them", ChangesUntold
    ),
    VendorError("413", "", "the batch is too large", RejectedByCRM, "sent in halves"),
    VendorError("429", "", "a limit is reached", RateLimited, _HELD),
    VendorError(
        _FAULTS,
        "on a write",
        "it is not known whether it was written",
        OutcomeUnknown,
        "read back by the GUID that we chose before anything is sent again",
    ),
    VendorError(_FAULTS, "on a read", "Dynamics is in trouble", ServerFault),
)

_ENTRA = (
    VendorError("", "7000215", "the client secret is wrong", CredentialsRefused, "paste its Value, not its ID"),
    VendorError("", "7000222", "the client secret has expired", CredentialsRefused, "create a new secret and paste it"),
    VendorError("", "700016", "the app is not in the tenant", CredentialsRefused, "check the tenant ID and client ID"),
    VendorError("", "90002", "there is no such tenant", CredentialsRefused, "check the tenant ID"),
    VendorError(
        "", "70011", "the scope is not valid", ReconnectRequired, "check the instance URL: it names the environment"
    ),
    VendorError(
        "",
        "500011",
        "the tenant has no Dataverse at this address",
        ReconnectRequired,
        "check the instance URL, and that the environment belongs to this tenant",
    ),
    VendorError("", "65001", "nobody has consented to the app", PermissionMissing, "an administrator grants consent"),
    VendorError("", "7000112", "the app is disabled", ReconnectRequired, "ask the tenant's administrator"),
    VendorError(
        "", "50011", "the callback URL is not registered", ReconnectRequired, "register it as a redirect URI of the app"
    ),
    VendorError(
        "", "53003", "a conditional access policy refuses the sign-in", ReconnectRequired, "ask the administrator"
    ),
    VendorError("", "54005", "the sign-in's code was used already", ReconnectRequired, _RECONNECT),
    VendorError("", "70008", "the grant has expired", ReconnectRequired, _RECONNECT),
    VendorError("", "700082", "the refresh token was not used for 90 days", ReconnectRequired, _RECONNECT),
    VendorError("", "70000", "the grant is not valid", ReconnectRequired, _RECONNECT),
    VendorError("", "interaction_required", "a person has to sign in again", ReconnectRequired, _RECONNECT),
    VendorError("", "consent_required", "a person has to consent again", ReconnectRequired, _RECONNECT),
    *(
        VendorError("", code, "the sign-in service is in trouble", Unreachable, "tried again by itself")
        for code in (
            *("50033", "90006", "90012", "90024", "90033", "90055"),
            *("temporarily_unavailable", "server_error"),
        )
    ),
)

VENDOR_ERRORS = (*_DATAVERSE, *_ENTRA)
"""Codes that begin with 0x are Dataverse's; the others stand in `error_codes` or `error` of a sign-in's answer."""

BY_CODE: MappingProxyType[str, type[CRMError]] = MappingProxyType(
    {row.code: row.error for row in _DATAVERSE if row.code.startswith("0x")}
)
BY_STATUS: MappingProxyType[int, type[CRMError]] = MappingProxyType(
    {int(row.status): row.error for row in _DATAVERSE if not row.code and row.status.isdigit() and row.status != "412"}
)
PART_IN_TROUBLE = TransientCRMError
"""A fault of one part that reads: the others were answered, so it says nothing about the whole connection."""
