"""Why a client is in a CRM, or why not: for each connection of the account the record, or the rule that holds it back.

What the log says comes first, being what really happened; for a client that the log does not know, the rules are asked
as the engine would ask them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..host.bound import BindingFailure
from ..host.records import ClientRecord
from ..models import Change, Connection, Link
from ..models.change import CLIENT
from ..models.link import ACTIVE, TOMBSTONE
from ..models.operation import PENDING, SKIPPED, SUCCESS
from ..models.qualification import QUALIFIED
from . import reasons
from .connections import ConnectionView, connections
from .context import Sync
from .erased import has_erased, is_erased
from .held_up import reason_now
from .log import Entry, latest_entries
from .mapping.filters import Filter
from .mapping.known import known_of
from .mapping.rows import mapping_from_json
from .operations import CONTACT_KINDS
from .qualified import table as _judged
from .refusals import NotFound

SYNCED, WAITS, NOT_SYNCED = "synced", "waits", "not_synced"

ENTRIES = 50
"""How many of a client's newest entries are looked at."""

_links: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_changes: sa.Table = sa.inspect(Change).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a client stands with one CRM: `state` is synced, waits or not_synced.

    `reason` is the code of what holds it back, "" where nothing does; `since` says from when. `entry` is the newest
    entry about the client's record, if the log still has one. `record_id` and `record_url` lead to the record. `found`
    is what the client's conversations were found to be, where the CRM takes qualified clients only and any was judged.
    """

    connection: ConnectionView
    state: str
    reason: str = ""
    since: datetime | None = None
    record_id: str = ""
    record_url: str = ""
    entry: Entry | None = None
    found: Found | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The conversation of a client that says most: one that is qualified, else the one that was judged last.

    `once` tells whether any conversation of the client ever qualified.
    """

    conversation_id: str
    status: str
    criterion_name: str
    at: datetime
    once: bool


@dataclass(frozen=True, slots=True)
class Why:
    """A client and how it stands with each CRM. `client_name` is None where the host has no such client (any more)."""

    client_id: str
    client_name: str | None
    standings: tuple[Standing, ...]
    entries: tuple[Entry, ...]


def explain(sync: Sync, account_id: str, client_id: str) -> Why:
    """Return how a client stands with each CRM of its account.

    Raises NotFound where neither the host nor the log has such a client in this account.
    """
    entries, views = latest_entries(sync, account_id, client_id, limit=ENTRIES), connections(sync, account_id)
    with sync.database.read() as database:
        client, is_unread = _client(sync, database, account_id, client_id)
        links = _links_of(database, account_id, client_id)
        told = database.execute(_TOLD, {"of": client_id, "account": account_id}).one()
        is_new, erased = bool(told.is_new), bool(told.has_erased)
        erased = erased and is_erased(sync, database, account_id, **_identity(client, client_id))
        is_asked = any(view.settings.qualified_only for view in views)
        found = _found(database, account_id, client_id) if is_asked else {}
        away = _turned_away(sync, database, views, client) if client is not None else frozenset()
    if client is None and not is_unread and not entries:
        raise NotFound("There is no such client.")
    now = sync.clock.now()
    standings = tuple(
        _standing(
            _Case(
                view,
                client,
                links.get(view.id),
                _about(entries, view),
                is_new,
                now,
                found,
                view.id in away,
                erased,
                is_unread,
            )
        )
        for view in views
    )
    name = client.name if client else client_id if is_unread else None
    return Why(client_id, name, standings, entries)


@dataclass(frozen=True, slots=True)
class _Case:
    """What decides about one client and one connection."""

    connection: ConnectionView
    client: ClientRecord | None
    link: sa.Row[Any] | None
    entry: Entry | None
    is_new: bool
    now: datetime
    standings: Mapping[str, Found]
    is_filtered_out: bool
    is_erased: bool = False
    is_unread: bool = False

    @property
    def found(self) -> Found | None:
        """Return what the conversations were found to be, where that decides."""
        settings = self.connection.settings
        return self.standings.get(settings.criteria_set) if settings.qualified_only else None

    @property
    def unqualified(self) -> str:
        """Return the code of why the client is not taken, "" where it is, or every client is."""
        if not self.connection.settings.qualified_only or (self.found is not None and self.found.status == QUALIFIED):
            return ""
        once = self.found is not None and self.found.once
        return reasons.NO_LONGER_QUALIFIED if once else reasons.NOT_QUALIFIED

    def told(self, state: str, reason: str = "", since: datetime | None = None) -> Standing:
        link = self.link if self.link is not None and self.link.remote_id else None
        id, url = (link.remote_id, link.remote_url) if link is not None else ("", "")
        return Standing(self.connection, state, reason, since, id, url or "", self.entry, self.found)


def _standing(case: _Case) -> Standing:
    if case.link is not None and case.link.state == ACTIVE:
        return case.told(SYNCED, _open_matter(case), case.link.created_at)
    if case.link is not None and case.link.state == TOMBSTONE:
        return case.told(NOT_SYNCED, reasons.RECORD_DELETED_IN_CRM, case.link.updated_at)
    rule = _rule(case)
    if rule:
        return case.told(NOT_SYNCED, rule, case.entry.settled_at if case.entry and case.entry.reason == rule else None)
    return _by_log(case)


