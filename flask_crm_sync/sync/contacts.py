"""Contacts: load, translate, read the CRM in a batch, merge, write in a batch. Settling follows elsewhere.

Data goes one way through this file: each step takes the items that have no verdict yet and brings them further.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ..crm.base import Lookup, Match, RemoteRecord, Values, Write, Written
from ..errors import (
    AlreadyLinked,
    AmbiguousMatch,
    CannotConfirm,
    CRMError,
    Duplicate,
    InvalidRecord,
    OutcomeUnknown,
    RecordMissing,
)
from ..host.records import ClientRecord
from ..models.change import CLIENT
from ..models.link import ACTIVE, TOMBSTONE
from ..models.operation import APPLY_REMOTE, CREATE_LEAD, FAILED, PENDING, UPDATE_CONTACT
from . import reasons
from .claim import Claimed
from .conflicts import load_standing
from .drain import CONTACT, Drain, alone
from .home import bring_home, note_sent, terms_of
from .links import LinkState, load_links, owners, save_links
from .merge import Digester, Left, Plan, merge, settled_base, with_intent
from .newcomers import take_newcomers
from .operations import RECORD
from .retry import Verdict, skipped, succeeded, waits
from .steps import Step, reach
from .two_way import two_way_of
from .unheard import changing_hands, until_heard

log = logging.getLogger(__name__)

CREATE_NEW, USE = "create_new", "use:"
"""Decisions of a person, as they stand in `Operation.decision`."""
_NEXT = timedelta(seconds=1)


@dataclass(slots=True)
class ContactItem:
    """One client on its way to the CRM."""

    operation: Claimed
    client: ClientRecord
    link: LinkState
    ours: Values
    digest: Digester
    record: RemoteRecord | None = None
    plan: Plan = field(default_factory=Plan)
    found_by: str = ""
    created: bool = False
    strayed: bool = False
    """Whether the CRM wrote another record than the one that was meant: it was there already, or a merge's survivor."""
    behind: ContactItem | None = field(default=None, repr=False)
    """The client of this batch that goes first, as both have one e-mail or phone."""
    refused: Mapping[str, str] = field(default_factory=dict)
    verdict: Verdict | None = None
    touches_link: bool = False
    standing: Mapping[str, sa.Row[Any]] = field(default_factory=dict)
    """Conflicts of the client that are not settled yet, by field."""
    merged: Values = field(default_factory=dict)
    """Ours as they were merged, before anything came home."""
    brought: list[str] = field(default_factory=list)
    flipping: list[str] = field(default_factory=list)
    unanswered: dict[str, list[str]] = field(default_factory=dict)
    """The intents of earlier attempts, without this one's."""

    @property
    def was_linked(self) -> bool:
        """Tell whether a record stood for the client before this attempt."""
        return self.link.is_active

    @property
    def makes_new(self) -> bool:
        """Tell whether a person has decided that none of the records that match is the client's."""
        return self.operation.decision == CREATE_NEW

    @property
    def maybe_created(self) -> bool:
        """Tell whether an unanswered attempt may have made a record; what came before a decision is settled by it."""
        return not self.was_linked and (self.operation.unknown or (bool(self.link.intents) and not self.makes_new))


def push_contacts(drain: Drain, batch: Sequence[Claimed]) -> tuple[list[ContactItem], dict[int, Verdict]]:
    """Bring a batch of contact operations to a verdict each.

    Returns the items that may have touched a link, and every operation's verdict by its id.
    """
    made = take_newcomers(drain, [one for one in batch if one.subject_type == RECORD])
    items, verdicts = _load(drain, [one for one in batch if one.id not in made])
    reach(Step.LOADED)
    _read(drain, items)
    reach(Step.CRM_READ)
    _refuse_taken(drain, items)
    _defer_twins(drain, items)
    for item in _open(items):
        _merge(drain, item)
    bring_home(drain, _open(items))
    _write(drain, items)
    for item in items:
        verdicts[item.operation.id] = item.verdict or _done(drain, item)
    _wait_behind(items, verdicts)
    return items, verdicts | made


