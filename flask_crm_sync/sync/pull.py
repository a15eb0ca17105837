"""Looking at the CRM: webhooks' hints are read, its own list of changes is asked, and both become operations.

What is our own write coming back is told by its content, for a whole page at once, and owes nothing. The place in the
list is kept in the transaction that owes what it told: a look that fails begins where the last one ended.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ..crm.base import RemoteChange, RemoteRecord
from ..errors import CRMError, ReconnectRequired, RecordMissing, RejectedByCRM, UnsupportedFeature
from ..host.writing import writable_fields, writable_flags
from ..models import Connection, Delivery
from ..models.notice import NEEDS_ATTENTION
from ..models.operation import UPDATE
from .conflicts import remote_operation
from .drain import CONTACT, Drain
from .lease import LeaseLost
from .links import LinkState, load_by_record
from .mapping.coming_home import sources_at_home
from .mapping.rows import read_mapping
from .merge import FieldRule
from .newcomers import newcomer_operation
from .news import note
from .operations import owe
from .outgoing import rules_of
from .two_way import TwoWay, two_way_of

PAGES = 5
"""Pages of hints, and of changes, that one look takes: new leads wait no longer."""
DEFECT = "defect"
"""What stopped a look that met a defect: the app's own log tells which."""
_LEAST_REST = 60.0
"""Seconds until a look that failed is taken again."""

_log = logging.getLogger(__name__)
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_deliveries: sa.Table = sa.inspect(Delivery).local_table  # type: ignore[assignment]


def is_time_to_look(desk: Drain) -> bool:
    """Tell whether a two-way connection's CRM is to be looked at."""
    row = desk.connection
    return bool(row["two_way"]) and row["pull_at"] is not None and row["pull_at"] <= desk.now()


def look(desk: Drain) -> None:
    """Take in what the CRM told and tells; a trouble of the connection is left in `desk.trouble` for a person.

    A defect met on the way is logged, and keeps nothing else of the connection from its turn.
    """
    desk.meter.lane, lane = UPDATE, desk.meter.lane
    code, rest = "", timedelta(minutes=desk.sync.settings.poll_minutes)
    is_refused = False
    try:
        _take_hints(desk)
        more = _is_time_to_ask(desk) and _ask(desk)
        rest = timedelta() if more else rest
    except UnsupportedFeature:
        _log.debug("%s tells of no changes: its webhooks alone are used.", desk.connection["crm"])
    except CRMError as error:
        code, rest = error.code, timedelta(seconds=max(error.retry_after or 0.0, _LEAST_REST))
        desk.trouble = error if isinstance(error, ReconnectRequired) else None
        is_refused = isinstance(error, RejectedByCRM)
    except LeaseLost:
        raise
    except Exception:
        _log.exception("What changed in %s cannot be looked at; it is tried again.", desk.connection["crm"])
        code, rest = DEFECT, timedelta(seconds=_LEAST_REST)
    finally:
        desk.meter.lane = lane
    _rest(desk, rest, code, is_refused=is_refused)


def _is_time_to_ask(desk: Drain) -> bool:
    asked = desk.connection["polled_at"]
    pause = timedelta(minutes=desk.sync.settings.poll_minutes)
    return asked is None or asked + pause <= desk.now()


def _take_hints(desk: Drain) -> None:
    """Read the records that webhooks spoke of, as many as one look takes."""
    for _ in range(PAGES):
        with desk.sync.database.read() as database:
            hints = database.execute(_HINTS, {"of": desk.connection_id, "most": desk.adapter.batch_size}).all()
        if not hints:
            return
        at: dict[str, Any] = {}
        for hint in hints:
            at[hint.remote_id] = max(filter(None, (at.get(hint.remote_id), hint.happened_at)), default=None)
        _take_in(desk, _read(desk, _of_use(desk, at)), hints=[hint.id for hint in hints])


