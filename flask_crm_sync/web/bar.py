"""A progress bar in words: what is under way, how far it is, how fast, and how long it will take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import request

from ..sync.connections import ConnectionView
from ..sync.progress import CATCH_UP, NOW, RETRY, Progress, progress
from .door import this_sync
from .entrance import may_manage
from .texts import gettext as _
from .texts import number
from .words import amount


@dataclass(frozen=True, slots=True)
class Bar:
    """One run of a connection as the page shows it."""

    progress: Progress

    @property
    def is_running(self) -> bool:
        """Tell whether the bar still moves."""
        return not self.progress.is_over

    @property
    def may_stop(self) -> bool:
        """Tell whether there is anything left to stop; what a person had tried again is stopped by pausing."""
        return self.moves and self.progress.what != RETRY

    @property
    def may_rest(self) -> bool:
        """Tell whether it is one that can be paused and resumed."""
        return self.moves and self.progress.what == CATCH_UP

    @property
    def moves(self) -> bool:
        """Tell whether it is under way and nobody stopped it."""
        return self.is_running and not self.progress.cancelled

    @property
    def name(self) -> str:
        """Return what is under way, or how it ended."""
        if self.progress.cancelled:
            return _("Stopped")
        if not self.is_running:
            return _("Done")
        words = {NOW: _("Sending what waits"), RETRY: _("Trying again")}
        return words.get(self.progress.what, _("Catching up with your clients"))

    @property
    def count(self) -> str:
        """Return how much of how much is done."""
        words = _("%(done)s of %(total)s", done=number(self.progress.done), total=number(self.progress.total))
        return _("about %(count)s", count=words) if self.progress.is_estimate else words

    @property
    def pace(self) -> str:
        """Return the rate and the time left, once something is done."""
        left = self.progress.seconds_left
        if not self.moves:
            return ""
        if self.progress.paused:
            return _("It rests.")
        if left is None:
            return _("It has only just begun.")
        rate = number(self.progress.per_minute)
        return _("%(rate)s a minute, about %(time)s left", rate=rate, time=amount(left))


def bar_of(known: ConnectionView) -> Bar | None:
    """Return the bar of a connection's run; None where there is none to show."""
    found = progress(this_sync(), known.id)
    return None if found is None else Bar(found)


def bar_context(known: ConnectionView, *, rests: bool = False) -> dict[str, Any]:
    """Return what the bar's template needs to know; with `rests`, or where the bar's own address says so, it can be
    paused.
    """
    at_backfill = rests or "rests" in request.args
    return {"connection": known, "run": bar_of(known), "manages": may_manage(), "at_backfill": at_backfill}
