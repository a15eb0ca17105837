"""Carrying it out: former values are written back where the field still holds what we wrote over them.

The three-way rule holds here too: whoever changed the field since, a person in the CRM or the platform by a later
write, keeps that. Afterwards both sides agree to differ: nothing is written again until one of them moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from ..crm.base import RemoteRecord, Write, Written
from ..crm.texts import unfit
from ..errors import CRMError, RecordMissing, SecretUnreadable
from ..models.change import CLIENT
from ..models.operation import SKIPPED, SUCCESS
from ..models.undo import CHANGED, KEPT, RETURNED
from . import reasons
from .agreed import Base, with_intent
from .claim import Claimed
from .drain import CONTACT, Drain, alone
from .links import LinkState, load_links, save_links
from .outgoing import manners_of
from .overwritten import table, value_place
from .plan import Left
from .retry import Verdict, skipped, succeeded
from .steps import Step, reach

LEFT = "changed since; it stays as it is"


@dataclass(slots=True)
class PutBackItem:
    """One client's fields on their way back. `rows` are what was kept, by field, oldest first."""

    operation: Claimed
    link: LinkState | None
    rows: Mapping[str, Sequence[sa.Row[Any]]]
    record: RemoteRecord | None = None
    writes: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    verdict: Verdict | None = None
    unanswered: dict[str, list[str]] | None = None
    """The intents of earlier writes, once this one's are noted beside them."""


def push_put_backs(drain: Drain, batch: Sequence[Claimed]) -> tuple[list[PutBackItem], dict[int, Verdict]]:
    """Bring a batch to a verdict each; return the items for `settle_put_backs` as well."""
    items = _load(drain, batch)
    reach(Step.LOADED)
    _read(drain, [item for item in items if item.link is not None and item.link.is_active and item.rows])
    reach(Step.CRM_READ)
    for item in items:
        _choose(drain, item)
    _write(drain, [item for item in items if item.verdict is None and item.writes])
    reach(Step.CRM_WRITTEN)
    for item in items:
        item.verdict = item.verdict or _done(item)
    return items, {item.operation.id: item.verdict for item in items if item.verdict is not None}


def settle_put_backs(drain: Drain, database: sa.Connection, items: Sequence[PutBackItem]) -> None:
    """Write down what became of each value, and that both sides agree to differ, in the settling transaction."""
    for item in items:
        _take_intents_back(drain, database, item)
        if item.verdict is None or item.verdict.status not in (SUCCESS, SKIPPED):
            continue  # tried again by itself, or by a person
        for state, names in ((RETURNED, item.writes), (CHANGED, item.left)):
            _mark(database, item, names, {"state": state, "settled_at": drain.now()})
        if item.record is None:
            _mark(database, item, item.rows, {"put_back_by": None})  # it can be asked for again
        if item.verdict.details and item.link is not None:
            _agree_to_differ(drain, item)
            save_links(database, drain.connection_id, CLIENT, CONTACT, [item.link], drain.now())


def _take_intents_back(drain: Drain, database: sa.Connection, item: PutBackItem) -> None:
    """Forget what was noted of a write that has its answer."""
    if item.link is None or item.unanswered is None or item.verdict is None or item.verdict.unknown:
        return
    item.link.intents = item.unanswered
    save_links(database, drain.connection_id, CLIENT, CONTACT, [item.link], drain.now())


def _mark(database: sa.Connection, item: PutBackItem, names: Iterable[str], values: Mapping[str, Any]) -> None:
    ids = [row.id for name in names for row in item.rows[name]]
    if ids:
        database.execute(table.update().where(table.c.id.in_(ids)).values(dict(values)))


def _load(drain: Drain, batch: Sequence[Claimed]) -> list[PutBackItem]:
    with drain.sync.database.read() as database:
        links = load_links(database, drain.connection_id, CLIENT, [one.subject_id for one in batch])
        given = {"of": drain.connection_id, "clients": [one.subject_id for one in batch]}
        rows = database.execute(_ASKED_FOR, given).all()
    kept: dict[str, dict[str, list[sa.Row[Any]]]] = {}
    for row in rows:
        kept.setdefault(row.client_id, {}).setdefault(row.field, []).append(row)
    return [PutBackItem(one, links.get(one.subject_id), kept.get(one.subject_id, {})) for one in batch]


def _read(drain: Drain, items: Sequence[PutBackItem]) -> None:
    if not items:
        return
    outcomes = drain.adapter.read([item.link.remote_id or "" for item in items if item.link is not None])
    for item, outcome in zip(items, outcomes, strict=True):
        if isinstance(outcome, RemoteRecord):
            item.record = outcome
        elif not isinstance(outcome, RecordMissing):
            item.verdict = drain.judged(item.operation, outcome, alone=alone(items))