def _open(items: Iterable[ContactItem]) -> list[ContactItem]:
    return [item for item in items if item.verdict is None]


# Load


def _load(drain: Drain, batch: Sequence[Claimed]) -> tuple[list[ContactItem], dict[int, Verdict]]:
    ids = [operation.subject_id for operation in batch]
    with drain.sync.database.read() as connection:
        seen_at = drain.now()
        clients = drain.sync.host.load_clients(connection, ids)
        moving = changing_hands(connection, CLIENT, ids)
        links = load_links(connection, drain.connection_id, CLIENT, ids)
        standing = load_standing(connection, drain.connection_id, ids) if drain.connection["two_way"] else {}
    items, verdicts = [], {}
    for operation in batch:
        client = clients.get(operation.subject_id)
        link = links.get(operation.subject_id) or drain.new_link(CLIENT, operation.subject_id, seen_at)
        ready = _translated(drain, operation, client, link)
        if isinstance(ready, Verdict):
            verdicts[operation.id] = ready
        elif operation.subject_id in moving:
            verdicts[operation.id] = until_heard(drain)
        else:
            ready.standing = standing.get(operation.subject_id, {})
            items.append(ready)
    return items, verdicts


def _translated(drain: Drain, operation: Claimed, client: object, link: LinkState) -> ContactItem | Verdict:
    if not drain.connection["sync_contacts"]:
        return skipped(reasons.CONTACTS_OFF)
    if client is None:
        return skipped(reasons.CLIENT_DELETED)
    if not isinstance(client, ClientRecord):
        return Verdict(FAILED, reasons.HOST_RECORD_UNREADABLE, str(client))
    if client.account_id != operation.account_id:  # it moved, or its key in the host is another account's client now
        return skipped(reasons.CLIENT_DELETED)
    if client.sensitive:
        return skipped(reasons.SENSITIVE_CLIENT)
    if operation.kind == APPLY_REMOTE and not _has_record(link):
        return skipped(reasons.ECHO)
    if link.is_tombstone and operation.decision != CREATE_NEW:
        return skipped(reasons.RECORD_DELETED_IN_CRM)
    if not link.is_active and not (client.email.strip() or client.phone.strip()):
        return skipped(reasons.NO_CONTACT_DETAILS)
    try:
        ours = drain.adapter.translate(client)
    except InvalidRecord as error:
        return drain.judged(operation, error, alone=True)
    return ContactItem(operation, client, link, ours, drain.digester(link.id))


def _has_record(link: LinkState) -> bool:
    """Tell whether there is a record to look at; one that was deleted in the CRM may have been restored there."""
    if link.is_tombstone and link.remote_id:
        link.state = ACTIVE
    return link.is_active


# Read the CRM's side


def _read(drain: Drain, items: Sequence[ContactItem]) -> None:
    linked = [item for item in items if item.was_linked]
    chosen = [item for item in items if not item.was_linked and (item.operation.decision or "").startswith(USE)]
    unlinked = [item for item in items if not item.was_linked and item not in chosen]
    _read_by_id(drain, linked, lambda item: item.link.remote_id or "")
    _read_by_id(drain, chosen, lambda item: (item.operation.decision or "").removeprefix(USE))
    gone = [item for item in linked if item.record is None and item.verdict is None]
    _find(drain, [item for item in unlinked if not item.makes_new or item.maybe_created] + gone)
    for item in gone:
        if item.record is None and item.verdict is None:
            _bury(item)


def _read_by_id(drain: Drain, items: Sequence[ContactItem], remote_id: Callable[[ContactItem], str]) -> None:
    if not items:
        return
    outcomes = drain.adapter.read([remote_id(item) for item in items])
    for item, outcome in zip(items, outcomes, strict=True):
        if isinstance(outcome, RemoteRecord):
            item.record, item.found_by = outcome, "link" if item.was_linked else "choice"
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
            item.verdict = drain.judged(item.operation, _ambiguous(outcome), alone=True)
        elif outcome:
            item.record, item.found_by = outcome[0].record, outcome[0].by
        elif item.maybe_created:
            _settle_absence(drain, item, lookup)


