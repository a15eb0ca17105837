"""Qualification Settings: an account's criteria, set by set in the order in which they decide, and the figures now."""

from __future__ import annotations

from dataclasses import dataclass, replace

import sqlalchemy as sa
from flask import render_template, request
from flask.typing import ResponseReturnValue

from ..models import Connection, Qualification
from ..models import qualification as q
from ..models.connection import DISCONNECTED
from ..qualification.schedule import reviews_today
from ..qualification.store import Kept, change_criterion, find_criterion, kept_criteria, sets_of
from ..qualification.templates import TEMPLATES
from ..qualification.veil import choose_masking, masks
from ..sync.connections import crm_label
from .criterion_page import criteria_in_code, reviewer_is_there
from .criterion_words import asks_for, set_word
from .door import door, this_account, this_sync
from .entrance import MANAGE, VIEW, back_to, page
from .notices import tell
from .texts import gettext as _

_found: sa.Table = sa.inspect(Qualification).local_table  # type: ignore[assignment]
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class ShownSet:
    """A set with its criteria in order, and the labels and names of the CRMs whose connections use it."""

    name: str
    title: str
    criteria: tuple[Kept, ...]
    used_by: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """How many conversations stand where in the default set, and what the reviews of today came to."""

    qualified: int
    provisional: int
    pending: int
    unqualified: int
    reviewed_today: int
    a_day: int


@page("/qualification", needs=VIEW)
def qualification_settings() -> ResponseReturnValue:
    """Show the criteria and what they have come to."""
    return render_template(
        "crm_sync/qualification.html",
        sets=_shown_sets(),
        figures=_figures(),
        templates=TEMPLATES,
        asks_for=asks_for,
        manages=door().access.can_manage(),
        reviewer_is_there=reviewer_is_there(),
        hours=(door().settings.ai_review_min_hours, door().settings.ai_review_max_hours),
        masked=_is_masked(),
    )


@page("/qualification/masking", needs=MANAGE, methods=("POST",))
def save_masking() -> ResponseReturnValue:
    """Choose whether contact details are masked before conversations leave for the review."""
    choose_masking(this_sync(), this_account(), "mask" in request.form, by=door().access.user_id())
    masked, plain = _("Contact details are masked from here on."), _("Contact details are sent from here on.")
    tell(masked if _is_masked() else plain)
    return back_to("qualification_settings")


@page("/qualification/criteria/<criterion_id>/switch", needs=MANAGE, methods=("POST",))
def switch_criterion(criterion_id: str) -> ResponseReturnValue:
    """Switch a criterion on or off."""
    was = find_criterion(this_sync(), this_account(), criterion_id).criterion
    wanted = replace(was, enabled=not was.enabled)
    by, in_code = door().access.user_id(), criteria_in_code()
    if change_criterion(this_sync(), this_account(), criterion_id, wanted, in_code=in_code, by=by).looks_back:
        door().queues.wake()
    tell(_("“%(name)s” is in use.", name=was.name) if wanted.enabled else _("“%(name)s” is off.", name=was.name))
    return back_to("qualification_settings")


def _is_masked() -> bool:
    with this_sync().database.read() as database:
        return masks(database, this_account(), this_sync().settings)


def _shown_sets() -> list[ShownSet]:
    sync, account_id, in_code = this_sync(), this_account(), criteria_in_code()
    everything = kept_criteria(sync, account_id, None, in_code)
    used = _used_sets(account_id)
    names = dict.fromkeys([each.name for each in sets_of(sync, account_id, in_code)] + sorted(used))
    return [
        ShownSet(
            name,
            set_word(name),
            tuple(each for each in everything if each.criterion.set_name == name),
            tuple((crm, crm_label(crm)) for crm in sorted(used.get(name, ()))),
        )
        for name in names
    ]


def _used_sets(account_id: str) -> dict[str, list[str]]:
    """Return by set the CRMs whose connections take qualified clients only, by that set."""
    query = sa.select(_connections.c.criteria_set, _connections.c.crm).where(
        _connections.c.account_id == account_id,
        _connections.c.state != DISCONNECTED,
        _connections.c.qualified_only,
    )
    used: dict[str, list[str]] = {}
    with this_sync().database.read() as database:
        for row in database.execute(query):
            used.setdefault(row.criteria_set, []).append(row.crm)
    return used


def _figures() -> Figures:
    sync, account_id = this_sync(), this_account()
    query = (
        sa.select(_found.c.status, _found.c.final, sa.func.count())
        .where(_found.c.account_id == account_id, _found.c.set_name == "default")
        .group_by(_found.c.status, _found.c.final)
    )
    with sync.database.read() as database:
        counts = {(status, bool(final)): number for status, final, number in database.execute(query)}
        today = reviews_today(database, account_id, sync.clock.now())
    return Figures(
        qualified=counts.get((q.QUALIFIED, True), 0),
        provisional=counts.get((q.QUALIFIED, False), 0),
        pending=sum(number for (status, _final), number in counts.items() if status == q.WAITING),
        unqualified=sum(number for (status, _final), number in counts.items() if status == q.UNQUALIFIED),
        reviewed_today=today,
        a_day=sync.settings.ai_reviews_a_day,
    )
