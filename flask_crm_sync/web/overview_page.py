"""Overview: what needs somebody now, and pictures of the last day, each with its numbers in a table."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from ..sync import overview as sync_overview
from ..sync.agreement import agreements
from ..sync.allowance import Used
from ..sync.overview import OUTCOMES
from .charts import bars_of, bars_of_budget, columns_of
from .conflicts_page import waiting_by_crm
from .connection_page import state_of, state_word
from .door import this_account, this_sync
from .entrance import VIEW, page
from .headline import headline
from .texts import gettext as _
from .texts import number
from .words import clock, seconds_word


@page("/overview", needs=VIEW)
def overview() -> ResponseReturnValue:
    """Show how the account's sync stands."""
    found = sync_overview.overview(this_sync(), this_account())
    views = [one.status.connection for one in found.healths]
    conflicts = sum(waiting_by_crm().values())
    states = {view.crm: state_of(view, found.status.pulse.now) for view in views}
    return render_template(
        "crm_sync/overview.html",
        overview=found,
        outcomes=OUTCOMES,
        headline=headline(found.status, conflicts),
        conflicts=conflicts,
        columns=columns_of(found.hours),
        ways={one.status.connection.crm: bars_of(one.ways) for one in found.healths},
        budgets={one.status.connection.crm: bars_of_budget(one.used) for one in found.healths if one.used},
        budget_words=budget_words,
        states=states,
        state_words={view.crm: state_word(states[view.crm], view.label) for view in views},
        seconds_word=seconds_word,
        compared=agreements(this_sync(), this_account()),
    )


def budget_words(used: Used, label: str) -> str:
    """Return in words what is used of a CRM's allowance, and how far the rest goes."""
    told = {"calls": number(used.calls), "limit": number(used.limit), "rate": number(used.an_hour), "crm": label}
    if used.seconds:
        window = _(
            "%(calls)s of %(limit)s calls in the running %(seconds)s seconds.", **told, seconds=number(used.seconds)
        )
        return f"{window} {_('It begins anew all the time and allows %(rate)s calls an hour.', **told)}"
    if used.day_ends is None:
        return _("%(calls)s of %(limit)s calls in the last 24 hours, about %(rate)s an hour.", **told)
    if used.by_end is None:
        return _("%(calls)s of the day's %(limit)s calls, as %(crm)s counts them.", **told)
    words = _(
        "%(calls)s of the day's %(limit)s calls, about %(number)s by midnight.", **told, number=number(used.by_end)
    )
    return f"{words} {_('Its day ends at %(time)s.', time=clock(used.day_ends))}"
