"""Phone numbers, for finding a person only: what is written to a CRM stays as the host has it."""

from __future__ import annotations

import functools
import re
from typing import Any

_INTERNATIONAL = re.compile(r"\+[\d\s().\-/]+")
_LEAST_DIGITS = 7
"""Fewer digits are an extension, a service number or a "n/a": not a person."""
_LONGEST = 64


def e164(text: str, region: str = "") -> str:
    """Return a number as +, country code and digits, or "" where that is not certain.

    `region` (ISO 3166, two letters) is the country of numbers without a country code. It needs the `phone` extra;
    without it only texts that begin with + are read.
    """
    number = _parsed(text, region)
    if number is not None:
        return f"+{number.country_code}{_national(number)}"
    if _phonenumbers() is not None or not _INTERNATIONAL.fullmatch(text.strip()):
        return ""
    digits = re.sub(r"\D", "", text)
    return f"+{digits}" if _LEAST_DIGITS <= len(digits) <= 15 else ""


def national(text: str, region: str = "") -> str:
    """Return area code and local number without the country code, or "" where that is not certain."""
    number = _parsed(text, region)
    return _national(number) if number is not None else ""


def is_number(text: str) -> bool:
    """Tell whether a text has enough digits to be somebody's number, and little else."""
    return len(text) <= _LONGEST and sum(character.isdigit() for character in text) >= _LEAST_DIGITS


@functools.lru_cache(maxsize=1)
def _phonenumbers() -> Any:
    try:
        import phonenumbers
    except ImportError:
        return None
    return phonenumbers


@functools.lru_cache(maxsize=4096)
def _parsed(text: str, region: str) -> Any:
    library = _phonenumbers()
    if library is None or not is_number(text):
        return None
    try:
        number = library.parse(text, region or None)
    except library.NumberParseException:
        return None
    return number if library.is_possible_number(number) else None


def _national(number: Any) -> str:
    return str(_phonenumbers().national_significant_number(number))