def _rule(case: _Case) -> str:
    """Return the code of what holds the client back as things stand now, "" where nothing does."""
    settings, client = case.connection.settings, case.client
    if not case.connection.is_connected:
        return reasons.NOT_CONNECTED
    if case.is_unread:
        return reasons.HOST_RECORD_UNREADABLE
    if client is None:
        return reasons.CLIENT_DELETED
    if case.is_erased:
        return reasons.ERASED
    if client.sensitive:
        return reasons.SENSITIVE_CLIENT
    if not (client.email.strip() or client.phone.strip()):
        return reasons.NO_CONTACT_DETAILS
    if not settings.enabled:
        return reasons.CONNECTION_DISABLED
    if not settings.sync_contacts:
        return reasons.CONTACTS_OFF
    return case.unqualified or (reasons.FILTERED_OUT if case.is_filtered_out else "")


def _by_log(case: _Case) -> Standing:
    """Nothing forbids it: what came of it, as the log knows."""
    entry = case.entry
    if entry is not None and entry.status == PENDING:
        return case.told(WAITS, _waits_for(case), entry.created_at)
    if case.is_new:
        return case.told(WAITS, reasons.NOT_LOOKED_AT)
    if entry is None or entry.status == SUCCESS or entry.reason in _OUTDATED:
        return case.told(NOT_SYNCED, reasons.NOT_CAPTURED)
    return case.told(NOT_SYNCED, entry.reason, entry.settled_at)


_OUTDATED = {
    *(reasons.NO_CONTACT_DETAILS, reasons.SENSITIVE_CLIENT, reasons.CONTACTS_OFF, reasons.CONNECTION_DISABLED),
    *(reasons.NOT_QUALIFIED, reasons.NO_LONGER_QUALIFIED, reasons.FILTERED_OUT),
}
"""Reasons of skipped entries that are told only while they still hold."""


def _open_matter(case: _Case) -> str:
    """Return what a client that is synced waits for, or why its last update failed; "" where all is well."""
    entry = case.entry
    if entry is None or entry.status in (SUCCESS, SKIPPED):
        return case.unqualified or (reasons.FILTERED_OUT if case.is_filtered_out else "")
    return _waits_for(case) if entry.status == PENDING else entry.reason


def _waits_for(case: _Case) -> str:
    return reason_now(case.entry, [case.connection], case.now) if case.entry is not None else ""


def _client(sync: Sync, database: sa.Connection, account_id: str, client_id: str) -> tuple[ClientRecord | None, bool]:
    """Return the account's client, and whether it has one that cannot be read."""
    found = sync.host.load_clients(database, [client_id]).get(client_id)
    if isinstance(found, BindingFailure):
        return None, sync.host.client_accounts(database, [client_id]).get(client_id) == account_id
    return (found if found is not None and found.account_id == account_id else None), False


def _turned_away(
    sync: Sync, database: sa.Connection, views: Sequence[ConnectionView], client: ClientRecord
) -> frozenset[UUID]:
    """Return the connections whose filter does not take a client."""
    away = set()
    for view in views:
        wanted = mapping_from_json(view.mapping).filter if view.mapping else Filter()
        if wanted:
            asking = {"account_id": view.account_id, "criteria_set": view.settings.criteria_set}
            seen = known_of(sync, database, asking, wanted, [client])
            away |= set() if wanted.takes(seen[client.id]) else {view.id}
    return frozenset(away)


def _identity(client: ClientRecord | None, client_id: str) -> dict[str, str]:
    addresses = {} if client is None else {"email": client.email, "phone": client.phone}
    return {"client_id": client_id, **addresses}


def _links_of(database: sa.Connection, account_id: str, client_id: str) -> Mapping[UUID, sa.Row[Any]]:
    own = sa.select(_connections.c.id).where(_connections.c.account_id == account_id)
    subject = sa.and_(_links.c.subject_type == CLIENT, _links.c.subject_id == client_id)
    rows = database.execute(sa.select(_links).where(_links.c.connection_id.in_(own), subject))
    return {row.connection_id: row for row in rows}


def _found(database: sa.Connection, account_id: str, client_id: str) -> Mapping[str, Found]:
    """Return by set which of the client's conversations says most about it."""
    rows = database.execute(_STANDINGS, {"of": client_id, "account": account_id}).all()
    once = {row.set_name for row in rows if row.ever_qualified_at is not None}
    best: dict[str, Found] = {}
    for row in rows:
        found = Found(row.conversation_id, row.status, row.criterion_name, row.updated_at, row.set_name in once)
        if row.set_name not in best or (row.status == QUALIFIED and best[row.set_name].status != QUALIFIED):
            best[row.set_name] = found
    return best


_STANDINGS = (
    sa.select(*(_judged.c[name] for name in ("set_name", "conversation_id", "status", "criterion_name", "updated_at")))
    .add_columns(_judged.c.ever_qualified_at)
    .where(_judged.c.client_id == sa.bindparam("of"), _judged.c.account_id == sa.bindparam("account"))
    .order_by(_judged.c.updated_at.desc(), _judged.c.id)
    .limit(ENTRIES)
)


def _about(entries: Sequence[Entry], view: ConnectionView) -> Entry | None:
    """Return the newest entry about the client's record on a connection."""
    own = (entry for entry in entries if entry.connection_id == view.id and entry.kind in CONTACT_KINDS)
    return next(own, None)


# The queue of changes is short but for bulk imports: its newest part answers for a client that somebody has edited.
_NEWEST = sa.select(_changes.c.subject_type, _changes.c.subject_id).order_by(_changes.c.id.desc()).limit(10_000)
_newest = _NEWEST.subquery()
_WAITING_CHANGE = sa.exists().where(_newest.c.subject_type == CLIENT, _newest.c.subject_id == sa.bindparam("of"))
_TOLD = sa.select(_WAITING_CHANGE.label("is_new"), has_erased(sa.bindparam("account")).label("has_erased"))
