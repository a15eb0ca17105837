"""The templates say what they promise, in both languages; how well is measured by the benchmark."""

from __future__ import annotations

import pytest

from flask_crm_sync.host.records import ClientRecord, ConversationRecord, MessageRecord
from flask_crm_sync.qualification.rules import compile_rules
from flask_crm_sync.qualification.templates import TEMPLATES, find_template
from flask_crm_sync.qualification.typed import as_typed, checked

CLIENT = ClientRecord("1", "1", email="anna@example.com")


def status(key: str, *texts: str) -> str:
    template = find_template(key)
    assert template is not None
    said = tuple(MessageRecord(not text.startswith("agent: "), text.removeprefix("agent: ")) for text in texts)
    return compile_rules([template.criterion]).judge(ConversationRecord("1", "1", "1", messages=said), CLIENT).status


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("wants_to_buy", "Hi, I'd like to book a room from Friday"),
        ("wants_to_buy", "can you reserve two seats"),
        ("wants_to_buy", "please order ten of them"),
        ("wants_to_buy", "Table for four, tonight?"),
        ("wants_to_buy", "Ich würde gerne buchen"),
        ("wants_to_buy", "Ich möchte einen Termin vereinbaren."),
        ("wants_to_buy", "Haben Sie morgen einen Tisch für zwei?"),
        ("asks_for_a_price", "What does it cost, and how much is shipping?"),
        ("asks_for_a_price", "Was kostet das? Machen Sie mir ein Angebot."),
        ("left_contact_details", "Call me tomorrow"),
        ("left_contact_details", "Rufen Sie mich bitte an"),
    ],
)
def test_a_template_qualifies_what_it_is_for(key: str, text: str) -> None:
    assert status(key, text) == "qualified"


def test_a_booking_that_the_agent_made_counts_though_the_client_only_agreed() -> None:
    assert status("wants_to_buy", "that one", "agent: Shall I book it?", "yes", "agent: It is booked.") == "qualified"


@pytest.mark.parametrize("text", ["What are your opening hours?", "Is there a book about it?", "Wie ist das Wetter?"])
def test_only_asking_is_not_wanting_to_buy(text: str) -> None:
    assert status("wants_to_buy", text) == "pending"


def test_an_offer_that_nobody_took_up_is_not_wanting_to_buy() -> None:
    assert status("wants_to_buy", "just looking", "agent: Would you like to reserve one?", "no") == "pending"


@pytest.mark.parametrize("text", ["I want my money back", "Ich möchte stornieren"])
def test_complaints_are_unqualified(text: str) -> None:
    assert status("complaint", text) == "unqualified"
    assert status("complaint", "hello") == "pending"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_a_template_goes_through_the_form_unchanged(template: object) -> None:
    criterion = template.criterion  # type: ignore[attr-defined]
    again = checked(as_typed(criterion))
    assert again.to_json() | {"weights": {}} == criterion.to_json() | {"weights": {}}
    assert [again.weight(each) for each in again.required] == [criterion.weight(each) for each in criterion.required]
