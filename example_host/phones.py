"""Telephone numbers that ring nowhere: ranges that regulators keep free for films, and the like.

Sources: NANPA (555-0100 to 555-0199), Ofcom (numbers for drama use), Arcep (numbers for audiovisual works),
ACMA (numbers for fiction), Bundesnetzagentur (drama numbers), PTS (fictitious numbers).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Phone:
    """One number, as E.164 and as people of its country write it."""

    country: str
    e164: str
    local: str


@dataclass(frozen=True)
class Range:
    """Free numbers of one country: `prefixes` with `digits` free digits after each, and how they are written there."""

    country: str
    code: str
    prefixes: tuple[str, ...]
    digits: int
    written: str
    trunk: str = "0"

    @property
    def size(self) -> int:
        """Return how many numbers there are."""
        return len(self.prefixes) * int(10**self.digits)

    def number(self, position: int) -> Phone:
        """Return the number at a position from 0 to `size` - 1."""
        prefix, rest = divmod(position, 10**self.digits)
        national = f"{self.prefixes[prefix]}{rest:0{self.digits}d}"
        digits = iter(self.trunk + national)
        local = "".join(next(digits) if mark == "#" else mark for mark in self.written)
        return Phone(self.country, f"+{self.code}{national}", local)


_US_AREAS = ("201", "206", "212", "213", "303", "305", "312", "404", "415", "503", "512", "602", "617", "702", "713")
_GB_CITIES = ("113", "114", "116", "117", "118", "121", "131", "141", "151", "161")

RANGES = {
    "US": Range("US", "1", tuple(f"{area}55501" for area in _US_AREAS), 2, "(###) ###-####", trunk=""),
    "GB": Range("GB", "44", (*(f"{city}4960" for city in _GB_CITIES), "2079460"), 3, "#### ### ####"),
    "FR": Range("FR", "33", ("19900", "26191", "35301", "46571", "53649"), 4, "## ## ## ## ##"),
    "DE": Range("DE", "49", ("3023125", "6990009", "4066969", "8999998"), 3, "###/########"),
    "AU": Range(
        "AU", "61", ("25550", "27010", "35550", "37010", "75550", "77010", "85550", "87010"), 4, "(##) #### ####"
    ),
    "SE": Range("SE", "46", ("3139006", "4062804", "8465004"), 2, "### ### ## ##"),
}

# Whoever lives elsewhere, or comes after the last number of their country, has one of these.
FALLBACK = "AU"
_HALF = RANGES[FALLBACK].size // 2
_SCATTER = 7_919  # a prime that shares no factor with any range, so that neighbours' numbers lie far apart


def phone_of(index: int, country: str) -> Phone | None:
    """Return the number of person `index`; no two persons share one, and the 40,000th and later have none."""
    own = RANGES.get(country)
    if own is not None and country != FALLBACK and index < own.size:
        return own.number(index * _SCATTER % own.size)
    return RANGES[FALLBACK].number(index * _SCATTER % _HALF) if index < _HALF else None


def second_phone_of(index: int) -> Phone | None:
    """Return the number that person `index` changes to one day, shared with nobody either."""
    return RANGES[FALLBACK].number(_HALF + index * _SCATTER % _HALF) if index < _HALF else None
