"""Overview: what needs somebody now, and pictures of the last day, each with its numbers in a table."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from ..sync import overview as sync_overview
from ..sync.overview import OUTCOMES
from .charts import bars_of, columns_of
from .connection_page import state_of, state_word
from .door import this_account, this_sync
from .entrance import VIEW, page
from .headline import headline
from .words import seconds_word


@page("/overview", needs=VIEW)
def overview() -> ResponseReturnValue:
    """Show how the account's sync stands."""
    found = sync_overview.overview(this_sync(), this_account())
    views = [one.status.connection for one in found.healths]
    states = {view.crm: state_of(view, found.status.pulse.now) for view in views}
    return render_template(
        "crm_sync/overview.html",
        overview=found,
        outcomes=OUTCOMES,
        headline=headline(found.status),
        columns=columns_of(found.hours),
        ways={one.status.connection.crm: bars_of(one.ways) for one in found.healths},
        states=states,
        state_words={view.crm: state_word(states[view.crm], view.label) for view in views},
        seconds_word=seconds_word,
    )
