"""What people call a CRM's fields: the usual ones in the reader's language, further ones as their CRM calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

from flask import g

from ..crm import registry
from ..sync.mapping.schema import further_labels
from ..sync.notes import BODY
from .door import this_account, this_sync
from .texts import gettext as _
from .texts import said


def field_word(crm: str, name: str) -> str:
    """Return what people call a field of a CRM, or the client's attribute that one is filled from; one that nobody has
    described (any more) is shown as it is named.
    """
    adapter = registry.adapters().get(crm)
    by_name = {field.name: field.label for field in adapter.fields} if adapter else {}
    by_source = {field.source: field.label for field in adapter.fields} if adapter else {}
    if name in by_name:
        return said(by_name[name])
    return _further(crm).get(name) or said(by_source.get(name, "")) or _of_note(name) or name


def _of_note(name: str) -> str:
    return _("the note's text") if name == BODY else ""


def is_usual(crm: str, name: str) -> bool:
    """Tell whether a field of a CRM is one of those that are sent by themselves."""
    adapter = registry.adapters().get(crm)
    return adapter is not None and any(field.name == name for field in adapter.fields)


def field_labels(crm: str) -> Callable[[str], str]:
    """Return what tells the words for fields of one CRM."""
    return partial(field_word, crm)


def _further(crm: str) -> Mapping[str, str]:
    """Return the names that the account's CRM has for its further fields, looked up once a request."""
    known = cast("dict[str, Mapping[str, str]]", g.setdefault("crm_sync_further_fields", {}))
    if crm not in known:
        known[crm] = further_labels(this_sync(), this_account(), crm)
    return known[crm]
