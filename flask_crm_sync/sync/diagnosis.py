"""A diagnosis: everything that commonly goes wrong with a connection, each finding with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ..credentials.flows import flow_of, missing_keys, way_to_connect
from ..crm import registry
from ..crm.base import Finding
from ..errors import CRMSyncError, UnsupportedFeature
from ..models import Budget, Connection
from ..models.connection import NEEDS_ATTENTION
from .budget import RESERVE, budget_key
from .connections import ConnectionView, find_connection, own_words
from .context import Sync
from .reasons import explain
from .refusals import NotFound
from .status import COMMANDS, pulse
from .warm import open_adapter

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_budgets: sa.Table = sa.inspect(Budget).local_table  # type: ignore[assignment]

_CLOCKS_MAY_DIFFER = 30.0
_DAY = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One connection, and what was found, in the order in which it was looked at."""

    connection: ConnectionView
    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Tell whether nothing stands in the way of the sync; warnings and notes do not."""
        return all(finding.level != "problem" for finding in self.findings)


def diagnose(sync: Sync, account_id: str, crm: str) -> Diagnosis:
    """Look at a connection from all sides, without writing anything in the CRM or changing the connection's state.

    What cannot be looked at is a finding. Raises NotFound where the account has no such connection.
    """
    view = find_connection(sync, account_id, crm)
    row = _row(sync, view)
    if not view.is_connected or not row["credentials"]:
        raise NotFound(f"There is no connection to {crm} (any more).")
    findings = [*_state(view), *_in_the_crm(sync, row), *_set_up(sync, row), *_budget(sync, row), *_machine(sync)]
    return Diagnosis(view, tuple(findings))


def _row(sync: Sync, view: ConnectionView) -> sa.RowMapping:
    with sync.database.read() as database:
        return database.execute(sa.select(_connections).where(_connections.c.id == view.id)).mappings().one()


def _state(view: ConnectionView) -> Iterator[Finding]:
    if view.state == NEEDS_ATTENTION:
        why = explain(view.state_code)
        yield Finding("problem", "State", f"{why.says} {view.state_message}".strip(), why.advice)
    if view.paused:
        yield Finding(
            "note", "State", "The connection is paused, so its work waits.", "Resume it when it should go on."
        )
    if not view.settings.enabled:
        yield Finding("note", "State", "The sync is switched off for this connection.", "Switch it on in its settings.")
    if view.blocked_code and view.blocked_until is not None:
        why = explain(view.blocked_code)
        until = f"It rests until {view.blocked_until:%H:%M:%S} UTC."
        yield Finding("warning", "State", f"{why.says} {until}", why.advice)


def _in_the_crm(sync: Sync, row: sa.RowMapping) -> list[Finding]:
    """Have the adapter look; what keeps it from looking is a problem by itself."""
    try:
        adapter = open_adapter(sync, row)
        with closing(adapter.http):
            return list(adapter.diagnose())
    except CRMSyncError as error:
        words = own_words(error)
        says = f"{error} The CRM says: {words}" if words else str(error)
        return [Finding("problem", "Connection", says, error.advice)]


def _set_up(sync: Sync, row: sa.RowMapping) -> Iterator[Finding]:
    """Without the app's keys a sign-in can neither be renewed nor made anew."""
    if row["crm"] not in registry.adapters():
        return  # said by the adapter's part already
    adapter = registry.adapter_class(row["crm"])
    try:
        way = way_to_connect(adapter, row["auth_method"], sync.settings)
    except UnsupportedFeature:
        says = "The way in which this connection was made is offered no longer."
        yield Finding("problem", "Set-up", says, "Connect again, in one of the ways that are offered now.")
        return
    missing = missing_keys(adapter, sync.settings) if way.grant == "authorization_code" else ()
    if missing:
        says = f"The sign-in cannot be renewed without {', '.join(missing)}."
        yield Finding("problem", "Set-up", says, "Set them in this app's configuration and start it again.")


def _budget(sync: Sync, row: sa.RowMapping) -> Iterator[Finding]:
    told = _last_told(sync, row)
    if told is None or not told.daily_limit or told.daily_remaining is None:
        return
    says = f"{told.daily_remaining:,} of {told.daily_limit:,} calls were left today when the CRM last said."
    if told.daily_remaining >= told.daily_limit * RESERVE:
        yield Finding("good", "API budget", says)
    else:
        advice = "Look for other programs that use the same account in the CRM, or raise its limit there."
        yield Finding("warning", "API budget", says, advice)


def _last_told(sync: Sync, row: sa.RowMapping) -> sa.Row[Any] | None:
    """Return what the CRM's headers said in the last day; None where nothing is known."""
    try:
        adapter = registry.adapter_class(row["crm"])
        credentials = sync.open_credentials(row["id"], row["credentials"])
        key = budget_key(sync, row, credentials, flow_of(adapter, row["auth_method"], credentials, sync.settings))
    except CRMSyncError:
        return None  # said by the adapter's part already
    now = sync.database.now()
    recent = sa.and_(_budgets.c.token_digest == key, _budgets.c.daily_seen > now - _DAY)
    with sync.database.read() as database:
        return database.execute(sa.select(_budgets).where(recent)).first()


def _machine(sync: Sync) -> Iterator[Finding]:
    """Who works here, and whether the clocks agree: a token's end is reckoned by this machine's."""
    beats = pulse(sync)
    for kind in beats.silent():
        last = beats.last(kind)
        says = f"No {kind} since {last:%Y-%m-%d %H:%M} UTC." if last else f"No {kind} has run yet."
        yield Finding("problem", "Processes", says, f"Run `{COMMANDS[kind]}`.")
    if not beats.silent():
        yield Finding("good", "Processes", "A worker and the scheduler are at work.")
    apart = abs(sync.database.now() - sync.clock.now().timestamp())
    if apart > _CLOCKS_MAY_DIFFER:
        says = f"This machine's clock and the database's differ by {apart:,.0f} seconds."
        yield Finding("warning", "Clock", says, "Have both kept by a time service (NTP).")
