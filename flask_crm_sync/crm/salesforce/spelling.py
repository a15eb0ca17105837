"""How people write one phone number: Salesforce keeps phones as they were typed, and finds them only so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..phones import e164, national


def same_number(one: str, other: str, region: str) -> bool:
    """Tell whether two texts are one phone number, whatever the form."""
    return bool(one) and (one == other or _normal(one, region) == _normal(other, region))


def spellings(phone: str, region: str) -> list[str]:
    """Return the usual spellings of a number, its own first; a text that is no certain number has only its own."""
    return list(dict.fromkeys([phone, *_usual(phone, region)]))


def _usual(phone: str, region: str) -> Iterator[str]:
    international, local = e164(phone, region), national(phone, region)
    if not international:
        return
    yield from (international, international[1:], f"00{international[1:]}")
    if not local:
        return
    country = international[: len(international) - len(local)]
    yield from (local, f"{country} {local}")
    if country == "+1" and len(local) == 10:
        yield from _north_american(local)
    else:
        yield f"0{local}"
        yield from _grouped(international)


def _north_american(local: str) -> Iterator[str]:
    area, exchange, line = local[:3], local[3:6], local[6:]
    for text in (f"({area}) {exchange}-{line}", f"{area}-{exchange}-{line}"):
        yield from (text, f"+1 {text}")
    yield from (f"{area}.{exchange}.{line}", f"1-{area}-{exchange}-{line}")


def _grouped(international: str) -> Iterator[str]:
    """Yield a number with the spaces that people of its country put, at home and abroad."""
    import phonenumbers  # `national` has read the number with it

    number = phonenumbers.parse(international)
    for form in (phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.NATIONAL):
        text = phonenumbers.format_number(number, form)
        yield text
        yield re.sub(r"[()/-]", "", text).replace("  ", " ")


def _normal(phone: str, region: str) -> str:
    return e164(phone, region) or phone.strip()
