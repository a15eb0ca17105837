"""Notifications as people read them on the pages, and the number for the bell in the host's own frame."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from ..language import in_language
from ..notifications.inbox import LOOKED_AT, inbox, mark_all_read, mark_read, unread
from ..notifications.wording import event_word
from .asked import number
from .door import door, this_account, this_sync
from .entrance import NAME, VIEW, back_to, page
from .languages import this_reader
from .texts import gettext as _
from .texts import ngettext
from .why import is_not_set_up

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bell:
    """What a host shows beside its bell: the number unread, as text too ("" for none, "99+" for many), and the way."""

    unread: int
    shown: str
    label: str
    url: str


@page("/notifications", needs=VIEW)
def notifications() -> ResponseReturnValue:
    """Show a page of what happened, newest first."""
    with in_language(this_reader()):
        shown = inbox(this_sync(), this_account(), _me(), before=number(request.args, "before"))
        return render_template(
            "crm_sync/notifications.html",
            shown=shown,
            unread=unread(this_sync(), this_account(), _me()),
            event_word=event_word,
            first=request.args.get("before") is None,
        )


@page("/notifications/read", needs=VIEW, methods=("POST",))
def read_notifications() -> ResponseReturnValue:
    """Mark one notification as read, or all up to the newest that was shown."""
    one, up_to = number(request.form, "one"), number(request.form, "up_to")
    if one is not None:
        mark_read(this_sync(), this_account(), _me(), [one])
    elif up_to is not None:
        mark_all_read(this_sync(), this_account(), _me(), up_to)
    return back_to("notifications", before=number(request.form, "before"))


def crm_sync_notifications() -> Bell | None:
    """Return what a host shows beside its bell; None for who may not see the pages.

    A host calls it on every page of its own, so that trouble is logged and shows no bell.
    """
    try:
        access = door().access
        account_id = access.account_id()
        if account_id is None or not access.can_view():
            return None
        waiting = unread(this_sync(), account_id, access.user_id())
    except Exception:
        if not is_not_set_up():
            _log.exception("the number of notifications is not shown")
        return None
    many = waiting >= LOOKED_AT
    shown = f"{LOOKED_AT - 1}+" if many else str(waiting or "")
    label = ngettext("1 unread notification", "%(number)s unread notifications", waiting) if waiting else _("No news")
    return Bell(waiting, shown, label, url_for(f"{NAME}.notifications"))


def _me() -> str:
    return door().access.user_id()
