"""Why an operation stands where it stands: for every code one sentence in plain words, and what to do next.

The codes of the error tree bring their words along; the engine's own reasons are named and worded here. The texts are
English; the pages hand them through their translation hook.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ..errors import error_classes
from . import refusals  # noqa: F401  its classes belong to the tree

# pending, and for what
WAITING_FOR_CLIENT = "waiting_for_client"
WAITING_FOR_RETRY = "waiting_for_retry"
WAITING_FOR_READ_BACK = "waiting_for_read_back"
WAITING_FOR_INTERVAL = "waiting_for_interval"
WAITING_FOR_SILENCE = "waiting_for_silence"
CONNECTION_PAUSED = "connection_paused"
BACKFILL_PAUSED = "backfill_paused"

# skipped, and why
SUPERSEDED = "superseded"
CLIENT_DELETED = "client_deleted"
CLIENT_MERGED = "client_merged"
CONVERSATION_DELETED = "conversation_deleted"
EMPTY_CONVERSATION = "empty_conversation"
TEST_CONVERSATION = "test_conversation"
NO_CONTACT_DETAILS = "no_contact_details"
NOTHING_TO_CHANGE = "nothing_to_change"
SENSITIVE_CLIENT = "sensitive_client"
CONTACTS_OFF = "contacts_off"
NOTES_OFF = "notes_off"
CONNECTION_DISABLED = "connection_disabled"
RECORD_DELETED_IN_CRM = "record_deleted_in_crm"
LEFT_BY_PERSON = "left_by_person"
NOT_QUALIFIED = "not_qualified"
NO_LONGER_QUALIFIED = "no_longer_qualified"
FILTERED_OUT = "filtered_out"
ERASED = "erased"
CHANGED_SINCE = "changed_since"

ECHO = "echo"
CONFLICT_OPEN = "conflict_open"
CLIENT_KNOWN = "client_known"

# done, and how
ERASE_BY_HAND = "erase_by_hand"
NOTHING_TO_ERASE = "nothing_to_erase"

# failed, and why
HOST_REFUSED = "host_refused"
POISON_RECORD = "poison_record"
RETRY_HOURS_OVER = "retry_hours_over"
HOST_RECORD_UNREADABLE = "host_record_unreadable"

# no operation at all, and what people are told of
DRIFT = "drift"

# no operation at all, and why a client is not in the CRM
NOT_CAPTURED = "not_captured"
NOT_LOOKED_AT = "not_looked_at"
NOT_CONNECTED = "not_connected"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code means for a person: `says` what happened, `advice` what to do next ("" where nothing is)."""

    says: str
    advice: str = ""


