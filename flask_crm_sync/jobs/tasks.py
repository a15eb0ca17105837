"""The jobs. Each opens the app, does one thing of the sync, and asks for what is left: no state of its own."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from .. import signals
from ..models.heartbeat import BELL, WORKER
from ..models.operation import FAILED, LIVE, SUCCESS
from ..notifications.retention import purge_news
from ..notifications.sending import is_anything_due, send_due
from ..notifications.spread import spread
from ..qualification.schedule import next_review_at
from ..sync.agreement import compare_where_due
from ..sync.catch_up import catch_up, is_catching_up
from ..sync.drain import Settled
from ..sync.due import Due, due_connections, next_due_at
from ..sync.fanout import fan_out
from ..sync.guesses import forget_tries
from ..sync.mapping.schema import refresh_stale
from ..sync.overwritten import purge_overwritten
from ..sync.push import Drained
from ..sync.push import drain as push
from ..sync.retention import purge_log
from ..sync.retry_runs import go_on_with_all
from ..sync.scan import scan
from .heartbeat import beat
from .qualifying import ask_for_reviews, judge_marked, look_at_changes, make_reviews
from .running import Running, of_this_job, stopping

_SOON = timedelta(seconds=60)
"""What comes later is the regular bell's."""


def wake() -> None:
    """Look at fresh changes and start on what they owe: the job behind every commit of the host."""
    with of_this_job() as running:
        running.queues.wake_begins()
        fan_out(running.sync)
        judge_marked(running)
        catch_up_a_slice(running)
        try_a_slice_again(running)
        due = due_connections(running.sync)
        ask_for(running, due[1:])
        for first in due[:1]:
            work_on(running, first.connection_id, first.lane)
        tell_people(running)
        ring_soon(running)


def bell() -> None:
    """Look at everything: what no wake told of, what has come due, what the events did not see.

    Whoever runs it is a worker: a plain `rq worker` leaves no other sign of life.
    """
    with of_this_job() as running:
        running.queues.bell_begins()
        beat(running.sync.database, running.sync.clock, f"worker on {socket.gethostname()}", WORKER)
        look_around(running)
        ask_for(running, due_connections(running.sync))
        ring_soon(running)


def drain(connection_id: str, lane: int = LIVE) -> None:
    """Work on one connection for a slice of time."""
    with of_this_job() as running:
        running.queues.drain_begins(UUID(connection_id))
        work_on(running, UUID(connection_id), lane)
        tell_people(running)
        ring_soon(running)


def notify() -> None:
    """Send what people are to be told."""
    with of_this_job() as running:
        running.queues.notify_begins()
        send_due(running.sync)
        tell_people(running)


def review() -> None:
    """Make the reviews that are due."""
    with of_this_job() as running:
        running.queues.review_begins()
        make_reviews(running)
        tell_people(running)
        ring_soon(running)


def look_around(running: Running) -> None:
    """Do what a bell is for, but leave the work that is found to others."""
    beat(running.sync.database, running.sync.clock, BELL, BELL)
    fan_out(running.sync)
    if scan(running.sync).ran:
        fan_out(running.sync)
    judge_marked(running)
    ask_for_reviews(running)
    catch_up_a_slice(running)
    try_a_slice_again(running)
    purge_log(running.sync)
    purge_overwritten(running.sync)
    compare_where_due(running.sync)
    forget_tries(running.sync)
    purge_news(running.sync)
    refresh_stale(running.sync)
    tell_people(running)


def tell_people(running: Running) -> None:
    """Owe fresh news to the channels that asked for it, and ask for a job that sends what is due."""
    spread(running.sync)
    if is_anything_due(running.sync):
        running.queues.enqueue_notify()


def catch_up_a_slice(running: Running) -> None:
    """Owe the next slice of the clients that a connection catches up with; what is left is another job's."""
    if catch_up(running.sync):
        running.queues.wake()


def try_a_slice_again(running: Running) -> None:
    """Go on with each retry of all that failed for one cause; what is left is another job's."""
    if go_on_with_all(running.sync):
        running.queues.wake()


def ask_for(running: Running, due: Sequence[Due]) -> None:
    """Put a job for each connection into the queue of its most urgent lane."""
    for one in due:
        running.queues.enqueue_drain(one.connection_id, one.lane)


def work_on(running: Running, connection_id: UUID, lane: int = LIVE) -> Drained:
    """Drain a connection for a slice, tell the host's receivers, and ask for the rest.

    Between two batches it looks for fresh changes, so that a new lead need not wait for the end of the slice.
    """
    drained = push(
        running.sync,
        connection_id,
        listener=partial(_tell, running),
        should_stop=stopping.is_set,
        between=partial(look_at_changes, running),
    )
    if drained.more:
        running.queues.enqueue_drain(connection_id, lane)
    elif drained.settled and is_catching_up(running.sync):
        running.queues.wake()  # there is room for the next slice
    return drained


def ring_soon(running: Running) -> None:
    """Hang up a bell for what comes due before the regular one."""
    times = (next_due_at(running.sync), next_review_at(running.sync))
    now = running.sync.clock.now()
    for when in times:
        if when is not None and now < when <= now + _SOON:
            running.queues.quietly(partial(running.scheduler.ring_at, when))


def _tell(running: Running, settled: Sequence[Settled]) -> None:
    if any(operation.came_home for operation in settled):
        running.queues.wake()  # no commit of the host's own rings for what we wrote to it
    for operation in settled:
        if operation.status == SUCCESS:
            signals.send(signals.client_synced, running.app, operation=operation)
        elif operation.status == FAILED:
            signals.send(signals.sync_failed, running.app, operation=operation)
