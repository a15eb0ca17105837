"""Keywords are found where people mean them: whatever case, script, spacing or signs; and nothing makes it slow."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flask_crm_sync.qualification.folding import folded, is_letter
from flask_crm_sync.qualification.terms import Term, Vocabulary

LETTERS = st.text("aAbB ßẞſsıİiée\u0301\u0323\u0307ñकि予約ไทย'’-­\u200d.\n\u3000*_1²🙂", max_size=12)
WORDS = st.lists(
    st.sampled_from(["book", "a", "table", "booked", "Tisch", "für", "予約", "i'd", "-", "🙂"]), max_size=8
)


def is_said(keyword: str, text: str) -> bool:
    term = Term.of(keyword)
    found = Vocabulary([term]).heard(folded(text)) == {term.key}
    assert found == term.is_in(folded(text))
    return found


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("book", "Please BOOK it"),
        ("book", "book"),
        ("book", "(book)"),
        ("how much", "How  much\nis it?"),
        ("how much", "how\u00a0much"),
        ("reserv*", "a Reservation"),
        ("reserv*", "reserv"),
        ("table fo*", "a table for two"),
        ("Straße", "in der STRASSE 5"),
        ("strasse", "Straße"),
        ("GROẞ", "gross"),
        ("café", "un cafe\u0301, merci"),
        ("ﬁnd", "find"),
        ("ＡＢＣ", "abc"),
        ("don't", "I don’t"),
        ("e-mail", "e‑mail"),
        ("reservieren", "reser\u00advieren"),
        ("İstanbul", "istanbul"),
        ("satın", "SATIN"),
        ("satin al*", "satın almak"),
        ("σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("予約", "明日予約したいです"),
        ("ipad", "新しいiPadを買いたい"),
        ("จอง", "อยากจองโต๊ะครับ"),
        ("किताब", "एक किताब चाहिए"),
        ("c++", "we use C++."),
        ("€", "50 €"),
        ("€", "50€"),
        ("24/7", "open 24/7!"),
        ("👍", "ok👍🏽"),
    ],
)
def test_a_keyword_is_found(keyword: str, text: str) -> None:
    assert is_said(keyword, text)


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("book", "facebook"),
        ("book", "booking"),
        ("book", "book_now"),
        ("how much", "how. much"),
        ("how much", "somehow much"),
        ("reserv*", "unreserved"),
        ("reserv*", "rese rv"),
        ("cafe", "café"),
        ("кни", "книга"),
        ("कि", "किताब"),
        ("क", "कि"),
        ("e", "e\u0328"),
        ("x", "x\u20d7"),
        ("ipad", "ipads"),
    ],
)
def test_a_keyword_that_is_not_said_is_not_found(keyword: str, text: str) -> None:
    assert not is_said(keyword, text)


@settings(max_examples=40)
@given(LETTERS)
@example("i\u0307\u0307\u0301")
@example("\u0345\u0301α")
@example("e\u00ad\u0301")
def test_folding_twice_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@settings(max_examples=40)
@given(LETTERS)
def test_a_text_is_the_same_however_it_is_composed_and_written(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert folded(unicodedata.normalize(form, text)) == folded(text)


@settings(max_examples=40)
@given(st.lists(st.one_of(LETTERS, WORDS.map(" ".join)), max_size=6), WORDS.map(" ".join), LETTERS)
def test_looking_for_many_at_once_finds_what_looking_for_each_does(keywords: list[str], said: str, more: str) -> None:
    terms = [term for keyword in keywords if (term := Term.of(keyword)).text]
    for text in (folded(said), folded(said + more), folded(more + said)):
        assert Vocabulary(terms).heard(text) == {term.key for term in terms if term.is_in(text)}


@settings(max_examples=40)
@given(WORDS.filter(bool), WORDS, WORDS)
def test_words_are_found_among_others_and_not_inside_them(
    phrase: list[str], before: list[str], after: list[str]
) -> None:
    keyword = " ".join(phrase)
    assert is_said(keyword, " ".join([*before, keyword.upper(), *after]))
    if is_letter(folded(keyword)[0]) and is_letter(folded(keyword)[-1]):
        assert not is_said(keyword, f"q{keyword}q")


@pytest.mark.parametrize(
    "text", ["a" * 300_000, "a " * 150_000, "a\u0323\u0301" * 100_000, "\u0301\u0323" * 150_000, "\ufdfa" * 20_000]
)
def test_nothing_that_people_type_is_too_much(text: str) -> None:
    terms = [Term.of(keyword) for keyword in ("a" * 200, "a " * 99 + "b", "(a+)+", "aa*", "\u0301\u0323" * 50 + "a")]
    said = folded(text)
    assert Vocabulary(terms).heard(said) == {term.key for term in terms if term.is_in(said)}
