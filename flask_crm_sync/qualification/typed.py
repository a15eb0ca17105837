"""Criteria as forms hold them: one keyword a line, its weight behind an equals sign."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..models.criterion import DEFAULT_SET
from .bounds import ANY, CLIENT, CONTACT_FIELDS, tidy
from .criteria import REVIEW_THRESHOLD, Criterion, CriterionInvalid

LONGEST = 100_000
"""Characters of one field; a longer one is refused before anything looks into it."""

Typed = Mapping[str, str | Sequence[str]]
"""A form: texts, or lists of texts where a field may occur several times."""

_WEIGHED = re.compile(r"(.*\S)[ \t]*=[ \t]*([+-]?\d{1,9})")
_NUMBERS = {
    "priority": 0,
    "min_messages": 0,
    "contact_weight": 0,
    "messages_weight": 0,
    "channel_weight": 0,
    "threshold": 0,
    "review_threshold": REVIEW_THRESHOLD,
}
_TEXTS = {"name": "", "set_name": DEFAULT_SET, "mode": ANY, "who": CLIENT, "guidance": ""}
_FLAGS = ("enabled", "review", "second_look")
_OFF = {"", "0", "false", "off", "no"}


def checked(typed: Typed) -> Criterion:
    """Return the criterion that a form holds; raise CriterionInvalid, whose `fields` are the form's.

    A tick that is not there is off, as forms send it. Channels and contact details come as several values, or as one
    text with commas or lines between them.
    """
    _refuse_long(typed)
    lines = [_weighed(line) for line in _lines(typed, "required")]
    values: dict[str, Any] = {
        "required": tuple(keyword for keyword, _ in lines),
        "weights": {keyword: weight for keyword, weight in lines if weight is not None},
        "excluded": tuple(_lines(typed, "excluded")),
        "contact_fields": _several(typed, "contact_fields"),
        "channels": _several(typed, "channels"),
    }
    values |= {name: _one(typed, name).strip() or usual for name, usual in _TEXTS.items()}
    values |= {name: _one(typed, name).strip().casefold() not in _OFF for name in _FLAGS}
    return _made(values, {name: _number(_one(typed, name), usual) for name, usual in _NUMBERS.items()})


def as_typed(criterion: Criterion) -> dict[str, str | list[str]]:
    """Return a criterion as its form shows it: what `checked` makes the same criterion of."""
    shown: dict[str, str | list[str]] = {
        "required": "\n".join(_line(criterion, keyword) for keyword in criterion.required),
        "excluded": "\n".join(criterion.excluded),
        "contact_fields": [name for name in CONTACT_FIELDS if name in criterion.contact_fields],
        "channels": list(criterion.channels),
    }
    shown |= {name: getattr(criterion, name) for name in _TEXTS}
    shown |= {name: str(getattr(criterion, name)) for name in _NUMBERS}
    return shown | {name: "on" if getattr(criterion, name) else "" for name in _FLAGS}


def _made(values: Mapping[str, Any], numbers: Mapping[str, int | None]) -> Criterion:
    """Make the criterion; a number that is none is named beside whatever else is wrong."""
    unread = {name: "This is a whole number." for name, number in numbers.items() if number is None}
    read: dict[str, Any] = {name: _NUMBERS[name] if number is None else number for name, number in numbers.items()}
    try:
        criterion = Criterion(**values, **read)
    except CriterionInvalid as invalid:
        raise CriterionInvalid(invalid.fields | unread) from None
    if unread:
        raise CriterionInvalid(unread)
    return criterion


def _refuse_long(typed: Typed) -> None:
    long = [name for name, given in typed.items() if sum(map(len, _all(given))) > LONGEST]
    if long:
        raise CriterionInvalid(dict.fromkeys(long, "This is too long: at most 100000 characters."))


def _all(given: str | Sequence[str]) -> Sequence[str]:
    return [given] if isinstance(given, str) else given


def _one(typed: Typed, name: str) -> str:
    """Return a field's last value: a tick that follows a hidden one counts."""
    return (_all(typed.get(name, "")) or [""])[-1]


def _lines(typed: Typed, name: str) -> Sequence[str]:
    return tidy(line for given in _all(typed.get(name, "")) for line in given.splitlines())


def _several(typed: Typed, name: str) -> Sequence[str]:
    return tidy(one for given in _all(typed.get(name, "")) for one in re.split(r"[,\n]", given))


def _weighed(line: str) -> tuple[str, int | None]:
    found = _WEIGHED.fullmatch(line)
    return (found[1], int(found[2])) if found else (line, None)


def _line(criterion: Criterion, keyword: str) -> str:
    """A keyword that itself ends like a weight keeps its own by one of its own."""
    says_weight = keyword in criterion.weights or _WEIGHED.fullmatch(keyword)
    return f"{keyword} = {criterion.weight(keyword)}" if says_weight else keyword


def _number(text: str, usual: int) -> int | None:
    """Return the number; the usual one for nothing, None for what is no whole number."""
    tidied = text.strip()
    if not tidied:
        return usual
    return int(tidied) if re.fullmatch(r"[+-]?\d{1,9}", tidied) else None