def _choose(drain: Drain, item: PutBackItem) -> None:
    """Sort the fields: those that hold what we wrote go back; the others stay, and so does a person's refusal."""
    if item.verdict is not None or item.record is None or item.link is None:
        return
    digest, manners = drain.digester(item.link.id), manners_of(drain.connection)
    for name, rows in item.rows.items():
        shown = item.record.values.get(name, "")
        before = _opened(drain, rows[0])
        if before is None or unfit(before) or name in item.record.lacks:
            item.left[name] = LEFT
        elif name in manners and manners[name].strict not in ("", before):
            item.left[name] = Left.STRICTER
        elif shown == before or _is_ours(item.link.base, name, rows[-1].sent, digest(name, shown)):
            item.writes[name] = before
        else:
            item.left[name] = LEFT


def _is_ours(base: Base | None, name: str, sent: str, shown: str) -> bool:
    """Tell whether a field holds what we wrote last, as we sent it or in the form that the CRM gave it."""
    agreed = base.fields.get(name, ("", "")) if base is not None else ("", "")
    return shown == sent or agreed == (sent, shown)


def _opened(drain: Drain, row: sa.Row[Any]) -> str | None:
    try:
        return drain.sync.vault.open(row.sealed, value_place(row.id))
    except SecretUnreadable:
        return None  # its key is gone, and the value with it


def _write(drain: Drain, items: Sequence[PutBackItem]) -> None:
    if not items:
        return
    writes = [
        Write(item.link.key, item.writes, item.record.id)
        for item in items
        if item.link is not None and item.record is not None
    ]
    _propose(drain, [(item, item.link) for item in items if item.link is not None])
    reach(Step.PROPOSED)
    for item, outcome in zip(items, drain.adapter.upsert(writes), strict=True):
        if isinstance(outcome, Written):
            _returned(item, outcome)
        else:
            assert isinstance(outcome, CRMError)
            item.verdict = drain.judged(item.operation, outcome, alone=alone(items))


def _propose(drain: Drain, items: Sequence[tuple[PutBackItem, LinkState]]) -> None:
    """Write down what will be sent, before it is: whoever meets it without our answer must not take it for an edit."""
    for item, link in items:
        item.unanswered = link.intents
        link.intents = with_intent(link.intents, item.writes, drain.digester(link.id))
    with drain.sync.database.write() as database:
        drain.lease.renew(database, drain.sync.clock)
        save_links(database, drain.connection_id, CLIENT, CONTACT, [link for _, link in items], drain.now())
        reach(Step.PROPOSING)


def _returned(item: PutBackItem, written: Written) -> None:
    assert item.record is not None
    merged = {**item.record.values, **item.writes, **written.record.values}
    item.record = RemoteRecord(written.record.id, merged, written.record.url)
    for name in written.refused:
        if item.writes.pop(name, None) is not None:
            item.left[name] = LEFT


def _done(item: PutBackItem) -> Verdict:
    if item.record is None:
        return skipped(reasons.RECORD_DELETED_IN_CRM if item.rows else reasons.NOTHING_TO_CHANGE)
    told: dict[str, Any] = {"written": list(item.writes)} if item.writes else {}
    if item.left:
        told["left"] = {name: str(why) for name, why in item.left.items()}
    where = {"remote_id": item.record.id, "remote_url": item.record.url}
    if item.writes:
        return succeeded(details=told, **where)
    return skipped(reasons.CHANGED_SINCE, details=told or None, **where)


def _agree_to_differ(drain: Drain, item: PutBackItem) -> None:
    """Ours stays what we sent, theirs is what is there again: neither has moved."""
    if item.link is None or item.link.base is None or item.record is None:
        return
    digest, fields = drain.digester(item.link.id), dict(item.link.base.fields)
    for name in item.writes:
        if name in fields:
            fields[name] = (fields[name][0], digest(name, item.record.values.get(name, "")))
    item.link.base = Base(item.link.base.version, fields)


# All that is owed to a client, whichever operation it was asked with: one may have handed on its work to the next.
_ASKED_FOR = (
    sa.select(table)
    .where(
        table.c.connection_id == sa.bindparam("of"),
        table.c.client_id.in_(sa.bindparam("clients", expanding=True)),
        table.c.put_back_by.is_not(None),
        table.c.state == KEPT,
    )
    .order_by(table.c.written_at, table.c.operation_id)
)
