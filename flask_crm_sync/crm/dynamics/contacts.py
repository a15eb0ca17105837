"""Contacts as Dynamics has them: reading by GUID, following merges, and what a row means as a record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...errors import CRMError, RecordMissing, TransientCRMError
from ..base import RemoteField, RemoteRecord
from ..further import as_told
from .accounts import OFF, Accounts
from .client import DynamicsClient, Outcome, Row, get, guid
from .fields import COMPANY, MOBILE, NAMES, TEXTS
from .multipart import Request

_COMPANY_ID = f"_{COMPANY}_value"
_COMPANY_NAME = f"{_COMPANY_ID}@OData.Community.Display.V1.FormattedValue"
_STATE = ("contactid", "statecode", "merged", "_masterid_value")
SELECT = ",".join((*_STATE, *TEXTS, MOBILE, _COMPANY_ID))
"""What every read of a contact asks for, whatever a connection writes beside."""
MERGES = 8
"""Steps from a merged contact to its survivor that are followed."""
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What is remembered of a contact that was read, until it is written: its version, and whether it is active."""

    etag: str
    active: bool


class Contacts:
    """The contacts of one environment."""

    def __init__(self, client: DynamicsClient, accounts: Accounts, record_url: Callable[[str], str]) -> None:
        self.client, self.accounts, self.record_url = client, accounts, record_url
        self._standings: dict[str, Standing] = {}
        self.further: tuple[RemoteField, ...] = ()

    @property
    def select(self) -> str:
        """Return what every read of a contact asks for."""
        return ",".join((SELECT, *(field.name for field in self.further)))

    def reading(self, contact: str) -> Request:
        """Return the read of a contact by its GUID."""
        asked = get(f"contacts({contact})", select=self.select)
        return replace(asked, record_id=contact, id_column="contactid")

    @property
    def blanks(self) -> dict[str, str]:
        """Return every column of a new contact without values, but for what Dynamics itself puts there."""
        return {**dict.fromkeys(NAMES, ""), **{field.name: field.default for field in self.further}}

    def read(self, record_ids: Sequence[str]) -> list[RemoteRecord | CRMError]:
        """Read contacts by id; a merged one answers its survivor."""
        found = self.look({guid(record_id) for record_id in record_ids})
        return [found[guid(record_id)] for record_id in record_ids]

    def look(self, guids: Collection[str]) -> dict[str, RemoteRecord | CRMError]:
        """Read contacts by GUID, a batch for each step of a merge."""
        asked = list(guids)
        return self.understood(asked, self.client.batch([self.reading(contact) for contact in asked]))

    def understood(self, asked: Sequence[str], outcomes: Sequence[Outcome]) -> dict[str, RemoteRecord | CRMError]:
        """Return what the reads of contacts came to, merged ones as their survivors."""
        found: dict[str, RemoteRecord | CRMError] = {}
        masters: dict[str, str] = {}
        for _step in range(MERGES):
            for contact, outcome in zip(asked, outcomes, strict=True):
                found[contact] = outcome if isinstance(outcome, CRMError) else self.record(outcome)
                if not isinstance(outcome, CRMError) and master_of(outcome):
                    masters[contact] = master_of(outcome)
            asked = sorted({master for master in masters.values() if master not in found})
            if not asked:
                break
            outcomes = self.client.batch([self.reading(contact) for contact in asked])
        return {contact: _survivor(contact, found, masters) for contact in found}

    def record(self, row: Row) -> RemoteRecord:
        """Return a contact that was read, and remember its standing."""
        contact = str(row.get("contactid") or "").lower()
        if not contact:
            return RemoteRecord("", {})
        if len(self._standings) >= _MOST_REMEMBERED:
            self._standings.clear()
        self._standings[contact] = Standing(_text(row.get("@odata.etag")), row.get("statecode") in (0, None))
        values = {name: _text(row.get(name)) for name in TEXTS}
        values[COMPANY] = _text(row.get(_COMPANY_NAME)) or _text(row.get(_COMPANY_ID))
        lacks = frozenset([COMPANY]) if self.accounts.mode == OFF else frozenset[str]()
        more = {field.name: as_told(field, _listed(field, row.get(field.name))) for field in self.further}
        held = {**{name: values[name] for name in NAMES}, **more}
        return RemoteRecord(contact, held, self.record_url(contact), lacks)

    def standing(self, contact: str) -> Standing | None:
        """Return what is remembered of a contact, once: after a write it is another version."""
        return self._standings.pop(contact, None)

    def is_inactive(self, contact: str) -> bool:
        """Tell whether a contact was inactive when it was last read."""
        known = self._standings.get(contact)
        return known is not None and not known.active


def state_of(contact: str) -> Request:
    """Return the read of whether a contact is there, and whether it was merged; it rides along with a write."""
    asked = get(f"contacts({contact})", select=",".join(_STATE))
    return replace(asked, record_id=contact, id_column="contactid", rides=True)


def master_of(row: Row) -> str:
    """Return the GUID of the contact that this one was merged into, "" where it was not."""
    master = row.get("_masterid_value")
    return master.lower() if row.get("merged") is True and isinstance(master, str) else ""


def _survivor(
    contact: str, found: Mapping[str, RemoteRecord | CRMError], masters: Mapping[str, str]
) -> RemoteRecord | CRMError:
    seen = {contact}
    while contact in masters:
        contact = masters[contact]
        if contact in seen or contact not in found:
            return RecordMissing("The contact was merged into one that cannot be found.")
        seen.add(contact)
    outcome = found[contact]
    if isinstance(outcome, RemoteRecord) and not outcome.id:
        return TransientCRMError("Dynamics' answer names no contact.")
    return outcome


def _listed(field: RemoteField, value: Any) -> Any:
    """Return several choices as we join them; Dynamics puts commas between their numbers."""
    return value.replace(",", ";") if field.type == "choices" and isinstance(value, str) else value


def _text(value: Any) -> str:
    return "" if value is None else str(value)
