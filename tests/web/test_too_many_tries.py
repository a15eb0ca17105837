"""Where somebody could guess: how often a form is taken, what is said then, and what is never counted."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import Budget
from flask_crm_sync.sync import guesses
from flask_crm_sync.sync.guesses import Limit, count_strangers_try, count_try, forget_tries
from flask_crm_sync.sync.refusals import TooManyTries
from flask_crm_sync.sync.webhooks import open_webhook
from tests.web.helpdesk import OURS, THEIRS, TOKEN, Helpdesk
from tests.web.test_crm_pages import post, read

FEW = Limit("few", 3, 600.0)


def tries(desk: Helpdesk, limit: Limit, *whose: str) -> int:
    """Try until it is refused; return how often it was let through."""
    for number in range(100):
        try:
            count_try(desk.sync, limit, *whose)
        except TooManyTries:
            return number
    return 100


def rows(desk: Helpdesk) -> int:
    with desk.sync.database.read() as database:
        return database.execute(sa.select(sa.func.count()).select_from(Budget)).scalar_one()


def age(desk: Helpdesk, seconds: float) -> None:
    with desk.sync.database.write() as database:
        database.execute(sa.update(Budget).values(window_started=Budget.window_started - seconds))


def test_everybody_has_tries_of_their_own_and_a_new_window_brings_new_ones(desk: Helpdesk) -> None:
    assert tries(desk, FEW, OURS, "1") == 3
    assert tries(desk, FEW, OURS, "1") == 0
    assert tries(desk, FEW, THEIRS, "1") == 3
    assert tries(desk, FEW, OURS, "2") == 3
    age(desk, FEW.seconds)
    assert tries(desk, FEW, OURS, "1") == 3


def test_strangers_share_256_counts(desk: Helpdesk) -> None:
    for number in range(300):
        try:
            count_strangers_try(desk.sync, FEW, f"192.0.2.{number}")
        except TooManyTries:
            continue
    assert rows(desk) <= 256


def test_old_counts_are_forgotten_and_budgets_are_not(desk: Helpdesk) -> None:
    with desk.sync.database.write() as database:
        database.execute(sa.insert(Budget).values(token_digest="a" * 40, window_started=0.0))
    count_try(desk.sync, FEW, OURS, "1")
    assert forget_tries(desk.sync) == 0
    age(desk, 2 * 24 * 3600.0)
    assert forget_tries(desk.sync) == 1
    assert rows(desk) == 1


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    from flask_crm_sync.web import connection_page, webhooks

    monkeypatch.setattr(connection_page, "CONNECT", Limit("connect", 2, 600.0))
    monkeypatch.setattr(connection_page, "TEST", Limit("test", 2, 600.0))
    monkeypatch.setattr(webhooks, "UNKNOWN_TOKENS", Limit("token", 2, 60.0))


@pytest.mark.parametrize(("form", "data"), [("connect", {"method": "token", "token": TOKEN}), ("test", {})])
def test_a_form_sent_too_often_says_when_it_is_taken_again(
    desk: Helpdesk, short: None, form: str, data: dict[str, str]
) -> None:
    desk.connect()
    browser, address = desk.browser("manager"), f"/crm/connections/hubspot/{form}"
    taken = [post(browser, address, **data).status_code for _ in range(2)]
    asked = len(desk.portal.asked)
    answer = post(browser, address, **data)
    assert (taken, answer.status_code) == ([303, 303], 429)
    assert 0 < int(answer.headers["Retry-After"]) <= 600
    assert "Please wait 10 minutes, then try again." in answer.text
    assert len(desk.portal.asked) == asked
    assert "Connected" in read(browser, "/crm/")


def test_addresses_that_nobody_has_are_refused_and_ours_is_not(desk: Helpdesk, short: None) -> None:
    desk.connect()
    token = open_webhook(desk.sync, OURS, "hubspot").token
    browser = desk.browser()
    answers = [browser.post(f"/crm/hooks/guess-{number}") for number in range(3)]
    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert browser.post(f"/crm/hooks/{token}").status_code == 401


def test_limits_leave_room_for_people_who_mistype() -> None:
    assert min(guesses.CONNECT.tries, guesses.TEST.tries) >= 20
