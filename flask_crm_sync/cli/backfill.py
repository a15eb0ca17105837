"""`flask crm backfill`: the clients who were here before the connection was, sent with a bar that shows how far."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click

from ..jobs.running import Running
from ..jobs.tasks import work_on
from ..sync.backfill import Estimate, begin_backfill, estimate, pause_backfill, resume_backfill
from ..sync.catch_up import catch_up
from ..sync.connections import ConnectionView, find_connection
from ..sync.progress import CATCH_UP, Progress, cancel, progress
from .group import Failure, crm_commands, here, json_option, print_json

_REST = 1.0
"""Seconds between two looks, while other workers or the CRM's limits have the word."""
_OPERATOR = "command line"


@crm_commands.command("backfill")
@click.option("--account", required=True, help="The account's id, as in the host's database.")
@click.option("--crm", required=True, help="The CRM to fill.")
@click.option("--notes", is_flag=True, help="Take the notes of past conversations along.")
@click.option("--estimate", "only_estimate", is_flag=True, help="Say what it would cost, and do nothing.")
@click.option("--pause", "deed", flag_value="pause", help="Let the backfill that is under way rest.")
@click.option("--resume", "deed", flag_value="resume", help="Go on with one that rests.")
@click.option("--cancel", "deed", flag_value="cancel", help="Stop it; what was sent stays sent.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Work here until the end, or leave it to jobs.")
@json_option
def backfill_command(
    account: str, crm: str, notes: bool, only_estimate: bool, deed: str | None, wait: bool, as_json: bool
) -> None:
    """Send the clients who were here before the connection, the newest first. Ctrl-C leaves the rest to the workers."""
    running = here()
    known = find_connection(running.sync, account, crm)
    cost = None
    if only_estimate or deed is None:
        cost = estimate(running.sync, account, crm, in_full=True)
        _say(as_json, _cost_line(known, cost))
    if not only_estimate:
        _do(running, known, deed, notes=notes)
        if wait and deed in (None, "resume"):
            _follow(running, known, quiet=as_json)
    _tell(running, known, cost, as_json=as_json)


def _do(running: Running, known: ConnectionView, deed: str | None, *, notes: bool) -> None:
    sync, whose = running.sync, (known.account_id, known.crm)
    if deed == "cancel":
        cancel(sync, *whose, by=_OPERATOR)
    elif deed in ("pause", "resume"):
        switch = pause_backfill if deed == "pause" else resume_backfill
        if not switch(sync, *whose, by=_OPERATOR):
            raise Failure("no_backfill", f"There is no backfill to {deed}.", "See `flask crm status`.")
    else:
        begin_backfill(sync, *whose, notes=notes, by=_OPERATOR)
    running.queues.wake()


def _follow(running: Running, known: ConnectionView, *, quiet: bool) -> None:
    """Do the work here, beside whoever else does, until the run is over or rests."""
    if quiet or not sys.stderr.isatty():
        while _goes_on(_stepped(running, known)):
            pass
        return
    with click.progressbar(length=100, label=f"Backfill of {known.label}", file=sys.stderr) as bar:
        while _goes_on(seen := _stepped(running, known)):
            bar.label = f"Backfill of {known.label}: {_pace(seen)}"
            bar.update(seen.percent - bar.pos if seen else 0)
        bar.update(100 - bar.pos)


def _goes_on(seen: Progress | None) -> bool:
    return seen is not None and not (seen.is_over or seen.paused or seen.cancelled)


def _stepped(running: Running, known: ConnectionView) -> Progress | None:
    """Owe what there is room for, work on it, and return how far the run is."""
    catch_up(running.sync)
    drained = work_on(running, known.id)
    seen = progress(running.sync, known.id)
    if not drained.settled and _goes_on(seen):
        _expect_work(running, known)
        running.sync.clock.sleep(_REST)
    return seen


def _expect_work(running: Running, known: ConnectionView) -> None:
    """Fail where nothing will move until a person has done something."""
    now = find_connection(running.sync, known.account_id, known.crm)
    if now.paused or now.state_code or not now.settings.enabled:
        why = now.state_code or ("connection_paused" if now.paused else "connection_disabled")
        raise Failure(why, "The connection does not work at present; the backfill waits.", "Nothing of it is lost.")


def _pace(seen: Progress | None) -> str:
    if seen is None or seen.seconds_left is None:
        return "begins"
    return f"{seen.done} of {seen.total}, {seen.per_minute:.0f} a minute, {_length(seen.seconds_left)} left"


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _cost_line(known: ConnectionView, cost: Estimate) -> str:
    told = f"{cost.clients} clients are not in {known.label} yet: {cost.calls} calls at least"
    return f"{told}, {_length(cost.seconds)} at the fastest that its limits allow."


def _say(as_json: bool, line: str) -> None:
    if not as_json:
        click.echo(line, err=True)


def _tell(running: Running, known: ConnectionView, cost: Estimate | None, *, as_json: bool) -> None:
    seen = progress(running.sync, known.id)
    seen = seen if seen is not None and seen.what == CATCH_UP else None
    if as_json:
        told: dict[str, Any] = {"ok": True, "account": known.account_id, "crm": known.crm}
        return print_json({**told, "estimate": asdict(cost) if cost else None, "progress": _json(seen)})
    if seen is None:
        return click.echo("No backfill is under way.")
    state = "stopped" if seen.cancelled else "rests" if seen.paused else "done" if seen.is_over else "goes on in jobs"
    click.echo(f"{seen.done} of {seen.total} clients: {state}.")
    return None


def _json(seen: Progress | None) -> dict[str, Any] | None:
    if seen is None:
        return None
    counted = {"done": seen.done, "total": seen.total, "percent": seen.percent, "a_minute": round(seen.per_minute, 1)}
    state = {"over": seen.is_over, "paused": seen.paused, "cancelled": seen.cancelled}
    return {**counted, "seconds_left": seen.seconds_left, **state}
