"""Values of the oddest types become texts, flags and instants."""

from __future__ import annotations

import enum
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.host.values import (
    flag,
    instant,
    is_closed,
    is_from_client,
    key_text,
    parse_integer,
    parse_uuid,
    split_name,
    text,
)


class Channel(enum.Enum):
    CHAT = "web chat"
    PHONE = 2


class State(enum.IntEnum):
    OPEN = 1
    CLOSED = 2


KEY = uuid.UUID("0b7c2bd4-7c0f-4d7c-9a52-9d9a4d8c1a10")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("Zoë", "Zoë"),
        (1010, "1010"),
        (1010.0, "1010"),
        (1.5, "1.5"),
        (Decimal("12.50"), "12.50"),
        (b"caf\xc3\xa9", "café"),
        (b"\xff", "�"),
        (memoryview(b"ab"), "ab"),
        (Channel.CHAT, "web chat"),
        (Channel.PHONE, "PHONE"),
        (KEY, str(KEY)),
        (["a", None, "b"], "a, b"),
    ],
)
def test_any_value_becomes_the_text_a_person_would_expect(value: Any, expected: str) -> None:
    assert text(value) == expected


def test_subclass_of_text_becomes_a_plain_text() -> None:
    class Markup(str):
        __slots__ = ()

    assert type(text(Markup("<b>"))) is str


def test_binary_key_becomes_hexadecimal() -> None:
    assert key_text(KEY.bytes) == KEY.hex


@pytest.mark.parametrize(
    ("full", "first", "last"),
    [
        ("Ada Nowak", "Ada", "Nowak"),
        ("Ana María Lopez", "Ana María", "Lopez"),
        ("Lopez, Ana María", "Ana María", "Lopez"),
        ("  Ada \t Nowak ", "Ada", "Nowak"),
        ("Cher", "Cher", ""),
        ("Jon Smith, Jr.", "Jon", "Smith Jr."),
        ("Jon Smith III", "Jon", "Smith III"),
        ("王小明", "王小明", ""),
        ("", "", ""),
        (",", "", ""),
        ("Nowak,", "Nowak", ""),
    ],
)
def test_full_name_is_split(full: str, first: str, last: str) -> None:
    assert split_name(full) == (first, last)


@given(st.text())
def test_splitting_a_name_loses_no_word(full: str) -> None:
    words = full.replace(",", " ").split()
    assert sorted(" ".join(split_name(full)).replace(",", " ").split()) == sorted(words)


@pytest.mark.parametrize(
    "value", ["closed", " Resolved ", "ARCHIVED", State.CLOSED, True, datetime(2026, 1, 1, tzinfo=UTC), 1]
)
def test_conversation_is_closed_by_word_flag_or_instant(value: Any) -> None:
    assert is_closed(value)


@pytest.mark.parametrize("value", ["open", "", None, "pending", State.OPEN, False, 0])
def test_any_other_state_means_open(value: Any) -> None:
    assert not is_closed(value)


@pytest.mark.parametrize(("value", "expected"), [("client", True), ("Visitor", True), ("inbound", True), (True, True)])
def test_client_is_known_by_sender_or_direction(value: Any, expected: bool) -> None:
    assert is_from_client(value) is expected


@pytest.mark.parametrize("value", ["agent", "outbound", "bot", None, False])
def test_other_senders_are_the_host(value: Any) -> None:
    assert not is_from_client(value)


@pytest.mark.parametrize(("value", "expected"), [("no", False), ("0", False), ("yes", True), (None, False), (1, True)])
def test_flag_reads_words_and_numbers(value: Any, expected: bool) -> None:
    assert flag(value) is expected


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        NOON,
        datetime(2026, 3, 1, 12),  # noqa: DTZ001 - naive ones are UTC
        datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2))),
        NOON.timestamp(),
        "2026-03-01T12:00:00+00:00",
    ],
)
def test_instants_become_aware_utc(value: Any) -> None:
    assert instant(value) == NOON
    assert instant(value).tzinfo is UTC  # type: ignore[union-attr]


def test_date_is_its_midnight_and_nothing_is_nothing() -> None:
    assert instant(date(2026, 3, 1)) == datetime(2026, 3, 1, tzinfo=UTC)
    assert instant(None) is None
    assert instant("") is None


@pytest.mark.parametrize("value", [True, object(), "soon"])
def test_what_is_no_instant_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        instant(value)


@pytest.mark.parametrize("key", ["007", "+1", " 1", "1_000", "٣", "1.0", "", "2147483648", "-2147483649"])
def test_integer_key_has_one_spelling_and_a_range(key: str) -> None:
    with pytest.raises(ValueError, match=r"not a key|invalid literal"):
        parse_integer(key, 31)


@given(st.integers(-(1 << 31), (1 << 31) - 1))
def test_integer_key_survives_its_text(number: int) -> None:
    assert parse_integer(key_text(number), 31) == number


def test_uuid_key_has_one_spelling() -> None:
    assert parse_uuid(str(KEY)) == KEY
    with pytest.raises(ValueError, match="usual spelling"):
        parse_uuid(KEY.hex)
