"""The overview: what needs somebody now, the pictures with their numbers, and what they cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import Budget, Conflict, Connection, Heartbeat, Operation
from flask_crm_sync.models.connection import NEEDS_ATTENTION
from flask_crm_sync.models.operation import BULK, FAILED, SKIPPED, SUCCESS
from flask_crm_sync.sync import allowance
from flask_crm_sync.sync import overview as engine
from flask_crm_sync.sync.allowance import Used, budget_of, forecast
from flask_crm_sync.sync.connections import ConnectionView
from flask_crm_sync.sync.overview import overview
from flask_crm_sync.web.charts import bars_of_budget
from tests.web.helpdesk import OURS, THEIRS, Helpdesk
from tests.web.test_crm_pages import read

PAGE = "/crm/overview"


def beat(desk: Helpdesk, *kinds: str) -> None:
    with desk.sync.database.write() as database:
        for kind in kinds:
            database.execute(sa.insert(Heartbeat).values(name=kind, kind=kind, beat_at=desk.clock.now()))


def settled(desk: Helpdesk, view: ConnectionView, hours_ago: float, took: float = 2, **values: Any) -> None:
    at = desk.clock.now() - timedelta(hours=hours_ago)
    desk.add_operation(view, created_at=at - timedelta(seconds=took), settled_at=at, **{"status": SUCCESS} | values)


def test_an_account_without_a_connection_is_told_to_connect_one(desk: Helpdesk) -> None:
    assert "No CRM is connected yet. Connect a CRM" in read(desk.browser("viewer"), PAGE)


def test_a_connection_that_needs_attention_comes_first(desk: Helpdesk) -> None:
    desk.connect()
    desk.change(Connection, state=NEEDS_ATTENTION, state_code="permission_missing")
    assert "HubSpot: The key lacks a permission in the CRM." in read(desk.browser("viewer"), PAGE)


def test_without_a_worker_the_command_is_named(desk: Helpdesk) -> None:
    desk.connect()
    page = read(desk.browser("viewer"), PAGE)
    assert "no worker runs" in page
    assert "flask crm worker" in page


def test_failures_lead_to_their_entries(desk: Helpdesk) -> None:
    view = desk.connect()
    beat(desk, "worker", "scheduler")
    desk.add_operation(view, status=FAILED)
    desk.add_operation(view, status=FAILED)
    page = desk.browser("viewer").get(PAGE).text
    assert "2 entries for HubSpot failed." in page
    assert 'href="/crm/log?status=failed&amp;crm=hubspot"' in page


def test_a_conflict_is_what_needs_somebody_where_all_else_is_well(desk: Helpdesk) -> None:
    add_conflict(desk, desk.connect())
    page = read(desk.browser("viewer"), PAGE)
    assert "no worker runs" in page
    assert page.count("1 conflict waits for your decision. Look at both values") == 1
    beat(desk, "worker", "scheduler")
    page = read(desk.browser("viewer"), PAGE)
    assert "Nothing needs you" not in page
    assert page.count("1 conflict waits for your decision. Look at both values") == 1


def add_conflict(desk: Helpdesk, view: ConnectionView) -> None:
    told = {"account_id": OURS, "connection_id": view.id, "crm": "hubspot", "client_id": "1", "field": "city"}
    with desk.sync.database.write() as database:
        row = {**told, "cause": "both_changed", "open_key": "key", "created_at": desk.clock.now()}
        database.execute(sa.insert(Conflict).values(row))


def test_nothing_needs_anybody_where_all_is_well(desk: Helpdesk) -> None:
    desk.connect()
    beat(desk, "worker", "scheduler")
    page = read(desk.browser("viewer"), PAGE)
    assert "Nothing needs you: everything is in order." in page
    assert "Nothing was sent in the last 24 hours." in page


def test_the_hours_are_counted_by_outcome_and_the_picture_has_its_table(desk: Helpdesk) -> None:
    view = desk.connect()
    settled(desk, view, 0)
    settled(desk, view, 0)
    settled(desk, view, 3, status=FAILED)
    settled(desk, view, 3, status=SKIPPED)
    settled(desk, view, 30)
    settled(desk, desk.connect(THEIRS), 0)
    hours = overview(desk.sync, OURS).hours
    assert len(hours) == 24
    assert [dict(hour.counts) for hour in hours if hour.total] == [{FAILED: 1, SKIPPED: 1}, {SUCCESS: 2}]
    page = desk.browser("viewer").get(PAGE).text
    assert page.count("<rect") >= 3
    assert 'role="img" aria-label="Entries settled in each hour' in page
    assert '<th scope="row">22 Nov, 11:00</th><td>0</td><td>1</td><td>1</td>' in page


def test_the_way_to_the_crm_is_measured(desk: Helpdesk) -> None:
    view = desk.connect()
    for took in (1, 2, 3, 4, 100):
        settled(desk, view, 1, took)
    (health,) = overview(desk.sync, OURS).healths
    assert (health.ways.number, health.ways.median, health.ways.slowest) == (5, 3.0, 100.0)
    assert health.ways.bins == (4, 0, 1, 0, 0, 0)
    assert "Half of them arrive within 3 s, 95 of 100 within 100 s." in read(desk.browser("viewer"), PAGE)


def test_clients_from_before_who_are_brought_in_say_nothing_of_the_way_of_new_ones(desk: Helpdesk) -> None:
    view = desk.connect()
    settled(desk, view, 2, took=4)
    for _client in range(5):
        settled(desk, view, 1, took=7200, lane=BULK)
    (health,) = overview(desk.sync, OURS).healths
    assert (health.ways.number, health.ways.median) == (1, 4.0)


def spend(desk: Helpdesk, view: ConnectionView, **values: Any) -> None:
    key = budget_of(desk.sync, desk.stored(view.id)._mapping)
    with desk.sync.database.write() as database:
        database.execute(sa.insert(Budget).values(token_digest=key, **values))


MIDNIGHT, NEXT = datetime(2026, 11, 22, 5, tzinfo=UTC), datetime(2026, 11, 23, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "calls", "by_end", "lasts_until"),
    [
        (6, 100, 400, None),
        (6, 300, 1200, MIDNIGHT + timedelta(hours=20)),
        (6, 0, 0, None),
        (12, 1000, 2000, MIDNIGHT + timedelta(hours=12)),
        (0.25, 300, None, None),
    ],
)
def test_a_days_calls_are_forecast_from_the_day_so_far(
    hours: float, calls: int, by_end: int | None, lasts_until: datetime | None
) -> None:
    used = forecast(calls, 1000, MIDNIGHT, NEXT, MIDNIGHT + timedelta(hours=hours))
    assert (used.by_end, used.lasts_until, used.day_ends) == (by_end, lasts_until, NEXT)


def test_the_budget_is_told_with_its_forecast_and_its_table(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    view = desk.connect()
    desk.change(Connection, traits={"time_zone": "America/New_York"})
    spend(desk, view, daily_limit=1000, daily_remaining=700, daily_seen=NEXT.timestamp())
    noon = (MIDNIGHT + timedelta(hours=30)).timestamp()
    monkeypatch.setattr(allowance, "DatabaseClock", lambda: sa.literal(noon))
    page = read(desk.browser("viewer"), PAGE)
    assert "300 of the day's 1,000 calls, about 1,200 by midnight. Its day ends at 05:00 UTC." in page
    assert "At this rate the day's calls are used up" in page
    assert "used 300 by midnight, at this rate 1,200 still free 700" in page


@pytest.mark.parametrize(("calls", "warns"), [(100, [False, False]), (850, [True, False])])
def test_much_used_is_a_warning_and_much_left_is_none(calls: int, warns: list[bool]) -> None:
    assert [bar.warns for bar in bars_of_budget(Used(calls, 1000))] == warns


@pytest.mark.parametrize("zone", ["", "Nowhere/Land", None])
def test_calls_of_a_crm_without_a_day_of_its_own_are_those_of_24_hours(desk: Helpdesk, zone: str | None) -> None:
    view = desk.connect()
    desk.change(Connection, traits={"time_zone": zone})
    spend(desk, view, daily_limit=1000, daily_remaining=400, daily_seen=1.0)
    page = read(desk.browser("viewer"), PAGE)
    assert "600 of 1,000 calls in the last 24 hours, about 25 an hour." in page
    assert "used up" not in page


def test_what_was_told_yesterday_says_nothing_of_today(desk: Helpdesk) -> None:
    view = desk.connect()
    desk.change(Connection, traits={"time_zone": "Europe/Vienna"})
    spend(desk, view, daily_limit=1000, daily_remaining=10, daily_seen=1.0)
    assert "0 of the day's 1,000 calls" in read(desk.browser("viewer"), PAGE)


def test_a_window_says_how_much_it_allows(desk: Helpdesk) -> None:
    spend(desk, desk.connect(), window_seconds=60.0, window_limit=100)
    page = read(desk.browser("viewer"), PAGE)
    assert "0 of 100 calls in the running 60 seconds." in page
    assert "allows 6,000 calls an hour" in page


def test_a_picture_that_begins_late_says_so(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    view = desk.connect()
    for ago in (5, 4, 3, 2):
        settled(desk, view, ago)
    monkeypatch.setattr(engine, "NEWEST", 3)
    assert "the picture is complete only since 4 hours ago" in read(desk.browser("viewer"), PAGE)


def test_the_numbers_of_statements_and_rows_do_not_grow_with_the_log(desk: Helpdesk) -> None:
    view = desk.connect()
    settled(desk, view, 1)
    overview(desk.sync, OURS)  # the first one of a process makes the installation's own row
    with desk.statements() as few:
        overview(desk.sync, OURS)
    with desk.sync.database.write() as database:
        row = dict(database.execute(sa.select(Operation.__table__)).mappings().first() or {})
        del row["id"]
        database.execute(sa.insert(Operation), [row] * 6000)
    with desk.statements() as many:
        found = overview(desk.sync, OURS)
    assert len(many) == len(few)
    assert found.hours[-2].total == engine.NEWEST


def test_what_the_overview_does_not_tell_is_not_counted_for_it(desk: Helpdesk) -> None:
    view = desk.connect()
    settled(desk, view, 1)
    desk.add_operation(view, "2")
    (health,) = overview(desk.sync, OURS).healths
    assert (health.status.pending, health.status.sent_lately, health.status.oldest_pending_at) == (1, 0, None)


@pytest.mark.parametrize("statement", [engine._settled("sqlite"), engine._LIVE])
def test_the_pictures_are_read_from_an_index_in_its_order(desk: Helpdesk, statement: sa.Select[Any]) -> None:
    given = {"account": OURS, "status": SUCCESS, "of": desk.connect().id.hex}
    values = {name: value for name, value in given.items() if f":{name}" in str(statement)}
    compiled = statement.params(values).compile(dialect=desk.sync.database.engine.dialect)
    with desk.sync.database.read() as database:
        parameters = tuple(compiled.params[name] for name in compiled.positiontup or ())
        plan = database.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", parameters).all()
    text = " ".join(str(row[-1]) for row in plan)
    assert "USING INDEX" in text
    assert "TEMP B-TREE" not in text
