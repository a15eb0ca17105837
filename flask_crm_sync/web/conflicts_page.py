"""Conflicts: what both sides changed and a person has to settle, with both values; and clients with several matches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import render_template, request
from flask.typing import ResponseReturnValue

from ..models.conflict import FLIPS, TYPED
from ..models.operation import FAILED
from ..sync.both_sides import Sides, read_sides
from ..sync.conflict_inbox import (
    AT_ONCE,
    conflicts_page,
    find_conflict,
    open_conflicts,
    settle_conflict,
    settle_field,
)
from ..sync.connections import crm_label, find_connection
from ..sync.held_up import held_up
from ..sync.log import LogFilter, log_page
from ..sync.paging import Place
from ..sync.refusals import ChoiceNotPossible, ValueNotTaken
from .asked import number, short
from .door import door, this_account, this_sync
from .entrance import MANAGE, VIEW, back_to, bounded, may_manage, page
from .field_words import field_word
from .notices import tell
from .record_links import web_address
from .texts import gettext as _
from .texts import ngettext, said
from .words import explained

AMBIGUOUS = "ambiguous_match"
_SHOWN = 10
_LONGEST_VALUE = 2_000


@dataclass(frozen=True, slots=True)
class Shown:
    """A conflict as the page shows it. None stands for a value that cannot be read now; `trouble` says why."""

    id: int
    crm: str
    label: str
    field: str
    client_id: str
    client_name: str | None
    ours: str | None
    theirs: str | None
    record_url: str
    trouble: str
    flips: bool
    typed: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The conflicts of one CRM's field, counted."""

    crm: str
    label: str
    field: str
    field_label: str
    number: int


@page("/conflicts", needs=VIEW)
def conflicts() -> ResponseReturnValue:
    """Show what waits for a decision, with both values as they are now."""
    return _page(Place(number(request.args, "before"), number(request.args, "after")))


@page("/conflicts/<int:conflict_id>", needs=MANAGE, methods=("POST",))
def decide_conflict(conflict_id: int) -> ResponseReturnValue:
    """Settle one for a side, or for a typed value; what cannot be taken is said at its field."""
    found = find_conflict(this_sync(), this_account(), bounded(conflict_id))
    place = Place(number(request.form, "before"), number(request.form, "after"))
    choice, typed = request.form.get("choice", ""), request.form.get("value", "")[:_LONGEST_VALUE]
    by = door().access.user_id()
    try:
        settle_conflict(this_sync(), found.account_id, found.id, choice, value=typed, by=by)
    except ValueNotTaken as error:
        return _page(place, {found.id: (typed, said(str(error)))}), 422
    except ChoiceNotPossible:
        chosen = _("Choose one of the values first.") if not choice else _("Somebody else has settled it meanwhile.")
        tell(chosen, "bad")
    else:
        door().queues.wake()
        why = _why_waiting(found.crm)
        tell(_("Thank you. It is carried out now.") if not why else _("Thank you. The decision is kept."))
        if why:
            tell(why, "plain")
    return back_to("conflicts", before=place.before, after=place.after)


@page("/conflicts/field", needs=MANAGE, methods=("POST",))
def decide_field() -> ResponseReturnValue:
    """Settle all of one field for a side."""
    crm, field, choice = short(request.form, "crm"), short(request.form, "field", 191), request.form.get("choice", "")
    by = door().access.user_id()
    try:
        done = settle_field(this_sync(), this_account(), crm, field, choice, by=by)
    except ChoiceNotPossible:
        tell(_("Choose one of the sides first."), "bad")
        return back_to("conflicts")
    door().queues.wake()
    tell(ngettext("1 conflict is settled.", "%(number)s conflicts are settled.", done))
    if done and (why := _why_waiting(crm)):
        tell(why, "plain")
    if done == AT_ONCE:
        tell(_("These were the newest. Do it again for the rest."), "plain")
    return back_to("conflicts")


def waiting_by_crm() -> dict[str, int]:
    """Return how many conflicts wait for a person, by CRM."""
    found: dict[str, int] = {}
    for (crm, _field), count in open_conflicts(this_sync(), this_account()).items():
        found[crm] = found.get(crm, 0) + count
    return found


def _why_waiting(crm: str) -> str:
    """Return in words why nothing is carried out now, and what to do, "" where it is."""
    why = explained(held_up(find_connection(this_sync(), this_account(), crm), this_sync().clock.now()))
    return f"{why.says} {why.advice}".strip()


def _page(place: Place, wrong: Mapping[int, tuple[str, str]] | None = None) -> str:
    found = conflicts_page(this_sync(), this_account(), place=place)
    sides = read_sides(this_sync(), this_account(), found.conflicts)
    wanted = LogFilter(status=FAILED, reason=AMBIGUOUS)
    return render_template(
        "crm_sync/conflicts.html",
        conflicts=[_shown(one, *(wrong or {}).get(one.conflict.id, ("", ""))) for one in sides],
        page=found,
        place=place,
        fields=_waiting(),
        ambiguous=log_page(this_sync(), this_account(), wanted, limit=_SHOWN),
        ambiguous_reason=AMBIGUOUS,
        manages=may_manage(),
        typed_choice=TYPED,
    )


def _waiting() -> Sequence[Waiting]:
    found = open_conflicts(this_sync(), this_account())
    return [
        Waiting(crm, crm_label(crm), name, field_word(crm, name), count) for (crm, name), count in sorted(found.items())
    ]


def _shown(sides: Sides, typed: str, error: str) -> Shown:
    row: sa.Row[tuple[object, ...]] = sides.conflict
    return Shown(
        row.id,
        row.crm,
        crm_label(row.crm),
        field_word(row.crm, row.field),
        row.client_id,
        sides.client_name,
        sides.ours,
        sides.theirs,
        web_address(sides.record_url),
        explained(sides.code).says if sides.code else "",
        row.cause == FLIPS,
        typed,
        error,
    )
