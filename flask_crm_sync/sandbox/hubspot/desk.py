"""The desk at which one caller works on one portal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..clock import Clock
from .access import Portal
from .definitions import DefinitionBook, Definitions
from .dialect import Dialect
from .errors import HubSpotError, Invalid, WholeBatchRefused, invalid_properties
from .events import Event
from .kinds import Kind
from .records import Records, Source
from .store import Store


@dataclass(frozen=True)
class Refusal:
    """A text that makes every record holding it bad, as a fault asked for."""

    text: str
    whole_batch: bool


@dataclass
class Desk:
    """Everything a call needs to read and write one portal's records."""

    store: Store
    book: DefinitionBook
    dialect: Dialect
    clock: Clock
    portal: Portal
    source: Source
    refusals: Sequence[Refusal] = ()

    def records(self, kind: Kind) -> Records:
        """Return the records of an object type."""
        return Records(self.store, self.portal.portal_id, kind)

    def definitions(self, kind: Kind) -> Definitions:
        """Return the properties of an object type."""
        return self.book.of(self.portal.portal_id, kind)

    def tell(self, what: str, record_id: int, **more: Any) -> None:
        """Let apps know what happened to a contact; call it inside ``store.writing()``."""
        self.store.happened(
            Event(self.portal.portal_id, what, record_id, self.clock.now_ms(), self.source, more),
        )

    def refuse_matching(self, values: dict[str, str]) -> None:
        """Refuse values that a fault singled out. Raises HubSpotError (400)."""
        for refusal in self.refusals:
            for name, value in values.items():
                if refusal.text in value:
                    raise self._refused(refusal, name, value)

    def _refused(self, refusal: Refusal, name: str, value: str) -> HubSpotError:
        if refusal.whole_batch:
            return WholeBatchRefused(400, "VALIDATION_ERROR", "There was a problem with the request.")
        invalid = Invalid(name, "INVALID_VALUE", f"{value[:80]} is not a valid value")
        return invalid_properties(self.portal.portal_id, [invalid])