def _of_use(desk: Drain, at: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out records that stand for nobody here, where no client is made of them: reading them may be a call each.
    A merge is told of all its records.
    """
    if desk.connection["create_clients"]:
        return at
    with desk.sync.database.read() as database:
        links = load_by_record(database, desk.connection_id, CONTACT, at)
    return {record_id: when for record_id, when in at.items() if record_id in links}


def _read(desk: Drain, at: Mapping[str, Any]) -> list[RemoteChange]:
    changes = []
    for (record_id, when), outcome in zip(at.items(), desk.adapter.read(list(at)) if at else (), strict=True):
        if isinstance(outcome, RemoteRecord):
            moved = outcome.id if outcome.id != record_id else None
            what = "merged" if moved else "changed"
            changes.append(RemoteChange(record_id, what, when, outcome, moved))  # type: ignore[arg-type]
        elif isinstance(outcome, RecordMissing):
            changes.append(RemoteChange(record_id, "deleted", when))
        elif not outcome.whole_connection:  # its own entry in the log says why; the others go on
            changes.append(RemoteChange(record_id, "changed", when))
        else:
            raise outcome
    return changes


def _ask(desk: Drain) -> bool:
    """Ask the CRM for its changes, page by page; return whether more wait."""
    cursor = desk.connection["poll_cursor"] or ""
    for _ in range(PAGES):
        page = desk.adapter.changes_since(cursor)
        cursor = page.cursor
        place: dict[str, Any] = {"poll_cursor": cursor}
        if not page.more:
            place["polled_at"] = desk.now()
        _take_in(desk, page.changes, place=place)
        if not page.more:
            return False
    return True


def _take_in(
    desk: Drain, changes: Sequence[RemoteChange], *, hints: Sequence[int] = (), place: Mapping[str, Any] | None = None
) -> None:
    """Owe what the changes ask for, and keep how far we came, in one transaction."""
    now, both = desk.now(), two_way_of(desk.connection)
    coming = _coming_home(desk, both)
    with desk.sync.database.write() as database:
        desk.lease.renew(database, desk.sync.clock)
        ids = {id for change in changes for id in (change.record_id, change.became) if id}
        links = load_by_record(database, desk.connection_id, CONTACT, ids)
        rows, newcomers, echoes = {}, dict[str, dict[str, Any]](), 0
        for change in changes:
            change = _about_survivor(change, links)
            link = links.get(change.record_id)
            if link is None:
                newcomer = change.became or change.record_id
                if both.create_clients and change.what != "deleted" and newcomer not in links:
                    newcomers[newcomer] = newcomer_operation(desk.connection, newcomer, now)
                continue
            if _is_known(desk, change, link, coming):
                echoes += 1
                continue
            row = remote_operation(desk.connection, link.subject_id, lane=UPDATE, now=now)
            rows[link.subject_id] = {**row, "details": _told(change)}
        here = desk.sync.host.load_clients(database, rows) if rows else {}
        owe(database, [row for client_id, row in rows.items() if client_id in here])  # of who was deleted, nothing
        owe(database, list(newcomers.values()))
        if hints:
            used = _deliveries.update().where(_deliveries.c.id.in_(hints))
            database.execute(used.values(used_at=now))
        counted = {"pulled": _connections.c.pulled + len(changes), "echoes": _connections.c.echoes + echoes}
        own = _connections.update().where(_connections.c.id == desk.connection_id)
        database.execute(own.values({**counted, **(place or {})}))


def _about_survivor(change: RemoteChange, links: Mapping[str, LinkState]) -> RemoteChange:
    """Take a merge for an edit of its survivor where that is linked already, by a write of ours or by itself."""
    if change.became is None or change.record_id in links or change.became not in links:
        return change
    return replace(change, record_id=change.became, what="changed", became=None)


def _coming_home(desk: Drain, both: TwoWay) -> frozenset[str]:
    """Return the CRM's fields of which a change is news: those that come home, where the host can be written."""
    host, rules = desk.sync.host, rules_of(desk.connection, both.rules)
    sources = sources_at_home(desk.adapter.fields, read_mapping(desk.connection))
    written = writable_fields(host) | writable_flags(host)
    comes = (name for name in sources if rules.get(name, FieldRule()).direction in ("in", "both"))
    return frozenset(name for name in comes if sources[name] in written)


def _is_known(desk: Drain, change: RemoteChange, link: LinkState, coming: AbstractSet[str]) -> bool:
    """Tell by content whether a change is our own write, or was agreed already; a deletion that we know of is, too, and
    whatever becomes of a record that a merge of clients has left.
    """
    if not link.is_active:
        return change.what == "deleted" or link.is_left
    if change.what != "changed" or change.record is None or link.base is None:
        return False
    digest = desk.digester(link.id)
    for name in coming & change.record.values.keys():
        shown = digest(name, change.record.values[name])
        agreed = link.base.fields.get(name, ("", ""))[1]
        if shown != agreed and shown not in link.intents.get(name, ()):
            return False
    return link.base.version == desk.adapter.translation_version


def _told(change: RemoteChange) -> dict[str, Any]:
    at = {"at": change.at.isoformat()} if change.at is not None else {}
    return {"what": change.what, **at}


def _rest(desk: Drain, rest: timedelta, code: str, *, is_refused: bool) -> None:
    """Keep when the CRM is looked at next: at once where hints wait, be they left or new, and nothing went wrong."""
    with desk.sync.database.write() as database:
        desk.lease.renew(database, desk.sync.clock)
        waits = not code and database.execute(_HINTS, {"of": desk.connection_id, "most": 1}).first() is not None
        desk.looks_again = waits
        values = {"pull_at": desk.now() + (timedelta() if waits else rest), "pull_code": code}
        database.execute(_connections.update().where(_connections.c.id == desk.connection_id).values(values))
        if is_refused and code != desk.connection["pull_code"]:
            _tell(desk, database, code)


def _tell(desk: Drain, database: sa.Connection, code: str) -> None:
    """Tell people that the CRM says no more what changes there: edits may stay away, and nothing else shows it."""
    row, now = desk.connection, desk.now()
    once = f"{row['id']}\0look\0{code}\0{now.date().isoformat()}"
    note(database, row["account_id"], NEEDS_ATTENTION, once, now=now, crm=row["crm"], data={"code": code})


_HINTS = (
    sa.select(_deliveries.c.id, _deliveries.c.remote_id, _deliveries.c.happened_at)
    .where(_deliveries.c.connection_id == sa.bindparam("of"), _deliveries.c.used_at.is_(None))
    .order_by(_deliveries.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer()))
)
