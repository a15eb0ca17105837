"""The test call and the diagnosis. There is no "who am I" and no health call, so the list of clients must do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..base import Finding, Identity
from .answers import ChangesUnsure
from .changes import Changes
from .client import AutoChatClient, rows
from .records import Records

_SEARCH = "CRM_SYNC_AUTOCHAT_SEARCH"
_CHANGED = "CRM_SYNC_AUTOCHAT_CHANGED_SINCE"
_PATH = "CRM_SYNC_AUTOCHAT_ACTIVITY_PATH"


def identified(client: AutoChatClient) -> Identity:
    """Ask for clients and return which installation answered; raise CRMError.

    The address is all that tells one installation from another: keys of two tenants at one address look the same.
    """
    body = client.list(client.narrow)
    findings = tuple(finding.says + " " + finding.advice for finding in _doubts(client, body))
    return Identity(client.http.host + client.http.base_path, client.http.host, findings=findings)


def diagnosed(records: Records) -> list[Finding]:
    """Return what was looked at; raise CRMError where not even the list of clients answers."""
    client = records.client
    body = client.list(client.narrow)
    good = Finding("good", "Connection", f"{client.http.host} takes the key and lists clients.")
    unseen = Finding(
        "note",
        "Permissions",
        "Whether the key may write clients and activities cannot be read; the first write shows it.",
        "Give the key clients:read and clients:write, and a scope covering activities where there is one.",
    )
    return [good, *_doubts(client, body), *_changes(records), unseen]


def _changes(records: Records) -> Iterator[Finding]:
    if not records.client.settings.autochat_changed_since:
        says = "Webhooks alone tell what people edit in AutoChat CRM, and nothing tells of deleted clients."
        yield Finding("note", "Changes", says, f"To sync both ways, register the webhook; see {_CHANGED} too.")
        return
    try:
        Changes(records).since("")
    except ChangesUnsure as error:
        yield Finding("warning", "Changes", str(error), error.advice)
    else:
        yield Finding("good", "Changes", "Changed clients can be asked for.")


def _doubts(client: AutoChatClient, body: Any) -> Iterator[Finding]:
    settings, listed = client.settings, rows(body)
    if listed is None:
        yield Finding("warning", "Address", "The answer holds no list of clients.", "Check the base URL.")
    if not settings.autochat_search:
        yield Finding(
            "note",
            "Look-up",
            "Clients that are in the CRM already are not recognised, and an unanswered create needs a person.",
            f"Set {_SEARCH} to the query parameter that finds clients by e-mail, if there is one.",
        )
    elif listed:
        yield Finding(
            "warning",
            "Look-up",
            f"Asked for an e-mail that nobody has, the CRM answers {len(listed)} clients: it may not know the "
            f"parameter {settings.autochat_search}.",
            f"Correct {_SEARCH}, or set it to off.",
        )
    if not settings.autochat_activity_path:
        yield Finding(
            "note",
            "Notes",
            "No path for activities is configured, so notes are not written.",
            f"Set {_PATH}, or switch notes off for this connection.",
        )
