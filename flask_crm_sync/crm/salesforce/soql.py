"""SOQL texts: literals escaped, and lists cut to what an address may hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

ROOM = 14_000
"""Bytes of an encoded list in one query. An address may have 16,384 in all, answered by 414 beyond: REST API Guide."""

_ESCAPES = str.maketrans(
    {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
)


def literal(text: str) -> str:
    """Return a text as SOQL writes it, quoted; for `=` and `IN`, not for `LIKE`."""
    return f"'{text.translate(_ESCAPES)}'"


def moment(milliseconds: int) -> str:
    """Return an instant (ms since 1970) as SOQL writes it, unquoted; its comparisons know whole seconds only."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def select(fields: Sequence[str], kind: str, where: str) -> str:
    """Return a query."""
    return f"SELECT {','.join(fields)} FROM {kind} WHERE {where}"


def lists(field: str, values: Iterable[str]) -> Iterator[str]:
    """Yield as few conditions as hold every value and fit into an address each."""
    part: list[str] = []
    used = 0
    for text in dict.fromkeys(values):
        written = literal(text)
        length = len(quote(written, safe="")) + len("%2C")
        if part and used + length > ROOM:
            yield f"{field} IN ({','.join(part)})"
            part, used = [], 0
        part.append(written)
        used += length
    if part:
        yield f"{field} IN ({','.join(part)})"
