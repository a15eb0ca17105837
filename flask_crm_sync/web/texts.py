"""The one door for texts that people read, in the language of whoever reads."""

from __future__ import annotations

from .languages import this_reader


def gettext(text: str, **values: object) -> str:
    """Return a text for the reader, `%(name)s` filled in."""
    return this_reader().gettext(text, **values)


def ngettext(one: str, many: str, number: int, **values: object) -> str:
    """Return the text for a number of things; `%(number)s` is the number, with separators."""
    return this_reader().ngettext(one, many, number, **values)


def said(sentence: str) -> str:
    """Return what comes from below the pages (an error, a finding, a stored message) for the reader, where known."""
    return this_reader().said(sentence)


def number(value: float) -> str:
    """Return a whole number as the reader writes it."""
    return this_reader().number(value)
