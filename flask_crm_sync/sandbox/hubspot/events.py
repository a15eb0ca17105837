"""What happens to contacts, as apps are told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .records import Source

TYPES = ("creation", "propertyChange", "deletion", "merge", "restore", "privacyDeletion")
UNTOLD = frozenset({"hs_lastmodifieddate", "lastmodifieddate", "num_unique_conversion_events"})
"""Properties that nobody can subscribe to."""


@dataclass(frozen=True)
class Event:
    """One thing that happened to one contact; ``more`` are members that only events of its type have."""

    portal_id: int
    type: str
    object_id: int
    at_ms: int
    source: Source
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def property_name(self) -> str | None:
        """The property that changed, for a property change."""
        return self.more.get("propertyName")
