"""What leaves the house: contact details become placeholders, and what somebody wants stays readable."""

from __future__ import annotations

import pytest

from flask_crm_sync.host.records import ClientRecord
from flask_crm_sync.qualification.masking import mask_for, no_mask
from tests.qualification.said import AMELIA


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Write to Amelia.Hart@Example.com please", "Example"),
        ("kim@müller-räder.example is mine", "müller"),
        ("I am jo [at] bikes [dot] example", "bikes"),
        ("Call +43 (660) 765-4321", "765"),
        ("Call ٠٦٦٠ ٧٦٥ ٤٣٢١", "٧٦٥"),
        ("Call 0\u200b6\u200b6\u200b0 7654 321", "7654"),
        ("Card 4111 1111 1111 1111", "1111"),
        ("IBAN AT61 1904 3002 3457 3201", "1904"),
        ("See https://example.com/reset?token=s3cret", "s3cret"),
        ("My key is sk-live_51Habcdefgh12", "51H"),
        ("It is for northwind  bikes", "northwind"),
        ("I live at mill lane 4", "mill"),
        ("This is AMELIA Hart", "AMELIA"),
    ],
)
def test_a_contact_detail_does_not_leave(text: str, secret: str) -> None:
    masked = mask_for(AMELIA)(text)
    assert secret not in masked
    assert "[" in masked


@pytest.mark.parametrize(
    "text",
    [
        "I need 250 bikes for 12.500 euros by 24.12.2026",
        "From 01.07.2026 - 14.07.2026, or in 2027/2028",
        "I looked at https://example.com/bikes/red",
        "We will hart-boil the offer",
        "My budget is 1.250.000 Euro, or 2 500 000",
    ],
)
def test_what_somebody_wants_stays_readable(text: str) -> None:
    shown = mask_for(None)(text)
    assert shown == text


def test_a_detail_keeps_its_placeholder_however_it_is_written() -> None:
    mask = mask_for(None)
    assert mask("kim@example.com, +43 660 765 4321") == "[email 1], [phone 1]"
    assert mask("lee@example.com or KIM@example.com") == "[email 2] or [email 1]"
    assert mask("again: +43/660/7654321") == "again: [phone 1]"


def test_nothing_is_masked_where_the_account_wants_it_so() -> None:
    assert no_mask("kim@exa\u200bmple.com") == "kim@example.com"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("電話は090-1234-5678です", "電話は[phone 1]です"),
        ("我的电话是13812345678谢谢", "我的电话是[phone 1]谢谢"),
        ("전화번호는010-1234-5678입니다", "전화번호는[phone 1]입니다"),
        ("โทร0812345678ครับ", "โทร[phone 1]ครับ"),
        ("tel06641234567und ich", "tel[phone 1]und ich"),
        ("０６６４‐１２３‐４５６７", "[phone 1]"),
        ("0664—123—4567 or 0664_123_4567", "[phone 1] or [phone 1]"),
        ("0️⃣6️⃣6️⃣4️⃣1️⃣2️⃣3️⃣4️⃣", "[phone 1]"),
    ],
)
def test_a_number_is_found_whatever_it_is_glued_to(text: str, masked: str) -> None:
    assert mask_for(None)(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("max @ example.com", "[email 1]"),
        ("max@example。com", "[email 1]"),
        ("max at example dot com", "[email 1]"),
        ("Max AT example (dot) com", "[email 1]"),
        (f"{'a' * 70}@example.com", "[email 1]"),
        ("我想买车,请写信到max@example.com谢谢", "我想买车,请写信到[email 1]谢谢"),
        ("max@example.xn--p1ai", "[email 1]"),
        ("mailto:max%40example.com or max&#64;example.com", "mailto:[email 1] or [email 2]"),
    ],
)
def test_an_address_is_found_in_the_ways_people_write_it(text: str, masked: str) -> None:
    assert mask_for(None)(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Jose O’Brien-Müller", "[name]"),
        ("I am O'Brien, my husband is Mueller", "I am [name], my husband is [name]"),
        ("Josés Termin, José's Termin", "[name]s Termin, [name]'s Termin"),
        ("Joseph wants one", "Joseph wants one"),
        ("in der Hauptstr. 5, Hauptstrasse 5, HAUPTSTRASSE 5", "in der [street], [street], [street]"),
        ("Smith&Soehne GmbH", "[company]"),
    ],
)
def test_what_the_record_holds_is_found_however_it_is_spelled(text: str, masked: str) -> None:
    jose = ClientRecord("1", "a", "José", "O'Brien-Müller", company="Smith & Söhne GmbH", street="Hauptstraße 5")
    assert mask_for(jose)(text) == masked


def test_a_company_that_is_called_like_a_short_word_hides_no_words() -> None:
    assert mask_for(ClientRecord("1", "a", company="IT"))("I want it from IT") == "I want it from [company]"


def test_a_record_without_accents_stands_for_a_text_with_them() -> None:
    assert mask_for(ClientRecord("1", "a", "Jose", "Mueller"))("José Müller") == "[name]"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("å" * 60, "a" * 120 + "!x"),
        (". " * 60, "." * 400 + "x"),
        ("- a " * 60, "- a " * 59 + "-" * 400 + "x"),
        ("sß" * 60, "s" * 400),
        ("äe" * 60, "ae" * 400 + "x"),
        ("oo-ooo " * 60, "ooo-" * 400 + "x"),
        ("é" * 100_000, "e" * 400),
    ],
)
def test_no_record_makes_masking_slow(name: str, text: str) -> None:
    """Each took more steps than there are seconds in a year, as long as a text could be read in two ways."""
    record = ClientRecord("1", "a", name, name, company=name, street=name)
    assert mask_for(record)(text)


def test_a_pile_of_marks_does_not_hold_up_a_review() -> None:
    """Putting them in order took the square of their number: minutes for this one."""
    assert len(no_mask("a" + "\u0301\u0316" * 150_000)) > 1000
