"""Putting back: what was overwritten in a CRM lately, and what of it a person wants back; of one entry or of a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from ..sync.connections import ConnectionView
from ..sync.log import find_entry
from ..sync.mapping.store import versions
from ..sync.undo import KeptValue, PuttingBack, Stretch, count_kept, kept_page, put_back
from .asked import page_mark
from .connection_page import connected_or_404
from .door import door, this_account, this_sync
from .entrance import MANAGE, NAME, VIEW, back_to, may_manage, page
from .field_words import field_labels
from .languages import this_reader
from .notices import tell
from .texts import gettext as _
from .texts import ngettext


@page("/connections/<crm>/undo", needs=VIEW)
def undo(crm: str) -> ResponseReturnValue:
    """List what was overwritten, and say how much of it lies in the time that is asked for."""
    known = connected_or_404(crm)
    stretch, asked = _stretch(request.args), "look" in request.args
    found = kept_page(this_sync(), known.account_id, crm, before=page_mark(request.args.get("before", "")))
    return render_template(
        "crm_sync/undo.html",
        connection=known,
        values=found.values,
        older=url_for(f"{NAME}.undo", crm=crm, before=found.older.isoformat()) if found.older else "",
        field_label=field_labels(crm),
        state_word=state_word,
        days=door().settings.undo_days,
        typed=request.args,
        asked=asked,
        number=count_kept(this_sync(), known.account_id, crm, stretch) if asked else 0,
        manages=may_manage(),
        changes=_mapping_changes(known),
        zone=this_reader().zone_name(this_sync().clock.now()),
    )


@page("/connections/<crm>/undo", needs=MANAGE, methods=("POST",))
def put_back_stretch(crm: str) -> ResponseReturnValue:
    """Put back what was overwritten in a stretch of time."""
    known = connected_or_404(crm)
    done = put_back(this_sync(), known.account_id, crm, _stretch(request.form), by=door().access.user_id())
    _say(done)
    return back_to("undo", crm=crm)


@page("/log/<int:operation_id>/put-back", needs=MANAGE, methods=("POST",))
def put_back_entry(operation_id: int) -> ResponseReturnValue:
    """Put back what one entry has overwritten."""
    found = find_entry(this_sync(), this_account(), operation_id if operation_id < 2**63 else 0)
    stretch = Stretch(operation_id=found.id)
    _say(put_back(this_sync(), found.account_id, found.crm, stretch, by=door().access.user_id()))
    return back_to("entry", operation_id=found.id)


def state_word(kept: KeptValue) -> str:
    """Return in words where a kept value stands."""
    words = {"returned": _("Put back"), "changed": _("Changed since, left as it is")}
    return words.get(kept.state, _("On its way back") if kept.is_owed else _("Kept"))


def _mapping_changes(known: ConnectionView) -> list[tuple[int, datetime, str]]:
    """Return each change of the field mapping, when it was, and the address that asks what was written under it."""
    found = versions(this_sync(), known.account_id, known.crm)
    ends = ["", *(_local(version.at) for version in found)]
    return [
        (one.version, one.at, url_for(f"{NAME}.undo", crm=known.crm, since=_local(one.at), until=until, look="1"))
        for one, until in zip(found, ends, strict=False)
    ]


def _say(done: PuttingBack) -> None:
    door().queues.wake()
    if not done.values:
        tell(_("There was nothing to put back."))
        return
    tell(ngettext("1 field is put back now.", "%(number)s fields are put back now.", done.values))
    if done.more:
        tell(_("There are more: press again for the rest."), "plain")


def _stretch(given: Mapping[str, str]) -> Stretch:
    """Return the time that was typed, in the reader's zone; a time that makes no sense is as good as none."""
    return Stretch(
        _typed(given.get("since", "")), _typed(given.get("until", "")), backfill_only=bool(given.get("backfill"))
    )


def _local(at: datetime) -> str:
    """Return an instant as the form's fields take it: the reader's time, to the second."""
    return at.astimezone(this_reader().zone).strftime("%Y-%m-%dT%H:%M:%S")


def _typed(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (at if at.tzinfo is not None else at.replace(tzinfo=this_reader().zone)).astimezone(UTC)