def _lookup(drain: Drain, item: ContactItem) -> Lookup:
    lookup = drain.adapter.lookup(item.link.key, item.ours, by_key=item.link.stored)
    return replace(lookup, email="", phone="") if item.makes_new else lookup


def _settle_absence(drain: Drain, item: ContactItem, lookup: Lookup) -> None:
    """Nothing was found of an unanswered create: send again only where a record of it would surely have been seen.

    It would bear the e-mail of then, which need not be the one of now.
    """
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


def _refuse_taken(drain: Drain, items: Sequence[ContactItem], beside: Sequence[ContactItem] = ()) -> None:
    """A record stands for one client only: a second client that matches it is told so.

    `beside` are the others of the batch: what they found or wrote is theirs, though no link says so yet.
    """
    found = [item for item in _open(items) if item.record is not None and item.record.id != item.link.remote_id]
    if not found:
        return
    asking = {item.client.id for item in found}
    taken = {one.record.id: one.client.id for one in _open(beside) if one.record and one.client.id not in asking}
    with drain.sync.database.read() as connection:
        taken |= owners(connection, drain.connection_id, CONTACT, [item.record.id for item in found if item.record])
    for item in found:
        assert item.record is not None
        owner = taken.setdefault(item.record.id, item.client.id)
        if owner != item.client.id:
            error = AlreadyLinked(f"The record {item.record.id} stands for client {owner} already.")
            item.verdict = drain.judged(item.operation, error, alone=True)


def _defer_twins(drain: Drain, items: Sequence[ContactItem]) -> None:
    """Two new clients with one e-mail (or phone): the first goes, the others look again when its record is there."""
    seen: dict[str, ContactItem] = {}
    for item in _open(items):
        if item.record is None:
            first = seen.setdefault(_match_key(drain, item), item)
            if first is not item:
                words = "Another client with this e-mail or phone goes first."
                item.verdict, item.behind = waits(reasons.WAITING_FOR_RETRY, drain.now(), words), first


def _wait_behind(items: Iterable[ContactItem], verdicts: Mapping[int, Verdict]) -> None:
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


# Merge


def _merge(drain: Drain, item: ContactItem) -> None:
    if item.record is None:
        sent = {name: value for name, value in item.ours.items() if value and _goes_out(drain, name)}
        item.plan = Plan(writes=sent, agreed=[name for name in item.ours if _goes_out(drain, name)])
        return
    base = item.link.base if item.was_linked else None
    version = drain.adapter.translation_version
    item.merged, terms = item.ours, terms_of(drain, item)
    theirs = item.record.values
    item.plan = merge(base, item.link.intents, item.ours, theirs, item.digest, version=version, terms=terms)
    item.plan.leave_there(item.record.lacks, Left.LACKING)
    item.plan.leave(item.record.lacks, Left.LACKING)
    required = {spec.name for spec in drain.adapter.fields if spec.required}
    item.plan.leave([name for name in required if item.plan.writes.get(name) == ""], Left.NEVER_BLANK)


def _goes_out(drain: Drain, name: str) -> bool:
    return not drain.connection["two_way"] or two_way_of(drain.connection).rule(name).direction in ("out", "both")


# Write


def _write(drain: Drain, items: Sequence[ContactItem]) -> None:
    """Write, and once more for creates that met a record which the search had not shown."""
    writing = [item for item in _open(items) if item.plan.writes]
    if not writing:
        return
    _propose(drain, writing)
    reach(Step.PROPOSED)
    redirected = _send(drain, writing)
    reach(Step.CRM_WRITTEN)
    if redirected:
        _read_by_id(drain, redirected, lambda item: item.found_by)
        _refuse_taken(drain, redirected, beside=items)
        for item in _open(redirected):
            _merge(drain, item)
        again = [item for item in _open(redirected) if item.plan.writes]
        for item in _send(drain, again) if again else ():
            item.verdict = drain.judged(item.operation, Duplicate(), alone=True)
    _refuse_taken(drain, [item for item in items if item.strayed], beside=items)


