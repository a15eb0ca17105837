"""Write docs/errors.md from the error tree and the adapters' tables: `python docs/write_errors.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flask_crm_sync.crm.base import Adapter, VendorError
from flask_crm_sync.crm.registry import adapters
from flask_crm_sync.errors import (
    CRMError,
    Duplicate,
    NeedsDecision,
    OutcomeUnknown,
    ReconnectRequired,
    RecordMissing,
    TransientCRMError,
)

PAGE = Path(__file__).with_name("errors.md")

_INTRODUCTION = """\
# What CRMs refuse, and what becomes of it

<!-- Written from flask_crm_sync/errors.py and the adapters' `vendor_errors` by docs/write_errors.py. -->

Every answer of a CRM that is no success becomes an error of one class, and the class alone decides what happens next.
The code is what the sync log shows and what a program may rely on; the CRM's own words stay beside it.

## Our errors

| code | what it says | what happens | what you can do |
|---|---|---|---|
"""


def page() -> str:
    """Return the page's text."""
    ours = "".join(_class_row(error) for error in _classes(CRMError))
    return _INTRODUCTION + ours + "".join(map(_section, _built_in()))


def _built_in() -> Iterator[type[Adapter]]:
    """Yield our own adapters by label; those of other packages have pages of their own."""
    ours = (adapter for adapter in adapters().values() if adapter.__module__.startswith("flask_crm_sync."))
    yield from sorted(ours, key=lambda adapter: adapter.label)


def _classes(root: type[CRMError]) -> Iterator[type[CRMError]]:
    """Yield our classes, the root first; those of errors.py stand before those that a room adds to them."""
    yield root
    ours = [child for child in root.__subclasses__() if child.__module__.startswith("flask_crm_sync.")]
    for child in sorted(ours, key=lambda child: (child.__module__ != CRMError.__module__, child.__module__)):
        yield from _classes(child)


def _class_row(error: type[CRMError]) -> str:
    return _row(f"`{error.code}`", error.says, _what_happens(error), error.advice)


def _what_happens(error: type[CRMError]) -> str:
    """Say what the engine does with a class: the same order of questions as it asks."""
    if issubclass(error, ReconnectRequired):
        return "The connection needs attention; its work waits and drains when it is mended."
    if error.whole_connection:
        return "The connection rests, then goes on; no attempt is counted."
    if issubclass(error, OutcomeUnknown):
        return "The CRM is read back, then the record is sent again or found to be there."
    if issubclass(error, TransientCRMError):
        return "The record is tried again by itself, with growing waits."
    if issubclass(error, NeedsDecision):
        return "The entry fails and waits for a person's decision."
    if issubclass(error, RecordMissing):
        return "The link is remembered as deleted, and nothing is made again by itself; a note waits for its client."
    if issubclass(error, Duplicate):
        return "Where the CRM names the record, it is read and merged into; else the entry fails alone."
    return "The entry fails alone; a changed record, or Retry, sends it again."


def _section(adapter: type[Adapter]) -> str:
    head = f"\n## {adapter.label}\n\n| HTTP status | the CRM's code | what it means there | our code | and then |\n"
    return head + "|---|---|---|---|---|\n" + "".join(map(_vendor_row, adapter.vendor_errors))


def _vendor_row(entry: VendorError) -> str:
    code = f"`{entry.code}`" if entry.code and " " not in entry.code else entry.code
    return _row(entry.status, code, _sentence(entry.means), f"`{entry.error.code}`", _sentence(entry.then))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _sentence(text: str) -> str:
    """Return a text with a capital at its beginning and a full stop at its end."""
    text = text[:1].upper() + text[1:]
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
