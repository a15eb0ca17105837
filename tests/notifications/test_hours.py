"""Quiet hours and digests on real zones, with the nights on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_crm_sync.models.channel import AT_ONCE, DAILY, HOURLY
from flask_crm_sync.notifications.hours import Hours

VIENNA = ZoneInfo("Europe/Vienna")
ZONES = ["UTC", "Europe/Vienna", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca"]
NIGHT = {"quiet_from": 22 * 60, "quiet_to": 7 * 60}

minutes_of_day = st.integers(0, 1439)
YEAR = datetime(2026, 1, 1, tzinfo=UTC)
instants = st.integers(0, 2 * 366 * 1440).map(lambda minutes: YEAR + timedelta(minutes=minutes))
nights = st.sampled_from([datetime(2026, *day, tzinfo=UTC) for day in ((3, 29), (10, 25), (4, 5))])
changing_nights = nights.flatmap(lambda day: st.integers(-1500, 1500).map(lambda shift: day + timedelta(minutes=shift)))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(rhythm: str = AT_ONCE, zone: ZoneInfo = VIENNA, **more: int) -> Hours:
    return Hours(zone, rhythm, **more)


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2026-11-23T20:59:59", "2026-11-23T20:59:59"),  # 21:59 in Vienna
        ("2026-11-23T21:00:00", "2026-11-24T06:00:00"),
        ("2026-11-24T05:59:59", "2026-11-24T06:00:00"),
        ("2026-11-24T06:00:00", "2026-11-24T06:00:00"),
        ("2026-03-28T22:30:00", "2026-03-29T05:00:00"),  # the night is an hour shorter
        ("2026-10-24T22:30:00", "2026-10-25T06:00:00"),  # and this one longer
    ],
)
def test_what_comes_in_quiet_hours_is_told_at_their_end(at: str, told: str) -> None:
    assert hours(**NIGHT).due(utc(at)) == utc(told)


def test_an_end_that_clocks_jump_over_is_not_waited_for() -> None:
    quiet = hours(quiet_from=22 * 60, quiet_to=2 * 60 + 30)
    assert quiet.due(utc("2026-03-29T00:10:00")) == utc("2026-03-29T01:00:00")


def test_a_quiet_hour_that_comes_twice_is_quiet_twice() -> None:
    quiet = hours(quiet_from=2 * 60, quiet_to=2 * 60 + 30)
    assert quiet.due(utc("2026-10-25T00:10:00")) == utc("2026-10-25T00:30:00")
    assert quiet.due(utc("2026-10-25T01:10:00")) == utc("2026-10-25T01:30:00")


def test_the_same_hour_twice_means_never_quiet() -> None:
    assert not hours(quiet_from=60, quiet_to=60).is_quiet(utc("2026-11-23T00:00:00"))


@pytest.mark.parametrize(
    ("zone", "at", "told"),
    [
        ("Europe/Vienna", "2026-11-23T09:10:00", "2026-11-23T10:00:00"),
        ("Europe/Vienna", "2026-11-23T09:00:00", "2026-11-23T10:00:00"),
        ("Asia/Kathmandu", "2026-11-23T09:10:00", "2026-11-23T09:15:00"),  # 15:00 there
    ],
)
def test_an_hourly_digest_goes_at_the_full_hour_there(zone: str, at: str, told: str) -> None:
    assert hours(HOURLY, ZoneInfo(zone)).due(utc(at)) == utc(told)


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2026-11-23T06:59:00", "2026-11-23T07:00:00"),
        ("2026-11-23T07:00:00", "2026-11-24T07:00:00"),
        ("2026-03-28T12:00:00", "2026-03-29T06:00:00"),
        ("2026-10-24T12:00:00", "2026-10-25T07:00:00"),
    ],
)
def test_a_daily_digest_goes_at_its_hour_there(at: str, told: str) -> None:
    assert hours(DAILY, daily_at=480).due(utc(at)) == utc(told)


def test_a_daily_digest_in_the_hour_that_is_left_out_goes_when_it_would_have_begun() -> None:
    assert hours(DAILY, daily_at=120).due(utc("2026-03-28T12:00:00")) == utc("2026-03-29T01:00:00")


def test_a_digest_that_falls_into_quiet_hours_waits_for_their_end() -> None:
    assert hours(DAILY, daily_at=300, **NIGHT).due(utc("2026-11-23T12:00:00")) == utc("2026-11-24T06:00:00")


@settings(max_examples=40)
@given(
    at=st.one_of(instants, changing_nights),
    zone=st.sampled_from(ZONES),
    rhythm=st.sampled_from([AT_ONCE, HOURLY, DAILY]),
    daily_at=minutes_of_day,
    quiet_from=minutes_of_day,
    quiet_to=minutes_of_day,
)
def test_nothing_is_told_in_quiet_hours_nor_later_than_a_digest_and_a_night(
    at: datetime, zone: str, rhythm: str, daily_at: int, quiet_from: int, quiet_to: int
) -> None:
    rules = hours(rhythm, ZoneInfo(zone), daily_at=daily_at, quiet_from=quiet_from, quiet_to=quiet_to)
    told = rules.due(at)
    assert told >= at
    assert not rules.is_quiet(told)
    assert told - at <= timedelta(hours=50)


@settings(max_examples=25)
@given(at=changing_nights, zone=st.sampled_from(ZONES), quiet_from=minutes_of_day, quiet_to=minutes_of_day)
def test_what_is_held_is_told_at_the_first_minute_that_is_not_quiet(
    at: datetime, zone: str, quiet_from: int, quiet_to: int
) -> None:
    rules = hours(zone=ZoneInfo(zone), quiet_from=quiet_from, quiet_to=quiet_to)
    told, between = rules.due(at), at
    while between < told:
        assert rules.is_quiet(between)
        between += timedelta(minutes=7)
    assert told == at or rules.is_quiet(told - timedelta(minutes=1))
