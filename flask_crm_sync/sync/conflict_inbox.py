"""The inbox of conflicts: what waits for a person, and a person's decisions, one by one or for all of a field.

A decision is for our value, for the CRM's, or for one that the person types; the sync carries it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from ..crm.registry import adapter_class
from ..errors import InvalidRecord
from ..host.records import ClientRecord
from ..host.writing import HostMoved, HostRefused, HostWriter, longest, writable_fields
from ..models import Conflict, Connection
from ..models.change import CLIENT
from ..models.conflict import DECIDED, OPEN, OURS, THEIRS, TYPED
from ..models.operation import LIVE, UPDATE
from . import audit
from .agreed import Digester
from .conflicts import remote_operation
from .context import Sync
from .links import load_links
from .mapping.applying import translated
from .mapping.coming_home import sources_at_home
from .mapping.rows import read_mapping
from .operations import owe
from .paging import Place, cut
from .refusals import ChoiceNotPossible, NotFound, ValueNotTaken
from .status import COUNT_TO

PAGE_SIZE = 25
"""Each is read from both sides when the page is opened."""
AT_ONCE = 500
"""Conflicts of one field that one decision settles at most."""

SIDES = (OURS, THEIRS)

_table: sa.Table = sa.inspect(Conflict).local_table  # type: ignore[assignment]
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class ConflictsPage:
    """A page of conflicts, newest first. `older` and `newer` are the numbers to go on from, None at either end."""

    conflicts: Sequence[sa.Row[Any]]
    older: int | None
    newer: int | None


def conflicts_page(
    sync: Sync, account_id: str, *, state: str = OPEN, place: Place | None = None, limit: int = PAGE_SIZE
) -> ConflictsPage:
    """Return an account's conflicts in one state, newest first."""
    place = place or Place()
    query = sa.select(_table).where(_table.c.account_id == account_id, _table.c.state == state)
    query = place.narrowed(query, _table.c.id).order_by(place.order(_table.c.id)).limit(limit + 1)
    with sync.database.read() as database:
        page = cut(database.execute(query).all(), place, limit)
    return ConflictsPage(page.rows, page.older, page.newer)


def open_conflicts(sync: Sync, account_id: str) -> dict[tuple[str, str], int]:
    """Count what waits for a person, by CRM and field; of each account the newest `COUNT_TO`."""
    waiting = sa.select(_table.c.crm, _table.c.field).where(_table.c.account_id == account_id, _table.c.state == OPEN)
    newest = waiting.order_by(_table.c.id.desc()).limit(COUNT_TO).subquery()
    counted = sa.select(newest.c.crm, newest.c.field, sa.func.count()).group_by(newest.c.crm, newest.c.field)
    with sync.database.read() as database:
        return {(crm, field): number for crm, field, number in database.execute(counted)}


def find_conflict(sync: Sync, account_id: str, conflict_id: int) -> sa.Row[Any]:
    """Return one conflict of an account; raise NotFound where the account has no such conflict."""
    query = sa.select(_table).where(_table.c.account_id == account_id, _table.c.id == conflict_id)
    with sync.database.read() as database:
        row = database.execute(query).first()
    if row is None:
        raise NotFound("There is no such conflict.")
    return row


def settle_conflict(
    sync: Sync, account_id: str, conflict_id: int, choice: str, *, value: str = "", by: str = ""
) -> None:
    """Decide for one side's value, or for a typed one; the client is owed to the connection at once.

    A typed value is written here in the same transaction, and goes to the CRM like any of ours. Raises NotFound,
    ValueNotTaken for one that this app or the CRM cannot hold, ChoiceNotPossible where somebody else was quicker.
    """
    if choice not in (*SIDES, TYPED):
        raise ChoiceNotPossible
    row, now = find_conflict(sync, account_id, conflict_id), sync.clock.now()
    with sync.database.write() as database:
        to = _connection(database, row)
        decided = {"state": DECIDED, "choice": choice, "user_id": by[:191], "decided_at": now}
        if choice == TYPED:
            decided["ours"] = _write_here(sync, database, to, row, value)
        still = sa.and_(_table.c.id == row.id, _table.c.state == OPEN)
        if not database.execute(_table.update().where(still).values(decided)).rowcount:
            raise ChoiceNotPossible
        owe(database, [remote_operation(to, row.client_id, lane=LIVE, now=now)])
        told = {"field": row.field, "choice": choice}
        own: Mapping[str, Any] = {"subject_type": CLIENT, "subject_id": row.client_id, "crm": row.crm}
        audit.record(database, account_id, audit.DECIDE, now=now, by=by, **own, after=told)


