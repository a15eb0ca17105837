"""The error tree. An error's class decides what happens next, never its text.

    CRMSyncError
    ├── ConfigurationError          raised in init_app only; names the key or the binding
    ├── UnsupportedFeature          the CRM has no such thing
    ├── SecretUnreadable            a stored secret does not open with the configured keys
    ├── CredentialsIncomplete       what was typed into a connect form cannot be right; names the fields
    └── CRMError                    what one call, or one record in it, came to
        ├── TransientCRMError       tried again later
        │   ├── RateLimited         the whole connection waits; `retry_after` where the CRM says it
        │   ├── Unreachable         no connection; nothing was sent, or only a read was
        │   ├── ServerFault         the CRM answered that it is in trouble
        │   ├── RecordLocked        somebody else writes this record just now
        │   └── AccountMoving       the CRM moves the account between data centres
        ├── OutcomeUnknown          a write was sent and no answer came: read back before anything else
        ├── NeedsDecision           nothing was written; a person chooses
        │   ├── AmbiguousMatch      several records in the CRM could be this client
        │   ├── AlreadyLinked       the record found stands for another client already
        │   └── CannotConfirm       an unknown outcome that nothing can read back
        ├── ReconnectRequired       the connection needs a person
        │   ├── CredentialsRefused
        │   └── PermissionMissing
        └── RejectedByCRM           this record is not accepted as it is
            ├── InvalidRecord       field errors
            ├── RecordMissing
            └── Duplicate           `existing_id` where the CRM names it

Each class carries a stable `code`, a sentence in plain words (`says`) and what to do next (`advice`); the CRM's own
words stay beside it in `crm_message`, cleaned of secrets by the client that received them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar


class CRMSyncError(Exception):
    """Something in the sync went wrong."""

    code: ClassVar[str] = "error"
    says: ClassVar[str] = "Something went wrong."
    advice: ClassVar[str] = "Look at the server's log for details."

    def __str__(self) -> str:
        """Return the message given, else the class's own sentence."""
        return super().__str__() or self.says


class ConfigurationError(CRMSyncError):
    """The host's configuration or models are not what the extension needs; raised once, at `init_app`."""

    code = "configuration"
    says = "The configuration is not complete."
    advice = "Mend the setting that the message names and start the app again."


class UnsupportedFeature(CRMSyncError):
    """The CRM has no such feature.

    `crm` is the adapter's label, `feature` the missing thing in plain words.
    """

    code = "unsupported"
    says = "The CRM does not offer this."
    advice = "Switch it off for this connection."

    def __init__(self, crm: str, feature: str) -> None:
        super().__init__(f"{crm} does not offer {feature}.")
        self.crm, self.feature = crm, feature


class SecretUnreadable(CRMSyncError):
    """A stored secret does not open: its key is missing from CRM_SYNC_ENCRYPTION_KEYS, or it was moved or changed."""

    code = "secret_unreadable"
    says = "The stored credentials cannot be opened with the configured encryption keys."
    advice = "Put the key that was used back into CRM_SYNC_ENCRYPTION_KEYS and test the connection, or connect again."


class CredentialsIncomplete(CRMSyncError):
    """What was typed into a connect form cannot be credentials; `fields` maps the field's name to what is wrong."""

    code = "credentials_incomplete"
    says = "What was typed in cannot be used."
    advice = "Correct the marked field."

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


