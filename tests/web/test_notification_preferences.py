"""Notifications on the pages: what is read, who may change which channel, and that no address ever shows."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import AuditEntry, Channel
from flask_crm_sync.models.notice import LEAD_QUALIFIED, MANY_FAILURES, NEEDS_ATTENTION
from flask_crm_sync.notifications import webhook
from flask_crm_sync.notifications.channels import address_of, channels
from flask_crm_sync.notifications.problems import CannotTell
from flask_crm_sync.notifications.sending import send_due
from flask_crm_sync.notifications.spread import spread
from flask_crm_sync.web.notifications_page import crm_sync_notifications
from tests.notifications.desk import SECRET, URL, Receiver, channel, happens
from tests.web.helpdesk import THEIRS, Client, Helpdesk, User, db
from tests.web.test_crm_pages import plain, post, read, told

NEWS = "/crm/notifications"
PAGE = "/crm/notifications/preferences"
NEW = "/crm/notifications/channels"
FORM = {"kind": "webhook", "for": "me", "address": URL, "events": [LEAD_QUALIFIED], "rhythm": "at_once"}
FORM |= {"time_zone": "Europe/Vienna", "language": "de", "daily_at": "8"}


def one(desk: Helpdesk, id: UUID, deed: str = "") -> str:
    return f"{NEW}/{id}{deed and '/'}{deed}"


def stored(desk: Helpdesk) -> list[Any]:
    with desk.sync.database.read() as database:
        return list(database.execute(sa.select(Channel.__table__).where(Channel.kind != "in_app")))


# Reading


def test_news_names_the_client_as_the_host_does_now_and_leads_to_it(desk: Helpdesk) -> None:
    desk.add_client(7, name="Ada <b>Quist</b>")
    happens(desk.sync, "a", client_id="7", data={"criterion": "Wants to buy"})
    desk.change(Client, first_name="Augusta")
    text = desk.browser("viewer").get(NEWS).text
    assert "Qualified lead: Augusta &lt;b&gt;Quist&lt;/b&gt;" in text
    assert 'href="/crm/clients/7"' in text
    assert "Wants to buy" in text
    assert "1 unread notification" in plain(text)


def test_an_empty_page_says_what_will_be_there(desk: Helpdesk) -> None:
    assert "There is no news." in read(desk.browser("viewer"), NEWS)


def test_reading_is_everybodys_own(desk: Helpdesk) -> None:
    for once in "abc":
        happens(desk.sync, once)
    happens(desk.sync, "theirs", account=THEIRS)
    viewer, manager = desk.browser("viewer"), desk.browser("manager")
    told(viewer, f"{NEWS}/read", one="2")
    assert "2 unread notifications" in read(viewer, NEWS)
    assert "3 unread notifications" in read(manager, NEWS)
    told(viewer, f"{NEWS}/read", one="2")
    told(viewer, f"{NEWS}/read", up_to="3")
    assert "unread notification" not in read(viewer, NEWS)
    happens(desk.sync, "d")
    assert "1 unread notification" in read(viewer, NEWS)
    assert "1 unread notification" in read(desk.browser("foreign manager"), NEWS)


def test_marking_another_accounts_news_changes_nothing(desk: Helpdesk) -> None:
    happens(desk.sync, "theirs", account=THEIRS)
    for field in ({"one": "1"}, {"up_to": "99"}, {"one": "x"}, {"one": str(2**70)}, {}):
        assert post(desk.browser("manager"), f"{NEWS}/read", **field).status_code == 303
    assert "1 unread notification" in read(desk.browser("foreign manager"), NEWS)


def test_long_lists_are_read_page_by_page(desk: Helpdesk) -> None:
    for number in range(30):
        happens(desk.sync, str(number), MANY_FAILURES, crm="hubspot", data={"number": 20 + number})
    viewer = desk.browser("viewer")
    first = viewer.get(NEWS).text
    assert "49 entries for HubSpot failed" in plain(first)
    (older,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = read(viewer, older)
    assert "20 entries for HubSpot failed" in second
    assert "49 entries" not in second


def test_what_somebody_does_not_want_to_see_is_not_shown_or_counted(desk: Helpdesk) -> None:
    happens(desk.sync, "a")
    happens(desk.sync, "b", NEEDS_ATTENTION, crm="hubspot", data={"code": "credentials_refused"})
    viewer = desk.browser("viewer")
    told(viewer, PAGE, events=NEEDS_ATTENTION)
    page = read(viewer, NEWS)
    assert "HubSpot needs attention" in page
    assert "qualified" not in page.replace("When a lead qualifies", "")
    assert "1 unread notification" in page
    told(viewer, PAGE)
    assert "There is no news." in read(viewer, NEWS)


def test_the_hosts_bell_shows_the_number_to_who_may_see_it(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    from flask_login import login_user

    happens(desk.sync, "a")
    with desk.app.test_request_context("/"):
        assert crm_sync_notifications() is None
        login_user(db.session.get(User, 2))
        bell = crm_sync_notifications()
        assert bell is not None
        assert (bell.unread, bell.shown, bell.label, bell.url) == (1, "1", "1 unread notification", NEWS)
        for number in range(120):
            happens(desk.sync, str(number))
        with desk.statements() as sent:
            bell = crm_sync_notifications()
        assert bell is not None
        assert (bell.shown, len([s for s in sent if "crm_sync" in s])) == ("99+", 2)

        def broken() -> str:
            raise RuntimeError("the host's own trouble")

        monkeypatch.setattr(desk.app.extensions["crm_sync"].access, "account_id", broken)
        assert crm_sync_notifications() is None


# Channels


def test_everybody_adds_a_channel_of_their_own(desk: Helpdesk) -> None:
    viewer = desk.browser("viewer")
    form = viewer.get(f"{NEW}/new?kind=webhook").text
    (secret,) = re.findall(r'name="secret" value="(whsec_[\w-]{43})"', form)
    page = told(viewer, NEW, **FORM, secret=secret, label="My own", quiet="on", quiet_from="22:00", quiet_to="07:00")
    assert "Added." in page
    assert "My own" in page
    assert "quiet from 22:00 to 07:00" in page
    (row,) = stored(desk)
    assert (row.user_id, row.events, row.quiet_from, row.quiet_to) == ("2", [LEAD_QUALIFIED], 1320, 420)
    assert (row.time_zone, row.language) == ("Europe/Vienna", "de")
    kept = address_of(desk.sync, row.id)
    assert (kept.url, kept.secret) == (URL, secret)


def test_an_address_is_stored_encrypted_and_never_shown(desk: Helpdesk, caplog: pytest.LogCaptureFixture) -> None:
    manager = desk.browser("manager")
    caplog.set_level("DEBUG")
    told(manager, NEW, **FORM | {"for": "account"}, secret=SECRET)
    (row,) = stored(desk)
    seen = [manager.get(url).text for url in (PAGE, one(desk, row.id), NEWS)]
    seen += [repr(row), repr(channels(desk.sync, "1")), repr(address_of(desk.sync, row.id)), caplog.text]
    seen.append(manager.get("/crm/audit").text)
    seen.append(post(manager, one(desk, row.id), **FORM | {"events": []}).text)  # refused, and typed in vain
    with desk.sync.database.read() as database:
        seen.append(repr(database.execute(sa.select(AuditEntry.__table__)).all()))
    for text in seen:
        assert "canary" not in text
    assert "https://93.184.215.14/…" in seen[0]


def test_what_is_wrong_is_said_at_the_field_and_nothing_is_stored(desk: Helpdesk) -> None:
    for change, words in (
        ({"address": ""}, "The address is missing."),
        ({"address": "http://example.com/x"}, "The address of a webhook begins with https://."),
        ({"address": "https://127.0.0.1/x"}, "leads into a private network"),
        ({"address": "https://169.254.169.254/latest"}, "leads into a private network"),
        ({"events": []}, "Choose at least one kind of news."),
        ({"quiet": "on", "quiet_from": "22:00", "quiet_to": "22:00"}, "Say from when and until when it is quiet."),
        ({"quiet": "on", "quiet_from": "25:00", "quiet_to": "07:00"}, "Say from when and until when it is quiet."),
        ({"time_zone": "../../etc/passwd"}, "Choose a time zone."),
        ({"secret": "short"}, "A secret has 16 to 200"),
    ):
        answer = post(desk.browser("manager"), NEW, **FORM | change)
        assert answer.status_code == 422, change
        assert words in plain(answer.text), change
    assert stored(desk) == []


def test_a_viewer_changes_their_own_and_nobody_elses(desk: Helpdesk) -> None:
    own, shared, others = channel(desk.sync, user="2"), channel(desk.sync), channel(desk.sync, user="1", label="Boss's")
    foreign = channel(desk.sync, account=THEIRS)
    viewer = desk.browser("viewer")
    deeds = ("", "test", "switch", "delete")
    before = [row for row in stored(desk) if row.id != own]
    for deed in deeds:
        assert post(viewer, one(desk, shared, deed), **FORM).status_code == 403
        assert post(viewer, one(desk, others, deed), **FORM).status_code == 404
        assert post(viewer, one(desk, foreign, deed), **FORM).status_code == 404
    assert post(viewer, NEW, **FORM | {"for": "account"}).status_code == 403
    assert viewer.get(f"{NEW}/new?kind=webhook&for=account").status_code == 403
    assert viewer.get(one(desk, shared)).status_code == 403
    assert [row for row in stored(desk) if row.id != own] == before
    page = read(viewer, PAGE)
    assert "Boss's" not in page
    assert "An administrator of your account can change these." in page
    told(viewer, one(desk, own), **FORM, label="Mine")
    told(viewer, one(desk, own, "switch"), on="0")
    assert [(row.label, row.enabled) for row in stored(desk) if row.id == own] == [("Mine", False)]
    told(viewer, one(desk, own, "delete"))
    assert own not in [row.id for row in stored(desk)]


def test_a_manager_ends_other_peoples_channels_and_reads_none(desk: Helpdesk) -> None:
    others = channel(desk.sync, user="2", label="Left the company")
    manager = desk.browser("manager")
    assert "Left the company" in read(manager, PAGE)
    assert manager.get(one(desk, others)).status_code == 403
    assert post(manager, one(desk, others), **FORM).status_code == 403
    assert post(manager, one(desk, others, "test")).status_code == 403
    told(manager, one(desk, others, "switch"), on="0")
    told(manager, one(desk, others, "delete"))
    assert stored(desk) == []


def test_an_address_that_is_left_empty_is_kept(desk: Helpdesk) -> None:
    id = channel(desk.sync)
    told(desk.browser("manager"), one(desk, id), **FORM | {"address": ""}, label="Renamed")
    assert (address_of(desk.sync, id).url, address_of(desk.sync, id).secret) == (URL, SECRET)
    told(desk.browser("manager"), one(desk, id), **FORM | {"address": ""}, secret="another-secret-0123")
    assert (address_of(desk.sync, id).url, address_of(desk.sync, id).secret) == (URL, "another-secret-0123")


def test_a_test_says_in_plain_words_what_came_of_it(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    id = channel(desk.sync)
    sent: list[Any] = []
    monkeypatch.setattr(webhook, "post", lambda *given: sent.append(given))
    page = told(desk.browser("manager"), one(desk, id, "test"))
    assert "The test was taken by https://93.184.215.14/…." in page
    ((url, secret, _, content, *_),) = sent
    assert (url, secret, content["test"], content["news"]) == (URL, SECRET, True, [])

    def refuse(*_: Any) -> None:
        raise CannotTell("refused", 404)

    monkeypatch.setattr(webhook, "post", refuse)
    page = told(desk.browser("manager"), one(desk, id, "test"))
    assert "The test did not arrive. The receiver answered with an error (HTTP status 404)." in page


def test_a_channel_in_trouble_says_since_when_and_why(desk: Helpdesk) -> None:
    channel(desk.sync)
    happens(desk.sync, "a")
    spread(desk.sync)
    send_due(desk.sync, deliver=Receiver(refuses="refused/410"))
    desk.clock.at += timedelta(hours=2)
    page = read(desk.browser("viewer"), PAGE)
    assert "In trouble" in page
    assert "The receiver answered with an error (HTTP status 410)." in page
    assert "2 hours ago" in page


def test_a_missing_package_is_named(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    manager = desk.browser("manager")
    page = read(manager, PAGE)
    assert "pip install flask-crm-sync[notify]" in page
    assert "Add e-mail or chat" not in page
    answer = post(manager, NEW, **FORM | {"kind": "service", "address": "slack://A/B/C"})
    assert answer.status_code == 422
    assert "pip install flask-crm-sync[notify]" in plain(answer.text)


def test_there_is_an_end_to_how_many_channels_one_may_have(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flask_crm_sync.notifications.channels.MOST", 1)
    channel(desk.sync, user="1")
    answer = post(desk.browser("manager"), NEW, **FORM)
    assert answer.status_code == 422
    assert "There are too many channels." in plain(answer.text)
    assert post(desk.browser("manager"), NEW, **FORM | {"for": "account"}).status_code == 303


def test_the_trail_tells_who_changed_a_channel(desk: Helpdesk) -> None:
    id = channel(desk.sync)
    manager = desk.browser("manager")
    told(manager, one(desk, id), **FORM | {"address": "", "rhythm": "daily"})
    told(manager, one(desk, id, "delete"))
    page = read(manager, "/crm/audit?action=notify")
    assert page.count("Notifications changed") >= 3
    assert "how often: before at once → after once a day" in page


def test_a_channel_takes_words_of_its_own_and_refuses_holes_that_nothing_fills(desk: Helpdesk) -> None:
    manager = desk.browser("manager")
    refused = post(manager, NEW, **FORM | {"template": "{client} at {price}"})
    assert refused.status_code == 422
    assert "Nothing stands for {price}." in plain(refused.text)
    assert "{client} at {price}" in refused.text
    assert "These are at most 500 characters." in plain(post(manager, NEW, **FORM | {"template": "x" * 501}).text)
    told(manager, NEW, **FORM | {"template": "{client} wants to buy!\r\n{link}"})
    [row] = stored(desk)
    assert row.template == "{client} wants to buy!\n{link}"
    assert "{client} wants to buy!" in manager.get(one(desk, row.id)).text
    assert "own words: after {client} wants to buy!" in read(manager, "/crm/audit?action=notify")
