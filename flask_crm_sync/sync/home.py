"""Bringing values home: what the merge takes from the CRM reaches the host, with what both sides agree on since.

One transaction holds the host's values, the links' bases and the conflicts. It comes before anything is written to the
CRM and needs nothing of it: a worker that dies afterwards finds these fields agreed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ..errors import InvalidRecord
from ..host.records import ClientRecord
from ..host.values import instant
from ..host.writing import HostMoved, HostRefused, HostWriter, longest, writable_fields, writable_flags
from ..models.change import CLIENT
from ..models.conflict import DECIDED, FLIPS, OPEN
from ..models.operation import APPLY_REMOTE, FAILED
from . import reasons
from .agreed import Base, settled_base
from .conflicts import Met, chosen_side, note_met, settle_agreed
from .drain import CONTACT, Drain
from .links import save_links
from .mapping.coming_home import at_home, sources_at_home, usual_only
from .mapping.rows import read_mapping
from .merge import Terms
from .outgoing import outgoing, rules_of
from .plan import Left, Plan, Side
from .retry import Verdict, waits
from .steps import Step, reach
from .two_way import two_way_of

if TYPE_CHECKING:
    from .contact_items import ContactItem

log = logging.getLogger(__name__)

_MOMENT = timedelta(seconds=1)
_WINDOW = 3600.0
"""Seconds in which flips are counted together."""


def terms_of(drain: Drain, item: ContactItem) -> Terms | None:
    """Return what a client's merge goes by; None on a connection that is synced one way."""
    if not drain.connection["two_way"] or item.record is None:
        return None
    choices: dict[str, Side] = {}
    for name, row in item.standing.items():
        theirs = item.record.values.get(name, "")
        side = chosen_side(row, item.digest(name, item.ours.get(name, "")), item.digest(name, theirs))
        if side is not None:
            choices[name] = side
    stopped = {name for name, row in item.standing.items() if row.cause == FLIPS and row.state == OPEN}
    rules = rules_of(drain.connection, two_way_of(drain.connection).rules)
    return Terms(rules, _newer(item), choices, stopped)


def _newer(item: ContactItem) -> Side | None:
    """Compare the two times, where both sides tell one; they are the whole record's on either side."""
    told = (item.operation.details or {}).get("at")
    try:
        here, there = instant(item.client.version), instant(told)
    except (TypeError, ValueError):
        return None
    if here is None or there is None or here == there:
        return None
    return "ours" if here > there else "theirs"


def bring_home(drain: Drain, items: Sequence[ContactItem]) -> None:
    """Write to the host what the CRM's side has newly, and write down the conflicts that were met."""
    concerned = [item for item in items if item.plan.brings or item.plan.asks or item.plan.decided or item.standing]
    if not concerned or not drain.connection["two_way"]:
        return
    for item in concerned:
        leave_unfit(drain, item)
    with drain.sync.database.write() as database:
        drain.lease.renew(database, drain.sync.clock)
        now, writer = drain.now(), HostWriter(drain.sync.host, database, drain.connection_id)
        for item in concerned:
            _bring(drain, writer, item, now)
        changed = [one.link for one in concerned if one.link.is_active and (one.verdict is None or one.brought)]
        save_links(database, drain.connection_id, CLIENT, CONTACT, changed, now)
        _note_conflicts(drain, database, concerned, now)
        reach(Step.PROPOSING)
    reach(Step.PROPOSED)


def leave_unfit(drain: Drain, item: ContactItem) -> None:
    """Leave in the CRM what the host cannot hold, or what could not be sent again as it is."""
    if not item.plan.brings:
        return
    host, mapping = drain.sync.host, read_mapping(drain.connection)
    sources = sources_at_home(drain.adapter.fields, mapping)
    writable = writable_fields(host) | writable_flags(host)
    item.plan.leave_there([n for n in item.plan.brings if sources.get(n) not in writable], Left.NOT_WRITABLE)
    for name, value in list(item.plan.brings.items()):
        room = longest(host, sources[name])
        if room is not None and len(value) > room:
            item.plan.leave_there([name], Left.UNFIT)
    try:
        usual = usual_only(at_home(sources, mapping, item.plan.brings))
        drain.adapter.translate(replace(item.client, **dict[str, Any](usual)))
    except InvalidRecord as error:
        item.plan.leave_there([n for n in item.plan.brings if sources[n] in error.fields], Left.UNFIT)


def _bring(drain: Drain, writer: HostWriter, item: ContactItem, now: datetime) -> None:
    plan = item.plan
    if plan.brings:
        try:
            refusal = _write_here(drain, writer, item)
        except HostMoved:
            item.verdict = waits(reasons.WAITING_FOR_RETRY, now + _MOMENT, "It was edited here at the same time.")
            return
        if refusal is not None:
            _refused(item, refusal)
        _count_flips(drain, item, now)
        plan.agreed += [name for name in item.brought if name not in plan.agreed]
    _agree(drain, item, item.client)


