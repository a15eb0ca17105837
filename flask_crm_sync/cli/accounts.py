"""The accounts' connections: connect, test-connection, doctor, status."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click
from flask import current_app

from .. import signals
from ..credentials.flows import way_to_connect
from ..crm import registry
from ..crm.base import Adapter, AuthMethod
from ..errors import CredentialsIncomplete, CRMError, SecretUnreadable, UnsupportedFeature
from ..host.accounts import knows_account
from ..host.reading import DEFAULT_ACCOUNT
from ..models.heartbeat import BELL, SCHEDULER, WORKER
from ..sync.connections import ConnectionView, connect_account, connections, test_connection
from ..sync.context import Sync
from ..sync.diagnosis import Diagnosis, diagnose
from ..sync.refusals import NotFound
from ..sync.status import COMMANDS, ConnectionStatus, Pulse, Status, status
from .group import Failure, crm_commands, here, json_option, print_json, words_of

_LONGEST_INPUT = 100_000
_OPERATOR = "command line"

REDIS_IS_AWAY = "Redis does not answer at CRM_SYNC_REDIS_URL: nothing is lost, but new leads wait for a bell. Start it."


@crm_commands.command("connect")
@click.argument("crm")
@click.option("--account", required=True, help="The account's id, as in the host's database.")
@click.option("--method", default="", help="How to connect, where the CRM offers several ways.")
@click.option("--token-stdin", is_flag=True, help="Read the credentials from standard input, one a line.")
@click.option("--replace", is_flag=True, help="Move to another account in the CRM, forgetting the links.")
@json_option
def connect_command(crm: str, account: str, method: str, token_stdin: bool, replace: bool, as_json: bool) -> None:
    """Connect an account to a CRM: test the credentials, then store them encrypted."""
    sync = here().sync
    adapter = registry.adapter_class(crm)
    way = way_to_connect(adapter, method or _first_typed_way(adapter, sync), sync.settings)
    if way.grant == "authorization_code":
        raise Failure("needs_browser", f"{way.label} needs a browser.", "Open the connection page and sign in there.")
    _expect_account(sync, account)
    typed = _from_stdin(way) if token_stdin else _asked(adapter, way)
    try:
        view = connect_account(sync, account, crm, way.name, typed, by=_OPERATOR, replace=replace)
    except CredentialsIncomplete as error:
        raise Failure(error.code, words_of(error), _order(way)) from None
    _tell_host(view)
    if as_json:
        return print_json({"ok": True, "connection": _connection_json(view)})
    click.echo(f"Connected: account {view.account_id} with {view.remote_label or view.label}.")
    for finding in view.findings:
        click.echo(f"  {finding}")
    return None


def _expect_account(sync: Sync, account: str) -> None:
    """Refuse an account that the host has not: nothing would ever be sent for it, and no page would show it."""
    with sync.database.read() as database:
        if knows_account(sync.host, database, account) is not False:
            return
    advice = "Write the id as the host's database has it."
    if not sync.host.has_accounts:
        advice = f"It has no tenants, so its one account is called {DEFAULT_ACCOUNT!r}."
    raise Failure(NotFound.code, f"The host has no account {account!r}.", advice)


@crm_commands.command("test-connection")
@click.option("--account", help="This account only.")
@click.option("--crm", help="This CRM only.")
@json_option
def test_connection_command(account: str | None, crm: str | None, as_json: bool) -> None:
    """Ask each CRM whether the stored credentials still work."""
    sync = here().sync
    results = [_tested(sync, view) for view in chosen_connections(sync, account, crm)]
    worked = all(result["ok"] for result in results)
    if as_json:
        print_json({"ok": worked, "connections": results})
    else:
        for result in results:
            click.echo(f"account {result['account']} · {result['crm']}: {result['message']}")
    if not worked:
        raise click.exceptions.Exit(1)


@crm_commands.command("doctor")
@click.option("--account", help="This account only.")
@click.option("--crm", help="This CRM only.")
@json_option
def doctor_command(account: str | None, crm: str | None, as_json: bool) -> None:
    """Look at each connection for everything that commonly goes wrong; exit with 1 where there is a problem."""
    running = here()
    known = chosen_connections(running.sync, account, crm, connected=True)
    found = [diagnose(running.sync, view.account_id, view.crm) for view in known]
    redis = running.queues.answers()
    well = redis and all(diagnosis.is_well for diagnosis in found)
    if as_json:
        print_json({"ok": well, "redis": redis, "connections": [_diagnosis_json(diagnosis) for diagnosis in found]})
    else:
        lines = [line for diagnosis in found for line in _diagnosis_lines(diagnosis)]
        click.echo("\n".join([*lines, *([] if redis else [REDIS_IS_AWAY])]))
    if not well:
        raise click.exceptions.Exit(1)


@crm_commands.command("status")
@click.option("--account", help="This account only.")
@json_option
def status_command(account: str | None, as_json: bool) -> None:
    """Show what waits, what failed, and who works."""
    running = here()
    if account is not None:
        chosen_connections(running.sync, account, None)
    now, redis = status(running.sync, account), running.queues.answers()
    if as_json:
        print_json({**_status_json(now), "redis": redis})
    else:
        click.echo("\n".join([*_status_lines(now), *([] if redis else [REDIS_IS_AWAY])]))


def chosen_connections(
    sync: Sync, account: str | None, crm: str | None, *, connected: bool = False
) -> list[ConnectionView]:
    """Return the connections that an operator named, also those that were disconnected; fail where there is none."""
    if crm is not None:
        registry.adapter_class(crm)
    views = [view for view in connections(sync, account, crm) if view.is_connected or not connected]
    if not views:
        who = f"Account {account!r} has" if account is not None else "There is"
        advice = "`flask crm status` lists those that there are; `flask crm connect`, or the pages, make one."
        raise Failure(NotFound.code, f"{who} no connection{f' to {crm}' if crm else ''}.", advice)
    return views


def _first_typed_way(adapter: type[Adapter], sync: Sync) -> str:
    """Return the first way to connect that needs no browser."""
    ways = adapter.ways(sync.settings)
    return next((way.name for way in ways if way.grant != "authorization_code"), ways[0].name)


def _from_stdin(way: AuthMethod) -> dict[str, str]:
    """Read one line for each field: a token never stands on a command line, which every process can read.

    Fields that may stay empty come last in every form, and their lines may be left out.
    """
    lines = [line.strip() for line in sys.stdin.read(_LONGEST_INPUT).splitlines() if line.strip()]
    needed = sum(not field.optional for field in way.fields)
    if not needed <= len(lines) <= len(way.fields):
        says = f"Standard input has {len(lines)} lines, not {len(way.fields)}."
        raise Failure(CredentialsIncomplete.code, says, _order(way))
    return {field.name: line for field, line in zip(way.fields, lines, strict=False)}


def _order(way: AuthMethod) -> str:
    """Say which lines are wanted; on a form, each stands beside its input."""
    return f"Write one line for each, in this order: {', '.join(field.label for field in way.fields)}."


def _asked(adapter: type[Adapter], way: AuthMethod) -> dict[str, str]:
    if not sys.stdin.isatty():
        raise Failure("credentials_incomplete", "There is no terminal to ask on.", "Use --token-stdin.")
    return {
        field.name: click.prompt(
            f"{adapter.label}: {field.label}",
            hide_input=field.secret,
            type=str,
            default="" if field.optional else None,
            show_default=False,
        )
        for field in way.fields
    }


def _tested(sync: Sync, view: ConnectionView) -> dict[str, Any]:
    result = {"account": view.account_id, "crm": view.crm}
    try:
        now = test_connection(sync, view.id)
    except (CRMError, SecretUnreadable, NotFound, UnsupportedFeature) as error:
        return result | {"ok": False, "code": error.code, "message": f"{words_of(error)} {error.advice}"}
    _tell_host(now)
    return result | {"ok": True, "code": "", "message": f"works ({now.remote_label or now.label})."}


def _tell_host(view: ConnectionView) -> None:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    signals.send(signals.connection_changed, app, connection=view)


def _diagnosis_json(diagnosis: Diagnosis) -> dict[str, Any]:
    view = diagnosis.connection
    findings = [asdict(finding) for finding in diagnosis.findings]
    return {"account": view.account_id, "crm": view.crm, "ok": diagnosis.is_well, "findings": findings}


def _diagnosis_lines(diagnosis: Diagnosis) -> list[str]:
    view = diagnosis.connection
    return [f"account {view.account_id} · {view.label}: {'well' if diagnosis.is_well else 'in trouble'}"] + [
        f"  {finding.level:<8}{finding.about}: {finding.says} {finding.advice}".rstrip()
        for finding in diagnosis.findings
    ]


def _connection_json(view: ConnectionView) -> dict[str, Any]:
    return {
        "account": view.account_id,
        "crm": view.crm,
        "state": view.state,
        "state_code": view.state_code,
        "paused": view.paused,
        "remote_account": view.remote_account_id,
        "remote_label": view.remote_label,
        "remote_user": view.remote_user,
        "blocked_until": view.blocked_until,
        "blocked_code": view.blocked_code,
        "last_success_at": view.last_success_at,
    }


def _status_json(now: Status) -> dict[str, Any]:
    return {
        "ok": True,
        "pending": now.pending,
        "failed": now.failed,
        "changes": now.changes,
        "connections": [_counted_json(one) for one in now.connections],
        "processes": {
            kind: {"alive": now.pulse.is_alive(kind), "last_seen_at": now.pulse.last(kind)}
            for kind in (WORKER, SCHEDULER, BELL)
        },
    }


def _counted_json(one: ConnectionStatus) -> dict[str, Any]:
    return _connection_json(one.connection) | {
        "pending": one.pending,
        "waiting": dict(one.waiting),
        "oldest_pending_at": one.oldest_pending_at,
        "failed": one.failed,
        "sent_in_24_hours": one.sent_lately,
    }


def _status_lines(now: Status) -> list[str]:
    lines = [line for one in now.connections for line in _connection_lines(one)]
    if not now.connections:
        lines.append("No account is connected yet: use `flask crm connect`, or the settings page.")
    if now.changes:
        lines.append(f"{now.changes} changes wait to be looked at.")
    return lines + silence_lines(now.pulse)


def _connection_lines(one: ConnectionStatus) -> list[str]:
    view = one.connection
    state = "paused" if view.paused else view.state.replace("_", " ")
    lines = [
        f"account {view.account_id} · {view.label}: {state}",
        f"  {one.pending} pending, {one.failed} failed, {one.sent_lately} sent in 24 hours",
    ]
    lines += [f"  {number} wait: {reason.replace('_', ' ')}" for reason, number in one.waiting.items() if reason]
    if view.blocked_code:
        lines.append(f"  rests until {view.blocked_until:%H:%M:%S} UTC ({view.blocked_code})")
    return lines


def silence_lines(pulse: Pulse) -> list[str]:
    """Return a line for each kind of process that should work and does not, with the command that starts it."""
    lines = []
    for kind in pulse.silent():
        last = pulse.last(kind)
        since = f"since {last:%Y-%m-%d %H:%M} UTC" if last else "yet"
        lines.append(f"No {kind} {since}: run `{COMMANDS[kind]}`.")
    return lines
