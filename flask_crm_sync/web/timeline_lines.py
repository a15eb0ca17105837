"""What an attempt did, in the reader's words: what was read, which fields were written or left and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..sync import attempts
from ..sync.connections import crm_label
from .texts import gettext as _
from .texts import ngettext, said

LabelOf = Callable[[str], str]
"""From a field's name in the CRM to its label."""
_MOST_LEFT = 12


def read_line(crm: str, noted: Mapping[str, Any]) -> str:
    """Return what was found in the CRM, "" where it was not read."""
    label, by, record = crm_label(crm), noted.get("by"), str(noted.get("record") or "")
    if by == attempts.MANY:
        return _("%(crm)s was read: several records could be this client.", crm=label)
    if by == attempts.NOTHING:
        return _("%(crm)s was read: it had no such client.", crm=label)
    if by == attempts.OF_NOTE and record:
        return _("The note belongs to record %(id)s in %(crm)s.", id=record, crm=label)
    how = found_by(by)
    if not record or not how:
        return ""
    return _("%(crm)s was read: record %(id)s, %(how)s.", crm=label, id=record, how=how)


def found_by(what: object) -> str:
    """Return how a record was found, "" for a way that nobody knows (any more)."""
    words = {
        attempts.LINK: _("linked with this client already"),
        attempts.KEY: _("found by our own key"),
        attempts.EMAIL: _("found by e-mail"),
        attempts.PHONE: _("found by phone"),
        attempts.CHOICE: _("chosen by a person"),
        attempts.NAMED: _("named by the CRM itself"),
    }
    return words.get(what, "") if isinstance(what, str) else ""


def attempt_lines(crm: str, noted: Mapping[str, Any], label_of: LabelOf) -> Iterator[str]:
    """Yield what is noted of an attempt that came to nothing."""
    if line := read_line(crm, noted):
        yield line
    if tried := _names(noted.get("tried"), label_of):
        yield _("To be written: %(fields)s.", fields=tried)
    yield from left_lines(noted.get("left"), label_of)
    if words := noted.get("crm"):
        yield _("%(crm)s's own words: “%(words)s”", crm=crm_label(crm), words=str(words))


def done_lines(details: Mapping[str, Any], label_of: LabelOf) -> Iterator[str]:
    """Yield which fields were written, came home, or were left."""
    if written := _names(details.get("written"), label_of):
        yield _("Written: %(fields)s.", fields=written)
    if brought := _names(details.get("brought"), label_of):
        yield _("Taken over from the CRM: %(fields)s.", fields=brought)
    yield from left_lines(details.get("left"), label_of)


def left_lines(noted: object, label_of: LabelOf) -> Iterator[str]:
    """Yield why each field was left; of very many only the first."""
    found = list(noted.items()) if isinstance(noted, dict) else []
    for name, why in found[:_MOST_LEFT]:
        yield _("Left as it is: %(field)s (%(why)s).", field=label_of(str(name)), why=said(str(why)))
    if len(found) > _MOST_LEFT:
        yield ngettext("And 1 more field.", "And %(number)s more fields.", len(found) - _MOST_LEFT)


def _names(noted: object, label_of: LabelOf) -> str:
    return ", ".join(label_of(str(name)) for name in noted) if isinstance(noted, list) else ""
