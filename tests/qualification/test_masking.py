"""What leaves the house: contact details become placeholders, and what somebody wants stays readable."""

from __future__ import annotations

import pytest

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
