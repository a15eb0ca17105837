"""Erasing a person: what it does, the button, the receipts for each CRM, and letting the person come back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import abort, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ..models.operation import FAILED, SKIPPED
from ..sync.connections import connections, crm_label
from ..sync.erasure import CRMReceipt, ErasureView, erase_client, erasures, find_erasure, lift_erasure
from ..sync.why import explain
from .asked import page_mark
from .door import door, this_account, this_sync
from .entrance import MANAGE, NAME, back_to, page
from .notices import tell
from .record_links import web_address
from .texts import gettext as _
from .texts import said

_LONGEST_KEY = 191


@page("/clients/<client_id>/erase", needs=MANAGE)
def confirm_erase(client_id: str) -> ResponseReturnValue:
    """Say what erasing does, and ask."""
    why = explain(this_sync(), this_account(), _key(client_id))
    names = [view.label for view in connections(this_sync(), this_account()) if view.is_connected]
    return render_template("crm_sync/erase.html", why=why, crms=names)


@page("/clients/<client_id>/erase", needs=MANAGE, methods=("POST",))
def erase(client_id: str) -> ResponseReturnValue:
    """Erase the client from every CRM."""
    made = erase_client(this_sync(), this_account(), _key(client_id), by=door().access.user_id())
    door().queues.wake()
    tell(_("The erasure is under way. Nothing more of this client is sent."))
    return back_to("erasure", erasure_id=made.id)


@page("/erasures", needs=MANAGE)
def erased() -> ResponseReturnValue:
    """List the account's erasures, the newest first."""
    found = erasures(this_sync(), this_account(), before=page_mark(request.args.get("before", "")))
    older = url_for(f"{NAME}.erased", before=str(found.older)) if found.older else ""
    return render_template("crm_sync/erasures.html", erasures=found.erasures, older=older, how_word=how_word)


@page("/erasures/<uuid:erasure_id>", needs=MANAGE)
def erasure(erasure_id: UUID) -> ResponseReturnValue:
    """Show an erasure's receipts."""
    found = find_erasure(this_sync(), this_account(), erasure_id)
    words = {"how_word": how_word, "says": says, "label": crm_label, "web_address": web_address}
    return render_template("crm_sync/erasure.html", erasure=found, **words)


@page("/erasures/<uuid:erasure_id>.json", needs=MANAGE)
def erasure_as_json(erasure_id: UUID) -> ResponseReturnValue:
    """Answer an erasure's receipts for machines and archives."""
    found = find_erasure(this_sync(), this_account(), erasure_id)
    answer = jsonify(_json(found))
    answer.headers["Content-Disposition"] = f'attachment; filename="erasure-{found.id}.json"'
    return answer


@page("/erasures/<uuid:erasure_id>/lift", needs=MANAGE, methods=("POST",))
def lift(erasure_id: UUID) -> ResponseReturnValue:
    """Let the person be synced again."""
    lift_erasure(this_sync(), this_account(), erasure_id, by=door().access.user_id())
    tell(_("Lifted. If the client is still here, its next change makes it a new lead."))
    return back_to("erasure", erasure_id=erasure_id)


def how_word(receipt: CRMReceipt) -> str:
    """Return in words what an erasure came to in one CRM."""
    words = {
        "deleted": _("Deleted"),
        "anonymised": _("Made anonymous"),
        "by_hand": _("To be done by hand"),
        "nothing": _("Nothing was there"),
    }
    open_ = {FAILED: _("Failed"), SKIPPED: _("Left as it is")}
    return words.get(receipt.how) or open_.get(receipt.status, _("Waits"))


def says(receipt: CRMReceipt) -> tuple[str, str]:
    """Return what a receipt says while it is owed, and what to do: the sentences of the log's entry."""
    return said(receipt.outlook.says), said(receipt.outlook.advice)


def _json(found: ErasureView) -> dict[str, Any]:
    return {
        "erasure": str(found.id),
        "client": found.client_id,
        "requested_at": found.requested_at.isoformat(),
        "lifted_at": found.lifted_at.isoformat() if found.lifted_at else None,
        "done": found.is_done,
        "receipts": [_receipt_json(one) for one in found.receipts],
    }


def _receipt_json(one: CRMReceipt) -> dict[str, Any]:
    settled = one.settled_at.isoformat() if one.settled_at else None
    records = [{"id": id, "url": url} for id, url in one.records]
    told = {"crm": one.crm, "how": one.how or "waiting", "says": one.says or one.outlook.says, "notes": one.notes}
    return {**told, "to_do": one.outlook.advice, "by_hand": records, "settled_at": settled, "reason": one.reason}


def _key(client_id: str) -> str:
    return client_id if len(client_id) <= _LONGEST_KEY and "\0" not in client_id else abort(404)