def settle_field(sync: Sync, account_id: str, crm: str, field: str, choice: str, *, by: str = "") -> int:
    """Decide for one side in the newest `AT_ONCE` open conflicts of a CRM's field; return how many they were.

    Raises ChoiceNotPossible for anything but a side.
    """
    if choice not in SIDES:
        raise ChoiceNotPossible
    same = sa.and_(_table.c.account_id == account_id, _table.c.state == OPEN, _table.c.crm == crm)
    newest = sa.select(_table).where(same, _table.c.field == field).order_by(_table.c.id.desc()).limit(AT_ONCE)
    now = sync.clock.now()
    with sync.database.write() as database:
        rows = database.execute(newest.with_for_update()).all()
        if not rows:
            return 0
        chosen = _table.c.id.in_([row.id for row in rows])
        decided = {"state": DECIDED, "choice": choice, "user_id": by[:191], "decided_at": now}
        database.execute(_table.update().where(chosen).values(decided))
        to = _connection(database, rows[0])
        clients = dict.fromkeys(row.client_id for row in rows)
        owe(database, [remote_operation(to, client, lane=UPDATE, now=now) for client in clients])
        told = {"field": field, "choice": choice, "conflicts": len(rows)}
        own: Mapping[str, Any] = {"subject_type": audit.CONNECTION, "subject_id": to["id"], "crm": crm}
        audit.record(database, account_id, audit.DECIDE, now=now, by=by, **own, after=told)
    return len(rows)


def _connection(database: sa.Connection, row: sa.Row[Any]) -> sa.RowMapping:
    own = sa.select(_connections).where(_connections.c.id == row.connection_id)
    return database.execute(own).mappings().one()


def _write_here(sync: Sync, database: sa.Connection, to: sa.RowMapping, row: sa.Row[Any], typed: str) -> str:
    """Set a typed value in the host; return its digest as the CRM's field."""
    adapter, value = adapter_class(row.crm), typed.strip()
    mapping = read_mapping(to)
    source = sources_at_home(adapter.fields, mapping).get(row.field, "")
    client = sync.host.load_clients(database, [row.client_id]).get(row.client_id)
    link = load_links(database, row.connection_id, CLIENT, [row.client_id]).get(row.client_id)
    if not isinstance(client, ClientRecord) or client.account_id != row.account_id or link is None:
        raise ChoiceNotPossible
    _check_room(sync, source, value)
    try:
        adapter.translate(replace(client, **dict[str, Any]({source: value})))
        after = HostWriter(sync.host, database, to["id"]).update(client, {source: value})
        ours = translated(adapter, mapping, after).get(row.field, "")
    except InvalidRecord as error:
        raise ValueNotTaken(error.fields.get(source) or str(error)) from None
    except HostRefused as refusal:
        raise ValueNotTaken(str(refusal)) from None
    except HostMoved:
        raise ChoiceNotPossible from None
    return Digester(sync.installation.digest_secret, link.id)(row.field, ours)


def _check_room(sync: Sync, source: str, value: str) -> None:
    if source not in writable_fields(sync.host):
        raise ValueNotTaken("This app has no such field that can be written.")
    room = longest(sync.host, source)
    if room is not None and len(value) > room:
        raise ValueNotTaken("It is longer than this app can hold.")
