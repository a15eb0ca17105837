"""The body of a note and its marker, without any HTTP."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.crm.hubspot.markup import BODY_LIMIT, markers, note_body

_KEY = "0f" * 16


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def test_note_shows_the_subject_the_lines_and_the_marker() -> None:
    body = note_body("Web chat", "Wants <two> rooms & a bed\r\nfor May", _KEY)
    assert body == (f"<strong>Web chat</strong><br>Wants &lt;two&gt; rooms &amp; a bed<br>for May<br>ref: {_KEY}")


def test_note_without_subject_begins_with_its_text() -> None:
    assert note_body(" ", "Hello", _KEY) == f"Hello<br>ref: {_KEY}"


@pytest.mark.parametrize("text", ["a" * 10_000_000, "&" * 70_000, "\n" * 10 + "é" * 65_536, "👩" * 40_000])
def test_too_long_text_is_shortened_honestly_and_keeps_its_marker(text: str) -> None:
    body = note_body("Chat", text, _KEY)
    assert _units(body) <= BODY_LIMIT
    assert _units(body) > BODY_LIMIT - 8
    assert body.endswith(f"…<br>ref: {_KEY}")
    assert not re.search(r"&(?!amp;)", body), "no entity is cut"


def test_text_that_just_fits_is_not_shortened() -> None:
    room = BODY_LIMIT - len(f"<br>ref: {_KEY}")
    assert "…" not in note_body("", "a" * room, _KEY)
    assert "…" in note_body("", "a" * (room + 1), _KEY)


def test_long_subject_leaves_room_for_the_text() -> None:
    body = note_body("s" * 100_000, "the text", _KEY)
    assert "the text" in body
    assert _units(body) < 2_000


@pytest.mark.parametrize(
    "returned",
    [
        f"Hello<br>ref: {_KEY}",
        f"<div>Hello<br/>\nref: {_KEY}</div>",
        f"<p>ref:&#32;{_KEY}</p><p>a remark by a person</p>",
    ],
)
def test_marker_is_found_in_what_hubspot_makes_of_the_html(returned: str) -> None:
    assert markers(returned) == {_KEY}


def test_marker_of_a_longer_key_is_not_taken_for_a_shorter_one() -> None:
    assert markers(note_body("", "x", _KEY + "1")) == {_KEY + "1"}


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_makes_a_sendable_note_that_carries_its_marker(subject: str, text: str) -> None:
    body = note_body(subject, text, _KEY)
    body.encode()
    assert _KEY in markers(body)
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", body)
    plain = re.sub(r"</?strong>|<br>", "", body)
    assert "<" not in plain
    assert html.unescape(plain).endswith(f"ref: {_KEY}")
