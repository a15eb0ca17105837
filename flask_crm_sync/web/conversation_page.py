"""A conversation's page: what it was found to be under each set, by whom and why; and a person's own decision."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from flask import render_template, request
from flask.typing import ResponseReturnValue

from .. import signals
from ..host.bound import BindingFailure
from ..host.messages import WHOLE
from ..host.records import ClientRecord, ConversationRecord
from ..models.criterion import DEFAULT_SET
from ..models.qualification import QUALIFIED, UNQUALIFIED, WAITING
from ..qualification.history import Found, Turn, history, standings_of
from ..qualification.override import OverrideInvalid, override
from ..qualification.quotes import quoted
from ..qualification.store import sets_of
from ..sync.refusals import NotFound
from . import criterion_words as words
from .criterion_page import criteria_in_code
from .door import door, this_account, this_app, this_sync
from .entrance import MANAGE, VIEW, back_to, page
from .notices import tell
from .texts import gettext as _
from .texts import said

_LONGEST_KEY = 191
STATUSES = (QUALIFIED, UNQUALIFIED, WAITING)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person typed, and what is wrong with which field."""

    set_name: str = DEFAULT_SET
    status: str = ""
    reason: str = ""
    field: str = ""
    error: str = ""


@page("/conversations/<conversation_id>", needs=VIEW)
def conversation(conversation_id: str) -> ResponseReturnValue:
    """Show what a conversation was found to be."""
    return _shown(_known(conversation_id), Decision())


@page("/conversations/<conversation_id>/decide", needs=MANAGE, methods=("POST",))
def decide_conversation(conversation_id: str) -> ResponseReturnValue:
    """Set a conversation's status by this person's word."""
    known = _known(conversation_id)
    typed = request.form
    wanted = Decision(typed.get("set", "")[:64], typed.get("status", "")[:16], typed.get("reason", "")[:2000])
    names = {each.name for each in sets_of(this_sync(), this_account(), criteria_in_code())}
    try:
        if wanted.set_name not in names:
            raise OverrideInvalid("set", "There is no such set of criteria.")
        by = door().access.user_id()
        move = override(this_sync(), this_account(), known.id, wanted.set_name, wanted.status, wanted.reason, by)
    except OverrideInvalid as invalid:
        shown = Decision(wanted.set_name, wanted.status, wanted.reason, invalid.field, said(str(invalid)))
        return _shown(known, shown), 422
    door().queues.wake()
    if move.qualifies:
        signals.send(signals.conversation_qualified, this_app(), move=move)
    tell(_("Decided. Nothing automatic changes it any more."))
    return back_to("conversation", conversation_id=conversation_id)


def _known(conversation_id: str) -> ConversationRecord:
    """Return a conversation of this account, or say that there is none."""
    if len(conversation_id) > _LONGEST_KEY or "\0" in conversation_id:
        raise NotFound("There is no such conversation.")
    with this_sync().database.read() as connection:
        found = this_sync().host.load_conversations(connection, [conversation_id], ends=WHOLE).get(conversation_id)
    if found is None or isinstance(found, BindingFailure) or found.account_id != this_account():
        raise NotFound("There is no such conversation.")
    return found


def _shown(known: ConversationRecord, decision: Decision) -> str:
    sync, account_id = this_sync(), this_account()
    names = [each.name for each in sets_of(sync, account_id, criteria_in_code())]
    with sync.database.read() as connection:
        found = [(name, standings_of(connection, account_id, [known.id], name).get(known.id)) for name in names]
        client = sync.host.load_clients(connection, [known.client_id]).get(known.client_id)
    turns = history(sync, account_id, known.id)
    return render_template(
        "crm_sync/conversation.html",
        conversation=known,
        client_name=client.name if isinstance(client, ClientRecord) and client.account_id == account_id else "",
        standings=[(words.set_word(name), name, one) for name, one in found],
        turns=turns,
        quotes_in=partial(quotes_in, known),
        decision=decision,
        statuses=[(status, words.status_word(status)) for status in STATUSES],
        manages=door().access.can_manage(),
        words=words,
        who_decided=who_decided,
    )


def who_decided(one: Found | Turn) -> str:
    """Return who decided, with the host's number of a person where it is known."""
    user_id = getattr(one, "user_id", "")
    return _("User %(id)s", id=user_id) if user_id else words.decider_word(one.decided_by)


def quotes_in(known: ConversationRecord, turn: Turn) -> list[str]:
    """Return the client's own words that a review rests on, "" for what is no longer in the conversation."""
    places = (turn.details or {}).get("evidence")
    return quoted(places, known, this_sync().installation.digest_secret) if isinstance(places, list) else []
