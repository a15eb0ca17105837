"""The timeline of an entry: what happened to it, one moment after the other, from what the engine and people noted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..models.operation import (
    APPLY_REMOTE,
    CREATE_LEAD,
    ERASE,
    FAILED,
    LANES,
    PENDING,
    PUT_BACK,
    SKIPPED,
    SUCCESS,
    UPDATE_CONTACT,
)
from ..sync import audit
from ..sync.audit import Deed
from ..sync.connections import crm_label
from ..sync.log import Entry
from .deeds import decision_word, deed_word
from .outcome_words import end_word
from .record_links import web_address
from .texts import gettext as _
from .texts import said
from .timeline_lines import LabelOf, attempt_lines, done_lines, found_by
from .words import explained


@dataclass(frozen=True, slots=True)
class Moment:
    """One point of the timeline. `at` is None for what followed at once; `tone` is a status or "".

    `lines` tell what was read and done; `url` leads to the record in the CRM.
    """

    at: datetime | None
    text: str
    more: str = ""
    tone: str = ""
    lines: tuple[str, ...] = ()
    url: str = ""


def timeline(entry: Entry, deeds: list[Deed], now: datetime, label_of: LabelOf, held_up: str = "") -> list[Moment]:
    """Return what happened to an entry, oldest first, and what comes next; `held_up`: what stops its connection."""
    noted = list(_noted(entry))
    last = noted.pop()[1] if noted and noted[-1][0] == entry.settled_at else {}
    attempts = (_attempt(entry, at, one, label_of) for at, one in noted)
    known = [_queued(entry), *attempts, *_by_people(deeds)]
    known.sort(key=lambda moment: moment.at or now)
    return [*known, *([] if last else _read(entry)), _end(entry, last, now, label_of, held_up)]


def _queued(entry: Entry) -> Moment:
    of_kind = {
        APPLY_REMOTE: _("Queued, to look at the record in %(crm)s.", crm=crm_label(entry.crm)),
        PUT_BACK: _("Queued, to be put back."),
        ERASE: _("Queued, to be erased."),
    }
    words = {
        "live": _("Queued, to be sent at once."),
        "update": _("Queued for the next round of updates, or for the end of the conversation."),
        "bulk": _("Queued while catching up."),
    }
    return Moment(entry.created_at, of_kind.get(entry.kind) or words.get(LANES.get(entry.lane, ""), _("Queued.")))


def _noted(entry: Entry) -> Iterator[tuple[datetime, Mapping[str, Any]]]:
    history = entry.details.get("history")
    for one in history if isinstance(history, list) else ():
        at = _instant(one.get("at")) if isinstance(one, dict) else None
        if at is not None:
            yield at, one


def _attempt(entry: Entry, at: datetime, noted: Mapping[str, Any], label_of: LabelOf) -> Moment:
    code, message = str(noted.get("code") or ""), str(noted.get("message") or "")
    says, more, tone = explained(code).says, said(message), str(noted.get("end") or PENDING)
    ended = _end_word(tone)
    text = f"{ended} {says}".strip() if ended else says or _("It was tried and put back.")
    lines = tuple(attempt_lines(entry.crm, noted, label_of))
    return Moment(at, text, "" if more == says else more, tone, lines, web_address(str(noted.get("url") or "")))


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
    if entry.status == FAILED and entry.candidates():
        yield Moment(None, _("%(crm)s was read: several records could be this client.", crm=label))
    elif entry.status != SUCCESS or entry.kind not in (CREATE_LEAD, UPDATE_CONTACT, APPLY_REMOTE):
        return
    elif found.get("created"):
        yield Moment(None, _("%(crm)s was read: it had no such client.", crm=label))
    elif found.get("matched_by"):
        yield Moment(None, _("%(crm)s was read: it had this client already.", crm=label), found_by(found["matched_by"]))
    else:
        yield Moment(None, _("%(crm)s was read: the linked record is there.", crm=label))


def _end(entry: Entry, last: Mapping[str, Any], now: datetime, label_of: LabelOf, held_up: str) -> Moment:
    """Return what it came to; `last` is what is noted of the attempt that it ended with."""
    if entry.status == PENDING:
        return _next(entry, now, held_up)
    text = end_word(entry) if entry.status == SUCCESS else _end_word(entry.status) or entry.status
    lines = attempt_lines(entry.crm, last, label_of) if last else done_lines(entry.details, label_of)
    url = web_address(str(last.get("url") or "") or entry.remote_url)
    says = explained(entry.reason).says
    return Moment(entry.settled_at, text, "" if says == text else says, entry.status, tuple(lines), url)


def _end_word(status: str) -> str:
    """Return how an attempt that came to nothing ended, "" where it is not at its end."""
    return {FAILED: _("It failed."), SKIPPED: _("It was left out.")}.get(status, "")


def _next(entry: Entry, now: datetime, held_up: str) -> Moment:
    if entry.claimed:
        return Moment(None, _("A worker is sending it right now."), tone=PENDING)
    waits = explained(held_up or entry.shown_reason(now)).says
    if not held_up and entry.due_at is not None and entry.due_at > now:
        return Moment(entry.due_at, _("Next try."), waits, PENDING)
    return Moment(None, waits or _("It waits for its turn."), tone=PENDING)


def _instant(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
