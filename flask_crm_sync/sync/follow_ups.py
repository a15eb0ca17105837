"""What follows in the CRM when a client qualifies, or does no more: chosen for each outcome, by default nothing.

A connection's row holds the choice as JSON (`Connection.follow_ups`) together with the CRM's own description of the
fields that it writes, so that a drain has it with the settings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from ..crm.base import RemoteField, Values
from ..crm.further import field_from_json, field_to_json
from ..models.qualification import CONFIRMED, DOWNGRADED, UNDECIDED, UPGRADED
from .manners import Manner

PROVISIONAL = "provisional"
OUTCOMES = (PROVISIONAL, CONFIRMED, UPGRADED, DOWNGRADED, UNDECIDED)
"""What a client's conversations can come to, in the order in which the page asks."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What one outcome leads to; all of it may be nothing."""

    note: bool = False
    status: str = ""
    tag: str = ""

    def __bool__(self) -> bool:
        return bool(self.note or self.status or self.tag)


NOTHING = FollowUp()


@dataclass(frozen=True)
class FollowUps:
    """A connection's choice. `status` and `tag` are the fields that are written, None where none is."""

    status: RemoteField | None = None
    tag: RemoteField | None = None
    by_outcome: Mapping[str, FollowUp] = field(default_factory=dict)

    def of(self, outcome: str) -> FollowUp:
        """Return what an outcome leads to."""
        return self.by_outcome.get(outcome, NOTHING)

    @cached_property
    def fields(self) -> tuple[RemoteField, ...]:
        """Return the fields that some outcome writes."""
        used = (
            self.status if any(one.status for one in self.by_outcome.values()) else None,
            self.tag if any(one.tag for one in self.by_outcome.values()) else None,
        )
        return tuple(field for field in used if field is not None)

    @cached_property
    def manners(self) -> dict[str, Manner]:
        """Return how they are written: a status while nobody has moved it, a tag beside those that are there."""
        found: dict[str, Manner] = {}
        for one in self.fields:
            if one == self.tag:
                found[one.name] = Manner("append", between=";" if one.type == "choices" else ", ")
            else:
                found[one.name] = Manner("unless_moved", initial=one.default)
        return found

    @property
    def writes_notes(self) -> bool:
        """Tell whether some outcome leads to a note."""
        return any(one.note for one in self.by_outcome.values())

    def values(self, outcome: str) -> Values:
        """Return what an outcome writes, a blank where it leaves a field alone."""
        chosen = self.of(outcome)
        texts = {self.status: chosen.status, self.tag: chosen.tag}
        return {one.name: texts[one] for one in self.fields}

    def to_json(self) -> dict[str, Any] | None:
        """Return the form that is stored; None where nothing follows from anything."""
        chosen = {
            outcome: {"note": one.note, "status": one.status, "tag": one.tag}
            for outcome, one in self.by_outcome.items()
            if one
        }
        if not chosen:
            return None
        fields = {"status": self.status, "tag": self.tag}
        kept = {name: field_to_json(one) if one in self.fields and one else None for name, one in fields.items()}
        return {**kept, "outcomes": chosen}


NONE = FollowUps()


def read_follow_ups(row: Mapping[Any, Any]) -> FollowUps:
    """Return the choice of a connection's row."""
    stored = row["follow_ups"]
    return _read(json.dumps(stored, sort_keys=True)) if stored else NONE


@lru_cache(maxsize=256)
def _read(stored: str) -> FollowUps:
    """Read the stored form; the same one is read once, as a drain asks for each client."""
    told = json.loads(stored)
    status, tag = (field_from_json(told[name]) if told.get(name) else None for name in ("status", "tag"))
    chosen = {outcome: FollowUp(**one) for outcome, one in told.get("outcomes", {}).items() if outcome in OUTCOMES}
    return FollowUps(status, tag, chosen)
