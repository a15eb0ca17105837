"""Looking for many keywords in a text at once: whole words, phrases, and stems such as "reserv*".

What decides is where a keyword stands: no letter may touch it, unless the script sets no spaces between words. So as
not to look for each of them everywhere, a text's words are taken first, and a phrase is looked for only where its words
are among them. No pattern is made of what people type, so that nothing they type makes the search slow.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from .folding import folded, is_letter

_TO_WORDS = {code: " " for code in range(128) if not is_letter(chr(code))}
_WORD = re.compile(r"\w+")
_SETS_WORDS_APART = re.compile(
    "[\0-\u02ff\u0370-\u0482\u048a-\u058f\u2010-\u20cf\u2100-\u2bff\u3000-\u3004\u3008-\u3020\U0001f000-\U0001faff]*"
)
"""Texts in which `\\w+` finds words as we mean them: Latin, Greek, Cyrillic, signs and pictures, no loose marks."""


@dataclass(frozen=True)
class Term:
    """A keyword as it is looked for. Keywords that are the same once folded have the same `key`."""

    text: str
    is_stem: bool

    @classmethod
    def of(cls, keyword: str) -> Term:
        """Return the term of a keyword; a * at the end makes a stem of it."""
        return cls(folded(keyword.removesuffix("*")).strip(), keyword.endswith("*"))

    @cached_property
    def key(self) -> str:
        """Return what it is called among others."""
        return f"{self.text}*" if self.is_stem else self.text

    def is_in(self, said: str) -> bool:
        """Tell whether the term is said in a folded text."""
        place = said.find(self.text) if self.text else -1
        while place >= 0:
            if self._stands_alone(said, place):
                return True
            place = said.find(self.text, place + 1)
        return False

    @cached_property
    def is_word(self) -> bool:
        """Tell whether it is one word, as a text's words are taken."""
        return not self.is_stem and sets_words_apart(self.text) and words_of(self.text) == [self.text]

    @cached_property
    def words(self) -> frozenset[str]:
        """Return the whole words that are in every text in which the term is, as far as they can be told."""
        words = words_of(self.text) if sets_words_apart(self.text) else []
        return frozenset(words[:-1] if self.is_stem and self._ends_in_letter else words)

    def _stands_alone(self, said: str, place: int) -> bool:
        end = place + len(self.text)
        before, after = said[place - 1 : place], said[end : end + 1]
        if before and self._begins_with_letter and is_letter(before):
            return False
        return self.is_stem or not (after and self._ends_in_letter and is_letter(after))

    @cached_property
    def _begins_with_letter(self) -> bool:
        return is_letter(self.text[0])

    @cached_property
    def _ends_in_letter(self) -> bool:
        return is_letter(self.text[-1])


class Vocabulary:
    """Keywords that are looked for together."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self._terms = tuple({term.key: term for term in terms}.values())
        self._alone = frozenset(term.text for term in self._terms if term.is_word)
        self._anywhere: list[Term] = []
        self._by_word: dict[str, list[Term]] = defaultdict(list)
        for term in self._terms:
            if not term.is_word:
                (self._by_word[max(term.words, key=len)] if term.words else self._anywhere).append(term)
        self._words = self._alone.union(*(term.words for term in self._terms))

    def __bool__(self) -> bool:
        """Tell whether there is anything to look for."""
        return bool(self._terms)

    def heard(self, said: str) -> set[str]:
        """Return the keys of the terms that are said in a folded text."""
        if not sets_words_apart(said):
            return {term.key for term in self._terms if term.is_in(said)}
        known = self._words.intersection(words_of(said))
        found = set(known & self._alone)
        phrases = [term for word in known if word in self._by_word for term in self._by_word[word]]
        likely = [term for term in phrases if term.words <= known]
        found.update(term.key for term in (*likely, *self._anywhere) if term.is_in(said))
        return found


def sets_words_apart(said: str) -> bool:
    """Tell whether the words of a folded text can be taken as runs of letters."""
    return said.isascii() or _SETS_WORDS_APART.fullmatch(said) is not None


def words_of(said: str) -> list[str]:
    """Return the words of a folded text that sets them apart."""
    return said.translate(_TO_WORDS).split() if said.isascii() else _WORD.findall(said)
