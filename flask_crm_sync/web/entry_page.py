"""One entry of the log: what happened, why, what to do, and the ways to do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from ..models.operation import FAILED, PENDING, SUCCESS, USE
from ..models.undo import KEPT
from ..sync import choices, reasons
from ..sync.audit import OPERATION, deeds_on
from ..sync.causes import Cause, count_failed
from ..sync.connections import ConnectionView, connections, crm_label
from ..sync.held_up import entry_held_up
from ..sync.log import Entry, find_entry
from ..sync.refusals import ChoiceNotPossible
from ..sync.undo import kept_of_entry
from .door import door, this_account, this_sync
from .entrance import MANAGE, NAME, VIEW, back_to, bounded, may_manage, page
from .field_words import field_labels
from .notices import tell
from .outcome_words import outcome_word
from .record_links import web_address
from .texts import gettext as _
from .texts import said
from .timeline import Moment, timeline
from .words import explained

_SOON = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record in the CRM that could be this client, as its page shows it."""

    decision: str
    title: str
    why: str
    values: tuple[tuple[str, str], ...]
    url: str


@dataclass(frozen=True, slots=True)
class WayOn:
    """A link to where what is advised can be done."""

    url: str
    label: str


@page("/log/<int:operation_id>", needs=VIEW)
def entry(operation_id: int) -> ResponseReturnValue:
    """Show one entry."""
    found, now = find_entry(this_sync(), this_account(), bounded(operation_id)), this_sync().clock.now()
    views = _views(found)
    held_up = entry_held_up(found, views, now)
    return render_template(
        "crm_sync/entry.html",
        entry=found,
        now=now,
        held_up=held_up,
        way_on=_way_on(found, held_up, is_connected=any(one.is_connected for one in views)),
        is_soon=not held_up and _is_soon(found, now),
        manages=may_manage(),
        code=held_up or found.shown_reason(now),
        label=crm_label(found.crm),
        record_url=web_address(found.remote_url),
        candidates=_candidates(found),
        choices=choices.choices(found) if may_manage() else (),
        field_label=field_labels(found.crm),
        written=_texts(found.details.get("written")),
        left=_pairs(found.details.get("left")),
        field_errors=_pairs(found.details.get("fields")),
        outcome=outcome_word(found),
        timeline=_timeline(found, held_up),
        same_cause=_same_cause(found),
        kept=_kept(found),
    )


@page("/log/<int:operation_id>/retry", needs=MANAGE, methods=("POST",))
def retry(operation_id: int) -> ResponseReturnValue:
    """Try again."""
    return _choose(operation_id, choices.retry, _("It is tried again now."), lambda now: now.status == PENDING)


@page("/log/<int:operation_id>/dismiss", needs=MANAGE, methods=("POST",))
def dismiss(operation_id: int) -> ResponseReturnValue:
    """Leave it as it is."""
    return _choose(operation_id, choices.dismiss, _("Left as it is."), lambda now: now.reason == reasons.LEFT_BY_PERSON)


@page("/log/<int:operation_id>/decide", needs=MANAGE, methods=("POST",))
def decide(operation_id: int) -> ResponseReturnValue:
    """Carry out what the user chose."""
    find_entry(this_sync(), this_account(), bounded(operation_id))
    decision = request.form.get("decision", "")
    if not decision:
        tell(_("Choose one of the possibilities first."), "bad")
        return back_to("entry", operation_id=operation_id)
    done = _("Left as it is.") if decision == choices.DISMISS else _("Thank you. It is carried out now.")
    return _choose(operation_id, partial(choices.decide, decision=decision), done)


