"""Texts in the form in which they are compared: whatever case, width, spacing, quotes or invisible signs they came in.

Unicode's own way of caseless matching (NFKC, full case folding: ß is ss), and beyond it what people type alike: curly
and straight apostrophes, hyphens that break no line, the Turkish dotted and dotless i. Accents stay: "resume" is not
"résumé".
"""

from __future__ import annotations

import re
import unicodedata

SEPARATOR = "\0"
"""Stands between messages: no phrase reaches from one into the next."""

_SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f"
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
_ALIKE = str.maketrans({"‘": "'", "’": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"', "‐": "-", "‑": "-", "ı": "i"})
_DOTTED_I = re.compile("i\u0307+")
_SPACE, _RUNS = re.compile(r"\s"), re.compile(" {2,}")
_PIECES = re.compile(r".{1,1000}(?=\s)|.{1,1000}", re.DOTALL)
"""Pieces that end at a space where there is one: putting combining marks in order takes the square of their number."""

_NO_SPACES = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u1b00-\u1b7f\u2e80-\u312f\u31a0-\u31bf"
    "\u31f0-\u4dbf\u4e00-\ua4cf\ua980-\ua9ff\uaa60-\uaa7f\uf900-\ufaff\U00016fe0-\U0001b2ff\U00020000-\U0003ffff]"
)
"""Letters of scripts that set no spaces between words: Chinese, Japanese, Thai, Lao, Tibetan, Burmese, Khmer, Yi."""


def folded(text: str) -> str:
    """Return the text in the form in which it is compared; folding it again changes nothing."""
    if text.isascii():
        return _single_spaced(_plain_spaced(text.lower()))
    return _single_spaced(_SPACE.sub(" ", "".join(map(_folded_piece, _PIECES.findall(text)))))


def is_letter(sign: str) -> bool:
    """Tell whether a sign is part of a word, in a script that sets its words apart: letters, digits, marks on them."""
    return (sign.isalnum() or sign == "_" or unicodedata.category(sign)[0] == "M") and not _NO_SPACES.match(sign)


def _folded_piece(text: str) -> str:
    once = _caseless(_INVISIBLE.sub("", text)).translate(_ALIKE)
    return _caseless(_DOTTED_I.sub("i", once))


def _caseless(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFD", text).casefold())


def _plain_spaced(text: str) -> str:
    for space in _SPACES:
        if space in text:
            text = text.replace(space, " ")
    return text


def _single_spaced(text: str) -> str:
    return _RUNS.sub(" ", text) if "  " in text else text
