"""Contacts: load, translate, read the CRM in a batch, merge, write in a batch. Settling follows elsewhere.

Data goes one way through this file: each step takes the items that have no verdict yet and brings them further.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..crm.base import RemoteRecord, Values, Write, Written
from ..errors import Duplicate, InvalidRecord, OutcomeUnknown
from ..models.change import CLIENT
from ..models.link import ACTIVE
from ..models.operation import APPLY_REMOTE, CREATE_LEAD, UPDATE_CONTACT
from . import reasons
from .agreed import settled_base, with_intent
from .attempts import seen_of
from .claim import Claimed
from .contact_items import ContactItem, still_open
from .contact_loading import load_contacts
from .contact_reading import defer_twins, read_by_id, read_records, refuse_taken, wait_behind
from .drain import CONTACT, Drain, alone
from .home import bring_home, leave_unfit, note_sent, terms_of
from .links import save_links, without_rows
from .mapping.applying import unfit
from .mapping.rows import read_mapping
from .merge import merge
from .newcomers import take_newcomers
from .operations import RECORD
from .outgoing import manners_of
from .overwritten import keep_in_between, keep_overwritten
from .plan import Left, Plan
from .retry import Verdict, skipped, succeeded, waits
from .steps import Step, reach
from .two_way import two_way_of


def push_contacts(drain: Drain, batch: Sequence[Claimed]) -> tuple[list[ContactItem], dict[int, Verdict]]:
    """Bring a batch of contact operations to a verdict each.

    Returns the items that may have touched a link, and every operation's verdict by its id.
    """
    made = take_newcomers(drain, [one for one in batch if one.subject_type == RECORD])
    items, verdicts = load_contacts(drain, [one for one in batch if one.id not in made])
    reach(Step.LOADED)
    read_records(drain, items)
    reach(Step.CRM_READ)
    refuse_taken(drain, items)
    defer_twins(drain, items)
    for item in still_open(items):
        _merge(drain, item)
    bring_home(drain, still_open(items))
    _write(drain, items)
    for item in items:
        verdicts[item.operation.id] = _failing(item) if item.verdict is not None else _done(drain, item)
    wait_behind(items, verdicts)
    return items, verdicts | made


def plan_contacts(drain: Drain, batch: Sequence[Claimed]) -> tuple[list[ContactItem], dict[int, Verdict]]:
    """Bring operations as far as the merge, which tells what would be written; nothing is, on either side.

    Returns the items, each with its plan or a verdict of its own, and the verdicts of operations that end before.
    """
    items, verdicts = load_contacts(drain, batch)
    read_records(drain, items)
    refuse_taken(drain, items)
    for item in still_open(items):
        _merge(drain, item)
        leave_unfit(drain, item)
    return items, verdicts


# Merge


def _merge(drain: Drain, item: ContactItem) -> None:
    if item.record is None:
        sent = {name: value for name, value in item.ours.items() if value and _goes_out(drain, name)}
        item.plan = Plan(writes=sent, agreed=[name for name in item.ours if _goes_out(drain, name)])
        return
    base = item.link.base if item.was_linked else None
    version = drain.adapter.translation_version
    item.merged, terms = item.ours, terms_of(drain, item)
    told = item.record.values.items()
    theirs = {name: "" if drain.adapter.stands_in(name, value, item.ours) else value for name, value in told}
    manners = manners_of(drain.connection)
    item.plan = merge(
        base, item.link.intents, item.ours, theirs, item.digest, version=version, terms=terms, manners=manners
    )
    item.plan.leave_there(item.record.lacks, Left.LACKING)
    if terms is None:
        item.plan.leave_there(list(item.plan.brings), Left.STRICTER)
    item.plan.leave(item.record.lacks, Left.LACKING)
    required = {spec.name for spec in drain.adapter.fields if spec.required}
    item.plan.leave([name for name in required if item.plan.writes.get(name) == ""], Left.NEVER_BLANK)


def _goes_out(drain: Drain, name: str) -> bool:
    return not drain.connection["two_way"] or two_way_of(drain.connection).rule(name).direction in ("out", "both")


# Write


def _write(drain: Drain, items: Sequence[ContactItem]) -> None:
    """Write, and once more for creates that met a record which the search had not shown."""
    writing = [item for item in still_open(items) if item.plan.writes]
    if not writing:
        return
    writing = _propose(drain, writing)
    reach(Step.PROPOSED)
    redirected = _send(drain, writing) if writing else []
    reach(Step.CRM_WRITTEN)
    if redirected:
        read_by_id(drain, redirected, lambda item: item.found_by)
        refuse_taken(drain, redirected, beside=items)
        for item in still_open(redirected):
            _merge(drain, item)
        again = [item for item in still_open(redirected) if item.plan.writes]
        keep_in_between(drain, again)
        for item in _send(drain, again) if again else ():
            item.verdict = drain.judged(item.operation, Duplicate(), alone=True)
    refuse_taken(drain, [item for item in items if item.strayed], beside=items)


def _propose(drain: Drain, items: Sequence[ContactItem]) -> list[ContactItem]:
    """Write down what will be sent, before it is: a lost answer can then be told from a person's edit.

    Returns whoever goes on: a client that has got another link since it was loaded, by a merge, looks again.
    """
    with drain.sync.database.write() as connection:
        drain.lease.renew(connection, drain.sync.clock)
        gone = without_rows(connection, [item.link for item in items if not item.was_linked])
        going = [item for item in items if item.link.id not in gone]
        for item in going:
            item.unanswered = item.link.intents
            item.link.intents = with_intent(item.unanswered, item.plan.writes, item.digest)
            item.touches_link = True
        save_links(connection, drain.connection_id, CLIENT, CONTACT, [item.link for item in going], drain.now())
        keep_overwritten(drain, connection, going)
        reach(Step.PROPOSING)
    for item in items:
        if item.link.id in gone:
            item.verdict = waits(reasons.WAITING_FOR_RETRY, drain.now(), "It was merged with another client just now.")
    for item in going:
        item.link.stored = True
    return going


def _send(drain: Drain, items: Sequence[ContactItem]) -> list[ContactItem]:
    """Send the writes; return the creates that turned out to have a record already (its id in `found_by`)."""
    writes = [Write(item.link.key, item.plan.writes, item.record.id if item.record else None) for item in items]
    redirected, unfit = [], []
    for item, outcome in zip(items, drain.adapter.upsert(writes), strict=True):
        if isinstance(outcome, Written):
            meant = item.record.id if item.record else ""
            item.strayed = not outcome.created and outcome.record.id != meant
            item.record = RemoteRecord(outcome.record.id, _after(item, outcome.record.values), outcome.record.url)
            item.created, item.refused = outcome.created, outcome.refused
        elif isinstance(outcome, Duplicate) and outcome.existing_id and item.record is None and not item.makes_new:
            item.found_by = outcome.existing_id
            redirected.append(item)
        elif isinstance(outcome, InvalidRecord) and _leave_refused(drain, item, outcome):
            unfit.append(item)
        else:
            item.verdict = drain.judged(item.operation, outcome, alone=alone(items))
            if not isinstance(outcome, OutcomeUnknown):
                item.link.intents = item.unanswered  # surely not written
    again = [item for item in unfit if item.plan.writes]
    return redirected + (_send(drain, again) if again else [])


def _after(item: ContactItem, told: Values) -> Values:
    """Return what the CRM has since a write. Of what was not written counts what was read before it: where the answer
    tells otherwise, somebody has set it in between, which is no agreement of ours.
    """
    if item.record is None:
        return {**item.ours, **told}
    written = {name: value for name, value in told.items() if name in item.plan.writes}
    return {**item.ours, **told, **item.record.values, **written}


def _leave_refused(drain: Drain, item: ContactItem, refusal: InvalidRecord) -> bool:
    """Leave out what the CRM refuses of the further fields, so that a list which a person shortened stops no client."""
    names = {field.name for field in drain.adapter.further} & refusal.fields.keys() & item.plan.writes.keys()
    item.plan.leave(names, Left.REFUSED_THERE)
    return bool(names)


# What came of it


def _failing(item: ContactItem) -> Verdict:
    """The verdict tells also what was read and meant to be written, for the entry's timeline."""
    assert item.verdict is not None
    item.verdict.seen = seen_of(item)
    return item.verdict


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
    if unsent := unfit(read_mapping(drain.connection), item.client, item.ours):
        told["left"] = {**dict(told.get("left", {})), **unsent}  # type: ignore[call-overload]  # as `_told` made it
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
