"""How the values of a host become ours: texts, flags, instants, names. Hosts store them in the oddest types."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

CLOSED_WORDS = frozenset({"closed", "resolved", "done", "archived", "finished", "completed", "ended", "solved"})
"""States of a conversation that mean that it is over; any other state means that it is open."""

CLIENT_WORDS = frozenset(
    {"client", "customer", "visitor", "user", "contact", "guest", "lead", "inbound", "incoming", "in", "received"}
)
"""Senders and directions that mean that the client wrote the message; any other means that the host did."""

_BINARY = (bytes, bytearray, memoryview)
_NO_WORDS = frozenset({"", "0", "false", "f", "no", "n", "off", "none", "null"})
_NAME_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "md", "inc", "ltd", "llc", "gmbh"})


def text(value: Any) -> str:
    """Return the value as text: "" for None, an enum's own text, a whole float without its point."""
    kind = type(value)
    if kind is str:
        return str(value)
    if value is None:
        return ""
    return str(value) if kind is int or kind is UUID else _odd_text(value)


def _odd_text(value: Any) -> str:
    if isinstance(value, Enum):
        return _enum_text(value)
    if isinstance(value, _BINARY):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(filter(None, map(text, value)))
    return str(value)


def plain_text(value: Any) -> str:
    """Return a value as text that programs read: "true" and "false", dates and instants in ISO's form (UTC)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"{instant(value):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return text(value)


def tags(value: Any) -> tuple[str, ...]:
    """Return tags as they stand in a list, or in a text with commas or semicolons between them; each once."""
    if isinstance(value, str):
        value = re.split(r"[,;\n]", value)
    elif not isinstance(value, list | tuple | set | frozenset):
        value = [] if value is None else [value]
    return tuple(dict.fromkeys(tag for tag in (text(one).strip() for one in value) if tag))


def key_text(value: Any) -> str:
    """Return a key as text; the same for every row that the key stands for. Binary keys become hexadecimal."""
    if isinstance(value, _BINARY):
        return bytes(value).hex()
    return text(value)


def _enum_text(value: Enum) -> str:
    return value.value if isinstance(value.value, str) else value.name


def flag(value: Any) -> bool:
    """Return the value as yes or no; texts such as "false", "0" and "no" mean no."""
    if isinstance(value, str):
        return value.strip().casefold() not in _NO_WORDS
    return bool(value)


def is_closed(value: Any) -> bool:
    """Tell from a state's word, a flag or the instant of closing whether a conversation is over."""
    return _any_word(value, CLOSED_WORDS)


def is_from_client(value: Any) -> bool:
    """Tell from a sender, a direction or a flag whether the client wrote a message."""
    return _any_word(value, CLIENT_WORDS)


def _any_word(value: Any, words: frozenset[str]) -> bool:
    if isinstance(value, str) and not isinstance(value, Enum):
        return value.strip().casefold() in words
    if isinstance(value, Enum):
        return not words.isdisjoint((value.name.casefold(), text(value).casefold()))
    return bool(value)


def instant(value: Any) -> datetime | None:
    """Return the value as an aware instant in UTC; naive ones are UTC already, numbers are seconds since 1970.

    Raises TypeError or ValueError for anything that is no instant.
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return instant(datetime.fromisoformat(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    raise TypeError(f"{type(value).__name__} is no instant")


def version_text(value: Any) -> str:
    """Return an `updated_at` as text, for comparing only."""
    return value.isoformat() if isinstance(value, date) else text(value)


def split_name(full: str) -> tuple[str, str]:
    """Split a full name into first and last name.

    The last word is the last name ("Ana María Lopez" -> "Ana María", "Lopez"); "Lopez, Ana María" is read the other
    way round; a single word is a first name; "Jr." and its like stay with the last name.
    """
    before, comma, after = (part.strip() for part in full.partition(","))
    if comma and before and after and not _is_suffix(after):
        return after, before
    words = before.split()
    suffix = f" {after}" if comma and after else ""
    if len(words) > 2 and not suffix and _is_suffix(words[-1]):
        suffix = " " + words.pop()
    if len(words) < 2:
        return " ".join(words), suffix.strip()
    return " ".join(words[:-1]), words[-1] + suffix


def _is_suffix(word: str) -> bool:
    return word.replace(".", "").casefold() in _NAME_SUFFIXES


def parse_uuid(key: str) -> UUID:
    """Return the UUID that the text writes in its usual form; raise ValueError for any other spelling."""
    value = UUID(key)
    if str(value) != key.casefold():
        raise ValueError("not the usual spelling of a UUID")
    return value


def parse_integer(key: str, bits: int) -> int:
    """Return the whole number that the text writes plainly; raise ValueError for others and those beyond the bits."""
    value = int(key)
    if str(value) != key or not -(1 << bits) <= value < (1 << bits):
        raise ValueError("not a key of this type")
    return value
