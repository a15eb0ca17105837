"""What a kind of record looks like to the user we speak as: read from a describe at the test call, kept in the traits.

A field that a user may not see is missing from the describe altogether, and a call that names it is refused whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..answers import objects
from .answers import Row
from .fields import NAMES_OF
from .ids import TASK

_TASK_FIELDS = {name: name for name in ("Subject", "Description", "ActivityDate", "Status", "Priority", "WhoId")}
_PREFERRED = {"Status": "Completed", "Priority": "Normal"}


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of record. The sets hold our names of fields that may not be read, set on a new record, or changed.

    `key` is our own field where Salesforce finds records by it, "" where it does not. `picks` are the list values that
    a new task gets. `denied` names the object's rights that are missing.
    """

    key: str = ""
    hidden: frozenset[str] = frozenset()
    not_settable: frozenset[str] = frozenset()
    not_changeable: frozenset[str] = frozenset()
    picks: Mapping[str, str] | None = None
    denied: frozenset[str] = frozenset()

    @classmethod
    def of(cls, kind: str, describe: Row | None, key_field: str) -> Shape:
        """Read a describe; None stands for a kind that the user may not see at all."""
        if describe is None:
            return cls(denied=frozenset({"see", "createable", "updateable"}))
        known = fields_of(describe)
        names = _TASK_FIELDS if kind == TASK else NAMES_OF[kind]
        return cls(
            key=key_field if not key_faults(known.get(key_field)) else "",
            hidden=frozenset(ours for ours, theirs in names.items() if theirs not in known),
            not_settable=_lacking(known, names, "createable"),
            not_changeable=_lacking(known, names, "updateable"),
            picks={name: value for name, value in _PREFERRED.items() if value in pick_values(known.get(name))},
            denied=frozenset(right for right in ("createable", "updateable") if describe.get(right) is False),
        )

    @classmethod
    def remembered(cls, traits: Mapping[str, Any], kind: str) -> Shape:
        """Return the shape as the traits of a connection tell it; before the first test nothing is held back."""
        told = traits.get("objects", {}).get(kind)
        if not isinstance(told, dict):
            return cls(picks=dict(_PREFERRED))
        sets = ("hidden", "not_settable", "not_changeable", "denied")
        return cls(key=told["key"], picks=told["picks"], **{name: frozenset(told[name]) for name in sets})

    def to_traits(self) -> dict[str, Any]:
        """Return the form that the traits keep."""
        return {
            "key": self.key,
            "hidden": sorted(self.hidden),
            "not_settable": sorted(self.not_settable),
            "not_changeable": sorted(self.not_changeable),
            "picks": dict(self.picks or {}),
            "denied": sorted(self.denied),
        }

    @property
    def can_be_seen(self) -> bool:
        """Tell whether the user may look at such records at all."""
        return "see" not in self.denied


def fields_of(describe: Row) -> dict[str, Row]:
    """Return the fields of a describe by name."""
    return {str(field.get("name")): field for field in objects(describe.get("fields"))}


def key_faults(field: Row | None) -> list[str]:
    """Say what keeps a field from being our key, nothing where it may be."""
    if field is None:
        return ["is not there, or hidden from the user"]
    wanted = {
        "externalId": "is not marked as External ID",
        "unique": "is not marked as unique",
        "createable": "may not be written by the user",
        "updateable": "may not be changed by the user",
    }
    return [fault for trait, fault in wanted.items() if field.get(trait) is not True]


def pick_values(field: Row | None) -> set[str]:
    """Return the active values of a pick-list."""
    items = objects(field.get("picklistValues")) if field else []
    return {str(item.get("value")) for item in items if item.get("active") is not False}


def _lacking(known: Mapping[str, Row], names: Mapping[str, str], right: str) -> frozenset[str]:
    without = (ours for ours, theirs in names.items() if known.get(theirs, {}).get(right) is not True)
    return frozenset(without)


def labels(names: Iterable[str]) -> str:
    """Return names for a sentence."""
    return ", ".join(sorted(names))
