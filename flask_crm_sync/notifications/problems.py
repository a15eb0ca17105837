"""Why somebody could not be told, or never can be there: a code, a sentence and advice, in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass

from ..language import gettext as _

NO_ADDRESS, NOT_HTTPS, UNKNOWN_HOST, PRIVATE_ADDRESS = "no_address", "not_https", "unknown_host", "private_address"
LOCAL_SERVICE, PLAIN_SERVICE, PACKAGE_MISSING = "local_service", "plain_service", "package_missing"
BARE_EMAIL = "bare_email"
UNREACHABLE, REFUSED, SECRET_UNREADABLE = "unreachable", "refused", "secret_unreadable"


class CannotTell(Exception):
    """A channel's address is of no use, or took nothing this time.

    `code` says why; an HTTP status follows a slash, as in `refused/404`. It holds nothing of the address.
    """

    def __init__(self, code: str, status: int | None = None) -> None:
        super().__init__(code)
        self.code = code if status is None else f"{code}/{status}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What a code means for a person, and what to do about it."""

    says: str
    advice: str


def explained(code: str) -> Problem:
    """Return what a code means, in the language that is written in."""
    code, _slash, status = code.partition("/")
    if code == REFUSED and status:
        says = _("The receiver answered with an error (HTTP status %(status)s).", status=status)
        return Problem(says, _("Check whether the address is still good there."))
    return _problems().get(code) or Problem(_("The message could not be delivered."), _("Check the address."))


def _problems() -> dict[str, Problem]:
    check_host = _("Check the host's name in the address.")
    return {
        NO_ADDRESS: Problem(_("This is no address that can be used."), _("Copy it again, whole and alone.")),
        BARE_EMAIL: Problem(
            _("This says who is told, but not which mail account sends."),
            _("Write the account that sends, then who is told: mailtos://user:password@example.com?to=you@example.com"),
        ),
        NOT_HTTPS: Problem(
            _("The address of a webhook begins with https://."),
            _("Give the receiver a certificate, or use one that has one."),
        ),
        UNKNOWN_HOST: Problem(_("No such host is known on the internet."), check_host),
        PRIVATE_ADDRESS: Problem(
            _("The address leads into a private network, or to this server itself. Nothing is sent there."),
            _("Use a receiver that can be reached from the internet."),
        ),
        LOCAL_SERVICE: Problem(
            _("This kind of service shows messages on the server itself, where nobody would see them."),
            _("Use e-mail, Slack, Teams or another service that people can reach."),
        ),
        PLAIN_SERVICE: Problem(
            _("This address would be spoken to without encryption, or without checking its certificate."),
            _("Use the encrypted form, such as mailtos:// or jsons://, without verify=no and mode=insecure."),
        ),
        PACKAGE_MISSING: Problem(
            _("E-mail and chat services need a package that is not installed on the server."),
            _("Ask whoever runs the server to run: pip install flask-crm-sync[notify]"),
        ),
        UNREACHABLE: Problem(_("The receiver did not answer in time."), check_host),
        REFUSED: Problem(
            _("The service did not take the message."), _("Check whether the address is still good there.")
        ),
        SECRET_UNREADABLE: Problem(
            _("The stored address cannot be decrypted with the server's keys."), _("Enter the address again.")
        ),
    }
