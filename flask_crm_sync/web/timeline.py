"""The timeline of an entry: what happened to it, one moment after the other, from what the engine and people noted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..models.operation import ADD_NOTE, FAILED, LANES, PENDING, SKIPPED, SUCCESS
from ..sync import audit
from ..sync.audit import Deed
from ..sync.connections import crm_label
from ..sync.log import Entry
from .deeds import decision_word, deed_word
from .texts import gettext as _
from .texts import said
from .words import explained


@dataclass(frozen=True, slots=True)
class Moment:
    """One point of the timeline. `at` is None for what followed at once; `tone` is a status or ""."""

    at: datetime | None
    text: str
    more: str = ""
    tone: str = ""


def timeline(entry: Entry, deeds: list[Deed], now: datetime) -> list[Moment]:
    """Return what happened to an entry, oldest first, and what comes next."""
    known = [_queued(entry), *_attempts(entry), *_by_people(deeds)]
    known.sort(key=lambda moment: moment.at or now)
    return [*known, *_read(entry), *_end(entry, now)]


def _queued(entry: Entry) -> Moment:
    words = {
        "live": _("Queued, to be sent at once."),
        "update": _("Queued for the next round of updates, or for the end of the conversation."),
        "bulk": _("Queued while catching up."),
    }
    return Moment(entry.created_at, words.get(LANES.get(entry.lane, ""), _("Queued.")))


def _attempts(entry: Entry) -> Iterator[Moment]:
    noted = entry.details.get("history")
    for one in noted if isinstance(noted, list) else ():
        at = _instant(one.get("at")) if isinstance(one, dict) else None
        if at is not None:
            code, message = str(one.get("code") or ""), str(one.get("message") or "")
            says = explained(code).says
            more = said(message)
            yield Moment(at, says or _("It was tried and put back."), "" if more == says else more, PENDING)


def _by_people(deeds: list[Deed]) -> Iterator[Moment]:
    for deed in deeds:
        who = _("by user %(id)s", id=deed.user_id) if deed.is_by_user else _("at the server's command line")
        yield Moment(deed.at, f"{deed_word(deed.action)} {who}.", _decided(deed))


def _decided(deed: Deed) -> str:
    decision = (deed.after or {}).get("decision") if deed.action == audit.DECIDE else None
    return _("Decided: %(decision)s", decision=decision_word(str(decision))) if decision else ""


def _read(entry: Entry) -> Iterator[Moment]:
    """What was found when the CRM was read, as far as the last attempt came to an end."""
    label, found = crm_label(entry.crm), entry.details
    if entry.candidates():
        yield Moment(None, _("%(crm)s was read: several records could be this client.", crm=label))
    elif entry.status != SUCCESS or entry.kind == ADD_NOTE:
        return
    elif found.get("created"):
        yield Moment(None, _("%(crm)s was read: it had no such client.", crm=label))
    elif found.get("matched_by"):
        yield Moment(None, _("%(crm)s was read: it had this client already.", crm=label), _by_what(found["matched_by"]))
    else:
        yield Moment(None, _("%(crm)s was read: the linked record is there.", crm=label))


def _by_what(what: object) -> str:
    words = {"key": _("found by our own key"), "email": _("found by e-mail"), "phone": _("found by phone")}
    return words.get(what, "") if isinstance(what, str) else ""


def _end(entry: Entry, now: datetime) -> Iterator[Moment]:
    if entry.status == PENDING:
        yield _next(entry, now)
        return
    words = {SUCCESS: _done(entry.details), FAILED: _("It failed."), SKIPPED: _("It was left out.")}
    yield Moment(entry.settled_at, words.get(entry.status, entry.status), explained(entry.reason).says, entry.status)


def _done(details: Mapping[str, Any]) -> str:
    if details.get("created"):
        return _("Done: a new record was made.")
    return _("Done: it was written.") if details.get("written") else _("Done: there was nothing to write.")


def _next(entry: Entry, now: datetime) -> Moment:
    if entry.claimed:
        return Moment(None, _("A worker is sending it right now."), tone=PENDING)
    waits = explained(entry.shown_reason(now)).says
    if entry.due_at is not None and entry.due_at > now:
        return Moment(entry.due_at, _("Next try."), waits, PENDING)
    return Moment(None, waits or _("It waits for its turn."), tone=PENDING)


def _instant(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
