"""What the audit trail keeps of backfills and of what was put back, in the reader's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ..sync.progress import CATCH_UP, NOW, RETRY
from .field_words import field_word
from .texts import gettext as _
from .words import moment


def put_back_words(told: Mapping[str, Any], crm: str) -> Iterator[tuple[str, str]]:
    """Yield what was to be put back: from when until when, of what; each with its name."""
    for name, word in (("since", _("from")), ("until", _("until"))):
        if told.get(name):
            yield word, moment(datetime.fromisoformat(str(told[name])))
    if told.get("entry"):
        yield _("entry"), str(told["entry"])
    if told.get("client_id"):
        yield _("client"), str(told["client_id"])
    if told.get("fields"):
        yield _("fields"), ", ".join(field_word(crm, name) for name in str(told["fields"]).split(", "))
    if told.get("backfill_only"):
        yield _("only what a backfill has replaced"), _("yes")


def run_word(name: str, value: object) -> tuple[str, str] | None:
    """Return the words for a run that was begun with notes, paused, resumed or stopped; None for anything else."""
    if name == CATCH_UP and isinstance(value, str):
        return _("backfill"), {"paused": _("paused"), "resumed": _("resumed")}.get(value, value)
    if name == "cancelled" and value in (CATCH_UP, NOW, RETRY):
        words = {CATCH_UP: _("catching up with the clients"), NOW: _("sending what waits"), RETRY: _("trying again")}
        return _("stopped"), words[str(value)]
    if name == "notes":
        return _("notes of past conversations"), _("yes") if value else _("no")
    return None
