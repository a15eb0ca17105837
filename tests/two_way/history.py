"""What people do on both sides of a two-way connection, and what goes wrong there, as rules to draw from."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from typing import Any, ClassVar

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule
from sqlalchemy.orm import Session

from flask_crm_sync.host.capture import install_capture
from flask_crm_sync.host.records import ClientRecord
from flask_crm_sync.models import Change, Conflict, Connection, Delivery
from flask_crm_sync.models.conflict import OPEN
from flask_crm_sync.models.link import ACTIVE
from flask_crm_sync.sync import budget, due, lease
from flask_crm_sync.sync.client_merges import merge_clients
from flask_crm_sync.sync.conflict_inbox import settle_conflict
from flask_crm_sync.sync.merge import FieldRule
from flask_crm_sync.sync.now import sync_now
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.sync.two_way import TwoWay, save_two_way
from tests.contract.conftest import Bench
from tests.contract.test_engine import _Connected
from tests.sync.dying import killed_at
from tests.sync.host_models import Client, wipe
from tests.sync.world import ACCOUNT, FakeClock

RULES = {
    "city": FieldRule("both", "crm"),
    "last_name": FieldRule("both", "platform"),
    "first_name": FieldRule("both", "ask"),
    "email": FieldRule("both", "crm"),
}
HERE, THERE = "here", "there"
FIELDS = st.sampled_from(["city", "city", "city", "last_name", "first_name", "first_name", "email"])
WHO = st.integers(0, 3)
BLANK = st.integers(0, 5).map(lambda number: 5 - number)
FAULTS = st.sampled_from(["lose_reply", "lose_reply", "server_error", "throttle"])
_DEATHS: list[tuple[int, Step | None]] = [(61, step) for step in Step]
_IN_TIME: list[tuple[int, Step | None] | None] = [(61, None), (400, None), None, (0, None), (4000, None), (1, None)]
WORK = st.sampled_from([*_IN_TIME, *_IN_TIME, *_DEATHS])
"""How long afterwards a worker comes, if at all, and where it dies, if it does."""


class History(RuleBasedStateMachine):
    """`pending` holds, by client and field, each side's last edit that the other side's people had not seen yet;
    `addresses` what each client's e-mail ever was here.
    """

    clients: Bundle[str] = Bundle("clients")
    engine: ClassVar[sa.Engine]
    bench: ClassVar[Bench]
    switches: ClassVar[dict[str, Any]] = {}
    by_hints: ClassVar[bool] = False
    """The CRM cannot be asked for changes: what no webhook told in time, a late one tells before the end."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.undo: list[Callable[[], None]] = []
        self._patch(budget, "LOOK", budget.look_by(self.clock.column()))
        self._patch(lease, "SQL", lease.Statements.by(self.clock.column()))
        self._patch(due, "FREE", due.free_by(self.clock.column()))
        wipe(self.engine)
        self.bench.sandbox.clock.set(self.clock.now().timestamp())
        self.undo.append(lambda: self.bench.sandbox.clock.set(time.time()))
        self.bench.api("POST", "reset")
        self.bench.api("POST", "portals", self.bench.case.portal)
        self.bench.switch(**self.bench.case.switches, **self.bench.case.found_at_once, **self.switches)
        self.world = _Connected(self.engine, self.clock, self.bench.settings, bench=self.bench)
        table: Any = sa.inspect(Change).local_table
        self.undo.append(install_capture(self.world.sync.host, table, lambda: None, clock=self.clock).remove)
        rules = {self.bench.field[name]: rule for name, rule in RULES.items()}
        save_two_way(self.world.sync, ACCOUNT, self.bench.name, TwoWay(True, False, rules))
        self.world.run()
        self.numbers = count(1)
        self.pending: dict[tuple[str, str], dict[str, str]] = {}
        self.own: list[str] = []
        self.addresses: dict[str, set[str]] = {}
        self.deleted: dict[str, str] = {}
        self.told: list[str] = []
        self.alive = self.taken = 0

    def _patch(self, module: Any, name: str, value: Any) -> None:
        original = getattr(module, name)
        self.undo.append(lambda: setattr(module, name, original))
        setattr(module, name, value)

    # The host's people

    @initialize(target=clients)
    def begin_with_three(self) -> Any:
        made = [self.make_client() for _ in range(3)]
        self.world.run_until_done()
        return multiple(*made)

    @rule(target=clients, then=WORK)
    def add_client(self, then: Any) -> str:
        id = self.make_client()
        self.work(then)
        return id

    def make_client(self) -> str:
        number = next(self.numbers)
        names: dict[str, Any] = {
            "last_name": f"Last {number}",
            "email": f"person{number}@example.com",
            "city": f"Town {number}",
        }
        id = self.world.client(f"First {number}", **names)
        self.pending = {key: sides for key, sides in self.pending.items() if key[0] != id}  # SQLite gives keys again
        self.own.append(id)
        self.addresses[id] = {names["email"]}
        self.alive += 1
        return id

    @rule(id=clients, name=FIELDS, blank=BLANK, then=WORK)
    def edit_here(self, id: str, name: str, blank: int, then: Any) -> None:
        self.change_here(id, name, blank)
        self.work(then)

    @rule(id=clients, name=FIELDS, blank=BLANK, hint=WHO, then=WORK)
    def edit_on_both_sides(self, id: str, name: str, blank: int, hint: int, then: Any) -> None:
        self.change_here(id, name, blank)
        self.change_there(id, name, 9, hint)
        self.work(then)

    def change_here(self, id: str, name: str, blank: int) -> None:
        now = self.here(id)
        if now is not None:
            value = self.new_value(name, blank)
            self.noted(HERE, id, name, getattr(now, name), value)
            self.addresses[id].add(value)
            self.clock.advance(0.001)
            self.world.edit(id, **dict[str, Any]({name: value}))

    @rule(id=clients, really=st.integers(0, 4), then=WORK)
    def delete_here(self, id: str, really: int, then: Any) -> None:
        if self.record_of(id) and not really and self.here(id) is not None:
            self.world.remove(id)
            self.own.remove(id)
        self.work(then)

    @rule(kept=clients, gone=clients, really=st.integers(0, 2), then=WORK)
    def merge_here(self, kept: str, gone: str, really: int, then: Any) -> None:
        """Let the host make one client of two who both have a record; the other record is left."""
        if (
            kept != gone
            and {kept, gone} <= {*self.own}
            and self.record_of(kept)
            and self.record_of(gone)
            and not really
        ):
            with Session(self.engine) as session:
                session.delete(session.get_one(Client, int(gone)))
                session.flush()
                merge_clients(self.world.sync, session.connection(), kept, gone)
                session.commit()
            self.own.remove(gone)
        self.work(then)

    @rule(which=WHO, side=st.sampled_from(["ours", "theirs"]), then=WORK)
    def decide(self, which: int, side: str, then: Any) -> None:
        waiting = self.world.rows(Conflict, Conflict.state == OPEN)
        if waiting:
            settle_conflict(self.world.sync, ACCOUNT, waiting[which % len(waiting)].id, side)
        self.work(then)

    @rule(then=WORK)
    def press_sync_now(self, then: Any) -> None:
        sync_now(self.world.sync, ACCOUNT)
        self.work(then)

    # The CRM's people

    @rule(id=clients, name=FIELDS, blank=BLANK, hint=WHO, then=WORK)
    def edit_there(self, id: str, name: str, blank: int, hint: int, then: Any) -> None:
        self.change_there(id, name, blank, hint)
        self.work(then)

    def change_there(self, id: str, name: str, blank: int, hint: int) -> None:
        record = self.record_of(id)
        stored = self.there(record) if record else None
        if record and stored is not None and self.bench.field[name] in stored:
            value = self.new_value(name, blank)
            self.noted(THERE, id, name, stored[self.bench.field[name]] or "", value)
            self.bench.person_edits(record, **{name: value})
            self.tell(record, hint)

    @rule(id=clients, really=st.integers(0, 3), hint=WHO, then=WORK)
    def delete_there(self, id: str, really: int, hint: int, then: Any) -> None:
        record = self.record_of(id)
        if record and not really:
            self.bench.person_deletes(record)
            self.deleted[record] = id
            self.alive -= 1
            self.tell(record, hint)
        self.work(then)

    @rule(hint=WHO, then=WORK)
    def restore(self, hint: int, then: Any) -> None:
        if self.deleted and "restore" in self.bench.kind.capabilities:
            record, _ = self.deleted.popitem()
            self.bench.api("POST", f"contacts/{record}/restore")
            self.alive += 1
            self.tell(record, hint)
        self.work(then)

    @rule(id=clients, is_kept=st.booleans(), really=st.booleans(), then=WORK)
    def merge_with_a_stranger(self, id: str, is_kept: bool, really: bool, then: Any) -> None:
        record = self.record_of(id)
        is_alike = not record.startswith("003")  # in Salesforce people merge leads with leads
        if record and really and is_alike and "merges" not in self.bench.case.cannot:
            number = next(self.numbers)
            email = f"stranger{number}@example.com"
            other = self.bench.person_adds(email=email, last_name=f"Stranger {number}", city=f"Far {number}")
            before = self.there(record) or {}
            survivor = self.bench.person_merges(*((record, other) if is_kept else (other, record)))
            after = self.there(survivor) or {}
            for name in RULES:
                was, is_now = (side.get(self.bench.field[name]) or "" for side in (before, after))
                if was != is_now:
                    self.noted(THERE, id, name, was, is_now)
        self.work(then)

    @rule(id=clients, really=st.booleans(), then=WORK)
    def convert(self, id: str, really: bool, then: Any) -> None:
        record = self.record_of(id)
        if record and really and self.bench.name == "salesforce" and record.startswith("00Q"):
            self.bench.sandbox.salesforce.convert_lead(record, self.bench.case.portal["portal_id"])
        self.work(then)

    def tell(self, record: str, hint: int) -> None:
        """Let a webhook tell at once, twice, late, or not at all."""
        self.told.append(record)
        self.deliver({0: [], 1: [record], 2: [record, record], 3: list(reversed(self.told[-3:]))}[hint])

    def deliver(self, records: list[str]) -> None:
        now = self.clock.now()
        for one in records:
            row = {"connection_id": self.world.connection_id, "digest": f"{next(self.numbers)}", "event": "changed"}
            with self.engine.begin() as database:
                database.execute(sa.insert(Delivery).values(remote_id=one, happened_at=now, received_at=now, **row))
                database.execute(sa.update(Connection).values(pull_at=now))

    # What goes wrong, and who works

    @rule(kind=FAULTS, writes=st.booleans(), after=st.integers(0, 2), then=WORK)
    def break_a_call(self, kind: str, writes: bool, after: int, then: Any) -> None:
        where = self.bench.case.writes if writes or kind == "lose_reply" else {}
        more = {"params": {"status": 503}} if kind == "server_error" else {}
        self.bench.fault(kind, **where, after=after, times=1, **more)
        self.work(then)

    def work(self, then: Any) -> None:
        """Let time pass and a worker do what a wake does, or die over it."""
        self.taken += 1
        self.bench.sandbox.clock.advance(1)
        if then is None:
            return
        seconds, dies_at = then
        self.clock.advance(seconds)
        if dies_at is None:
            self.world.run()
            return
        with killed_at(dies_at):
            self.world.run()
        self.restart()

    def restart(self) -> None:
        for warm in self.world.sync.warm.kept.values():
            warm.adapter.http.close()
        self.world.restart()

    # What is there

    def new_value(self, name: str, blank: int) -> str:
        number = next(self.numbers)
        if name == "email":
            return f"other{number}@example.com"
        return "" if not blank and name in ("city", "first_name") else f"Value {number}"

    def noted(self, side: str, id: str, name: str, stands: str, value: str) -> None:
        """Note an edit. What stands where it is made was seen by whoever makes it."""
        pending = self.pending.setdefault((id, name), {})
        other = THERE if side == HERE else HERE
        if pending.get(other) == stands:
            del pending[other]
        pending[side] = value

    def here(self, id: str) -> ClientRecord | None:
        with self.engine.connect() as database:
            found = self.world.sync.host.load_clients(database, [id]).get(id)
        return found if isinstance(found, ClientRecord) and id in self.own else None

    def record_of(self, id: str) -> str:
        """Return the record that stands for a client, "" for none that is there."""
        link = self.world.link(id)
        known = link is not None and link.state == ACTIVE
        return str(link.remote_id) if known and self.there(str(link.remote_id)) is not None else ""

    def there(self, record: str) -> dict[str, str] | None:
        return next((row["properties"] for row in self.records() if row["id"] == record), None)

    def records(self) -> list[dict[str, Any]]:
        """Return what stands for somebody: in Dynamics a record that was merged into another one stays, inactive."""
        return [row for row in self.bench.records() if not row["properties"].get("merged")]
