"""A text as a person sees it, without the characters that only machines read; and folded, for comparing. Pure."""

from __future__ import annotations

import re
import unicodedata

_HALVES = re.compile(r"[\ud800-\udfff]")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef\u034f\u115f\u1160\u3164\uffa0]")
"""Variation selectors and blank letters: they are no format characters to Unicode, and show nothing all the same."""
_SPACES = re.compile(r"\s+")
_PIECES = re.compile(r".{1,500}(?=\s)|.{1,500}", re.DOTALL)
"""Pieces that end at a space where there is one: putting combining marks in order takes the square of their number."""
_SAME = str.maketrans({"‘": "'", "’": "'", "‚": "'", "‛": "'", "´": "'", "`": "'", "ʼ": "'", "“": '"', "”": '"'})
_SAME |= str.maketrans({"„": '"', "«": '"', "»": '"', "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "…": "..."})


def visible(text: str) -> str:
    """Return a text in compatible form (NFKC), without invisible, control and half characters; lines stay lines."""
    text = _HALVES.sub("\N{REPLACEMENT CHARACTER}", text)
    text = _compatible(_SELECTORS.sub("", text))
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n").split("\n")
    return "\n".join(_line(line) for line in lines).strip()


def one_line(text: str) -> str:
    """Return a visible text in one line."""
    return _SPACES.sub(" ", visible(text)).strip()


def folded(text: str) -> str:
    """Return a text for comparing word for word: visible, in one line, case-folded, with plain quotes and dashes."""
    return _compatible(one_line(text).translate(_SAME).casefold())


def bare(text: str) -> str:
    """Return a folded text without accents and vowel signs, for recognising phrases however they are typed."""
    return without_marks(folded(text))


def without_marks(text: str) -> str:
    """Return a text without combining marks: é is e, and プ is フ."""
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(part for part in parts if unicodedata.category(part) != "Mn"))


def _compatible(text: str) -> str:
    if text.isascii():
        return text
    return "".join(unicodedata.normalize("NFKC", piece) for piece in _PIECES.findall(text))


def _line(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line
    return "".join(_shown(character) for character in line)


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cc":
        return " "
    return "" if category in ("Cf", "Co", "Cn") else character
