"""The text of a note: escaped, dated, never longer than Dynamics takes."""

from __future__ import annotations

import html
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.crm.dynamics.markup import BODY_LIMIT, SUBJECT_LIMIT, note_subject, note_text

_AT = datetime(2026, 11, 22, 15, 4, tzinfo=UTC)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def test_text_begins_with_its_time_and_is_escaped() -> None:
    assert note_text("Wants <b>2</b> rooms & a view\nOn Monday\r\n", _AT) == (
        "2026-11-22 15:04 UTC<br>Wants &lt;b&gt;2&lt;/b&gt; rooms &amp; a view<br>On Monday"
    )


def test_time_of_another_zone_is_told_in_utc() -> None:
    assert note_text("x", _AT.astimezone(timezone(timedelta(hours=5, minutes=30)))).startswith("2026-11-22 15:04 UTC")


def test_subject_is_one_plain_line_and_never_empty() -> None:
    assert note_subject(" Web chat:\n a & b ") == "Web chat: a & b"
    assert note_subject(" \x07 ") == "Conversation"


def test_endless_texts_are_shortened_with_an_ellipsis() -> None:
    for text in ("ä" * 10_000_000, "👩" * 200_000, "&" * 200_000, "\n".join("x" * 200_000)):
        note = note_text(text, _AT)
        assert _units(note) <= BODY_LIMIT
        assert _units(note) > BODY_LIMIT - 10
        assert note.endswith("…")
    assert _units(note_subject("👩" * 400)) <= SUBJECT_LIMIT


@given(st.text("ab<>&;\"' \n\tä👩", max_size=60))
def test_what_people_wrote_can_be_read_back_and_never_makes_markup(text: str) -> None:
    note = note_text(text, _AT).removeprefix("2026-11-22 15:04 UTC<br>")
    assert "<" not in note.replace("<br>", "")
    assert html.unescape(note.replace("<br>", "\n")) == text.strip()


@given(st.text(max_size=100))
def test_any_text_makes_a_note_that_can_be_sent(text: str) -> None:
    assert note_text(text, _AT).encode()
    assert note_subject(text).encode()
    assert "\x00" not in note_text(text, _AT) + note_subject(text)