_NOTHING = "Nothing to do."
_OWN = {
    WAITING_FOR_CLIENT: Explanation(
        "Its client's record must be made in the CRM first.",
        "Nothing to do, unless the client's own entry failed: then mend that one first.",
    ),
    WAITING_FOR_RETRY: Explanation("It did not go through yet and will be tried again by itself.", _NOTHING),
    WAITING_FOR_READ_BACK: Explanation(
        "The CRM gave no answer, so it is being looked up whether it was written.",
        "Nothing to do: it is sent again only when it is certain that it did not arrive.",
    ),
    WAITING_FOR_INTERVAL: Explanation(
        "Updates are collected and sent together when the connection's interval comes round.",
        "Press Sync now to send it at once.",
    ),
    WAITING_FOR_SILENCE: Explanation(
        "The conversation is still going on; its note is written when it closes or has been silent for a while.",
        _NOTHING,
    ),
    CONNECTION_PAUSED: Explanation(
        "The connection is paused, so the work waits.", "Resume the connection when it should go on."
    ),
    BACKFILL_PAUSED: Explanation(
        "The backfill that it belongs to is paused.", "Resume the backfill when it should go on."
    ),
    SUPERSEDED: Explanation("A newer entry for the same client took this one's work over.", _NOTHING),
    CLIENT_DELETED: Explanation(
        "The client was deleted here before this was sent; the record in the CRM stays as it is.", _NOTHING
    ),
    CLIENT_MERGED: Explanation(
        "The client was merged with another one here, which goes on for both.",
        "Nothing to do: where both had a record in the CRM, people can merge the two there.",
    ),
    CONVERSATION_DELETED: Explanation("The conversation was deleted here before its note was sent.", _NOTHING),
    EMPTY_CONVERSATION: Explanation(
        "Nothing was said in this conversation, so there is no note to write.",
        "Nothing to do: the note follows when somebody writes.",
    ),
    TEST_CONVERSATION: Explanation("It is marked as a test conversation, and those are not sent.", _NOTHING),
    NO_CONTACT_DETAILS: Explanation(
        "The client has neither an e-mail address nor a phone number.",
        "Add one of them to the client: it is then sent as a new lead by itself.",
    ),
    NOTHING_TO_CHANGE: Explanation("The CRM has the same values already.", _NOTHING),
    SENSITIVE_CLIENT: Explanation(
        "The client is marked as sensitive, and such clients are never sent.",
        "Remove the mark from the client if it should be sent.",
    ),
    CONTACTS_OFF: Explanation(
        "Contacts are switched off for this connection.", "Switch contacts on in the connection's settings."
    ),
    NOTES_OFF: Explanation(
        "Notes are switched off for this connection.", "Switch notes on in the connection's settings."
    ),
    CONNECTION_DISABLED: Explanation(
        "The sync was switched off for this connection.", "Switch it on in the connection's settings."
    ),
    RECORD_DELETED_IN_CRM: Explanation(
        "The client's record was deleted in the CRM; nothing is made again by itself.",
        "If that was a mistake, choose to create it again.",
    ),
    ECHO: Explanation("The CRM told of a change that is known here already, such as our own.", _NOTHING),
    CONFLICT_OPEN: Explanation(
        "A field was changed both here and in the CRM, and its rule leaves the choice to a person.",
        "Choose which value stays; until then both sides keep theirs.",
    ),
    CLIENT_KNOWN: Explanation(
        "A client here has this e-mail already, so none was made; that client is matched with the record.", _NOTHING
    ),
    HOST_REFUSED: Explanation(
        "A value came from the CRM, and this app did not accept it; nothing of it was written.",
        "Correct the value in the CRM, or show the server's log to your developer, then retry.",
    ),
    LEFT_BY_PERSON: Explanation("Somebody decided to leave this as it is.", _NOTHING),
    NOT_QUALIFIED: Explanation(
        "Only qualified clients are sent to this CRM, and no conversation of this client is qualified.",
        "Nothing to do: the client is sent as soon as a conversation qualifies. A person can also say that one does.",
    ),
    NO_LONGER_QUALIFIED: Explanation(
        "Only qualified clients are sent to this CRM, and no conversation of this client is qualified any more.",
        "Nothing to do: the record stays, and updates go on when a conversation qualifies again.",
    ),
    ERASED: Explanation(
        "This person was erased, so nothing is sent to the CRM and no client is made of its records.",
        "Nothing to do. If the person asks to be known again, a manager lifts the erasure.",
    ),
    CHANGED_SINCE: Explanation(
        "The fields have been changed since, so they were not put back: they stay as they are.", _NOTHING
    ),
    ERASE_BY_HAND: Explanation(
        "The CRM does not let an app remove everything of a person.",
        "Do what the receipt of the erasure says by hand, in the CRM.",
    ),
    NOTHING_TO_ERASE: Explanation("The CRM had no record of this person from us.", _NOTHING),
    FILTERED_OUT: Explanation(
        "The connection's filter does not take this client.",
        "Nothing to do, unless it should: then change the filter, or what it looks at.",
    ),
    POISON_RECORD: Explanation(
        "Sending this record stopped the worker several times, so it was set aside.",
        "Show the server's log to your developer, mend the record, then retry.",
    ),
    RETRY_HOURS_OVER: Explanation(
        "It was tried again for as long as is allowed, without success.",
        "Look at the CRM's own words, then retry.",
    ),
    HOST_RECORD_UNREADABLE: Explanation(
        "The client or conversation could not be read from this app.",
        "Show the server's log to your developer, then retry.",
    ),
    DRIFT: Explanation(
        "Records in the CRM differ from what was sent there, more of them than are sent again by themselves.",
        "Look at a few of them in the CRM for what changes them; then whoever runs this app can have all compared.",
    ),
    NOT_CAPTURED: Explanation(
        "Nothing about this client has been sent yet: it was here before the connection was, or the log of it is gone.",
        "Catch up from the connection's settings, or edit the client: what changes is sent.",
    ),
    NOT_LOOKED_AT: Explanation(
        "The client has just changed and is looked at within seconds, when a worker runs.", _NOTHING
    ),
    NOT_CONNECTED: Explanation("The CRM is not connected (any more).", "Connect it on the page CRM Connection."),
}
_UNKNOWN = Explanation("It ended in a way that has no description yet.", "Look at the CRM's own words, or retry.")


def explain(code: str) -> Explanation:
    """Return what a code means; no code means nothing to explain, and an unknown code says that it is unknown."""
    if not code:
        return Explanation("")
    return explanations().get(code, _UNKNOWN)


@cache
def explanations() -> dict[str, Explanation]:
    """Return the explanation of every code: the error tree's and the engine's own."""
    tree = {error.code: Explanation(error.says, error.advice) for error in error_classes()}
    return {**tree, **_OWN}
