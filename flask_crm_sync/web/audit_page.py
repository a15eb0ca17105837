"""Audit trail: who connected, changed, disconnected, retried, decided and downloaded; for those who manage."""

from __future__ import annotations

from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from ..sync.audit import ACTIONS, TrailFilter, trail
from ..sync.connections import connections
from ..sync.paging import Place
from .asked import number, short
from .deeds import changes, deed_word
from .door import this_account, this_sync
from .entrance import MANAGE, NAME, page


@page("/audit", needs=MANAGE)
def audit_trail() -> ResponseReturnValue:
    """Show a page of the audit trail."""
    wanted = TrailFilter(short(request.args, "action"), short(request.args, "crm"), short(request.args, "user", 191))
    place = Place(number(request.args, "before"), number(request.args, "after"))
    return render_template(
        "crm_sync/audit.html",
        wanted=wanted,
        shown=trail(this_sync(), this_account(), wanted, place=place),
        actions=[(action, deed_word(action)) for action in ACTIONS],
        crms=sorted({one.crm for one in connections(this_sync(), this_account())} | ({wanted.crm} - {""})),
        deed_word=deed_word,
        changes=changes,
        address=lambda **changed: _address(wanted, **changed),
    )


def _address(wanted: TrailFilter, **changed: Any) -> str:
    kept: dict[str, Any] = {"action": wanted.action, "crm": wanted.crm, "user": wanted.user_id} | changed
    return url_for(f"{NAME}.audit_trail", **{name: value for name, value in kept.items() if value not in ("", None)})
