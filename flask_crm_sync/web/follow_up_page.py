"""What follows in the CRM: for each outcome of qualification a note, a status, a tag, or nothing."""

from __future__ import annotations

from collections.abc import Mapping

from flask import render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from ..sync.connections import ConnectionView
from ..sync.follow_up_choice import (
    FollowUpsInvalid,
    Offer,
    chosen_from,
    find_follow_ups,
    offer_of,
    save_follow_ups,
)
from ..sync.follow_ups import OUTCOMES, FollowUp, FollowUps
from .connection_page import adapter_or_404, connected_or_404
from .door import door, this_sync
from .entrance import MANAGE, VIEW, back_to, may_manage, page
from .follow_up_words import outcome_words
from .notices import tell
from .texts import gettext as _

_LONGEST = 255


@page("/connections/<crm>/follow-ups", needs=VIEW)
def follow_ups(crm: str) -> ResponseReturnValue:
    """Show what follows; `status_field` and `tag_field` in the address show the options of other fields."""
    known = connected_or_404(crm)
    offer, stored = _offer(known), find_follow_ups(this_sync(), known.account_id, crm)
    return _shown(known, offer, _asked(offer, stored), stored.by_outcome)


@page("/connections/<crm>/follow-ups", needs=MANAGE, methods=("POST",))
def save_follow_up_choice(crm: str) -> ResponseReturnValue:
    """Change what follows; what cannot be is said at its input."""
    known = connected_or_404(crm)
    offer, typed = _offer(known), _typed(request.form)
    status, tag = (request.form.get(name, "").strip()[:_LONGEST] for name in ("status_field", "tag_field"))
    try:
        chosen = chosen_from(offer, status, tag, typed)
    except FollowUpsInvalid as invalid:
        return _shown(known, offer, (status, tag), typed, invalid.faults), 422
    save_follow_ups(this_sync(), known.account_id, crm, chosen, by=door().access.user_id())
    tell(_("Saved."))
    return back_to("follow_ups", crm=crm)


def _typed(form: MultiDict[str, str]) -> dict[str, FollowUp]:
    return {
        outcome: FollowUp(
            f"note-{outcome}" in form,
            form.get(f"status-{outcome}", "").strip()[:_LONGEST],
            form.get(f"tag-{outcome}", "").strip()[:_LONGEST],
        )
        for outcome in OUTCOMES
    }


def _asked(offer: Offer, stored: FollowUps) -> tuple[str, str]:
    """Return the fields whose options are shown: as asked for, else as stored, else as the CRM usually has them."""
    usual = (stored.status, offer.usual_status), (stored.tag, offer.usual_tag)
    shown = tuple(field.name if field else name for field, name in usual)
    return (
        request.args.get("status_field", shown[0]).strip()[:_LONGEST],
        request.args.get("tag_field", shown[1]).strip()[:_LONGEST],
    )


def _offer(known: ConnectionView) -> Offer:
    if "further" not in adapter_or_404(known.crm).capabilities:
        return Offer()
    return offer_of(this_sync(), known.account_id, known.crm)


def _shown(
    known: ConnectionView,
    offer: Offer,
    names: tuple[str, str],
    by_outcome: Mapping[str, FollowUp],
    faults: Mapping[str, str] | None = None,
) -> str:
    return render_template(
        "crm_sync/follow_ups.html",
        connection=known,
        offer=offer,
        can_write="further" in adapter_or_404(known.crm).capabilities,
        status_name=names[0],
        tag_name=names[1],
        status=offer.status_field(names[0]),
        tag=offer.tag_field(names[1]),
        outcomes=outcome_words(),
        chosen={outcome: by_outcome.get(outcome, FollowUp()) for outcome in OUTCOMES},
        faults=faults or {},
        manages=may_manage(),
    )
