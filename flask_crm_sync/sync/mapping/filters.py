"""Which clients go to a CRM, beyond "qualified only": conditions on attributes, tags, channels and standing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ...host.records import CLIENT_FIELDS, ClientRecord

Comparison = Literal["equals", "differs", "contains", "is_set", "is_blank"]
Matching = Literal["all", "any"]

COMPARISONS: tuple[str, ...] = get_args(Comparison)
TAG, CHANNEL, QUALIFIED = "tag", "channel", "qualified"
CUSTOM = "custom."
MOST_CONDITIONS = 20
LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class Known:
    """A client as filters see it. `channels` are those of its conversations, where a filter asks for them."""

    client: ClientRecord
    channels: frozenset[str] = frozenset()
    qualified: bool = False

    def values(self, about: str) -> tuple[str, ...]:
        """Return what a condition looks at: one text, or as many as there are tags or channels; blanks are none."""
        if about == TAG:
            return self.client.tags
        if about == CHANNEL:
            return tuple(self.channels)
        if about == QUALIFIED:
            return ("true",) if self.qualified else ()
        text = attribute(self.client, about).strip()
        return (text,) if text else ()


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: what it is about (a client's attribute, `tag`, `channel`, `qualified`) and how it is met.

    Texts are compared without regard to case; of several tags or channels, one is enough.
    """

    about: str
    how: Comparison = "equals"
    value: str = ""

    def holds(self, known: Known) -> bool:
        """Tell whether a client meets it."""
        values = [value.casefold() for value in known.values(self.about)]
        wanted = self.value.strip().casefold()
        if self.how == "contains":
            return any(wanted in value for value in values)
        if self.how in ("is_set", "is_blank"):
            return bool(values) == (self.how == "is_set")
        return (wanted in values) == (self.how == "equals")


@dataclass(frozen=True, slots=True)
class Filter:
    """All conditions, or any of them; without a condition it takes every client."""

    match: Matching = "all"
    conditions: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def takes(self, known: Known) -> bool:
        """Tell whether a client goes to the CRM."""
        if not self.conditions:
            return True
        each = (condition.holds(known) for condition in self.conditions)
        return all(each) if self.match == "all" else any(each)

    def asks(self, about: str) -> bool:
        """Tell whether a condition is about something that has to be looked up beside the client."""
        return any(condition.about == about for condition in self.conditions)

    def to_json(self) -> dict[str, Any]:
        """Return the form that is stored."""
        told = [[one.about, one.how, one.value] for one in self.conditions]
        return {"match": self.match, "conditions": told}

    @classmethod
    def from_json(cls, told: Mapping[str, Any] | None) -> Filter:
        """Read the stored form; None takes every client."""
        if not told:
            return cls()
        return cls(told["match"], tuple(Condition(*one) for one in told["conditions"]))


def attribute(client: ClientRecord, source: str) -> str:
    """Return an attribute of a client as text; "" for one that the host does not have (any more)."""
    if source.startswith(CUSTOM):
        return client.custom.get(source.removeprefix(CUSTOM), "")
    if source == "tags":
        return "; ".join(client.tags)
    return str(getattr(client, source)) if source in CLIENT_FIELDS else ""
