"""Which clients go to a CRM: conditions as a form, and what they would mean now before they are saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from ..sync.connections import ConnectionView
from ..sync.mapping.filters import MOST_CONDITIONS, Condition, Filter
from ..sync.mapping.known import FilterInvalid, Taken, abouts, check_filter, count_taken
from ..sync.mapping.store import find_mapping, save_filter
from ..sync.refusals import ChoiceNotPossible
from ..sync.settings import catch_up_now
from .asked import number
from .door import door, this_sync
from .entrance import MANAGE, VIEW, back_to, may_manage, page
from .mapping_page import known_connection
from .mapping_words import comparison_words, source_word
from .notices import tell
from .texts import gettext as _
from .texts import said
from .words import counted

_BLANKS = 2
"""Empty lines that the form offers for further conditions."""


@dataclass(frozen=True, slots=True)
class FilterForm:
    """What the form shows: what was typed or stored, what is wrong with which condition, and what it would mean."""

    filter: Filter
    errors: Mapping[int, str] = field(default_factory=dict)
    problem: str = ""
    taken: Taken | None = None


@page("/connections/<crm>/filter", needs=VIEW)
def client_filter(crm: str) -> ResponseReturnValue:
    """Show which clients go to a CRM."""
    known = known_connection(crm)
    stored = find_mapping(this_sync(), known.account_id, crm).filter
    return _shown(known, FilterForm(stored))


@page("/connections/<crm>/filter", needs=MANAGE, methods=("POST",))
def save_client_filter(crm: str) -> ResponseReturnValue:
    """Save the filter, or say what it would mean now; what cannot be asked is said at the condition."""
    known = known_connection(crm)
    wanted = _typed(find_mapping(this_sync(), known.account_id, crm).filter)
    try:
        check_filter(wanted, this_sync().host)
    except FilterInvalid as invalid:
        wrong = {place: said(sentence) for place, sentence in invalid.conditions.items()}
        return _shown(known, FilterForm(wanted, wrong)), 422
    if request.form.get("do") == "count":
        return _shown(known, FilterForm(wanted, taken=count_taken(this_sync(), known.account_id, crm, wanted)))
    seen, by = number(request.form, "seen_version"), door().access.user_id()
    try:
        save_filter(this_sync(), known.account_id, crm, wanted, seen_version=-1 if seen is None else seen, by=by)
    except ChoiceNotPossible as late:
        return _shown(known, FilterForm(wanted, problem=said(str(late)))), 422
    _catch_up(known, by)
    return back_to("field_mapping", crm=crm)


def _catch_up(known: ConnectionView, by: str) -> None:
    settings = known.settings
    if "catch_up" in request.form and settings.enabled and settings.sync_contacts:
        catch_up_now(this_sync(), known.account_id, known.crm, by=by)
        door().queues.wake()
        tell(_("Saved. Clients that %(crm)s lacks and the filter takes are on their way.", crm=known.label))
    else:
        tell(_("Saved. It holds for what is sent from here on."))


def _typed(stored: Filter) -> Filter:
    """Return the conditions of the form. A line without anything to ask about is no condition, or no longer one; with a
    new value it is one that was not filled in, and is refused: without it more clients would go than is meant.
    """
    given, former = request.form, {one.value for one in stored.conditions}
    lines = zip(given.getlist("about"), given.getlist("how"), map(str.strip, given.getlist("value")), strict=False)
    asked = [line for line in lines if line[0] or (line[2] and line[2] not in former)]
    some = [Condition(about[:191], how[:32], value[:300]) for about, how, value in asked]  # type: ignore[arg-type]  # checked next
    match: Any = given.get("match", "all")
    return Filter(match, tuple(some[: MOST_CONDITIONS + 1]))


def _shown(known: ConnectionView, form: FilterForm) -> str:
    blanks = 0 if len(form.filter.conditions) >= MOST_CONDITIONS else _BLANKS
    return render_template(
        "crm_sync/filter.html",
        connection=known,
        manages=may_manage(),
        form=form,
        lines=[*form.filter.conditions, *(Condition("") for _blank in range(blanks))],
        mapping=find_mapping(this_sync(), known.account_id, known.crm),
        abouts=[(one, source_word(one)) for one in abouts(this_sync().host)],
        comparisons={**comparison_words(""), **comparison_words("qualified")},
        plain=comparison_words(""),
        means=_meaning(form.taken),
    )


def _meaning(taken: Taken | None) -> str:
    if taken is None:
        return ""
    if taken.is_whole:
        words = _(
            "%(taken)s of %(clients)s clients would go.", taken=counted(taken.taken), clients=counted(taken.clients)
        )
    else:
        words = _(
            "Of the first %(looked)s of %(clients)s clients, %(taken)s would go.",
            looked=counted(taken.looked),
            clients=counted(taken.clients),
            taken=counted(taken.taken),
        )
    return f"{words} {_('Clients without e-mail address and phone number are not counted.')}"
