"""Carrying erasures out: find the record and its notes, have the CRM remove them, and write the receipt.

Removing twice does no harm, so that an answer which got lost is simply asked for again; links and receipts change in
the transaction that settles the operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..crm.base import Erased, Lookup
from ..errors import CRMError, RecordMissing, UnsupportedFeature
from ..models import Erasure, Receipt
from ..models.change import CLIENT
from ..models.operation import PENDING, SUCCESS
from . import reasons
from .claim import Claimed
from .drain import Drain, alone
from .erasure import BY_HAND, NOTHING
from .forgetting import clear_erasures, clear_log, forget_links, note_links
from .handed_on import take_names_anew
from .links import LinkState, load_links
from .qualified import PAST
from .retry import Verdict, succeeded
from .steps import Step, reach

_erasures: sa.Table = sa.inspect(Erasure).local_table  # type: ignore[assignment]
_receipts: sa.Table = sa.inspect(Receipt).local_table  # type: ignore[assignment]

NO_WAY = "This CRM lets no app remove a person. Remove the record and its notes there by hand."
NO_RECORD = "This CRM had no record of the person from us."
UNSURE = "An earlier write got no answer, and what it left cannot be looked up: search for the person there by hand."


@dataclass(slots=True)
class ErasureItem:
    """One person on the way out of one CRM. `done` holds what it came to, a record each."""

    operation: Claimed
    link: LinkState | None
    notes: dict[UUID, str]
    """The links of the person's notes, and the notes' ids in the CRM."""
    records: dict[str, str] = field(default_factory=dict)
    """Ids of the records and their addresses."""
    done: list[Erased] = field(default_factory=list)
    verdict: Verdict | None = None

    @property
    def maybe_created(self) -> bool:
        """Tell whether an unanswered write may have made a record that no link names."""
        return self.link is not None and not self.link.remote_id and bool(self.link.intents)


def push_erasures(drain: Drain, batch: Sequence[Claimed]) -> tuple[list[ErasureItem], dict[int, Verdict]]:
    """Bring a batch of erasures to a verdict each; return them for `settle_erasures` as well."""
    items = _load(drain, batch)
    reach(Step.LOADED)
    for item in items:
        _let_rest(drain, item)
    _look_for(drain, [item for item in items if item.verdict is None and item.maybe_created])
    reach(Step.CRM_READ)
    _erase(drain, [item for item in items if item.verdict is None and item.records])
    reach(Step.CRM_WRITTEN)
    for item in items:
        item.verdict = item.verdict or _done(item)
    return items, {item.operation.id: item.verdict for item in items if item.verdict is not None}


def settle_erasures(drain: Drain, database: sa.Connection, items: Sequence[ErasureItem]) -> None:
    """Drop the links of whom the CRM removed, and fill the receipts, in the settling transaction."""
    take_names_anew(database, [item.operation for item in items])
    for item in items:
        if item.verdict is None or item.verdict.status != SUCCESS:
            continue
        operation = item.operation
        forget_links(database, drain.connection_id, operation.client_id, list(item.notes), list(item.records))
        clear_log(database, operation.account_id, operation.client_id)  # what was in hand may have spoken since
        clear_erasures(database, drain.connection_id, operation.account_id, operation.client_id)
        given = {"of": drain.connection_id, "account": operation.account_id, "client": operation.client_id}
        open_ = database.execute(_OPEN, given).scalars().all()  # also those of an earlier request that failed
        owed = _receipts.update().where(_receipts.c.id.in_(open_))
        database.execute(owed.values(settled_at=drain.now(), **_receipt(item)))


def _load(drain: Drain, batch: Sequence[Claimed]) -> list[ErasureItem]:
    items = []
    with drain.sync.database.read() as database:
        take_names_anew(database, batch)
        links = load_links(database, drain.connection_id, CLIENT, [operation.subject_id for operation in batch])
        for operation in batch:
            talks = drain.sync.host.conversations_of(database, [operation.subject_id], PAST)
            notes = note_links(database, drain.connection_id, operation.subject_id, talks)
            item = ErasureItem(operation, links.get(operation.subject_id), notes)
            if item.link is not None and item.link.remote_id:
                item.records[item.link.remote_id] = item.link.remote_url or ""
            items.append(item)
    return items


def _let_rest(drain: Drain, item: ErasureItem) -> None:
    """Let an unanswered create of the person come to rest first: it may take effect after we have looked."""
    if item.maybe_created and not item.operation.unknown:
        due = drain.now() + timedelta(seconds=drain.rest)
        item.verdict = Verdict(PENDING, reasons.WAITING_FOR_READ_BACK, due_at=due, unknown=True)


def _look_for(drain: Drain, items: Sequence[ErasureItem]) -> None:
    """Find what an unanswered write left, by our own key alone."""
    if not items:
        return
    lookups = [Lookup(item.link.key) for item in items if item.link is not None]
    for item, lookup, outcome in zip(items, lookups, drain.adapter.find(lookups), strict=True):
        if isinstance(outcome, CRMError):
            item.verdict = drain.judged(item.operation, outcome, alone=alone(items))
        elif outcome:
            item.records |= {match.record.id: match.record.url for match in outcome}
        elif not drain.adapter.confirms(lookup):
            item.done.append(Erased("by_hand", UNSURE))


def _erase(drain: Drain, items: Sequence[ErasureItem]) -> None:
    if not items:
        return
    wanted = [(item, record) for item in items for record in item.records]
    notes = {record: [note for note in item.notes.values() if note] for item, record in wanted}
    try:
        outcomes = drain.adapter.erase([record for _, record in wanted], notes)
    except UnsupportedFeature:
        outcomes = [Erased("by_hand", NO_WAY) for _ in wanted]
    for (item, _), outcome in zip(wanted, outcomes, strict=True):
        if isinstance(outcome, Erased):
            item.done.append(outcome)
        elif not isinstance(outcome, RecordMissing):
            item.verdict = drain.judged(item.operation, outcome, alone=alone(wanted))


def _done(item: ErasureItem) -> Verdict:
    told = _receipt(item)
    item.operation.details = None  # of earlier attempts: the CRM's words may name the person
    reason = reasons.ERASE_BY_HAND if told["how"] == BY_HAND else "" if item.records else reasons.NOTHING_TO_ERASE
    return succeeded(reason, details={"notes": told["notes"]} if told["notes"] else None)


def _receipt(item: ErasureItem) -> dict[str, Any]:
    """Return what the receipt says; of several records the one that leaves most to do decides."""
    order = (BY_HAND, "anonymised", "deleted")
    worst = min(item.done, key=lambda done: order.index(done.how), default=None)
    if worst is None:
        return {"how": "deleted" if item.records else NOTHING, "says": "" if item.records else NO_RECORD, "notes": 0}
    left = [[id, url] for id, url in item.records.items()] if worst.how != "deleted" else None
    notes = sum(done.notes for done in item.done)
    return {"how": worst.how, "says": worst.says, "notes": notes, "records": left}


_OPEN = (
    sa.select(_receipts.c.id)
    .join(_erasures, _erasures.c.id == _receipts.c.erasure_id)
    .where(
        _erasures.c.account_id == sa.bindparam("account"),
        _erasures.c.client_id == sa.bindparam("client"),
        _receipts.c.connection_id == sa.bindparam("of"),
        _receipts.c.how == "",
    )
)
