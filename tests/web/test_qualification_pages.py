"""The pages of qualification: criteria listed and changed, tried out, rehearsed; a conversation and a person's word."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from flask_crm_sync import signals
from flask_crm_sync.models import Qualification
from flask_crm_sync.qualification.criteria import Criterion
from flask_crm_sync.qualification.standings import Move
from flask_crm_sync.qualification.store import add_criterion, kept_criteria
from flask_crm_sync.qualification.trial import pasted, try_out
from flask_crm_sync.web import trial_page
from flask_crm_sync.web.marks import marked
from tests.web.helpdesk import OURS, START, THEIRS, Conversation, Helpdesk
from tests.web.test_crm_pages import plain, post, read, told

LIST = "/crm/qualification"
NEW = f"{LIST}/criteria/new"
BOOKS = {"name": "Wants to book", "required": "book\ntable for = 2", "enabled": "on", "review": "on"}


def add(desk: Helpdesk, account_id: str = OURS, **more: Any) -> str:
    values: dict[str, Any] = {"name": "Wants to book", "required": ("book",)} | more
    return str(add_criterion(desk.sync, account_id, Criterion(**values)).id)


def names(desk: Helpdesk, account_id: str = OURS) -> list[str]:
    return [one.criterion.name for one in kept_criteria(desk.sync, account_id)]


def add_conversation(desk: Helpdesk, number: int, account_id: int = 1) -> None:
    at = START.replace(tzinfo=None)
    row = {"id": number, "account_id": account_id, "client_id": number, "status": "open", "updated_at": at}
    with desk.sync.database.engine.begin() as connection:
        connection.execute(sa.insert(Conversation).values(row))


def test_without_criteria_templates_are_offered_to_who_may_add_them(desk: Helpdesk) -> None:
    page = read(desk.browser("manager"), LIST)
    assert "There are no criteria yet" in page
    assert "Start from this : Wants to buy, book or visit" in page
    viewers = read(desk.browser("viewer"), LIST)
    assert "An administrator of your account can add some." in viewers
    assert "Start from this" not in viewers


def test_a_template_fills_the_form_and_saves_as_it_stands(desk: Helpdesk) -> None:
    answer = desk.browser("manager").get(f"{NEW}?template=wants_to_buy")
    assert "i want to book = 2" in answer.text
    assert names(desk) == []


def test_a_template_speaks_to_the_reviewer_in_the_readers_language(desk: Helpdesk) -> None:
    german = desk.browser("manager").get(f"{NEW}?template=wants_to_buy", headers={"Accept-Language": "de"}).text
    assert "Möchte der Kunde etwas kaufen" in german
    assert "Does the client want" not in german


def test_a_new_criterion_is_kept_listed_and_audited(desk: Helpdesk) -> None:
    browser = desk.browser("manager")
    page = told(browser, NEW, **BOOKS)
    assert "Saved. The conversations of the last 30 days are judged by it now, in the background." in page
    assert desk.wakes.count == 1
    assert "The client says any of “book”, “table for”." in page
    assert names(desk) == ["Wants to book"]
    assert "Criteria changed" in read(browser, "/crm/audit")


def test_what_is_wrong_is_said_at_the_field_and_nothing_is_kept(desk: Helpdesk) -> None:
    answer = post(desk.browser("manager"), NEW, **{**BOOKS, "min_messages": "many", "name": ""})
    assert answer.status_code == 422
    page = plain(answer.text)
    assert "Give the criterion a name." in page
    assert "This is a whole number." in page
    assert "table for = 2" in answer.text
    assert answer.text.count('aria-invalid="true"') == 2
    assert names(desk) == []


def test_changing_makes_the_next_version_and_refuses_what_somebody_else_changed(desk: Helpdesk) -> None:
    url = f"{LIST}/criteria/{add(desk)}"
    browser = desk.browser("manager")
    told(browser, url, **BOOKS, seen_version="1", priority="7")
    assert kept_criteria(desk.sync, OURS)[0].criterion.version == 2
    late = post(browser, url, **BOOKS, seen_version="1", priority="9")
    assert late.status_code == 409
    assert "Somebody has changed this criterion meanwhile." in plain(late.text)
    assert kept_criteria(desk.sync, OURS)[0].criterion.priority == 7


def test_a_criterion_is_switched_off_and_deleted_after_a_question(desk: Helpdesk) -> None:
    url = f"{LIST}/criteria/{add(desk)}"
    browser = desk.browser("manager")
    assert "“Wants to book” is off." in told(browser, f"{url}/switch")
    assert not kept_criteria(desk.sync, OURS)[0].criterion.enabled
    assert "Delete “Wants to book”?" in read(browser, f"{url}/delete")
    assert "What it has decided stays." in told(browser, f"{url}/delete")
    assert names(desk) == []


def test_a_viewer_reads_a_criterion_and_cannot_save(desk: Helpdesk) -> None:
    url = f"{LIST}/criteria/{add(desk)}"
    answer = desk.browser("viewer").get(url)
    assert '<fieldset class="crmsync-bare" disabled>' in answer.text
    assert post(desk.browser("viewer"), url, **BOOKS).status_code == 403


def test_another_accounts_criteria_and_conversations_are_not_there(desk: Helpdesk) -> None:
    theirs = add(desk, THEIRS)
    add_conversation(desk, 2, 2)
    browser = desk.browser("manager")
    for url in (f"{LIST}/criteria/{theirs}", f"{LIST}/criteria/no-number", "/crm/conversations/2"):
        assert browser.get(url).status_code == 404
    assert post(browser, f"{LIST}/criteria/{theirs}/delete").status_code == 404
    assert (
        post(browser, "/crm/conversations/2/decide", status="qualified", reason="x", set="default").status_code == 404
    )
    assert "There is no conversation of this number." in read(browser, f"{LIST}/try?conversation=2")
    assert names(desk, THEIRS) == ["Wants to book"]


def test_trying_says_which_criterion_matches_and_why(desk: Helpdesk) -> None:
    add(desk)
    add(desk, name="Many messages", required=(), min_messages=9)
    text = "Client: Can I book <b>two</b> seats?\nAgent: Of course."
    answer = post(desk.browser("manager"), f"{LIST}/try", text=text)
    page = plain(answer.text)
    assert "Qualified, provisionally The criterion “Wants to book” matches." in page
    assert "Holds: Required keywords Said: “book”." in page
    assert "Does not hold: Number of messages There are 2 messages; at least 9 are needed." in page
    assert "Can I <mark>book</mark> &lt;b&gt;two&lt;/b&gt; seats?" in answer.text


def test_trying_nothing_asks_for_something(desk: Helpdesk) -> None:
    answer = post(desk.browser("manager"), f"{LIST}/try", text=" ")
    assert answer.status_code == 422
    assert "Paste a conversation first." in plain(answer.text)


def test_a_rehearsal_counts_and_names_what_differs_and_saves_nothing(desk: Helpdesk) -> None:
    add(desk, required=(), min_messages=1)
    for number in (1, 2):
        desk.add_client(number)
        add_conversation(desk, number)
    add_conversation(desk, 3, 2)
    [kept] = kept_criteria(desk.sync, OURS)
    form = {"name": "Nobody says a word", "contact_fields": "email", "enabled": "on"}
    answer = post(desk.browser("manager"), f"{LIST}/rehearsal?criterion={kept.id}", **form)
    page = plain(answer.text)
    assert answer.status_code == 200
    assert "0 would have qualified; by the criteria as they are now, 0 do." in page
    assert "2 conversations were looked at." in page
    assert "No conversation differs." in page
    named = post(desk.browser("manager"), f"{LIST}/rehearsal", name="All", channels="", min_messages="0", excluded="x")
    assert named.status_code == 200
    assert names(desk) == ["Wants to book"]


def test_a_person_decides_with_a_reason_and_the_history_says_so(desk: Helpdesk) -> None:
    desk.add_client(1)
    add_conversation(desk, 1)
    browser = desk.browser("manager")
    assert "Not judged yet" in read(browser, "/crm/conversations/1")
    url = "/crm/conversations/1/decide"
    silent = post(browser, url, set="default", status="qualified", reason=" ")
    assert silent.status_code == 422
    assert "Give a reason of at most 1000 characters." in plain(silent.text)
    page = told(browser, url, set="default", status="qualified", reason="She called us.")
    assert "Decided." in page
    assert "Qualified A person" in page
    assert "Qualified before: Pending · User 1" in page
    assert page.count("She called us.") == 2
    assert desk.wakes.count == 1
    assert "Qualification decided" in read(browser, "/crm/audit")


def test_the_app_hears_once_of_what_a_person_qualified(desk: Helpdesk) -> None:
    desk.add_client(1)
    add_conversation(desk, 1)
    heard: list[Move] = []

    def listen(app: Flask, *, move: Move) -> None:
        heard.append(move)

    with signals.conversation_qualified.connected_to(listen, desk.app):
        for status in ("unqualified", "qualified", "qualified"):
            form = {"set": "default", "status": status, "reason": "She called us."}
            post(desk.browser("manager"), "/crm/conversations/1/decide", **form)
    assert [(move.conversation_id, move.before, move.after, move.decided_by) for move in heard] == [
        ("1", "unqualified", "qualified", "person")
    ]
    assert desk.wakes.count == 3


def test_a_manager_chooses_what_leaves_for_the_review_and_the_page_says_it(desk: Helpdesk) -> None:
    add(desk)
    manager, url = desk.browser("manager"), f"{LIST}/masking"
    page = read(manager, LIST)
    assert "with contact details masked: e-mail addresses" in page
    assert "Now nothing leaves: no AI endpoint is configured." in page
    page = told(manager, url)
    assert "Contact details are sent from here on." in page
    assert "are sent as they are, with every e-mail address" in page
    assert "contact details masked for the review: before yes → after no" in read(manager, "/crm/audit")
    viewers = desk.browser("viewer")
    assert "are sent as they are" in read(viewers, LIST)
    assert "Mask contact details" not in read(viewers, LIST)
    assert post(viewers, url, mask="on").status_code == 403
    assert "with contact details masked" in told(manager, url, mask="on")


@pytest.mark.parametrize(
    ("text", "keywords", "shown"),
    [
        ("I'd like to BOOK, please", ["book"], "I&#39;d like to <mark>BOOK,</mark> please"),
        ("a table for two", ["table for"], "a <mark>table for</mark> two"),
        ("bookkeeping", ["book"], "bookkeeping"),
        ("reserviert", ["reserv*"], "<mark>reserviert</mark>"),
        ("<i>book</i>", [], "&lt;i&gt;book&lt;/i&gt;"),
    ],
)
def test_what_was_found_is_marked_and_nothing_else(text: str, keywords: list[str], shown: str) -> None:
    assert str(marked(text, keywords)) == shown


def test_what_the_criteria_said_is_not_given_as_the_reason_of_a_review_that_says_otherwise(desk: Helpdesk) -> None:
    desk.add_client(1)
    add_conversation(desk, 1)
    at = {"created_at": START, "updated_at": START, "reviewed_at": START}
    whose = {"id": UUID(int=1), "account_id": OURS, "conversation_id": "1", "client_id": "1", "set_name": "default"}
    stands = {"status": "unqualified", "final": True, "decided_by": "review", "outcome": "downgraded"}
    says = {"reason": "The criterion “Buys” matches.", "review_reason": "Only asked for the hours."}
    with desk.sync.database.write() as database:
        database.execute(sa.insert(Qualification).values({**whose, **stands, **says, **at}))
    page = read(desk.browser("manager"), "/crm/conversations/1")
    assert page.index("The review says") < page.index("Only asked for the hours.")
    assert page.index("The criteria said before") < page.index("The criterion “Buys” matches.")


def test_words_are_marked_only_as_long_as_a_page_can_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_page, "_MOST_MARKED", 12)
    talk, _ = pasted("client: I will buy it\nclient: buy two\n")
    trial = try_out([Criterion("A", required=("buy",))], talk)
    shown = [str(text) for _, text in trial_page._said(talk, trial)]
    assert shown == ["I will <mark>buy</mark> it", "buy two"]
