"""Why / why not: how one client stands with each CRM, as a page, and as a panel on the host's own client page."""

from __future__ import annotations

import logging
from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.exc import SQLAlchemyError

from ..host.values import key_text
from ..sync.refusals import NotFound
from ..sync.why import Standing, Why, explain
from .answers import template_words
from .criterion_words import status_word
from .door import door, this_account, this_sync
from .entrance import VIEW, may_manage, page
from .record_links import web_address
from .texts import gettext as _

_log = logging.getLogger(__name__)
_LONGEST_KEY = 191


@page("/clients/<client_id>", needs=VIEW)
def why_client(client_id: str) -> ResponseReturnValue:
    """Show how a client stands with each CRM."""
    return render_template("crm_sync/why.html", manages=may_manage(), **_shown(_explained(this_account(), client_id)))


def crm_sync_panel(client: Any) -> Markup:
    """Return a panel for the host's own client page: how the client stands with each CRM.

    `client` is the host's instance, or its key. Nothing is shown to who may not see it, nor for a client of another
    account; trouble is logged and never breaks the host's page.
    """
    try:
        access = door().access
        account_id = access.account_id()
        if account_id is None or not access.can_view():
            return Markup()
        shown = _shown(_explained(account_id, _key(client)))
        panel = render_template("crm_sync/panel.html", **template_words(), **shown)
        return Markup(panel)  # noqa: S704  a template's own output, every value in it escaped
    except NotFound:
        return Markup()
    except Exception:
        if is_not_set_up():
            return Markup()
        _log.exception("the panel of a client is not shown")
        return Markup()


def is_not_set_up() -> bool:
    """Tell whether our tables are missing, of which the capture has warned already."""
    try:
        return not this_sync().database.is_ready()
    except SQLAlchemyError:
        return False


def state_word(standing: Standing) -> str:
    """Return the word for how a client stands with a CRM."""
    words = {"synced": _("Synced"), "waits": _("Waits"), "not_synced": _("Not synced")}
    return words[standing.state]


def _explained(account_id: str, client_id: str) -> Why:
    if len(client_id) > _LONGEST_KEY or "\0" in client_id:
        raise NotFound("There is no such client.")
    return explain(this_sync(), account_id, client_id)


def _shown(why: Why) -> dict[str, Any]:
    words = {"state_word": state_word, "standing_word": status_word, "web_address": web_address}
    return {"why": why, "now": this_sync().clock.now(), **words}


def _key(client: Any) -> str:
    bound = this_sync().host.client
    return key_text(bound.id.read(client) if isinstance(client, bound.model) else client)
