"""Reading changes by time: whatever shows up late, in crowds, or at one instant is told, and soon only once."""

from __future__ import annotations

from bisect import insort

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_crm_sync.crm.feed import MARK, Feed, Reach, Sighting, Span, fingerprint, time_told
from tests.sync.world import START, FakeClock

REACH, PAGE = Reach(lag=20, room=8), 5


def _sighting(record_id: int, at: int) -> Sighting:
    return Sighting(f"{record_id:04d}", at, fingerprint(str(record_id), str(at)))


class Source:
    """A CRM with a list of changes that each show up some time after they happened."""

    def __init__(self) -> None:
        self.now = 1_000
        self.changes: list[tuple[int, str, int, Sighting]] = []

    def change(self, record_id: int, lag: int) -> None:
        sighting = _sighting(record_id, self.now)
        insort(self.changes, (self.now, sighting.id, self.now + lag, sighting))

    def shown(self) -> list[Sighting]:
        latest: dict[str, Sighting] = {}
        for _at, record_id, visible, sighting in self.changes:
            if visible <= self.now:
                latest[record_id] = sighting
        return sorted(latest.values(), key=lambda sighting: (sighting.at, sighting.id))


def _poll(source: Source, feed: Feed) -> tuple[set[str], Feed]:
    """Poll as an adapter does: a look at the newest, and pages where those do not reach back far enough."""
    told: set[str] = set()
    newest = [sighting for sighting in reversed(source.shown()) if sighting.at >= feed.since][:PAGE]
    fresh, feed = feed.looked(newest, REACH, now=source.now, whole=len(newest) < PAGE)
    told |= {sighting.mark for sighting in fresh}
    while feed.span is not None:
        place = (feed.span.low, feed.span.after)
        page = [s for s in source.shown() if place < (s.at, s.id) and s.at <= feed.span.high][:PAGE]
        fresh, feed = feed.read(page, REACH, (page[-1].at, page[-1].id) if len(page) == PAGE else None)
        told |= {sighting.mark for sighting in fresh}
        feed = Feed.of(feed.written())
    return told, feed


_CHANGE = st.tuples(st.just("change"), st.integers(0, 30), st.integers(0, REACH.lag))
_STEPS = st.lists(_CHANGE | st.tuples(st.just("wait"), st.integers(0, 15)) | st.just(("poll",)), max_size=80)


@settings(max_examples=40, deadline=None)
@given(_STEPS)
def test_every_change_that_lasts_is_told_however_late_it_shows_up(steps: list[tuple[object, ...]]) -> None:
    source, told = Source(), set()
    _nothing, feed = Feed(0).looked([], REACH, now=source.now, whole=True)
    for what, *numbers in steps:
        if what == "change":
            source.change(*map(int, map(str, numbers)))
        elif what == "wait":
            source.now += int(str(numbers[0]))
        else:
            found, feed = _poll(source, feed)
            told |= found
    source.now += REACH.lag
    found, feed = _poll(source, feed)
    assert {sighting.mark for sighting in source.shown()} <= told | found
    source.now += 2 * REACH.lag
    _late, feed = _poll(source, feed)
    assert _poll(source, feed)[0] == set(), "and when all is quiet, nothing is told again"


def test_what_was_told_is_not_told_again_while_it_may_show_up_late() -> None:
    one = _sighting(1, 990)
    fresh, feed = Feed(980).looked([one], REACH, now=1_000, whole=True)
    assert fresh == [one]
    assert feed.looked([one], REACH, now=1_005, whole=True)[0] == []


def test_feed_comes_back_from_its_text() -> None:
    marks = (fingerprint("a"), fingerprint("b"))
    assert {len(mark) for mark in marks} == {MARK}
    for feed in (Feed(5), Feed(5, marks), Feed(5, marks, Span(1, "", 3, 4)), Feed(0, (), Span(1, "00Q", 3, 4))):
        assert Feed.of(feed.written()) == feed


def test_page_is_taken_only_where_a_time_is_to_be_read() -> None:
    with pytest.raises(ValueError, match="no time"):
        Feed(5).read([], REACH, None)


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 1_795_341_600),
        ({"Date": "Mon, 23 Nov 2026 14:00:00 GMT"}, START.timestamp()),
        ({}, START.timestamp()),
    ],
)
def test_time_is_the_crms_where_it_tells_it_and_never_later_than_ours(headers: dict[str, str], told: float) -> None:
    assert time_told(headers, FakeClock()) == int(told * 1000)


def test_clock_that_stands_still_holds_no_place_back_behind_what_was_told() -> None:
    _fresh, feed = Feed(0).looked([_sighting(1, 2_000)], REACH, now=1_000, whole=True)
    assert feed.since == 2_000 - REACH.lag
