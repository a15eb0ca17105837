"""The one door for texts that people read: today they are English, and translations enter here."""

from __future__ import annotations


def gettext(text: str, **values: object) -> str:
    """Return a text for the reader, `%(name)s` filled in."""
    return text % values if values else text


def ngettext(one: str, many: str, number: int, **values: object) -> str:
    """Return the text for a number of things; `%(number)s` is the number, with separators."""
    return gettext(one if number == 1 else many, number=f"{number:,}", **values)
