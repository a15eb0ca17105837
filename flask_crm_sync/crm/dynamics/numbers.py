"""The forms in which a telephone number is commonly written down.

Dynamics keeps numbers as they were typed and has no normalised copy, and a pattern that ignores the signs between the
digits reads the whole table. So the usual forms of a number are looked for, and what is found is compared by number.
"""

from __future__ import annotations

import functools
from typing import Any

from ..phones import e164, national


@functools.lru_cache(maxsize=1024)
def spellings(phone: str, region: str) -> tuple[str, ...]:
    """Return the number as written, and in the usual forms where it can be read; `region` as in `phones.e164`."""
    whole = e164(phone, region)
    if not whole:
        return (phone,)
    local = national(phone, region)
    forms = [phone, whole, whole[1:], f"00{whole[1:]}", *_formatted(whole), *_local(local)]
    return tuple(form for form in dict.fromkeys(forms) if form)


def _local(number: str) -> list[str]:
    """Return the local forms: with the trunk 0 of most countries, and in the North American groups."""
    forms = [number, f"0{number}"] if number else []
    if len(number) == 10:
        area, exchange, line = number[:3], number[3:6], number[6:]
        forms += [f"({area}) {exchange}-{line}", f"({area}){exchange}-{line}"]
        forms += [sign.join((area, exchange, line)) for sign in "-. "]
        forms += [f"1-{area}-{exchange}-{line}", f"+1 ({area}) {exchange}-{line}"]
    return forms


def _formatted(whole: str) -> list[str]:
    """Return the country's own form and the international one; empty without the `phone` extra."""
    try:
        import phonenumbers
    except ImportError:
        return []
    number: Any = phonenumbers.parse(whole)
    kinds = phonenumbers.PhoneNumberFormat
    told = [phonenumbers.format_number(number, kind) for kind in (kinds.NATIONAL, kinds.INTERNATIONAL)]
    return [*told, told[1].replace("-", " ")]
