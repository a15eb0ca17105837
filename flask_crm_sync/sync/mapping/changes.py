"""What each version of a mapping changed, and how long that held: for the list of versions, and for putting back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ..context import Sync
from .rows import EMPTY, FieldMapping
from .store import SHOWN, Version, versions


@dataclass(frozen=True, slots=True)
class MappingChange:
    """One version: the CRM's fields that it fills in another way than the one before, and whether it filters anew.

    `until` is when a later version changed one of these fields again, None where none has.
    """

    version: Version
    fields: tuple[str, ...]
    has_other_filter: bool
    until: datetime | None = None


def mapping_changes(sync: Sync, account_id: str, crm: str) -> list[MappingChange]:
    """Return what the last versions changed, the newest first; raise NotFound where there is no connection."""
    known = versions(sync, account_id, crm, limit=SHOWN + 1)
    former = [*(one.mapping for one in known[1:]), EMPTY]
    newest_first: list[MappingChange] = []
    for version, before in zip(known, former, strict=False):
        fields = fields_changed(before, version.mapping)
        until = _changed_again(fields, newest_first)
        newest_first.append(MappingChange(version, fields, before.filter != version.mapping.filter, until))
    return newest_first[:SHOWN]


def fields_changed(before: FieldMapping, after: FieldMapping) -> tuple[str, ...]:
    """Return the CRM's fields that are filled in another way afterwards."""
    names = dict.fromkeys(row.field for row in (*before.rows, *after.rows))
    return tuple(name for name in names if before.row(name) != after.row(name))


def _changed_again(fields: Sequence[str], later: Sequence[MappingChange]) -> datetime | None:
    """Return when the first of the later changes, which come newest first, concerned one of the fields."""
    return next((one.version.at for one in reversed(later) if not set(fields).isdisjoint(one.fields)), None)
