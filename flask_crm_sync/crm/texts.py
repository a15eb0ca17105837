"""A host's texts on their way to a CRM: what makes one unfit, and the form in which CRMs keep it. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from ..errors import InvalidRecord
from ..host.records import ClientRecord
from .base import FieldSpec

Form = Callable[[str, str], str]
"""Given a text and the host's name of its field, returns the text as the CRM would return it."""

_LINE_BREAKS = re.compile(r"\s*[\r\n\u2028\u2029]+\s*")
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_PIECES = re.compile(r".{1,500}(?=\s)|.{1,500}", re.DOTALL)
"""Pieces that end at a space where there is one: putting combining marks in order takes the square of their number."""
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def translated(
    client: ClientRecord,
    fields: Sequence[FieldSpec],
    *,
    crm: str,
    email: re.Pattern[str],
    form: Form,
    length: Callable[[str], int] = len,
) -> dict[str, str]:
    """Return every field that we own by the CRM's names, blanks as ""; raise InvalidRecord naming all unfit ones.

    `email` is what the CRM takes for an address, `length` how it counts a text.
    """
    values: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for spec in fields:
        text = str(getattr(client, spec.source) or "").strip()
        fault = unfit(text, email if spec.source == "email" else None)
        if not fault:
            values[spec.name] = form(text, spec.source)
            size = length(values[spec.name])
            fault = f"{size:,} characters; {crm} takes {spec.max_length:,}" if size > spec.max_length else ""
        if fault:
            wrong[spec.source] = fault
    if wrong:
        raise InvalidRecord("; ".join(f"{field}: {fault}" for field, fault in wrong.items()), fields=wrong)
    return values


def unfit(text: str, email: re.Pattern[str] | None = None) -> str:
    """Say what makes a text unfit for any CRM, "" where nothing does; with `email` it must be an address or blank."""
    if "\x00" in text:
        return "holds a NUL character"
    if not text.isascii() and _SURROGATES.search(text):
        return "holds half a character (a lone surrogate)"
    if email is not None and text and not (text.isprintable() and email.fullmatch(text)):
        return "not a valid e-mail address"
    return ""


def one_line(text: str, source: str) -> str:
    """Return a text composed (NFC), in one line, without control characters; an e-mail in lower case."""
    text = composed(text)
    if source == "email":
        return text.lower()
    if source == "street":
        text = _LINE_BREAKS.sub(", ", text)
    return single_spaced(text)


def composed(text: str) -> str:
    """Return a text with letters and their marks in one (NFC), in a time that grows with its length and no faster."""
    if text.isascii():
        return text
    return "".join(unicodedata.normalize("NFC", piece) for piece in _PIECES.findall(text))


def single_spaced(text: str) -> str:
    """Return a text with one space for each run of spaces and control characters."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text
    return _SPACES.sub(" ", text).strip()


def utf16_units(text: str) -> int:
    """Return a text's length in UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)
