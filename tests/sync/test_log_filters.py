"""Every filter of the log on every database: the right entries in the right order, led by an index and nothing else."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from flask_crm_sync import migration
from flask_crm_sync.config import Settings
from flask_crm_sync.models import Connection, Database, Operation
from flask_crm_sync.models.operation import FAILED, PENDING, SUCCESS
from flask_crm_sync.sync import log
from flask_crm_sync.sync.causes import Cause, Extent, count_failed, extent_of, retry_slice
from flask_crm_sync.sync.context import Sync
from flask_crm_sync.sync.log import KINDS, STATUSES, LogFilter, every_entry, log_page
from flask_crm_sync.sync.paging import Place
from flask_crm_sync.sync.retention import purge_log

CRMS = ("hubspot", "salesforce")
REASONS = ("", "invalid_record", "already_linked")
NOW = datetime(2026, 11, 1, tzinfo=UTC)
ROWS = 240


class NoHost:
    """A host whose clients cannot be searched, and are not there."""

    has_accounts = True
    client = property(lambda self: self)

    def column(self, word: str) -> None:
        return None

    def load_clients(self, on: object, ids: object) -> Mapping[str, Any]:
        return {}


@dataclass
class World:
    """As much of a sync as the log needs."""

    database: Database
    host: NoHost = field(default_factory=NoHost)
    settings: Settings = field(default_factory=lambda: Settings(log_days=30))
    now: datetime = NOW

    @property
    def clock(self) -> Any:
        return type("Clock", (), {"now": lambda _: self.now})()


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    engine = sa.create_engine(database_url)
    migration.upgrade(engine)
    with engine.begin() as connection:
        _fill(connection)
    yield World(Database(engine))
    engine.dispose()


def began(number: int) -> datetime:
    """Return about when an entry was queued: three days of the log, ending now."""
    return NOW - timedelta(days=3) + number * timedelta(days=3) / ROWS


def _fill(connection: sa.Connection) -> None:
    chance = random.Random(7)
    ids = {(account, crm): uuid.uuid4() for account in ("1", "2") for crm in CRMS}
    for (account, crm), row_id in ids.items():
        own = {"id": row_id, "account_id": account, "crm": crm, "created_at": NOW, "updated_at": NOW}
        connection.execute(sa.insert(Connection).values(own))
    rows = []
    for number in range(ROWS):
        account, crm, status = chance.choice("112"), chance.choice(CRMS), chance.choice(STATUSES)
        own = {"account_id": account, "crm": crm, "connection_id": ids[account, crm], "kind": chance.choice(KINDS)}
        client = str(chance.randrange(9))
        told = {"status": status, "reason": chance.choice(REASONS[1:]) if status == FAILED else ""}
        subject = {"subject_type": "client", "subject_id": f"{number}", "client_id": client}
        late = timedelta(minutes=chance.randrange(8))  # a little out of order, as workers beside one another write
        times = {"created_at": began(number) - late, "settled_at": None if status == PENDING else NOW}
        rows.append(own | told | subject | times)
    connection.execute(sa.insert(Operation), rows)


def sync_of(world: World) -> Sync:
    return cast("Sync", world)


def combinations() -> Iterator[LogFilter]:
    asked = (("", *STATUSES), ("", *CRMS, "dynamics"), ("", *KINDS), REASONS, ("", "3"))
    for values in itertools.product(*asked):
        yield LogFilter(*values)


def expected(world: World, wanted: LogFilter) -> list[int]:
    with world.database.read() as database:
        rows = database.execute(sa.select(Operation.__table__).where(Operation.account_id == "1")).all()
    named = {"status": "status", "crm": "crm", "kind": "kind", "reason": "reason", "client": "client_id"}
    equal = [(column, getattr(wanted, name)) for name, column in named.items() if getattr(wanted, name)]
    return sorted((row.id for row in rows if all(getattr(row, c) == v for c, v in equal)), reverse=True)


def test_every_filter_shows_what_it_should_in_pages_to_the_end(world: World) -> None:
    for wanted in combinations():
        found = [entry.id for entry in every_entry(sync_of(world), "1", wanted, page_size=7)]
        assert found == expected(world, wanted), wanted


def test_every_filter_goes_back_to_the_newest(world: World) -> None:
    for wanted in combinations():
        known = expected(world, wanted)
        if len(known) > 6:
            page = log_page(sync_of(world), "1", wanted, after=known[6], limit=4)
            assert [entry.id for entry in page.entries] == known[2:6], wanted


DAYS = [("2026-10-30", ""), ("", "2026-10-30"), ("2026-10-30", "2026-10-30"), ("2026-10-31", "2026-10-29")]
DAYS += [("0001-01-01", "9999-12-31"), ("2031-01-01", ""), ("", "2001-01-01")]


def test_days_hold_in_every_filter_and_in_the_readers_zone(world: World) -> None:
    zone = "America/Los_Angeles"
    parts = [LogFilter(), LogFilter("failed"), LogFilter(crm="hubspot"), LogFilter(reason="invalid_record")]
    with world.database.read() as database:
        queued = database.execute(sa.select(Operation.id, Operation.created_at)).all()
    days = {row.id: row.created_at.astimezone(ZoneInfo(zone)).date().isoformat() for row in queued}
    for part, (since, until) in itertools.product([*parts, LogFilter(client="3")], DAYS):
        wanted = replace(part, since=since, until=until, zone=zone)
        known = [n for n in expected(world, part) if (since or "0") <= days[n] <= (until or "9999-12-31")]
        assert [entry.id for entry in every_entry(sync_of(world), "1", wanted, page_size=7)] == known, wanted


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_filter_reads_the_whole_log(world: World) -> None:
    """SQLite says for each step of a plan whether it looks something up or reads all; others read all of few rows."""
    for wanted, place in itertools.product(combinations(), (Place(), Place(before=99), Place(after=99))):
        with world.database.read() as database:
            query = log._asked_for(sync_of(world), database, "1", wanted, place, 51)
            text = str(query.compile(database, compile_kwargs={"literal_binds": True}))
            plan = [row[-1] for row in database.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
        reads = [step for step in plan if "crm_sync_operation" in step and not step.startswith("USE TEMP")]
        assert all(step.startswith("SEARCH") for step in reads), (wanted, plan)
        assert wanted.client or "client" not in " ".join(reads)
        if wanted == LogFilter(status=wanted.status):
            assert not [step for step in plan if "TEMP B-TREE" in step], (wanted, plan)


def test_all_of_one_cause_is_tried_again_on_every_database(world: World) -> None:
    sync, cause = sync_of(world), Cause("invalid_record")
    known = expected(world, LogFilter(status=FAILED, reason=cause.reason))
    with world.database.read() as database:
        assert extent_of(database, "1", cause) == Extent(known[-1], known[0], len(known))
    after, done, finished = 0, 0, False
    while not finished:
        with world.database.write() as database:
            step = retry_slice(database, "1", cause, NOW, after=after, up_to=known[0], slice_size=5)
        after, done, finished = step.reached, done + step.done, step.finished
    assert done == len(known)
    assert count_failed(sync, "1", cause) == 0


def test_the_old_part_of_the_log_goes_on_every_database(world: World) -> None:
    world.now = NOW + timedelta(days=31)
    gone = purge_log(sync_of(world))
    with world.database.read() as database:
        left = set(database.execute(sa.select(Operation.status)).scalars())
        assert gone == ROWS - database.execute(sa.select(sa.func.count(Operation.id))).scalar_one()
    assert left == {PENDING, FAILED}
    assert SUCCESS not in left
