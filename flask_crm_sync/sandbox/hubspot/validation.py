"""Whether values fit their properties, and the form in which HubSpot keeps them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..clock import from_iso, iso
from .definition import Definition
from .definitions import Definitions
from .errors import Invalid, invalid_json, invalid_properties, validation

LONGEST_TEXT = 65_536
_ADDRESS = re.compile(r"[^@\s;,<>\"()]{1,64}@(?:[^@\s;,<>\"().]+\.)+[^@\s;,<>\"().]{2,63}")


def readable(properties: Any) -> dict[str, str]:
    """Read a ``properties`` member: names to texts, numbers and booleans as texts, nulls left out.

    Only an empty text clears a value. Raises HubSpotError (400) for anything that is no such map.
    """
    if not isinstance(properties, dict):
        raise validation("Some required fields were not set: [properties]")
    return {name: _text(name, value) for name, value in properties.items() if value is not None}


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise invalid_json(f"Cannot deserialize value of type `java.lang.String` (property {name})")


def clean(definitions: Definitions, values: dict[str, str]) -> dict[str, str]:
    """Return the values as they are kept. Raises HubSpotError (400) listing every one that cannot be."""
    kept: dict[str, str] = {}
    wrong: list[Invalid] = []
    for name, value in values.items():
        fitted = _fit(definitions.get(name), name, value)
        if isinstance(fitted, Invalid):
            wrong.append(fitted)
        else:
            kept[name] = fitted
    if wrong:
        raise invalid_properties(definitions.portal_id, wrong)
    return kept


def _fit(definition: Definition | None, name: str, value: str) -> str | Invalid:
    if definition is None:
        return Invalid(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
    if definition.is_read_only:
        return Invalid(name, "READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
    if value == "":
        return ""
    if name in _ADDRESSES and definition.is_standard:
        return _ADDRESSES[name](name, value)
    return _BY_TYPE.get(definition.type, _fit_text)(definition, value)


def normal_address(value: str) -> str:
    """Return an e-mail address as HubSpot compares and keeps it."""
    return value.lower()


def _fit_address(name: str, value: str) -> str | Invalid:
    if not _ADDRESS.fullmatch(value) or len(value) > 254:
        return Invalid(name, "INVALID_EMAIL", f"Email address {value} is invalid")
    return normal_address(value)


def _fit_addresses(name: str, value: str) -> str | Invalid:
    addresses = [_fit_address(name, each.strip()) for each in value.split(";") if each.strip()]
    wrong = [each for each in addresses if isinstance(each, Invalid)]
    return wrong[0] if wrong else ";".join(str(each) for each in addresses)


_ADDRESSES: dict[str, Callable[[str, str], str | Invalid]] = {
    "email": _fit_address,
    "hs_additional_emails": _fit_addresses,
}


def _fit_text(definition: Definition, value: str) -> str | Invalid:
    if len(value) > LONGEST_TEXT:
        message = f'Property "{definition.name}" is longer than {LONGEST_TEXT} characters'
        return Invalid(definition.name, "PROPERTY_VALUE_TOO_LONG", message)
    return value


def _fit_choice(definition: Definition, value: str) -> str | Invalid:
    allowed = definition.choices
    chosen = value.strip(";").split(";") if definition.is_multiple_choice else [value]
    if all(each in allowed for each in chosen):
        return value
    message = f"{value} was not one of the allowed options: [{', '.join(allowed)}]"
    return Invalid(definition.name, "INVALID_OPTION", message)


def _fit_boolean(definition: Definition, value: str) -> str | Invalid:
    if value.lower() in ("true", "false"):
        return value.lower()
    return Invalid(definition.name, "INVALID_OPTION", f"{value} was not one of the allowed options: [true, false]")


def _fit_number(definition: Definition, value: str) -> str | Invalid:
    try:
        float(value)
    except ValueError:
        return Invalid(definition.name, "INVALID_INTEGER", f"{value} was not a valid number.")
    return value


def _fit_moment(definition: Definition, value: str) -> str | Invalid:
    moment = as_ms(value)
    if moment is None:
        return Invalid(definition.name, "INVALID_LONG", f"{value} was not a valid long.")
    return iso(moment)


def as_ms(value: str) -> int | None:
    """Read epoch milliseconds or ISO-8601 as epoch milliseconds, or return None."""
    try:
        moment = int(value) if value.lstrip("-").isdecimal() else from_iso(value)
        iso(moment)
    except (ValueError, OverflowError, OSError):
        return None
    return moment


_BY_TYPE: dict[str, Callable[[Definition, str], str | Invalid]] = {
    "enumeration": _fit_choice,
    "bool": _fit_boolean,
    "number": _fit_number,
    "date": _fit_moment,
    "datetime": _fit_moment,
}
