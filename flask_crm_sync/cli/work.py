"""Who does the work: worker, scheduler, and sync-now, which does it at once."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import click

from ..jobs.queue import QUEUE_NAMES
from ..jobs.running import Running
from ..jobs.schedule import Bellringer
from ..jobs.tasks import work_on
from ..jobs.worker import run_worker
from ..models.heartbeat import WORKER
from ..models.operation import FAILED, LANES, SKIPPED, SUCCESS
from ..sync.due import due_connections
from ..sync.now import sync_now
from ..sync.push import Drained
from ..sync.status import ConnectionStatus, pulse, status
from ..sync.waiting import due_count
from .accounts import REDIS_IS_AWAY, chosen_connections, silence_lines
from .group import crm_commands, here, json_option, print_json

_WAIT_FOR_OTHERS = 0.5
_LONGEST_REST = 60.0
"""Seconds for which a command waits until a limit of the CRM is over."""


def _lanes(_: click.Context, __: click.Parameter, value: str) -> list[int]:
    lane_of = {word: lane for lane, word in LANES.items()}
    words = [word.strip() for word in value.split(",")]
    unknown = [word for word in words if word not in lane_of]
    if unknown:
        raise click.BadParameter(f"{', '.join(map(repr, unknown))} is no lane; there are {', '.join(lane_of)}.")
    return [lane_of[word] for word in words]


@crm_commands.command("worker")
@click.option(
    "--queues",
    "lanes",
    default=",".join(LANES.values()),
    show_default=True,
    callback=_lanes,
    help="Lanes, the most urgent first.",
)
@click.option("--burst", is_flag=True, help="Stop when the queues are empty.")
def worker_command(lanes: Sequence[int], burst: bool) -> None:
    """Work until told to stop. Start as many as you like, on as many machines as you like."""
    running = here()
    click.echo(f"Working on {', '.join(QUEUE_NAMES[lane] for lane in lanes)}. Stop with Ctrl-C.", err=True)
    run_worker(running, lanes, burst=burst)


@crm_commands.command("scheduler")
def scheduler_command() -> None:
    """Ring the bell every minute, and when something comes due. One is enough; a second does no harm."""
    sync, queues = (running := here()).sync, running.queues
    ringer = Bellringer(sync.database, queues, sync.clock)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ringer.stop.set())
    click.echo("Ringing every minute. Stop with Ctrl-C.", err=True)
    ringer.run()


@crm_commands.command("sync-now")
@click.option("--account", help="This account only.")
@click.option("--crm", help="This CRM only.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Do the work here, or leave it to the workers.")
@json_option
def sync_now_command(account: str | None, crm: str | None, wait: bool, as_json: bool) -> None:
    """Look for changes that nobody told of, and send everything that can be sent now."""
    running = here()
    chosen = [view.id for view in chosen_connections(running.sync, account, crm)]
    due = sync_now(running.sync, account, crm)
    if not wait:
        return _left_to_workers(running, due, told=running.queues.wake(), as_json=as_json)
    settled = _worked_off(running, chosen, due, quiet=as_json)
    standing = [one for one in status(running.sync, account).connections if one.connection.id in chosen]
    stuck = [one for one in standing if _is_stuck(running, one)]
    _print_outcome(running, due, settled, stuck, as_json=as_json)
    if settled[FAILED] or stuck:
        raise click.exceptions.Exit(1)
    return None


def _left_to_workers(running: Running, due: int, *, told: bool, as_json: bool) -> None:
    seen = pulse(running.sync)
    if as_json:
        print_json({"ok": told and seen.is_alive(WORKER), "due": due, "told": told, "worker": seen.is_alive(WORKER)})
    else:
        click.echo(f"{due} operations are due; {'the workers have been told' if told else 'nobody could be told'}.")
        for line in [*([] if told else [REDIS_IS_AWAY]), *silence_lines(seen)]:
            click.echo(line, err=True)
    if not (told and seen.is_alive(WORKER)):
        raise click.exceptions.Exit(1)


def _worked_off(running: Running, chosen: Sequence[UUID], due: int, *, quiet: bool) -> Counter[str]:
    """Work until nothing of the chosen connections is due.

    Where another worker holds one, and where a limit of the CRM is over in a moment, it waits; what rests because the
    day's calls are kept for new leads is left.
    """
    settled: Counter[str] = Counter()
    if quiet or not sys.stderr.isatty():
        _work_off(running, chosen, settled, lambda left: None)
        return settled
    with click.progressbar(length=due, label="Syncing", file=sys.stderr) as bar:
        _work_off(running, chosen, settled, lambda left: bar.update(max(0, due - left - bar.pos)))
    return settled


def _work_off(running: Running, chosen: Sequence[UUID], settled: Counter[str], show: Callable[[int], Any]) -> None:
    worked: list[Drained] = []
    while (left := due_count(running.sync, chosen)) or _rested(running, worked):
        show(left)
        mine = [one for one in due_connections(running.sync) if one.connection_id in chosen]
        before, worked = worked, [work_on(running, one.connection_id, one.lane) for one in mine]
        settled.update(sum((drained.settled for drained in worked), Counter[str]()))
        if all(drained.busy for drained in worked):
            running.sync.clock.sleep(_WAIT_FOR_OTHERS)
        elif not any(drained.settled or drained.more for drained in worked) and not _rested(running, before):
            break  # what is due rests: the day's calls are kept for new leads
    show(0)


def _rested(running: Running, worked: Sequence[Drained]) -> bool:
    """Wait out a short rest of a connection that was getting on; tell whether there was one."""
    clock = running.sync.clock
    ends = [drained.blocked_until for drained in worked if drained.blocked_until is not None and drained.settled]
    rest = min(((end - clock.now()).total_seconds() for end in ends), default=_LONGEST_REST + 1)
    if rest > _LONGEST_REST:
        return False
    clock.sleep(max(0.0, rest))
    return True


def _is_stuck(running: Running, one: ConnectionStatus) -> bool:
    """Tell whether work waits for something other than its time: a person, the CRM, or the next day's calls."""
    view = one.connection
    if not one.pending:
        return False
    return view.paused or bool(view.state_code or view.blocked_code) or bool(due_count(running.sync, [view.id]))


def _why(one: ConnectionStatus) -> str:
    view = one.connection
    if view.paused:
        return "is paused"
    return (view.state_code or view.blocked_code or "the day's last calls are kept for new leads").replace("_", " ")


def _print_outcome(
    running: Running, due: int, settled: Counter[str], stuck: Sequence[ConnectionStatus], *, as_json: bool
) -> None:
    if as_json:
        counts = {status_: settled[status_] for status_ in (SUCCESS, FAILED, SKIPPED)}
        waits = [
            {"account": one.connection.account_id, "crm": one.connection.crm, "pending": one.pending} for one in stuck
        ]
        print_json({"ok": not (settled[FAILED] or stuck), "due": due, **counts, "stuck": waits})
        return
    click.echo(f"{due} were due: {settled[SUCCESS]} sent, {settled[SKIPPED]} skipped, {settled[FAILED]} failed.")
    for one in stuck:
        view = one.connection
        click.echo(f"account {view.account_id} · {view.label}: {one.pending} wait; {_why(one)}.", err=True)
    for line in silence_lines(pulse(running.sync)):
        click.echo(line, err=True)
