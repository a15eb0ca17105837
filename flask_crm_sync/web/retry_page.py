"""Retry all with one cause: a bounded step for each request, with a bar that shows how far it has come.

How far that is travels with the page, so that nothing is stored and closing the page stops it.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template, request
from flask.typing import ResponseReturnValue

from ..sync.causes import COUNT_TO, Cause, Retried, count_failed, newest_failed, retry_slice
from ..sync.refusals import ChoiceNotPossible
from .asked import number, short
from .door import door, this_account, this_sync
from .entrance import MANAGE, back_to, page
from .notices import tell
from .texts import gettext as _
from .texts import ngettext
from .texts import said as sentence

SLICES = 5
"""Slices in one request."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a retry of many has come, as the page carries it on. `total` stops at `COUNT_TO`."""

    cause: Cause
    up_to: int
    after: int
    done: int
    total: int
    finished: bool = False

    @property
    def is_bounded(self) -> bool:
        """Tell whether `total` is exact, so that there is a bar to fill."""
        return self.total < COUNT_TO


@page("/log/retry-all", needs=MANAGE, methods=("POST",))
def retry_all() -> ResponseReturnValue:
    """Try the next entries with a cause again, and say how far it has come."""
    try:
        progress = _step(_carried_on())
    except ChoiceNotPossible as error:
        tell(f"{sentence(str(error))} {sentence(error.advice)}", "bad")
        return back_to("log")
    door().queues.wake()
    if progress.finished and not number(request.form, "after") and "HX-Request" not in request.headers:
        tell(said(progress))
        return back_to("log")
    return render_template("crm_sync/retrying.html", progress=progress, said=said(progress))


def said(progress: Progress) -> str:
    """Return in words how far it has come."""
    if progress.finished and not progress.done:
        return _("Nothing was left to try again.")
    if progress.finished:
        return ngettext("1 entry is tried again now.", "%(number)s entries are tried again now.", progress.done)
    return ngettext("1 entry so far.", "%(number)s entries so far.", progress.done)


def _carried_on() -> Progress:
    form, sync, account_id = request.form, this_sync(), this_account()
    cause = Cause(short(form, "reason", 64), short(form, "crm"))
    up_to = number(form, "up_to")
    if not up_to:
        return Progress(cause, newest_failed(sync, account_id, cause), 0, 0, count_failed(sync, account_id, cause))
    after, done, total = (number(form, name) or 0 for name in ("after", "done", "total"))
    return Progress(cause, up_to, after, done, total)


def _step(progress: Progress) -> Progress:
    done, reached = progress.done, progress.after
    by = door().access.user_id()
    for _slice in range(SLICES):
        step: Retried = retry_slice(
            this_sync(), this_account(), progress.cause, after=reached, up_to=progress.up_to, by=by
        )
        done, reached = done + step.done, step.reached
        if step.finished:
            return Progress(progress.cause, progress.up_to, reached, done, progress.total, finished=True)
    return Progress(progress.cause, progress.up_to, reached, done, progress.total)
