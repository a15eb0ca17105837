"""Phone numbers as HubSpot's searchable copy holds them: area code and local number, no country code."""

from __future__ import annotations

# ITU-T E.164 country codes by length; nothing here starts with another entry.
_ONE_DIGIT = ("1", "7")
# fmt: off
_TWO_DIGITS = frozenset(map(str, (
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56,
    57, 58, 60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
)))
_THREE_DIGITS = tuple(map(str, (
    21, 22, 23, 24, 25, 26, 29, 35, 37, 38, 42, 50, 59, 67, 68, 69, 80, 85, 87, 88, 96, 97, 99,
)))
"""How codes of three digits start."""
# fmt: on
LONGEST_LOCAL = 10


def without_country_code(phone: str) -> str:
    """Return the digits of a number without its country code; one that names no country keeps its last ten digits."""
    digits = "".join(character for character in phone if character in "0123456789")
    if phone.lstrip().startswith("+"):
        return digits[_code_length(digits) :]
    if digits.startswith("00"):
        return digits[2 + _code_length(digits[2:]) :]
    return digits[-LONGEST_LOCAL:]


def _code_length(digits: str) -> int:
    """Say how many leading digits are a country code; 0 for a code that nobody has."""
    if digits.startswith(_ONE_DIGIT):
        return 1
    if digits[:2] in _TWO_DIGITS:
        return 2
    return 3 if digits.startswith(_THREE_DIGITS) else 0
