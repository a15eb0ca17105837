"""The jobs' part of qualification: judge what is marked, make the reviews that are due, tell the host's receivers."""

from __future__ import annotations

from collections.abc import Iterable

from .. import signals
from ..qualification.judging import judge
from ..qualification.reviewing import make_next_review
from ..qualification.schedule import longest_review, next_review_at
from ..qualification.standings import Move
from ..sync.fanout import fan_out
from ..sync.look_back import look_back
from .running import Running, stopping


def look_at_changes(running: Running) -> int:
    """Turn fresh changes into operations, let the rules look at what was said, and owe what follows from that."""
    looked_at = fan_out(running.sync)
    judge_marked(running)
    return looked_at


def judge_marked(running: Running) -> None:
    """Let the rules look at the conversations that are marked; what qualifies is owed to the CRMs at once."""
    is_looking_back = look_back(running.sync)
    judgings = judge(running.sync, running.criteria)
    if judgings.moves:
        fan_out(running.sync)
        _tell(running, judgings.moves)
    if judgings.more or is_looking_back:
        running.queues.wake()


def ask_for_reviews(running: Running) -> None:
    """Ask for a job that makes the reviews, where some are due."""
    due_at = next_review_at(running.sync)
    if due_at is not None and due_at <= running.sync.clock.now():
        running.queues.enqueue_review(longest_review(running.settings))


def make_reviews(running: Running) -> None:
    """Make due reviews for a slice of time; a reviewer in trouble is left alone until the next bell."""
    clock, started = running.sync.clock, running.sync.clock.monotonic()
    while clock.monotonic() - started < running.settings.slice_seconds and not stopping.is_set():
        made = make_next_review(running.sync, running.reviewer, running.criteria)
        if made is None or made.is_in_vain:
            return
        if made.move is not None:
            fan_out(running.sync)
            running.queues.wake()
            _tell(running, [made.move])
    ask_for_reviews(running)


def _tell(running: Running, moves: Iterable[Move]) -> None:
    for move in moves:
        if move.qualifies:
            signals.send(signals.conversation_qualified, running.app, move=move)
        if move.outcome:
            signals.send(signals.review_finished, running.app, move=move)