def _way_on(found: Entry, held_up: str, *, is_connected: bool) -> WayOn | None:
    """Return the page on which what is advised can be done; None where that is none of ours."""
    cards, crm = url_for(f"{NAME}.connection_page", _anchor=f"crmsync-card-{found.crm}"), found.crm
    if held_up:
        return WayOn(cards, _("To the CRM connection"))
    if found.reason == reasons.CONFLICT_OPEN:
        return WayOn(url_for(f"{NAME}.conflicts"), _("Look at both values"))
    if found.reason == reasons.ERASE_BY_HAND and may_manage():
        return WayOn(url_for(f"{NAME}.erased"), _("Erasures"))
    if not is_connected:
        return None
    if found.reason in (reasons.NOTES_OFF, reasons.CONTACTS_OFF, reasons.CONNECTION_DISABLED):
        return WayOn(url_for(f"{NAME}.sync_settings", crm=crm), _("Settings of %(crm)s", crm=crm_label(crm)))
    if found.reason == reasons.FILTERED_OUT:
        return WayOn(url_for(f"{NAME}.field_mapping", crm=crm), _("Field mapping"))
    return None


def _is_soon(found: Entry, now: datetime) -> bool:
    """Tell whether it is being sent, or is about to be: then the page refreshes itself."""
    return found.status == PENDING and (found.claimed or (found.due_at is not None and found.due_at - now < _SOON))


def _timeline(found: Entry, held_up: str) -> list[Moment]:
    deeds = deeds_on(this_sync(), this_account(), OPERATION, found.id)
    return timeline(found, deeds, this_sync().clock.now(), field_labels(found.crm), held_up)


def _choose(
    operation_id: int,
    choice: Callable[..., Entry],
    done: str,
    is_done: Callable[[Entry], bool] = lambda _entry: False,
) -> ResponseReturnValue:
    """Carry out a choice and say so, also to who pressed twice."""
    try:
        after = choice(this_sync(), this_account(), bounded(operation_id), by=door().access.user_id())
    except ChoiceNotPossible as error:
        if is_done(find_entry(this_sync(), this_account(), bounded(operation_id))):
            tell(done)
            return back_to("entry", operation_id=operation_id)
        tell(f"{said(str(error))} {said(error.advice)}", "bad")
        return back_to("entry", operation_id=operation_id)
    door().queues.wake()
    held = explained(entry_held_up(after, _views(after), this_sync().clock.now())).says
    tell(_("Noted. %(why)s", why=held) if held else done)
    return back_to("entry", operation_id=after.id)


def _views(found: Entry) -> list[ConnectionView]:
    return connections(this_sync(), this_account(), found.crm)


def _candidates(found: Entry) -> list[Candidate]:
    label_of = field_labels(found.crm)
    return [_candidate(one, label_of) for one in found.candidates()]


def _candidate(one: Mapping[str, Any], label_of: Callable[[str], str]) -> Candidate:
    given = one.get("values")
    shown = tuple((label_of(name), text) for name, text in _pairs(given) if text)
    title = str(one.get("label") or _("Record %(id)s", id=one["id"]))
    return Candidate(f"{USE}{one['id']}", title, _found_by(one.get("by")), shown, web_address(one.get("url")))


def _found_by(what: object) -> str:
    words = {"key": _("has our own key"), "email": _("has the same e-mail"), "phone": _("has the same phone")}
    return words.get(what, "") if isinstance(what, str) else ""


def _texts(noted: object) -> list[str]:
    return [str(one) for one in noted] if isinstance(noted, list) else []


def _pairs(noted: object) -> list[tuple[str, str]]:
    return [(str(name), str(text)) for name, text in noted.items()] if isinstance(noted, dict) else []


def _kept(found: Entry) -> list[str]:
    """Return the fields that the entry has overwritten and that could be put back."""
    if found.status != SUCCESS or not found.details.get("written") or not may_manage():
        return []
    kept = kept_of_entry(this_sync(), found.account_id, found.id)
    return [one.field for one in kept if one.state == KEPT and not one.is_owed]


def _same_cause(found: Entry) -> int:
    """Return how many entries, this one among them, could be tried again together."""
    if found.status != FAILED or not may_manage() or not choices.may_be_retried(found.reason):
        return 0
    return count_failed(this_sync(), found.account_id, Cause(found.reason, found.crm))
