"""Fields of the CRM beside those of every client: what a connection's mapping and its follow-ups write. Pure.

The engine knows each value as one text, whatever its type: in that form it is compared, kept as a digest, and shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from .base import FieldSpec, RemoteField, RemoteType
from .texts import composed, single_spaced, unfit

_LINE_BREAKS = re.compile(r"\r\n|[\r\n\u2028\u2029\x0b\x0c]")
_SHORT_OFFSET = re.compile(r"([+-]\d\d)(\d\d)$")
_LONGEST_NUMBER = 60
_TRUTHS = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}


class Unfit(ValueError):
    """A value that a field does not take.

    The text says what is wrong without the value, so that it can be kept; `quoting` names the value as well, for
    whoever has just typed it.
    """

    def __init__(self, says: str, quoting: str = "") -> None:
        super().__init__(says)
        self.quoting = quoting or says


def in_form(field: RemoteField, text: str) -> str:
    """Return a value in the one form in which it is compared and written; "" is a blank.

    Truths are `true` or `false`, numbers plain decimals, dates YYYY-MM-DD, instants ISO 8601 in UTC with Z, a choice is
    its option's value, several are joined with ";" in the options' order. Raises Unfit, a ValueError.
    """
    if not field.writable:
        raise Unfit(f"{field.label} cannot be written in the CRM.")
    wrong = unfit(text)
    if wrong:
        raise Unfit(f"The text for {field.label} {wrong}.")
    formed = _FORMS[field.type](field, text.strip()) if text.strip() else ""
    if not formed and field.required:
        raise Unfit(f"{field.label} is required in the CRM, so it cannot be blank.")
    if field.type == "text" and field.max_length is not None and len(formed) > field.max_length:
        raise Unfit(f"{field.label} takes {field.max_length:,} characters; this has {len(formed):,}.")
    return formed


def as_told(field: RemoteField, value: Any) -> str:
    """Return what the CRM holds as text, in the form of `in_form` where it is of the field's type at all.

    What it holds beyond that (an option that was taken out, say) is told as it is.
    """
    if value is None or value == "":
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if field.type == "text":
        return _LINE_BREAKS.sub("\n", text)
    if field.type == "choice":  # a value, though it may read like another one's label
        return text.strip()
    if field.type == "choices":
        return _in_order(field, [part for part in map(str.strip, text.split(";")) if part])
    try:
        return _FORMS[field.type](field, text.strip())
    except ValueError:
        return text


def on_wire(field: RemoteField, text: str) -> Any:
    """Return a value as JSON knows it: truths and numbers as such, a blank as null."""
    if not text:
        return None
    if field.type == "boolean":
        return text == "true"
    if field.type == "number":
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    return text


def beside(further: Sequence[RemoteField], fields: Iterable[FieldSpec]) -> tuple[RemoteField, ...]:
    """Return what is really further: each field once, none of an adapter's own."""
    own = {spec.name for spec in fields}
    return tuple({field.name: field for field in further if field.name not in own}.values())


def field_to_json(field: RemoteField) -> dict[str, Any]:
    """Return a field in the form in which a connection keeps those that it writes."""
    return asdict(field) | {"options": [list(option) for option in field.options], "on": list(field.on)}


def field_from_json(told: Mapping[str, Any]) -> RemoteField:
    """Read a field as it is kept."""
    options = tuple((str(value), str(label)) for value, label in told.get("options", ()))
    return RemoteField(**{**told, "options": options, "on": tuple(told.get("on", ()))})


def of_kind(further: Iterable[RemoteField], kind: str) -> list[RemoteField]:
    """Return the fields that a kind of record has; one that names no kind is on all of them."""
    return [field for field in further if not field.on or kind in field.on]


def _text(field: RemoteField, text: str) -> str:
    if not field.lines:
        return single_spaced(composed(text))
    lines = (single_spaced(line) for line in _LINE_BREAKS.split(composed(text)))
    return "\n".join(lines).strip()


def _truth(field: RemoteField, text: str) -> str:
    known = _TRUTHS.get(text.lower())
    if known is None:
        quoting = f"{field.label} takes yes or no, not “{_short(text)}”."
        raise Unfit(f"{field.label} takes yes or no.", quoting)
    return known


def _number(field: RemoteField, text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or len(text) > _LONGEST_NUMBER or abs(number.adjusted()) > _LONGEST_NUMBER:
        quoting = f"{field.label} takes a number, not “{_short(text)}”."
        raise Unfit(f"{field.label} takes a number.", quoting)
    plain = format(number, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if number == 0 else plain.removeprefix("+")


def _day(field: RemoteField, text: str) -> str:
    try:
        return date.fromisoformat(text[:10]).isoformat() if len(text) == len("2026-01-31") else _instant_of(text)[:10]
    except ValueError:
        quoting = f"{field.label} takes a date such as 2026-01-31, not “{_short(text)}”."
        raise Unfit(f"{field.label} takes a date such as 2026-01-31.", quoting) from None


def _instant(field: RemoteField, text: str) -> str:
    try:
        return _instant_of(text)
    except ValueError:
        quoting = f"{field.label} takes a date and time, not “{_short(text)}”."
        raise Unfit(f"{field.label} takes a date and time.", quoting) from None


def _instant_of(text: str) -> str:
    at = datetime.fromisoformat(_SHORT_OFFSET.sub(r"\1:\2", text))
    try:
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:  # an hour that the calendar has there, and not in UTC
        raise ValueError from None
    return at.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _choice(field: RemoteField, text: str) -> str:
    if not field.options:  # the CRM describes none: what was typed is what is sent
        return single_spaced(composed(text))
    by_value = {value: value for value, _label in field.options}
    by_label = {label.casefold(): value for value, label in reversed(field.options)}
    found = by_value.get(text) or by_label.get(text.casefold())
    if found is None:
        quoting = f"{field.label} has no option “{_short(text)}” in the CRM."
        raise Unfit(f"{field.label} has no option for this value in the CRM.", quoting)
    return found


def _choices(field: RemoteField, text: str) -> str:
    return _in_order(field, [_choice(field, part.strip()) for part in text.split(";") if part.strip()])


def _in_order(field: RemoteField, values: Iterable[str]) -> str:
    order = {value: place for place, (value, _label) in enumerate(field.options)}
    return ";".join(sorted(dict.fromkeys(values), key=lambda value: order.get(value, len(order))))


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"


_FORMS: Mapping[RemoteType, Callable[[RemoteField, str], str]] = {
    "text": _text,
    "number": _number,
    "boolean": _truth,
    "date": _day,
    "datetime": _instant,
    "choice": _choice,
    "choices": _choices,
}
