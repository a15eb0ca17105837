"""Try it: what the criteria make of a conversation that somebody pastes or picks, and why. Nothing is written."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template, request
from flask.typing import ResponseReturnValue

from ..host.records import ClientRecord, ConversationRecord
from ..models.criterion import DEFAULT_SET
from ..qualification.bounds import CONTACT_FIELDS
from ..qualification.conditions import EXCLUDED, KEYWORDS
from ..qualification.store import kept_criteria, sets_of
from ..qualification.trial import LONGEST, Trial, pasted, picked, try_out
from ..sync.refusals import NotFound
from ..sync.search import matching_clients
from . import criterion_words as words
from .asked import short
from .criterion_page import criteria_in_code
from .door import door, this_account, this_sync
from .entrance import MANAGE, VIEW, page
from .marks import marked
from .texts import gettext as _

_MOST_SHOWN = 100
_MOST_MARKED = 100_000
"""Characters in which the words are marked: it takes a moment for each."""
"""Messages of the conversation that are shown again, of a longer one the last."""
_MOST_FOUND = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """What is tried, and on what."""

    set_name: str = DEFAULT_SET
    text: str = ""
    channel: str = ""
    contact: tuple[str, ...] = ()
    conversation_id: str = ""
    client: str = ""
    error: str = ""


@page("/qualification/try", needs=VIEW)
def try_criteria() -> ResponseReturnValue:
    """Show the form, or what the criteria make of a conversation of the app."""
    number = short(request.args, "conversation", 191).strip()
    asked = Asked(
        _set_of(request.args.get("set", "")), conversation_id=number, client=short(request.args, "client", 191)
    )
    if not number:
        return _shown(asked)
    try:
        conversation, client = picked(this_sync(), this_account(), number)
    except NotFound:
        return _shown(
            Asked(asked.set_name, conversation_id=number, error=_("There is no conversation of this number."))
        )
    return _shown(asked, conversation, client)


@page("/qualification/try", needs=MANAGE, methods=("POST",))
def try_pasted() -> ResponseReturnValue:
    """Show what the criteria make of a pasted conversation."""
    typed = request.form
    contact = tuple(name for name in CONTACT_FIELDS if name in typed.getlist("contact"))
    channel = short(typed, "channel", 60)
    asked = Asked(_set_of(typed.get("set", "")), typed.get("text", "")[:LONGEST], channel, contact)
    if not asked.text.strip():
        error = _("Paste a conversation first.")
        return _shown(Asked(asked.set_name, channel=channel, contact=contact, error=error)), 422
    return _shown(asked, *pasted(asked.text, channel=channel, contact=contact))


def _set_of(name: str) -> str:
    known = {each.name for each in sets_of(this_sync(), this_account(), criteria_in_code())}
    return name if name in known else DEFAULT_SET


def _shown(asked: Asked, conversation: ConversationRecord | None = None, client: ClientRecord | None = None) -> str:
    sync, account_id, in_code = this_sync(), this_account(), criteria_in_code()
    criteria = [one.criterion for one in kept_criteria(sync, account_id, asked.set_name, in_code)]
    trial = None if conversation is None else try_out(criteria, conversation, client)
    return render_template(
        "crm_sync/try.html",
        asked=asked,
        trial=trial,
        said=[] if conversation is None or trial is None else _said(conversation, trial),
        left_out=0 if conversation is None else max(0, len(conversation.messages) - _MOST_SHOWN),
        clients_conversations=_conversations(asked.client),
        sets=[(each.name, words.set_word(each.name)) for each in sets_of(sync, account_id, in_code)],
        contact_fields=[(name, words.contact_word(name)) for name in CONTACT_FIELDS],
        manages=door().access.can_manage(),
        words=words,
    )


def _said(conversation: ConversationRecord, trial: Trial) -> list[tuple[bool, object]]:
    """Return who said what, with the words marked that a criterion found, as far as a page can be kept waiting."""
    found = {
        word
        for each in trial.explained
        for finding in each.findings
        if finding.condition in (KEYWORDS, EXCLUDED)
        for word in finding.found
    }
    shown: list[tuple[bool, object]] = []
    left = _MOST_MARKED
    for one in conversation.messages[-_MOST_SHOWN:]:
        shown.append((one.from_client, marked(one.text, found if left > 0 else ())))
        left -= len(one.text)
    return shown


def _conversations(searched: str) -> list[tuple[str, str]]:
    """Return conversations of the clients that a search finds: client's name and conversation's number."""
    if not searched.strip():
        return []
    sync, account_id = this_sync(), this_account()
    with sync.database.read() as connection:
        ids = matching_clients(sync.host, connection, account_id, searched)
        numbers = sync.host.conversations_of(connection, ids, _MOST_FOUND)
        heads = sync.host.conversation_heads(connection, numbers)
        clients = sync.host.load_clients(connection, {head.client_id for head in heads.values()})
    own = [heads[number] for number in numbers if number in heads and heads[number].account_id == account_id]
    known = (one for one in clients.values() if isinstance(one, ClientRecord) and one.account_id == account_id)
    names = {one.id: one.name for one in known}
    return [(names.get(head.client_id, ""), head.id) for head in own]
