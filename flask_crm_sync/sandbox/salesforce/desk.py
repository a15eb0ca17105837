"""The desk at which one user works on one org."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..clock import Clock
from .dialect import Dialect
from .errors import SalesforceError, WholeCallRefused
from .orgs import Org
from .records import Records
from .schema import Schema, schema_of, stored_schema
from .store import Store


@dataclass(frozen=True)
class Refusal:
    """A text that makes every record holding it bad, as a fault asked for."""

    text: str
    whole_batch: bool


@dataclass
class Desk:
    """Everything a call needs to read and write one org's records."""

    store: Store
    dialect: Dialect
    clock: Clock
    org: Org
    user_id: str
    refusals: Sequence[Refusal] = ()
    version: str = "60.0"
    saves_duplicates: bool = False
    """``Sforce-Duplicate-Rule-Header: allowSave=true`` was sent."""
    assigns_leads: bool = True
    """``Sforce-Auto-Assign: FALSE`` was not sent."""

    def schema(self, kind: str) -> Schema:
        """Return a record type as this user sees it. Raises SalesforceError (400)."""
        return schema_of(self.org, self.dialect, kind)

    def records(self, kind: str) -> Records:
        """Return the records of a type."""
        return Records(self.store, self.org.org_id, stored_schema(self.org, kind))

    def now(self) -> int:
        """Return this moment in milliseconds; records know whole seconds only."""
        return self.clock.now_ms() // 1000 * 1000

    def url(self, kind: str, record_id: str) -> str:
        """Return the path of a record."""
        return f"/services/data/v{self.version}/sobjects/{kind}/{record_id}"

    def refuse_matching(self, values: dict[str, Any]) -> None:
        """Refuse values that a fault singled out. Raises SalesforceError (400)."""
        for refusal in self.refusals:
            if any(refusal.text in str(value) for name, value in values.items() if name != "attributes"):
                refused = WholeCallRefused if refusal.whole_batch else SalesforceError
                message = "The validation rule of this org does not let this record in."
                raise refused(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", message, [])
