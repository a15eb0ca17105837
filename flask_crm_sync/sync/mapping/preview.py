"""What would be written for a client, beside what is there now, and the calls it would cost. Nothing is written.

A preview takes the way of a drain as far as the merge: the same rules, the same reading of the CRM, the same merge. It
holds no lease and settles nothing; its calls come out of the budget that all workers share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import sqlalchemy as sa

from ...clock import Clock
from ...credentials.flows import flow_of
from ...crm.base import Adapter
from ...crm.http import Allowance
from ...crm.registry import adapter_class
from ...models import Connection, Link
from ...models.change import CLIENT
from ...models.link import ACTIVE, TOMBSTONE
from ...models.operation import FULL_BATCH, LIVE, UPDATE, UPDATE_CONTACT
from ..budget import SharedMeter, budget_key
from ..claim import Claimed
from ..contact_items import ContactItem
from ..contacts import plan_contacts
from ..context import Sync
from ..drain import Drain
from ..erased import HAS_ERASED
from ..lease import Lease
from ..qualified import held_back
from ..reach import own_only, page_of_clients
from ..refusals import NotFound
from ..retry import Verdict
from ..warm import open_adapter
from .applying import unfit
from .rows import FieldMapping, read_mapping
from .schema import connection_row
from .turning_away import filtered_out

SAMPLE = 20
"""Clients on whom a changed mapping, or a backfill, is tried."""
_LOOKED_AT = 500
"""How many of the newest clients are asked for one that no record stands for."""

What = Literal["write", "home", "left", "same"]

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_links: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class PreviewField:
    """One field: what this app has for it, what the CRM's record holds, what becomes of it and, if it is left, why."""

    name: str
    label: str
    ours: str
    theirs: str
    what: What
    why: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What sending one client would come to.

    `outcome` is create, update, nothing (both sides agree already), or not_sent; then `reason` is the code of the log
    and `message` says more where there is more. `calls` is what it costs in calls to the CRM, of which `reads` were
    made for the preview itself.
    """

    client_id: str
    outcome: Literal["create", "update", "nothing", "not_sent"]
    fields: tuple[PreviewField, ...] = ()
    reason: str = ""
    message: str = ""
    record_id: str = ""
    record_url: str = ""
    reads: int = 0
    calls: int = 0

    def field(self, name: str) -> PreviewField | None:
        """Return what becomes of one field."""
        return next((one for one in self.fields if one.name == name), None)


@dataclass(frozen=True, slots=True)
class Sample:
    """What sending some clients would do; `calls` is what writing these would cost."""

    previews: tuple[Preview, ...]
    reads: int
    calls: int


def preview_client(
    sync: Sync, account_id: str, crm: str, client_id: str, mapping: FieldMapping | None = None
) -> Preview:
    """Return what sending a client would come to now, or by another mapping, which has been checked.

    Raises NotFound where the account has no such client or connection, CRMSyncError where the CRM cannot be asked.
    """
    with sync.database.read() as database:
        found = sync.host.client_accounts(database, [client_id])
    if found.get(client_id) != account_id:
        raise NotFound("There is no such client.")
    (preview,) = _previews(sync, account_id, crm, [client_id], mapping).previews
    return preview


def preview_sample(sync: Sync, account_id: str, crm: str, mapping: FieldMapping, *, most: int = SAMPLE) -> Sample:
    """Return what another mapping, which has been checked, would do to some of the linked clients; raise as above."""
    with sync.database.read() as database:
        own = _links.c.connection_id == connection_row(database, account_id, crm)["id"]
        linked = sa.and_(own, _links.c.subject_type == CLIENT, _links.c.state == ACTIVE)
        newest = sa.select(_links.c.subject_id).where(linked).order_by(_links.c.subject_id.desc()).limit(most)
        ids = list(database.execute(newest).scalars())
    return _previews(sync, account_id, crm, ids, mapping)


def preview_newest(sync: Sync, account_id: str, crm: str, *, most: int = SAMPLE) -> Sample:
    """Return what a backfill would do to some of the newest clients that no record stands for; raise as above."""
    with sync.database.read() as database:
        connection_id = connection_row(database, account_id, crm)["id"]
        newest = page_of_clients(sync, database, account_id, "", _LOOKED_AT)
        ids = [client.id for client in own_only(sync, database, account_id, newest)]
        decided = (_links.c.subject_type == CLIENT, _links.c.state.in_((ACTIVE, TOMBSTONE)))
        known = sa.select(_links.c.subject_id).where(_links.c.connection_id == connection_id, *decided)
        there = set(database.execute(known.where(_links.c.subject_id.in_(ids))).scalars())
    return _previews(sync, account_id, crm, [id for id in ids if id not in there][:most], None)


class _NoLease(Lease):
    """Stands where a drain has its lease: it holds nothing, and so covers what only reads."""

    def covers(self, seconds: float, clock: Clock) -> bool:
        return True

    def renew(self, connection: sa.Connection, clock: Clock) -> None:
        """There is nothing to hold."""


@dataclass
class _Counter:
    """Counts an adapter's calls, each taken from the budget that all workers share (crm.http.Meter)."""

    budget: SharedMeter
    spent: list[str] = field(default_factory=list)

    def spend(self, kind: str) -> None:
        self.budget.spend(kind)
        self.spent.append(kind)

    def learn(self, allowance: Allowance) -> None:
        self.budget.learn(allowance)