class CRMError(CRMSyncError):
    """What a call to a CRM, or one record in it, came to.

    `whole_connection` tells that the trouble is not this record's: its operations wait and no attempt counts.
    """

    code = "crm_error"
    says = "The CRM answered with an error."
    advice = "Try again; if it stays, look at the CRM's own words."
    whole_connection: ClassVar[bool] = False

    def __init__(
        self,
        message: str = "",
        *,
        crm_message: str = "",
        status_code: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.crm_message = crm_message
        self.status_code = status_code
        self.request_id = request_id
        self.retry_after = retry_after


class TransientCRMError(CRMError):
    """It will pass: tried again later."""

    code = "transient"
    says = "The CRM could not take this just now."
    advice = "Nothing to do: it is tried again by itself."


class RateLimited(TransientCRMError):
    """The CRM's limit on calls is reached; `retry_after` in seconds where known."""

    code = "rate_limited"
    says = "The CRM's limit on calls is reached."
    advice = "Nothing to do: work goes on when the limit allows. If it happens often, raise the limit in the CRM."
    whole_connection = True


class Unreachable(TransientCRMError):
    """No connection could be made, or a read got no answer: nothing was written."""

    code = "unreachable"
    says = "The CRM could not be reached."
    advice = "Nothing to do: it is tried again by itself. If it stays, check the network and the CRM's status page."
    whole_connection = True


class ServerFault(TransientCRMError):
    """The CRM answered a read with a fault of its own."""

    code = "server_fault"
    says = "The CRM reported a fault of its own."
    advice = "Nothing to do: it is tried again by itself. If it stays, check the CRM's status page."
    whole_connection = True


class AccountMoving(TransientCRMError):
    """The CRM moves the account between its data centres; `retry_after` says for how long."""

    code = "account_moving"
    says = "The CRM is moving this account to another data centre."
    advice = "Nothing to do: work goes on when the move is over."
    whole_connection = True


class RecordLocked(TransientCRMError):
    """Somebody else writes this record just now."""

    code = "record_locked"
    says = "The record is locked in the CRM by another writer."
    advice = "Nothing to do: it is tried again by itself."


class OutcomeUnknown(CRMError):
    """A write was sent and no answer came: it is read back before anything else is tried."""

    code = "outcome_unknown"
    says = "The CRM gave no answer; it is not yet known whether it was written."
    advice = "Nothing to do: the CRM is read back before anything is sent again."


class NeedsDecision(CRMError):
    """Nothing was written; a person chooses."""

    code = "needs_decision"
    says = "A person has to decide."
    advice = "Open the entry and choose."


class AmbiguousMatch(NeedsDecision):
    """Several records in the CRM could be this client; `candidates` are their ids."""

    code = "ambiguous_match"
    says = "Several records in the CRM could be this client, so nothing was written."
    advice = "Choose the right record, or create a new one. Merging the duplicates in the CRM helps too."

    def __init__(self, message: str = "", *, candidates: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(message)
        self.candidates = tuple(dict(candidate) for candidate in candidates)


class AlreadyLinked(NeedsDecision):
    """The CRM record found for this client stands for another client already."""

    code = "already_linked"
    says = "The matching record in the CRM belongs to another client here, so nothing was written."
    advice = "Two clients share an e-mail or phone: merge them here, or correct one of them."


class CannotConfirm(NeedsDecision):
    """An unknown outcome that nothing can read back."""

    code = "cannot_confirm"
    says = "It could not be confirmed whether the CRM wrote this."
    advice = "Look in the CRM, then choose: it is there, or create it new."


class ReconnectRequired(CRMError):
    """The connection needs a person before anything else can be sent."""

    code = "reconnect_required"
    says = "The connection to the CRM needs attention."
    advice = "Open the connection page and connect again. Nothing is lost meanwhile: work waits."
    whole_connection = True


class CredentialsRefused(ReconnectRequired):
    """The CRM does not accept the key or token (any more)."""

    code = "credentials_refused"
    says = "The CRM does not accept the key or token."
    advice = "Paste a valid key on the connection page. Nothing is lost meanwhile: work waits."


class PermissionMissing(ReconnectRequired):
    """The key lacks a permission; `permissions` names what the CRM asked for."""

    code = "permission_missing"
    says = "The key lacks a permission in the CRM."
    advice = "Give the key the missing permission in the CRM, then test the connection."

    def __init__(self, message: str = "", *, permissions: Sequence[str] = (), **evidence: Any) -> None:
        super().__init__(message, **evidence)
        self.permissions = tuple(permissions)


class RejectedByCRM(CRMError):
    """The CRM does not accept this record as it is."""

    code = "rejected"
    says = "The CRM did not accept this record."
    advice = "Correct the record, then retry."


class InvalidRecord(RejectedByCRM):
    """Values that the CRM (or its documented limits) does not accept; `fields` maps field name to what is wrong."""

    code = "invalid_record"
    says = "A value is not acceptable to the CRM."
    advice = "Correct the named field; saving the client tries again by itself."

    def __init__(self, message: str = "", *, fields: Mapping[str, str] | None = None, **evidence: Any) -> None:
        super().__init__(message, **evidence)
        self.fields = dict(fields or {})


class RecordMissing(RejectedByCRM):
    """The record is not (or no longer) in the CRM."""

    code = "record_missing"
    says = "The record is no longer in the CRM."
    advice = "If that was a mistake, create it again from the entry's page."


class Duplicate(RejectedByCRM):
    """The CRM has a record with this e-mail or key already; `existing_id` where it says which."""

    code = "duplicate"
    says = "Another record in the CRM has this e-mail already."
    advice = "Correct the e-mail here, or merge the records in the CRM."

    def __init__(self, message: str = "", *, existing_id: str | None = None, **evidence: Any) -> None:
        super().__init__(message, **evidence)
        self.existing_id = existing_id


def error_classes(root: type[CRMSyncError] = CRMSyncError) -> Iterator[type[CRMSyncError]]:
    """Yield every class of the tree, the root first."""
    yield root
    for child in root.__subclasses__():
        yield from error_classes(child)
