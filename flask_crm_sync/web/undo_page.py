"""Putting back: what was overwritten in a CRM lately, and what of it a person wants back.

Of a stretch of time or a backfill, of a change of the field mapping, of one client; of one entry on the entry's page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from ..host.records import ClientRecord
from ..sync.connections import ConnectionView, find_connection
from ..sync.log import find_entry
from ..sync.mapping.changes import MappingChange, mapping_changes
from ..sync.past_runs import PastRun, past_runs
from ..sync.undo import KeptPage, KeptValue, PuttingBack, Stretch, count_kept, kept_page, put_back
from .asked import instant, number, page_mark, short
from .connection_page import connected_or_404, why_waiting
from .door import door, this_account, this_sync
from .entrance import MANAGE, NAME, VIEW, back_to, bounded, may_manage, page
from .field_words import field_labels
from .languages import this_reader
from .notices import tell
from .texts import gettext as _
from .texts import ngettext


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asks for, and how the form carries it; `change` is the mapping's, `run` the backfill where that is
    what they want.
    """

    stretch: Stretch
    carried: Mapping[str, str]
    change: MappingChange | None = None
    run: PastRun | None = None
    wrong: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with a time that was typed, by its input."""

    @property
    def is_narrow(self) -> bool:
        """Tell whether they have chosen something that is listed, and no stretch of time."""
        return self.change is not None or self.run is not None or bool(self.stretch.client_id)


@page("/connections/<crm>/undo", needs=VIEW)
def undo(crm: str) -> ResponseReturnValue:
    """List what was overwritten, and say how much of it lies in what is asked for."""
    known = connected_or_404(crm)
    changes, runs = mapping_changes(this_sync(), known.account_id, crm), past_runs(this_sync(), known)
    wanted = _wanted(request.args, changes, runs)
    asked = "look" in request.args and not wanted.wrong
    shown = wanted if asked or wanted.is_narrow else _wanted({}, (), ())
    before = page_mark(request.args.get("before", ""))
    found = kept_page(this_sync(), known.account_id, crm, stretch=shown.stretch, before=before)
    return render_template(
        "crm_sync/undo.html",
        connection=known,
        values=found.values,
        older=_older(crm, found, {**shown.carried, **({"look": "1"} if asked else {})}),
        names=_names(known, [wanted.stretch.client_id, *(one.client_id for one in found.values)]),
        field_label=field_labels(crm),
        state_word=state_word,
        days=door().settings.undo_days,
        typed=request.args,
        wanted=wanted,
        asked=asked,
        number=count_kept(this_sync(), known.account_id, crm, wanted.stretch) if asked else 0,
        manages=may_manage(),
        changes=[one for one in changes if one.fields],
        runs=runs,
        zone=this_reader().zone_name(this_sync().clock.now()),
    )


@page("/connections/<crm>/undo", needs=MANAGE, methods=("POST",))
def put_back_stretch(crm: str) -> ResponseReturnValue:
    """Put back what was asked for."""
    known = connected_or_404(crm)
    changes, runs = mapping_changes(this_sync(), known.account_id, crm), past_runs(this_sync(), known)
    wanted = _wanted(request.form, changes, runs)
    _say(known, put_back(this_sync(), known.account_id, crm, wanted.stretch, by=door().access.user_id()))
    return back_to("undo", crm=crm, client=wanted.stretch.client_id or None)


@page("/log/<int:operation_id>/put-back", needs=MANAGE, methods=("POST",))
def put_back_entry(operation_id: int) -> ResponseReturnValue:
    """Put back what one entry has overwritten."""
    found = find_entry(this_sync(), this_account(), bounded(operation_id))
    known, stretch = find_connection(this_sync(), found.account_id, found.crm), Stretch(operation_id=found.id)
    _say(known, put_back(this_sync(), found.account_id, found.crm, stretch, by=door().access.user_id()))
    return back_to("entry", operation_id=found.id)


def state_word(kept: KeptValue) -> str:
    """Return in words where a kept value stands."""
    words = {"returned": _("Was put back"), "changed": _("Changed since, left as it is")}
    return words.get(kept.state, _("On its way back") if kept.is_owed else _("Kept"))


def _older(crm: str, found: KeptPage, carried: Mapping[str, str]) -> str:
    if not found.older:
        return ""
    asked: dict[str, Any] = {name: value for name, value in carried.items() if value}
    return url_for(f"{NAME}.undo", crm=crm, before=str(found.older), **asked)


def _names(known: ConnectionView, client_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of those of these clients whom the account has."""
    with this_sync().database.read() as database:
        found: Iterable[Any] = this_sync().host.load_clients(database, set(filter(None, client_ids))).values()
    people = (one for one in found if isinstance(one, ClientRecord) and one.account_id == known.account_id)
    return {one.id: one.name for one in people}


def _say(known: ConnectionView, done: PuttingBack) -> None:
    door().queues.wake()
    if not done.values:
        tell(_("There was nothing to put back."))
        return
    if why := why_waiting(known):
        tell(ngettext("1 field is to be put back.", "%(number)s fields are to be put back.", done.values))
        tell(why, "plain")
    else:
        tell(ngettext("1 field is put back now.", "%(number)s fields are put back now.", done.values))
    if done.more:
        tell(_("There are more: press again for the rest."), "plain")


def _wanted(given: Mapping[str, str], changes: Iterable[MappingChange], runs: Iterable[PastRun]) -> Wanted:
    """Return what is asked for: a version's own fields, a backfill's, a client's, or the time that was typed, in the
    reader's zone.

    What there is none of, and a time that nobody can read, ask for nothing: left out, they would ask for everything.
    """
    if "version" in given:
        return _of_version(number(given, "version"), changes)
    if "run" in given:
        return _of_run(number(given, "run"), runs)
    if "client" in given:
        client_id = short(given, "client", 191)
        return Wanted(Stretch(client_id=client_id) if client_id else _NOTHING, {"client": client_id})
    return _of_time(given)


def _of_time(given: Mapping[str, str]) -> Wanted:
    typed = {name: given.get(name, "").strip() for name in ("since", "until")}
    at = {name: instant(text, this_reader().zone) for name, text in typed.items()}
    wrong = {name: _not_a_time(text) for name, text in typed.items() if text and at[name] is None}
    backfill = {"backfill": "1"} if given.get("backfill") else {}
    stretch = Stretch(at["since"], at["until"], backfill_only=bool(backfill))
    return Wanted(_NOTHING if wrong else stretch, {**typed, **backfill}, wrong=wrong)


def _not_a_time(text: str) -> str:
    return _("“%(time)s” is not a time. Give it as year-month-day and hour, like 2026-11-23 14:30.", time=text[:40])


def _of_version(version: int | None, changes: Iterable[MappingChange]) -> Wanted:
    carried = {"version": str(version)}
    change = next((one for one in changes if one.version.version == version and one.fields), None)
    if change is None:
        return Wanted(_NOTHING, carried)
    return Wanted(Stretch(change.version.at, change.until, fields=change.fields), carried, change)


def _of_run(number: int | None, runs: Iterable[PastRun]) -> Wanted:
    carried = {"run": str(number)}
    run = next((one for one in runs if one.id == number), None)
    if run is None:
        return Wanted(_NOTHING, carried)
    return Wanted(Stretch(run.began_at, run.until, backfill_only=True), carried, run=run)


_NOTHING = Stretch(fields=("",))
"""What asks for nothing: a field that no CRM has."""