def _propose(drain: Drain, items: Sequence[ContactItem]) -> None:
    """Write down what will be sent, before it is: a lost answer can then be told from a person's edit."""
    for item in items:
        item.unanswered = item.link.intents
        item.link.intents = with_intent(item.unanswered, item.plan.writes, item.digest)
        item.touches_link = True
    with drain.sync.database.write() as connection:
        drain.lease.renew(connection, drain.sync.clock)
        save_links(connection, drain.connection_id, CLIENT, CONTACT, [item.link for item in items], drain.now())
        reach(Step.PROPOSING)
    for item in items:
        item.link.stored = True


def _send(drain: Drain, items: Sequence[ContactItem]) -> list[ContactItem]:
    """Send the writes; return the creates that turned out to have a record already (its id in `found_by`)."""
    writes = [Write(item.link.key, item.plan.writes, item.record.id if item.record else None) for item in items]
    redirected = []
    for item, outcome in zip(items, drain.adapter.upsert(writes), strict=True):
        if isinstance(outcome, Written):
            meant = item.record.id if item.record else ""
            item.strayed = not outcome.created and outcome.record.id != meant
            merged = {**item.ours, **(item.record.values if item.record else {}), **outcome.record.values}
            item.record = RemoteRecord(outcome.record.id, merged, outcome.record.url)
            item.created, item.refused = outcome.created, outcome.refused
        elif isinstance(outcome, Duplicate) and outcome.existing_id and item.record is None and not item.makes_new:
            item.found_by = outcome.existing_id
            redirected.append(item)
        else:
            item.verdict = drain.judged(item.operation, outcome, alone=alone(items))
            if not isinstance(outcome, OutcomeUnknown):
                item.link.intents = item.unanswered  # surely not written
    return redirected


# What came of it


def _done(drain: Drain, item: ContactItem) -> Verdict:
    """Both sides agree now: the link says so, and the log tells what was written and what was left."""
    assert item.record is not None
    was_linked, link = item.was_linked, item.link
    version = drain.adapter.translation_version
    base = link.base if was_linked else None
    link.base = settled_base(base, item.plan, item.ours, item.record.values, item.digest, version=version)
    former = link.remote_id if was_linked else None
    link.state, link.remote_id, link.remote_url = ACTIVE, item.record.id, item.record.url
    note_sent(item)
    link.intents, link.host_version, item.touches_link = {}, item.client.version, True
    told = _told(item, was_linked)
    if former not in (None, item.record.id):
        told["moved_from"] = former
    if item.operation.kind == APPLY_REMOTE and not told.keys() & {"written", "brought", "moved_from"}:
        return skipped(reasons.CONFLICT_OPEN if item.plan.asks else reasons.ECHO, details=told or None)
    only_home = item.brought and was_linked and not item.plan.writes
    return succeeded(
        "" if item.plan.writes or item.brought or not was_linked else reasons.NOTHING_TO_CHANGE,
        kind=APPLY_REMOTE if only_home else UPDATE_CONTACT if was_linked else CREATE_LEAD,
        details=told,
        remote_id=item.record.id,
        remote_url=item.record.url,
    )


def _told(item: ContactItem, was_linked: bool) -> dict[str, object]:
    told: dict[str, object] = {}
    if item.plan.writes:
        told["written"] = [name for name in item.plan.writes if name not in item.refused]
    if item.brought:
        told["brought"] = item.brought
    if item.plan.decided:
        told["decided"] = dict(item.plan.decided)
    if item.plan.left or item.refused:
        told["left"] = {name: str(why) for name, why in item.plan.left.items()} | dict(item.refused)
    if item.created:
        told["created"] = True
    elif not was_linked:
        told["matched_by"] = item.found_by
    return told
