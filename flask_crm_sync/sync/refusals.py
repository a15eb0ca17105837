"""What a person asked for and does not get, each with its code, a sentence and advice; nothing was changed."""

from __future__ import annotations

from ..errors import CRMSyncError


class NotFound(CRMSyncError):
    """The account has no such thing; another account's thing answers the same."""

    code = "not_found"
    says = "There is nothing here by that name or number."
    advice = "Check the name or number."


class OtherRemoteAccount(CRMSyncError):
    """The new credentials open another account in the CRM than the one that the clients are linked to."""

    code = "other_remote_account"
    says = "These credentials belong to another account in the CRM."
    advice = "Use credentials of the same account, or confirm that you want to move to the other one."

    def __init__(self, known: str, found: str) -> None:
        super().__init__(f"This connection is linked with {known}, but the new credentials belong to {found}.")
        self.known, self.found = known, found


class ChoiceNotPossible(CRMSyncError):
    """The entry cannot be retried, dismissed or decided like this (any more)."""

    code = "choice_not_possible"
    says = "That choice is not possible for this entry, or no longer."
    advice = "Look at the entry again: it may have moved on meanwhile."


class ValueNotTaken(CRMSyncError):
    """A value that a person typed is none that this app and the CRM can both hold."""

    code = "value_not_taken"
    says = "This value cannot be taken."
    advice = "Type another one, or choose one of the two."


class TooManyTries(CRMSyncError):
    """The same form was sent too often in a short time; `seconds` until it is taken again."""

    code = "too_many_tries"
    says = "That was tried too often in a short time."
    advice = "Wait a few minutes, then try again."

    def __init__(self, seconds: int) -> None:
        super().__init__(self.says)
        self.seconds = seconds
