"""Texts compared the way SQL Server's LIKE does, which is what text functions of a filter come down to."""

from __future__ import annotations

import re
from functools import lru_cache


def like(value: object, pattern: str) -> bool:
    """Compare the way SQL Server's LIKE does, without regard to case: ``% _ [set] [^set]``."""
    return value is not None and _pattern(pattern).fullmatch(str(value)) is not None


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    parts = re.findall(r"\[[^\]]+\]|.", text, re.S)
    return re.compile("".join(map(_piece, parts)), re.I | re.S)


def _piece(part: str) -> str:
    if part in ("%", "_"):
        return ".*" if part == "%" else "."
    if len(part) == 1:
        return re.escape(part)
    inner = part[1:-1]
    body = "".join(each if each == "-" else re.escape(each) for each in inner.removeprefix("^"))
    return f"[{'^' if inner.startswith('^') and len(inner) > 1 else ''}{body or re.escape('^')}]"
