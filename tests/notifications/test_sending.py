"""From what happened to what was sent: once for each change, crash or no crash, and never a storm."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from flask_crm_sync.models import Channel, Notification
from flask_crm_sync.models.channel import DAILY, HOURLY
from flask_crm_sync.models.notice import LEAD_QUALIFIED, MANY_FAILURES
from flask_crm_sync.models.notification import FAILED, PENDING, SENT
from flask_crm_sync.notifications import sending
from flask_crm_sync.notifications.channels import change_channel, channels, delete_channel, find_channel, switch_channel
from flask_crm_sync.notifications.messages import _worded
from flask_crm_sync.notifications.retention import purge_news
from flask_crm_sync.notifications.sending import LEASE_SECONDS, send_due
from flask_crm_sync.notifications.spread import spread
from tests.notifications.desk import Receiver, channel, happens, notices, rows
from tests.sync.dying import Killed
from tests.sync.world import World
from tests.web.helpdesk import THEIRS, Helpdesk


def tell(desk: Helpdesk, receiver: Receiver) -> sending.Sent:
    spread(desk.sync)
    return send_due(desk.sync, deliver=receiver)


def statuses(desk: Helpdesk) -> list[str]:
    return [row.status for row in rows(desk.sync)]


def view(desk: Helpdesk) -> Any:
    return channels(desk.sync, "1")[0]


# To whom


def test_a_channel_is_told_what_it_asked_for_in_its_own_account(desk: Helpdesk) -> None:
    channel(desk.sync, events=(LEAD_QUALIFIED,))
    channel(desk.sync, account=THEIRS)
    happens(desk.sync, "a")
    happens(desk.sync, "b", MANY_FAILURES)
    receiver = Receiver()
    assert tell(desk, receiver) == sending.Sent(taken=1)
    assert [ids for _, ids in receiver.taken] == [(1,)]
    assert [notice.spread_at for notice in notices(desk.sync)] == [desk.clock.now()] * 2


def test_the_same_change_noted_again_is_told_once(desk: Helpdesk) -> None:
    channel(desk.sync)
    receiver = Receiver()
    for _ in range(3):
        happens(desk.sync, "qualified 7, number 1")
        tell(desk, receiver)
    assert receiver.sizes == [1]


def test_a_paused_channel_is_owed_nothing_and_keeps_what_waits(desk: Helpdesk) -> None:
    channel(desk.sync)
    receiver = Receiver()
    happens(desk.sync, "a")
    spread(desk.sync)
    switch_channel(desk.sync, view(desk), False, by="1")
    happens(desk.sync, "b")
    assert tell(desk, receiver) == sending.Sent()
    switch_channel(desk.sync, view(desk), True, by="1")
    tell(desk, receiver)
    assert [ids for _, ids in receiver.taken] == [(1,)]


def test_a_deleted_channel_takes_what_waits_with_it(desk: Helpdesk) -> None:
    channel(desk.sync)
    happens(desk.sync, "a")
    spread(desk.sync)
    delete_channel(desk.sync, view(desk), by="1")
    assert rows(desk.sync) == []
    assert tell(desk, Receiver()) == sending.Sent()


# When


def test_quiet_hours_hold_what_comes_until_their_end(desk: Helpdesk) -> None:
    channel(desk.sync, quiet_from=14 * 60, quiet_to=16 * 60)  # it is 14:00
    receiver = Receiver()
    for once in "abc":
        happens(desk.sync, once)
        tell(desk, receiver)
        desk.clock.sleep(30 * 60)
    assert receiver.taken == []
    desk.clock.sleep(30 * 60)
    tell(desk, receiver)
    assert receiver.sizes == [1, 1, 1]


def test_quiet_hours_hold_a_second_attempt_too(desk: Helpdesk) -> None:
    channel(desk.sync, quiet_from=14 * 60 + 1, quiet_to=16 * 60)
    receiver = Receiver(refuses="unreachable")
    happens(desk.sync, "a")
    tell(desk, receiver)
    desk.clock.sleep(300)
    receiver.refuses = ""
    assert tell(desk, receiver) == sending.Sent()
    desk.clock.sleep(2 * 3600)
    assert tell(desk, receiver) == sending.Sent(taken=1)
    assert len(set(receiver.tried)) == 1


@pytest.mark.parametrize(("rhythm", "hours"), [(HOURLY, 1), (DAILY, 18)])
def test_a_digest_is_one_message_at_its_time(desk: Helpdesk, rhythm: str, hours: int) -> None:
    channel(desk.sync, rhythm=rhythm, daily_at=8 * 60)
    receiver = Receiver()
    for number in range(15):
        happens(desk.sync, str(number))
        tell(desk, receiver)
    assert receiver.taken == []
    desk.clock.sleep(hours * 3600)
    tell(desk, receiver)
    assert receiver.sizes == [15]


def test_other_hours_count_for_what_waits_already(desk: Helpdesk) -> None:
    channel(desk.sync, rhythm=DAILY)
    happens(desk.sync, "a")
    spread(desk.sync)
    known = view(desk)
    change_channel(desk.sync, known, replace(known.wishes, rhythm="at_once"), None, by="1")
    assert tell(desk, Receiver()) == sending.Sent(taken=1)


# Never a storm


def test_more_than_an_hour_allows_is_one_summary(desk: Helpdesk) -> None:
    channel(desk.sync)
    for number in range(40):
        happens(desk.sync, str(number))
    receiver = Receiver()
    tell(desk, receiver)
    assert receiver.sizes == [40]


def test_after_ten_messages_the_rest_of_the_hour_is_folded(desk: Helpdesk) -> None:
    channel(desk.sync)
    receiver = Receiver()
    for number in range(30):
        happens(desk.sync, str(number))
        tell(desk, receiver)
        desk.clock.sleep(60)
    assert receiver.sizes == [1] * 10
    desk.clock.sleep(31 * 60)
    tell(desk, receiver)
    assert receiver.sizes == [1] * 10 + [20]


@profile(max_examples=8)
@given(gaps=st.lists(st.integers(0, 1500), min_size=1, max_size=30), an_hour=st.integers(1, 4))
def test_no_hour_ever_sees_more_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[int], an_hour: int
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        from tests.notifications.conftest import _open

        desk = _open(tmp_path_factory.mktemp("storm"), monkeypatch)
        sync = replace(desk.sync, settings=replace(desk.sync.settings, notify_an_hour=an_hour))
        channel(sync)
        receiver, sent_at = Receiver(), []
        for number, gap in enumerate([*gaps, *[1800] * 4]):
            if number < len(gaps):
                happens(sync, str(number))
            spread(sync)
            sent_at += [desk.clock.now()] * send_due(sync, deliver=receiver).taken
            desk.clock.sleep(gap)
    told = [notice_id for _, ids in receiver.taken for notice_id in ids]
    assert sorted(told) == list(range(1, len(gaps) + 1))
    for first, later in zip(sent_at, sent_at[an_hour:], strict=False):
        assert later - first >= timedelta(hours=1)


# Trouble


def test_a_failure_rests_longer_each_time_and_is_given_up_after_a_day(desk: Helpdesk) -> None:
    channel(desk.sync)
    happens(desk.sync, "a")
    receiver = Receiver(refuses="refused/503")
    rests = []
    while statuses(desk) in ([], [PENDING]):
        tell(desk, receiver)
        known = view(desk)
        rests.append((known.retry_at - desk.clock.now()).total_seconds())
        assert tell(desk, receiver) == sending.Sent()  # it rests
        desk.clock.sleep(rests[-1])
    assert rests[:7] == [60, 120, 240, 480, 960, 1920, 3600]
    assert set(rests[6:]) == {3600}
    (row,) = rows(desk.sync)
    assert (row.status, row.reason, len(set(receiver.tried))) == (FAILED, "refused/503", 1)
    assert timedelta(hours=24) <= row.settled_at - row.bundled_at < timedelta(hours=25)
    assert (known.failing_code, known.given_up) == ("refused/503", 1)


def test_a_clock_that_was_wrong_for_a_while_silences_no_channel(desk: Helpdesk) -> None:
    """A machine told the time a month ahead, and then it was put right."""
    channel(desk.sync)
    receiver = Receiver()
    desk.clock.at += timedelta(days=30)
    for number in range(10):
        happens(desk.sync, f"ahead {number}")
        tell(desk, receiver)
    receiver.refuses = "unreachable"
    happens(desk.sync, "refused")
    desk.clock.sleep(3600)
    tell(desk, receiver)
    desk.clock.at -= timedelta(days=30)
    receiver.refuses = ""
    happens(desk.sync, "afterwards")
    for _ in range(3):
        desk.clock.sleep(3600)
        tell(desk, receiver)
    told = [notice_id for _, ids in receiver.taken for notice_id in ids]
    assert sorted(told) == [notice.id for notice in notices(desk.sync)]


def test_what_comes_meanwhile_waits_and_goes_when_the_receiver_is_back(desk: Helpdesk) -> None:
    channel(desk.sync)
    receiver = Receiver(refuses="unreachable")
    for once in "abc":
        happens(desk.sync, once)
        tell(desk, receiver)
    receiver.refuses = ""
    desk.clock.sleep(61)
    tell(desk, receiver)
    assert receiver.sizes == [1, 1, 1]
    known = view(desk)
    assert (known.failing_since, known.failing_code, known.retry_at, known.waiting) == (None, "", None, 0)


def test_a_time_zone_that_this_machine_does_not_know_keeps_nobody_from_being_told(desk: Helpdesk) -> None:
    """Time zones are renamed, and small machines know none."""
    lost = channel(desk.sync, rhythm=DAILY, time_zone="Europe/Vienna")
    channel(desk.sync)
    with desk.sync.database.write() as database:
        database.execute(sa.update(Channel).where(Channel.id == lost).values(time_zone="Atlantis/Port"))
    happens(desk.sync, "a")
    receiver = Receiver()
    tell(desk, receiver)
    assert receiver.sizes == [1]
    desk.clock.sleep(24 * 3600)
    tell(desk, receiver)
    assert receiver.sizes == [1, 1]
    assert _worded(desk.sync, find_channel(desk.sync, "1", lost), notices(desk.sync))[1] == "Qualified lead: A client"


def test_one_channel_in_trouble_keeps_no_other_from_being_told(desk: Helpdesk) -> None:
    bad, good = channel(desk.sync), channel(desk.sync)
    happens(desk.sync, "a")
    spread(desk.sync)
    told: list[object] = []

    def deliver(_sync: object, to: Any, _bundle: object) -> None:
        if to.id == bad:
            raise ZeroDivisionError("https://example.com/secret")
        told.append(to.id)

    assert send_due(desk.sync, deliver=deliver) == sending.Sent(taken=1, failed=1)
    assert told == [good]


def test_a_crash_of_the_host_or_of_ours_quotes_no_address(desk: Helpdesk, caplog: pytest.LogCaptureFixture) -> None:
    channel(desk.sync)
    happens(desk.sync, "a")

    def deliver(*_: object) -> None:
        raise ZeroDivisionError("https://example.com/secret")

    spread(desk.sync)
    send_due(desk.sync, deliver=deliver)
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text


# Crashes


def test_a_sender_that_dies_leaves_its_message_to_the_next_under_the_same_id(desk: Helpdesk) -> None:
    channel(desk.sync)
    happens(desk.sync, "a")
    receiver = Receiver()

    def die() -> None:
        raise Killed

    receiver.meanwhile = die
    with pytest.raises(Killed):
        tell(desk, receiver)
    receiver.meanwhile = lambda: None
    assert tell(desk, receiver) == sending.Sent()  # the dead one holds the channel
    desk.clock.sleep(LEASE_SECONDS + 1)
    assert tell(desk, receiver) == sending.Sent(taken=1)
    assert len(set(receiver.tried)) == 1


def test_a_sender_that_was_too_slow_settles_nothing(desk: Helpdesk) -> None:
    channel(desk.sync)
    happens(desk.sync, "a")
    slow, quick = Receiver(refuses="unreachable"), Receiver()

    def overtaken() -> None:
        desk.clock.sleep(LEASE_SECONDS + 1)
        assert send_due(desk.sync, deliver=quick) == sending.Sent(taken=1)

    slow.meanwhile = overtaken
    tell(desk, slow)
    assert statuses(desk) == [SENT]
    assert slow.tried == quick.tried
    assert view(desk).failing_code == ""


def test_whatever_statement_a_worker_dies_at_everything_is_told_once_and_nothing_twice(desk: Helpdesk) -> None:
    channel(desk.sync)
    channel(desk.sync)
    engine, died_at = desk.sync.database.engine, 0
    happened = 0
    while True:
        died_at += 1
        happened += 1
        happens(desk.sync, str(happened))
        receiver = Receiver()
        if not _die(engine, died_at, lambda receiver=receiver: tell(desk, receiver)):
            break
        desk.clock.sleep(LEASE_SECONDS + 3600)
        again = Receiver()
        tell(desk, again)
        sent = {bundle for bundle, _ in [*receiver.taken, *again.taken]}
        assert len(sent) == 2, died_at  # one message a channel, whoever sent it, under one id
        assert set(statuses(desk)) == {SENT}
    assert died_at > 12


def _die(engine: sa.Engine, statement: int, work: Any) -> bool:
    """Kill the work at one of its statements; tell whether it came to that."""
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == statement:
            raise Killed

    sa.event.listen(engine, "before_cursor_execute", count)
    try:
        work()
    except Killed:
        return True
    finally:
        sa.event.remove(engine, "before_cursor_execute", count)
    return False


def test_many_workers_tell_each_channel_of_each_change_once(anywhere: World) -> None:
    sync, receiver, lock = anywhere.sync, Receiver(), threading.Lock()
    ids = {channel(sync, rhythm=HOURLY), channel(sync)}
    for number in range(30):
        happens(sync, str(number))
    anywhere.clock.advance(hours=1)

    def deliver(sync: Any, to: Any, bundle: Any) -> None:
        with lock:
            receiver(sync, to, bundle)

    def work() -> None:
        for _ in range(3):
            spread(sync)
            send_due(sync, deliver=deliver)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    anywhere.clock.advance(hours=1)
    work()
    owed = rows(sync)
    assert {(row.channel_id, row.notice_id) for row in owed} == {(id, n) for id in ids for n in range(1, 31)}
    assert {row.status for row in owed} == {SENT}
    told = [notice_id for _, notice_ids in receiver.taken for notice_id in notice_ids]
    assert sorted(told) == sorted([*range(1, 31), *range(1, 31)])


# Forgetting


def test_old_news_goes_with_the_log(desk: Helpdesk) -> None:
    channel(desk.sync)
    happens(desk.sync, "old")
    tell(desk, Receiver())
    desk.clock.sleep(91 * 86400)
    happens(desk.sync, "new")
    assert purge_news(desk.sync) == 1
    assert rows(desk.sync) == []
    assert [notice.id for notice in notices(desk.sync)] == [2]
    never = replace(desk.sync, settings=replace(desk.sync.settings, log_days=0))
    desk.clock.sleep(9_999 * 86400)
    assert purge_news(never) == 0


def test_a_channel_says_how_it_does(desk: Helpdesk) -> None:
    id = channel(desk.sync)
    happens(desk.sync, "a")
    tell(desk, Receiver())
    happens(desk.sync, "b")
    spread(desk.sync)
    known = find_channel(desk.sync, "1", id)
    assert (known.sent_at, known.waiting, known.given_up) == (desk.clock.now(), 1, 0)
    assert {Channel.__tablename__, Notification.__tablename__} <= set(Channel.metadata.tables)
