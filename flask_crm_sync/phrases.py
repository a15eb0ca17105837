"""Sentences that the engine and the adapters made, recognised again so that they can be said in another language.

Below the pages, texts are English: made where something happened, with names and numbers filled in, and kept in the
log so. The catalogue knows each such sentence with its holes, under the context `CONTEXT`. A stored one is taken apart
again: sentence by sentence, the values out of the holes and into the translation's. What is not known, such as a CRM's
own words, stays as it is.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from gettext import NullTranslations
from itertools import islice

CONTEXT = "said"
_log = logging.getLogger(__name__)
_HOLE = re.compile(r"%\((\w+)\)s")
_BREAK = re.compile(r"(?<=[.!?:;])\s+|\n")
_NUMBER = re.compile(r"\d{1,3}(,\d{3})+")
_MOST_PARTS = 12  # sentences of one text that are looked at
_LONGEST = 1_000  # characters of one sentence: what is longer is somebody else's text
_DEEPEST = 4

Write = Callable[[float], str]
"""Writes a number as the language does."""


def filled(translation: str, english: str, values: Mapping[str, object]) -> str:
    """Return a translation with its values; the English text where a catalogue's holes are not the text's."""
    try:
        return translation % values
    except (KeyError, ValueError, TypeError):
        _log.warning("A translation has other holes than its text: %r", english)
        return english % values


class Phrases:
    """The sentences of one catalogue."""

    def __init__(self, texts: NullTranslations) -> None:
        self._texts = texts

    def translated(self, text: str, number: Write) -> str:
        """Return a text of one or several sentences, those that are known translated."""
        return self._translated(text, number, 0)

    def _translated(self, text: str, number: Write, depth: int) -> str:
        done, rest = "", text
        for _part in range(_MOST_PARTS):
            if not rest:
                break
            head, rest = self._first(rest, number, depth)
            done += head
        return done + rest

    def _first(self, text: str, number: Write, depth: int) -> tuple[str, str]:
        """Return the longest beginning that is known, translated, and the rest; else the first sentence as it is."""
        gaps = list(islice(_BREAK.finditer(text), _MOST_PARTS))
        for end, rest in ((len(text), len(text)), *((gap.start(), gap.end()) for gap in reversed(gaps))):
            head = self._known(text[:end], number, depth)
            if head is not None:
                return head + text[end:rest], text[rest:]
        first = gaps[0].end() if gaps else len(text)
        return text[:first], text[first:]

    def _known(self, text: str, number: Write, depth: int) -> str | None:
        """Return the translation of one sentence, None for one that the catalogue does not have."""
        if not text or len(text) > _LONGEST:
            return None
        for stem, stop in ((text, ""), (text.removesuffix("."), ".")):
            found = self._texts.gettext(stem) if stem else stem
            if found != stem:
                return found + stop
        return self._filled(text, number, depth) if depth < _DEEPEST else None

    def _filled(self, text: str, number: Write, depth: int) -> str | None:
        for phrase, pattern in self._patterns:
            match = pattern.fullmatch(text)
            if match:
                values = {name: self._value(value, number, depth + 1) for name, value in match.groupdict().items()}
                return filled(self._texts.pgettext(CONTEXT, phrase), phrase, values)
        return None

    def _value(self, value: str, number: Write, depth: int) -> str:
        if _NUMBER.fullmatch(value):
            return number(int(value.replace(",", "")))
        return self._translated(value, number, depth)

    @cached_property
    def _patterns(self) -> list[tuple[str, re.Pattern[str]]]:
        """The sentences with holes and what recognises each; those with the most words of their own come first."""
        found = sorted(self._phrases(), key=lambda phrase: (-len(_HOLE.sub("", phrase)), phrase))
        return [(phrase, _pattern(phrase)) for phrase in found]

    def _phrases(self) -> set[str]:
        """Return the keys of gettext's catalogue that are sentences of ours; it has no public way to list them."""
        found: set[str] = set()
        texts: NullTranslations | None = self._texts
        while texts is not None:
            keys = (key.partition("\x04") for key in getattr(texts, "_catalog", ()) if isinstance(key, str))
            found |= {phrase for context, _, phrase in keys if context == CONTEXT}
            texts = getattr(texts, "_fallback", None)
        return found


def _pattern(phrase: str) -> re.Pattern[str]:
    """Return what recognises a phrase; a hole that comes twice has the same value twice."""
    seen: set[str] = set()
    parts = []
    for place, part in enumerate(_HOLE.split(phrase)):
        if place % 2 == 0:
            parts.append(re.escape(part.replace("%%", "%")))
        elif part in seen:
            parts.append(f"(?P={part})")
        else:
            seen.add(part)
            parts.append(f"(?P<{part}>.+?)")
    return re.compile("".join(parts), re.DOTALL)
