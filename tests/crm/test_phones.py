from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.crm import phones
from flask_crm_sync.crm.phones import e164, is_number, national


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("+49 30 1234567", "", "+49301234567"),
        ("+49 (0) 30 1234567", "", "+49301234567"),
        ("030 1234567", "DE", "+49301234567"),
        ("0049 30 1234567", "DE", "+49301234567"),
        ("(202) 555-0123", "US", "+12025550123"),
        ("+39 06 1234 5678", "", "+390612345678"),
        ("030 1234567", "", ""),
        ("n/a", "DE", ""),
        ("", "DE", ""),
        ("+0", "DE", ""),
        ("x" * 10_000, "DE", ""),
    ],
)
def test_number_is_read_where_its_country_is_known(text: str, region: str, expected: str) -> None:
    assert e164(text, region) == expected


def test_local_number_has_no_country_code() -> None:
    assert national("+49 30 1234567") == "301234567"
    assert national("+39 06 1234 5678") == "0612345678"
    assert national("030 1234567") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [("+49 30 1234567", "+49301234567"), ("030 1234567", ""), ("+12", ""), ("+1 call me", ""), ("+" + "1" * 16, "")],
)
def test_without_the_phone_extra_only_international_texts_are_read(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: str
) -> None:
    monkeypatch.setattr(phones, "_phonenumbers", lambda: None)
    monkeypatch.setattr(phones, "_parsed", phones._parsed.__wrapped__)
    assert e164(text, "DE") == expected
    assert national(text, "DE") == ""


@pytest.mark.parametrize(
    ("text", "is_one"), [("n/a", False), ("-", False), ("112", False), ("555-0123", True), ("5" * 65, False)]
)
def test_few_digits_are_nobodys_number(text: str, is_one: bool) -> None:
    assert is_number(text) is is_one


@given(st.text(max_size=60), st.sampled_from(["", "DE", "US", "XX"]))
def test_any_text_is_read_without_a_crash_into_plus_and_digits(text: str, region: str) -> None:
    number = e164(text, region)
    assert number == "" or (number[0] == "+" and number[1:].isdigit())
