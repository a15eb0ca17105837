"""What messages say: in the receiver's language, about the right people, harmless whatever they are called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from flask_crm_sync.host.records import ClientRecord
from flask_crm_sync.language import in_language
from flask_crm_sync.models.notice import EVENTS, LEAD_QUALIFIED, MANY_FAILURES, NEEDS_ATTENTION, REVIEW_CHANGED
from flask_crm_sync.notifications.channels import channels
from flask_crm_sync.notifications.harmless import harmless
from flask_crm_sync.notifications.messages import _load, _worded
from flask_crm_sync.notifications.wording import client_names, single, summary, told
from tests.notifications.desk import channel, happens, notices
from tests.web.helpdesk import THEIRS, Helpdesk


def said(desk: Helpdesk, event: str = LEAD_QUALIFIED, **more: Any) -> Any:
    happens(desk.sync, repr((event, more)), event, **more)
    notice = notices(desk.sync)[-1]
    return told(notice, client_names(desk.sync, [notice]), desk.sync.settings)


def test_the_client_is_named_as_the_host_names_them_now(desk: Helpdesk) -> None:
    desk.add_client(7, name="Ada Quist")
    part = said(desk, client_id="7", data={"criterion": "Wants to buy"})
    assert part.subject == "Qualified lead: Ada Quist"
    assert part.text == "Ada Quist is a qualified lead. The criterion is “Wants to buy”."
    assert (part.path, part.url) == ("/crm/clients/7", "")


def test_another_accounts_client_has_no_name_here(desk: Helpdesk) -> None:
    desk.add_client(7, account_id=int(THEIRS), name="Ada Quist")
    assert said(desk, client_id="7").subject == "Qualified lead: A client"


def test_a_client_that_is_gone_or_sensitive_has_no_name(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(desk, client_id="99").subject == "Qualified lead: A client"
    hidden = ClientRecord("7", "1", first_name="Ada", sensitive=True)
    monkeypatch.setattr(type(desk.sync.host), "load_clients", lambda *_: {"7": hidden})
    assert "Ada" not in said(desk, client_id="7").subject


@pytest.mark.parametrize(
    ("event", "data", "subject", "words"),
    [
        (REVIEW_CHANGED, {"outcome": "upgraded"}, "Qualified by the review: A client", "qualified lead after all"),
        (REVIEW_CHANGED, {"outcome": "downgraded"}, "No longer qualified: A client", "is no qualified lead"),
        (REVIEW_CHANGED, {}, "Reviewed: A client", "has changed"),
        (NEEDS_ATTENTION, {"code": "credentials_refused"}, "HubSpot needs attention", "does not accept the key"),
        (NEEDS_ATTENTION, {}, "HubSpot needs attention", "Somebody has to look"),
        (MANY_FAILURES, {"number": 1}, "Many entries for HubSpot fail", "1 entry for HubSpot failed"),
        (MANY_FAILURES, {"number": 1234}, "Many entries for HubSpot fail", "1,234 entries for HubSpot failed"),
        (MANY_FAILURES, {"number": "x"}, "Many entries for HubSpot fail", "Many entries for HubSpot failed"),
        ("something_new", {}, "Something new", "Something new"),
    ],
)
def test_each_event_has_its_words(desk: Helpdesk, event: str, data: Any, subject: str, words: str) -> None:
    part = said(desk, event, crm="hubspot", data=data)
    assert part.subject == subject
    assert words in part.text


def test_links_lead_to_pages_that_are_there(desk: Helpdesk) -> None:
    sync = replace(desk.sync, settings=replace(desk.sync.settings, public_url="https://help.example.com"))
    desk.add_client(7)
    routes = desk.app.url_map.bind("help.example.com")
    for event in EVENTS:
        about = {"client_id": "7"} if "qualified" in event else {"conversation_id": "70"} if "review" in event else {}
        happens(sync, event, event, crm="hubspot", **about)
        part = told(notices(sync)[-1], {}, sync.settings)
        assert part.url == f"https://help.example.com{part.path}"
        assert routes.test(part.path.partition("?")[0])
    assert single(part)[1].endswith(f"\n{part.url}")


def test_news_of_a_lead_leads_to_the_conversation_that_says_why(desk: Helpdesk) -> None:
    assert said(desk, client_id="7", conversation_id="7/0").path == "/crm/conversations/7%2F0"
    assert (
        said(desk, REVIEW_CHANGED, conversation_id="70", data={"outcome": "upgraded"}).path == "/crm/conversations/70"
    )


def test_a_clients_id_is_no_path_of_its_own(desk: Helpdesk) -> None:
    assert said(desk, client_id="../log?x=1#y").path == "/crm/clients/..%2Flog%3Fx%3D1%23y"


def test_a_summary_names_the_first_and_counts_the_rest(desk: Helpdesk) -> None:
    parts = [said(desk, MANY_FAILURES, crm="hubspot", data={"number": n}) for n in range(3)]
    assert summary(parts, 25) == (
        "25 pieces of news from the CRM sync",
        "- Many entries for HubSpot fail\n" * 3 + "- and 22 more",
    )


def test_what_a_summary_does_not_name_can_be_found(desk: Helpdesk) -> None:
    sync = replace(desk.sync, settings=replace(desk.sync.settings, public_url="https://help.example.com"))
    for number in range(25):
        happens(sync, str(number))
    ids = tuple(notice.id for notice in notices(sync))
    channel(sync)
    _, _, text = _worded(sync, channels(sync, "1")[0], _load(sync, ids))
    assert text.endswith("- and 5 more\n  https://help.example.com/crm/notifications")
    assert desk.app.url_map.bind("help.example.com").test("/crm/notifications")


def test_the_receivers_language_is_written(desk: Helpdesk) -> None:
    with in_language("de"):
        assert "HubSpot" in said(desk, NEEDS_ATTENTION, crm="hubspot").subject


NAMES = [
    ("Ada\r\nBcc: everybody@example.com", "Ada Bcc: everybody@\u2060example.\u2060com"),
    ("@channel", "@\u2060channel"),
    ("<!here> <@U123>", "‹!here› ‹@\u2060U123›"),
    ("**bold** _slanted_ ~gone~ `code`", "∗∗bold∗∗ ˍslantedˍ ∼gone∼ ˋcodeˋ"),
    ("[click](https://evil.example)", "(click)(https:\u2060//evil.\u2060example)"),
    ("see www.evil.example/x", "see www.\u2060evil.\u2060example/x"),
    ("J.R.R. Tolkien", "J.R.R. Tolkien"),
    ("snake_case", "snake_case"),
    ("evil\u202egnp.exe", "evil gnp.\u2060exe"),
    ("نور حداد", "نور حداد"),
    ("می\u200cخواهم", "می\u200cخواهم"),
    ("Zoë O'Brien-Łuk", "Zoë O'Brien-Łuk"),
    ("x\ud800y", "x y"),
]


@pytest.mark.parametrize(("name", "shown"), NAMES)
def test_names_are_made_harmless(name: str, shown: str) -> None:
    assert harmless(name) == shown


@profile(max_examples=40)
@given(st.text(max_size=300))
def test_no_name_breaks_a_line_mentions_or_links(name: str) -> None:
    shown = harmless(name)
    assert len(shown) <= 120
    assert "\n" not in shown
    assert not set(shown) & set("<>*`[]\\|~#\r\0")
    assert "://" not in shown
    assert all(shown[place + 1 : place + 2] == "\u2060" for place, sign in enumerate(shown[:-1]) if sign == "@")
    shown.encode()