def _write_here(drain: Drain, writer: HostWriter, item: ContactItem) -> Exception | None:
    """Write to the host what is brought: all at once, else field by field, so that one which the host's code does not
    take holds back no other. Return what it said of such a one; raise HostMoved.
    """
    names = list(item.plan.brings)
    try:
        _write_some(drain, writer, item, names)
    except (HostRefused, InvalidRecord) as refusal:
        for name in names if len(names) > 1 else ():
            with suppress(HostRefused, InvalidRecord):  # the first refusal is told
                _write_some(drain, writer, item, [name])
        return refusal
    return None


def _write_some(drain: Drain, writer: HostWriter, item: ContactItem, names: Sequence[str]) -> None:
    mapping = read_mapping(drain.connection)
    sources = sources_at_home(drain.adapter.fields, mapping)
    values = {name: item.plan.brings[name] for name in names}
    after = writer.update(item.client, at_home(sources, mapping, values))
    item.client, item.ours = after, outgoing(drain, after, item.follows)
    item.brought += names


def _refused(item: ContactItem, refusal: Exception) -> None:
    """The host's code did not take some of it: that stays in the CRM, and what is owed to the CRM goes on."""
    log.warning("A value from %s did not come home: %s", item.operation.crm, refusal)
    if item.operation.kind == APPLY_REMOTE:
        told = {"brought": item.brought} if item.brought else None
        item.verdict = Verdict(FAILED, reasons.HOST_REFUSED, str(refusal), details=told)
    item.plan.leave_there([name for name in item.plan.brings if name not in item.brought], Left.REFUSED_HERE)


def _agree(drain: Drain, item: ContactItem, after: ClientRecord) -> None:
    """What came home is agreed; of what a person gave to us, the CRM's value counts as seen, and ours is sent."""
    link, record, version = item.link, item.record, drain.adapter.translation_version
    if not link.is_active or record is None:
        return
    agreed = Plan(agreed=item.brought)
    base = settled_base(link.base, agreed, item.ours, record.values, item.digest, version=version)
    seen = {
        name: (base.fields.get(name, ("", ""))[0], item.digest(name, record.values.get(name, "")))
        for name, side in item.plan.decided.items()
        if side == "ours" and name in item.plan.writes
    }
    for name in item.plan.decided.keys() & item.standing.keys():
        link.flips.pop(name, None)  # a person has looked at it: it is counted anew
    link.base = Base(version, {**base.fields, **seen})
    link.host_version = after.version if item.brought else link.host_version


def _note_conflicts(drain: Drain, database: sa.Connection, items: Sequence[ContactItem], now: datetime) -> None:
    met, agreed = [], []
    for item in items:
        if item.record is None or item.verdict is not None:
            continue
        sides: dict[str, str] = {**dict.fromkeys(item.plan.asks, ""), **item.plan.decided}
        met += [_met(item, name, choice) for name, choice in sides.items()]
        met += [replace(_met(item, name, ""), cause=FLIPS) for name in item.flipping]
        agreed += [row for name, row in item.standing.items() if name in item.plan.agreed and name not in sides]
    note_met(database, drain.connection, met, {item.client.id: item.standing for item in items}, now)
    settle_agreed(database, agreed, now)


def _met(item: ContactItem, name: str, choice: str) -> Met:
    assert item.record is not None
    ours, theirs = item.digest(name, item.merged.get(name, "")), item.digest(name, item.record.values.get(name, ""))
    return Met(item.client.id, name, ours, theirs, choice)


def _count_flips(drain: Drain, item: ContactItem, now: datetime) -> None:
    """Count what comes home after it went out; beyond the bound the field is stopped both ways."""
    for name in item.plan.brings:
        last, count, since = item.link.flips.get(name, ("", 0, 0.0))
        is_anew = name in item.standing and item.standing[name].state == DECIDED  # a person has looked at it
        if is_anew or now.timestamp() - float(since) > _WINDOW:
            count, since = 0, now.timestamp()
        count = int(count) + (last == "out")
        item.link.flips[name] = ["in", count, since]
        if count > drain.sync.settings.flips:
            item.flipping.append(name)
            item.plan.left[name] = Left.STOPPED


def note_sent(item: ContactItem) -> None:
    """Note that fields went out that had come home before."""
    for name in item.plan.writes:
        if name in item.link.flips:
            _, count, since = item.link.flips[name]
            item.link.flips[name] = ["out", count, since]
