"""A lead that a review finds is told to whoever wants to hear of leads, and once to whoever wants to hear of both."""

from __future__ import annotations

import pytest

from flask_crm_sync.models.notice import LEAD_QUALIFIED, REVIEW_CHANGED
from flask_crm_sync.notifications.inbox import choose_events, inbox, unread
from flask_crm_sync.notifications.sending import send_due
from flask_crm_sync.notifications.spread import spread
from tests.notifications.desk import Receiver, channel, happens
from tests.web.helpdesk import Helpdesk


@pytest.mark.parametrize(
    ("events", "told"),
    [((LEAD_QUALIFIED,), [1, 2]), ((REVIEW_CHANGED,), [2, 3]), ((LEAD_QUALIFIED, REVIEW_CHANGED), [1, 2, 3])],
)
def test_a_lead_that_a_review_finds_is_told_once_to_whoever_wants_to_hear_of_leads(
    desk: Helpdesk, events: tuple[str, ...], told: list[int]
) -> None:
    channel(desk.sync, events=events)
    choose_events(desk.sync, "1", "7", events)
    happens(desk.sync, "a")
    for outcome in ("upgraded", "downgraded"):
        happens(desk.sync, outcome, REVIEW_CHANGED, data={"outcome": outcome})
    receiver = Receiver()
    spread(desk.sync)
    send_due(desk.sync, deliver=receiver)
    assert [number for _, ids in receiver.taken for number in ids] == told
    assert sorted(news.id for news in inbox(desk.sync, "1", "7").news) == told
    assert unread(desk.sync, "1", "7") == len(told)
