"""The second step of a push: read the CRM's side by id, or look for it, and settle whose a record is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from ..crm.base import Lookup, Match, RemoteRecord
from ..errors import AlreadyLinked, AmbiguousMatch, CannotConfirm, CRMError, RecordMissing
from ..models.link import TOMBSTONE
from ..models.operation import PENDING, USE
from . import reasons
from .attempts import CHOICE, LINK, MANY, NOTHING
from .client_merges import merged_among
from .contact_items import ContactItem, still_open
from .drain import CONTACT, Drain, alone
from .links import owners
from .retry import Verdict, skipped, waits

_NEXT = timedelta(seconds=1)


def read_records(drain: Drain, items: Sequence[ContactItem]) -> None:
    linked = [item for item in items if item.was_linked]
    chosen = [item for item in items if not item.was_linked and (item.operation.decision or "").startswith(USE)]
    unlinked = [item for item in items if not item.was_linked and item not in chosen]
    read_by_id(drain, linked, lambda item: item.link.remote_id or "")
    read_by_id(drain, chosen, lambda item: (item.operation.decision or "").removeprefix(USE))
    gone = [item for item in linked if item.record is None and item.verdict is None]
    _find(drain, [item for item in unlinked if not item.makes_new or item.maybe_created] + gone)
    for item in gone:
        if item.record is None and item.verdict is None:
            _bury(item)


def read_by_id(drain: Drain, items: Sequence[ContactItem], remote_id: Callable[[ContactItem], str]) -> None:
    if not items:
        return
    outcomes = drain.adapter.read([remote_id(item) for item in items])
    for item, outcome in zip(items, outcomes, strict=True):
        if isinstance(outcome, RemoteRecord):
            item.record, item.found_by = outcome, LINK if item.was_linked else CHOICE
        elif not (isinstance(outcome, RecordMissing) and item.was_linked):
            item.verdict = drain.judged(item.operation, outcome, alone=alone(items))


def _find(drain: Drain, items: Sequence[ContactItem]) -> None:
    """Look for a record by our key, e-mail, phone. By key only where an earlier attempt may have left one."""
    if not items or drain.trouble is not None:
        for item in items:
            if drain.trouble is not None:
                item.verdict = drain.judged(item.operation, drain.trouble, alone=alone(items))
        return
    lookups = [_lookup(drain, item) for item in items]
    for item, lookup, outcome in zip(items, lookups, drain.adapter.find(lookups), strict=True):
        if isinstance(outcome, CRMError):
            item.verdict = drain.judged(item.operation, outcome, alone=alone(items))
        elif len(outcome) > 1:
            item.found_by, item.verdict = MANY, drain.judged(item.operation, _ambiguous(outcome), alone=True)
        elif outcome:
            item.record, item.found_by = outcome[0].record, outcome[0].by
        else:
            item.found_by = NOTHING
            if item.maybe_created:
                _settle_absence(drain, item, lookup)


def _lookup(drain: Drain, item: ContactItem) -> Lookup:
    lookup = drain.adapter.lookup(item.link.key, item.ours, by_key=item.link.stored)
    return replace(lookup, email="", phone="") if item.makes_new else lookup


def _settle_absence(drain: Drain, item: ContactItem, lookup: Lookup) -> None:
    """Nothing was found of an unanswered create: send again only where a record of it would surely have been seen.

    It would bear the e-mail of then, which need not be the one of now. What is sent is noted before: a link without
    such a note says that an earlier look has settled the absence, and that nothing was sent since.
    """
    if item.link.stored and not item.link.intents:
        return
    name = next((spec.name for spec in drain.adapter.fields if spec.source == "email"), "")
    sent, now = item.link.intents.get(name), item.digest(name, item.ours.get(name, ""))
    if drain.adapter.confirms(lookup if sent == [now] else replace(lookup, email="")):
        item.link.intents = {}
    else:
        item.verdict = drain.judged(item.operation, CannotConfirm(), alone=True)


def _ambiguous(matches: Sequence[Match]) -> AmbiguousMatch:
    candidates = [{"id": m.record.id, "label": _label(m.record), "url": m.record.url, "by": m.by} for m in matches]
    return AmbiguousMatch(candidates=candidates)


def _label(record: RemoteRecord) -> str:
    """A candidate is shown by its id only: names and addresses are read live from the CRM's own page."""
    return f"Record {record.id}"


def _bury(item: ContactItem) -> None:
    """The record was deleted in the CRM: remembered, and never recreated by itself."""
    item.link.state, item.link.intents, item.touches_link = TOMBSTONE, {}, True
    item.verdict = skipped(reasons.RECORD_DELETED_IN_CRM)


def refuse_taken(drain: Drain, items: Sequence[ContactItem], beside: Sequence[ContactItem] = ()) -> None:
    """A record stands for one client only: a second client that matches it is told so.

    `beside` are the others of the batch: what they found or wrote is theirs, though no link says so yet. The record of
    a client who is there no more is free for another.
    """
    found = [item for item in still_open(items) if item.record is not None and item.record.id != item.link.remote_id]
    if not found:
        return
    asking = {item.client.id for item in found}
    taken = {one.record.id: one.client.id for one in still_open(beside) if one.record and one.client.id not in asking}
    with drain.sync.database.read() as connection:
        linked = owners(connection, drain.connection_id, CONTACT, [item.record.id for item in found if item.record])
        left = _who_left(drain, connection, set(linked.values()))
    taken |= {record_id: owner for record_id, owner in linked.items() if owner not in left}
    for item in found:
        assert item.record is not None
        owner = taken.setdefault(item.record.id, item.client.id)
        item.takes_over = linked.get(item.record.id) in left
        if owner != item.client.id:
            error = AlreadyLinked(f"The record {item.record.id} stands for client {owner} already.")
            item.verdict = drain.judged(item.operation, error, alone=True)


def _who_left(drain: Drain, connection: sa.Connection, client_ids: set[str]) -> set[str]:
    """Return the clients who need their records no more: the host has deleted them, or merged them into another."""
    if not client_ids:
        return set()
    here = drain.sync.host.load_clients(connection, client_ids)
    return (client_ids - here.keys()) | merged_among(connection, drain.connection_id, client_ids)


def defer_twins(drain: Drain, items: Sequence[ContactItem]) -> None:
    """Two new clients with one e-mail (or phone): the first goes, the others look again when its record is there."""
    seen: dict[str, ContactItem] = {}
    for item in still_open(items):
        if item.record is None:
            first = seen.setdefault(_match_key(drain, item), item)
            if first is not item:
                words = "Another client with this e-mail or phone goes first."
                item.verdict, item.behind = waits(reasons.WAITING_FOR_RETRY, drain.now(), words), first


def wait_behind(items: Iterable[ContactItem], verdicts: Mapping[int, Verdict]) -> None:
    """Whoever lets another go first waits as long as that one: its unanswered create must be read back before."""
    for item in items:
        first = verdicts[item.behind.operation.id] if item.behind is not None else None
        if first is not None and first.status == PENDING and first.due_at is not None:
            verdicts[item.operation.id].due_at = first.due_at + _NEXT


def _match_key(drain: Drain, item: ContactItem) -> str:
    """Return what no two new records of a batch may share."""
    lookup = drain.adapter.lookup(item.link.key, item.ours, by_key=False)
    digits = "".join(character for character in lookup.phone if character.isdigit())
    return lookup.email.casefold() or digits or f"client {item.client.id}"
