"""Retry all with one cause: a bounded step for each request, with a bar that shows how far it has come.

How far that is travels with the page, so that nothing is stored and leaving the page stops it. Once all of them wait
again, their sending has a bar of its own on the connection's card.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from flask import render_template, request
from flask.typing import ResponseReturnValue

from ..sync.causes import COUNT_TO, Cause, count_failed, newest_failed, retry_slice
from ..sync.now import watch_retried
from ..sync.progress import RETRY, Progress
from ..sync.refusals import ChoiceNotPossible
from .asked import number, short
from .bar import Bar
from .door import door, this_account, this_sync
from .entrance import MANAGE, back_to, page
from .notices import tell
from .texts import gettext as _
from .texts import ngettext
from .texts import said as sentence

SLICES = 5
"""Slices in one request."""


@dataclass(frozen=True, slots=True)
class Course:
    """How far a retry of many has come, as the page carries it on. `total` stops at `COUNT_TO`.

    `began` is in whole epoch seconds. Of what was looked at up to number `after`, `done` wait again.
    """

    cause: Cause
    up_to: int
    after: int
    done: int
    total: int
    began: int
    finished: bool = False

    def bar(self) -> Bar:
        """Return it as the bar that everything long has."""
        total = self.done if self.finished else max(self.total, self.done + 1)
        seconds = max(0.0, this_sync().clock.now().timestamp() - self.began)
        return Bar(Progress(RETRY, total, self.done, seconds, False, is_estimate=self.total >= COUNT_TO))


@page("/log/retry-all", needs=MANAGE, methods=("POST",))
def retry_all() -> ResponseReturnValue:
    """Try the next entries with a cause again, and say how far it has come; `stop` ends it where it is."""
    course, is_first = _carried_on(), not number(request.form, "after")
    if request.form.get("stop"):
        return _stopped(course)
    try:
        course = _step(course)
    except ChoiceNotPossible as error:
        tell(f"{sentence(str(error))} {sentence(error.advice)}", "bad")
        return back_to("log")
    if course.finished:
        watch_retried(this_sync(), this_account(), course.cause.crm)
    door().queues.wake()
    if course.finished and is_first and "HX-Request" not in request.headers:
        tell(said(course))
        return back_to("log")
    return render_template("crm_sync/retrying.html", course=course, run=course.bar(), said=said(course))


def said(course: Course) -> str:
    """Return in words how far it has come."""
    if course.finished and not course.done:
        return _("Nothing was left to try again.")
    if course.finished:
        return ngettext("1 entry is tried again now.", "%(number)s entries are tried again now.", course.done)
    return ngettext("1 entry so far.", "%(number)s entries so far.", course.done)


def _stopped(course: Course) -> ResponseReturnValue:
    watch_retried(this_sync(), this_account(), course.cause.crm)
    tell(said(replace(course, finished=True)))
    if course.done:
        tell(_("The others stay as they are."))
    return back_to("log", status="failed", reason=course.cause.reason, crm=course.cause.crm)


def _carried_on() -> Course:
    form, sync, account_id = request.form, this_sync(), this_account()
    cause = Cause(short(form, "reason", 64), short(form, "crm"))
    up_to, now = number(form, "up_to"), math.floor(sync.clock.now().timestamp())
    if not up_to:
        return Course(cause, newest_failed(sync, account_id, cause), 0, 0, count_failed(sync, account_id, cause), now)
    after, done, total = (number(form, name) or 0 for name in ("after", "done", "total"))
    return Course(cause, up_to, after, done, total, number(form, "began") or now)


def _step(course: Course) -> Course:
    by = door().access.user_id()
    for _slice in range(SLICES):
        step = retry_slice(this_sync(), this_account(), course.cause, after=course.after, up_to=course.up_to, by=by)
        course = replace(course, done=course.done + step.done, after=step.reached, finished=step.finished)
        if step.finished:
            break
    return course