def _previews(sync: Sync, account_id: str, crm: str, client_ids: Sequence[str], mapping: FieldMapping | None) -> Sample:
    if not client_ids:
        return Sample((), 0, 0)
    with _looking(sync, account_id, crm, mapping) as (drain, counter):
        batch = [_asked(sync, drain, number, client_id) for number, client_id in enumerate(client_ids)]
        verdicts = held_back(drain, batch)
        verdicts |= filtered_out(drain, [one for one in batch if one.id not in verdicts])
        items, ended = plan_contacts(drain, [one for one in batch if one.id not in verdicts])
        verdicts |= ended
        by_id = {item.operation.id: item for item in items}
        reads = len(counter.spent)
        found = [_preview(drain, one, by_id.get(one.id), verdicts.get(one.id), reads) for one in batch]
        writes = sum(one.outcome in ("create", "update") for one in found)
        return Sample(tuple(found), reads, reads + _writing(drain.adapter, writes))


@contextmanager
def _looking(sync: Sync, account_id: str, crm: str, mapping: FieldMapping | None) -> Iterator[tuple[Drain, _Counter]]:
    """Hold what a drain holds, but no lease: whatever would settle or write with it finds that it is not ours."""
    with sync.database.read() as database:
        connection_id = connection_row(database, account_id, crm)["id"]
        query = sa.select(_connections, HAS_ERASED).where(_connections.c.id == connection_id)
        row: Mapping[Any, Any] = database.execute(query).mappings().one()
    if mapping is not None:
        row = {**row, "mapping": mapping.to_json()}
    adapter, lease = open_adapter(sync, row), _NoLease(row["id"], -1, 0.0, 0.0)
    with closing(adapter.http):
        meter = SharedMeter.make(sync, _budget_of(sync, row), lease, adapter)
        meter.lane = UPDATE  # new leads keep their reserve
        adapter.http.meter = counter = _Counter(meter)
        yield Drain(sync, lease, cast(sa.RowMapping, row), adapter, meter), counter
        with sync.database.write() as database:
            meter.give_back(database)


def _budget_of(sync: Sync, row: Mapping[Any, Any]) -> str:
    credentials = sync.open_credentials(row["id"], row["credentials"])
    flow = flow_of(adapter_class(row["crm"]), row["auth_method"], credentials, sync.settings)
    return budget_key(sync, row, credentials, flow)


def _asked(sync: Sync, drain: Drain, number: int, client_id: str) -> Claimed:
    """Return an operation that nobody owes."""
    row, now = drain.connection, sync.clock.now()
    about = (row["account_id"], row["crm"], UPDATE_CONTACT, LIVE, CLIENT, client_id, client_id)
    return Claimed(row["id"], -1 - number, *about, 1, 0, FULL_BATCH, False, 0.0, None, None, now)


def _preview(
    drain: Drain, operation: Claimed, item: ContactItem | None, verdict: Verdict | None, reads: int
) -> Preview:
    verdict = verdict or (item.verdict if item is not None else None)
    if verdict is not None or item is None:
        return _not_sent(operation, verdict, reads)
    fields = tuple(_fields(drain, item))
    writes = any(one.what == "write" for one in fields)
    outcome: Any = "create" if item.record is None else "update" if writes else "nothing"
    calls = reads + (_writing(drain.adapter, 1) if outcome != "nothing" else 0)
    record_id, url = (item.record.id, item.record.url) if item.record is not None else ("", "")
    return Preview(operation.client_id, outcome, fields, record_id=record_id, record_url=url, reads=reads, calls=calls)


def _not_sent(operation: Claimed, verdict: Verdict | None, reads: int) -> Preview:
    reason, message = (verdict.reason, verdict.message) if verdict is not None else ("", "")
    details = verdict.details if verdict is not None and verdict.details else {}
    wrong = details.get("fields")
    said = wrong.items() if isinstance(wrong, Mapping) else ()
    fields = tuple(PreviewField(name, name, "", "", "left", str(fault)) for name, fault in said)
    return Preview(operation.client_id, "not_sent", fields, reason, message, reads=reads, calls=reads)


def _fields(drain: Drain, item: ContactItem) -> Iterator[PreviewField]:
    adapter = drain.adapter
    labels = {spec.name: spec.label for spec in adapter.fields} | {one.name: one.label for one in adapter.further}
    theirs = item.record.values if item.record is not None else {}
    for name, mine in item.ours.items():
        other = theirs.get(name, "")
        what, value, why = _becomes(item, name, mine, other)
        yield PreviewField(name, labels.get(name, name), value, other, what, why)
    for name, fault in unfit(read_mapping(drain.connection), item.client, item.ours).items():
        yield PreviewField(name, labels.get(name, name), "", theirs.get(name, ""), "left", fault)


def _becomes(item: ContactItem, name: str, mine: str, other: str) -> tuple[What, str, str]:
    plan = item.plan
    if name in plan.writes:
        return "write", plan.writes[name], ""
    if name in plan.brings:
        return "home", mine, ""
    if mine == other or (not mine and item.record is None):
        return "same", mine, ""
    return "left", mine, str(plan.left.get(name, ""))


def _writing(adapter: Adapter, records: int) -> int:
    """Return the calls that writing records takes."""
    return -(-records // (adapter.records_a_write or adapter.batch_size))
