"""Names of people and things, made so that no chat program, e-mail or web page takes them for anything else."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 120
_LOOKALIKES = str.maketrans(
    {
        "<": "‹",
        ">": "›",
        "*": "∗",
        "`": "ˋ",
        "~": "∼",
        "|": "¦",
        "[": "(",
        "]": ")",
        "\\": "∖",
        "#": "♯",
    }
)
_LONE_UNDERSCORE = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
_BEFORE_AN_ENDING = re.compile(r"(?<=\w)\.(?=[^\W\d_]{2})")
"""A dot in what may be the name of a site, which chat programs make a link of."""
_JOINS_LETTERS = "\u200c\u200d"
"""Persian and Indian names are written with them, and emoji."""
_JOINER = "\u2060"
"""Is not seen, and ends what would be a mention or a link."""


def harmless(name: str) -> str:
    """Return a name on one line, without control characters, mark-up, mentions or links, at most 120 characters."""
    shown = "".join(sign if _is_seen(sign) else " " for sign in name)
    shown = " ".join(shown.split()).translate(_LOOKALIKES)
    shown = _LONE_UNDERSCORE.sub("ˍ", shown)
    shown = shown.replace("@", f"@{_JOINER}").replace("://", f":{_JOINER}//")
    shown = _BEFORE_AN_ENDING.sub(f".{_JOINER}", shown)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def _is_seen(sign: str) -> bool:
    """Tell whether a character is shown; those that steer (also the direction of writing) and broken ones are not."""
    return sign in _JOINS_LETTERS or unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
