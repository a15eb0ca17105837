"""What can go wrong between a person, their browser, the CRM's sign-in and its tokens; each with what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import CRMSyncError, ReconnectRequired


class SignInEnded(ReconnectRequired):
    """The CRM no longer honours the sign-in: it was withdrawn, has run out, or was replaced."""

    code = "sign_in_ended"
    says = "The CRM has ended the sign-in."
    advice = "Open the connection page and sign in again. Nothing is lost meanwhile: work waits."


class SignInLost(SignInEnded):
    """The answer to an earlier renewal never arrived, and with it the token that replaced ours."""

    code = "sign_in_lost"
    says = "The answer to a renewal of the sign-in was lost, and the CRM takes the former token no longer."


class AppRefused(ReconnectRequired):
    """The CRM does not accept the app, its secret or what it asks for; no other sign-in would help."""

    code = "app_refused"
    says = "The CRM does not accept the app that asks for the sign-in."
    advice = "Check the client ID, the client secret and the app's set-up in the CRM, then connect again."


class SignInFailed(CRMSyncError):
    """A trip to the CRM did not end in a connection; nothing was changed."""

    code = "sign_in_failed"
    says = "The sign-in did not go through."
    advice = "Go back to the connection page and start again."


class SignInNotSetUp(SignInFailed):
    """The operator has not registered an app with the CRM yet; `keys` are the settings that are missing."""

    code = "sign_in_not_set_up"
    says = "Signing in to this CRM is not set up yet."
    advice = "Ask whoever runs this app to set it up."

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__(f"Signing in needs {', '.join(keys)} in this app's configuration.")
        self.keys = tuple(keys)


class SignInUnknown(SignInFailed):
    """Nobody here began it, or it was used up already."""

    code = "sign_in_unknown"
    says = "This sign-in was not begun here, or was used already."


class SignInExpired(SignInFailed):
    """It took too long."""

    code = "sign_in_expired"
    says = "This sign-in took longer than ten minutes and is no longer valid."


class SignInElsewhere(SignInFailed):
    """It was begun by another person, or in another browser."""

    code = "sign_in_elsewhere"
    says = "This sign-in was begun in another browser, or by somebody else."
    advice = "Start and finish it in the same browser, logged in as the same person."


class SignInDenied(SignInFailed):
    """The person, or their administrator, said no."""

    code = "sign_in_denied"
    says = "The CRM was not given permission, so nothing was connected."
    advice = "Start again and choose to allow it, or ask an administrator of the CRM."


class SignInIncomplete(SignInFailed):
    """The CRM sent the person back with neither a code nor an error."""

    code = "sign_in_incomplete"
    says = "The CRM sent you back without what is needed to connect."


class SignInRefused(SignInFailed):
    """The CRM sent the person back with an error of its own, kept in `crm_message`."""

    code = "sign_in_refused"
    says = "The CRM could not complete the sign-in."
    advice = "Read the CRM's own words, correct the app's set-up there, and start again."

    def __init__(self, crm_message: str) -> None:
        super().__init__()
        self.crm_message = crm_message
