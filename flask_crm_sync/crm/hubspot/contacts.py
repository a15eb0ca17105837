"""Contacts: read by id, write by id or by our own key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

from ...errors import CRMError, Duplicate, OutcomeUnknown, RecordMissing
from ..base import RemoteField, RemoteRecord, Write, Written
from ..further import as_told
from ..outcomes import waves
from .client import BatchAnswer, HubSpotClient, Row, identifier, outcomes, properties
from .fields import NAMES
from .setup import key_trouble

_ANCESTORS = ("hs_merged_object_ids", "hs_calculated_merged_vids")
_EMAILS = "hs_additional_emails"
_MOST_UNCLAIMED = 10_000
"""Contacts read without our key that are remembered; forgetting one only means that its key is set another time."""


class Contacts:
    """The contacts of one portal. `key_property` is our own unique property, None where the portal has none."""

    def __init__(self, client: HubSpotClient, key_property: str | None, record_url: Callable[[str], str]) -> None:
        self.client, self.key_property, self.record_url = client, key_property, record_url
        self._unclaimed: set[str] = set()
        self.further: tuple[RemoteField, ...] = ()

    @property
    def wanted(self) -> list[str]:
        """Return the properties that every read asks for."""
        own = [self.key_property] if self.key_property else []
        return [*NAMES, *(field.name for field in self.further), *own, _EMAILS, *_ANCESTORS]

    def record(self, row: Row) -> RemoteRecord:
        """Return a contact that was read, and remember whether our key is still to be set on it."""
        values = properties(row)
        record_id = identifier(row)
        if self.key_property and not values.get(self.key_property):
            if len(self._unclaimed) >= _MOST_UNCLAIMED:
                self._unclaimed.clear()
            self._unclaimed.add(record_id)
        held = {**dict.fromkeys(self._names, ""), **self._told(values)}
        return RemoteRecord(record_id, held, self.record_url(record_id))

    @property
    def _names(self) -> tuple[str, ...]:
        return (*NAMES, *(field.name for field in self.further))

    def _told(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return what an answer tells of the properties that we know, in our form."""
        own = {name: values[name] for name in NAMES if name in values}
        return own | {field.name: as_told(field, values[field.name]) for field in self.further if field.name in values}

    def key_trouble(self) -> CRMError | None:
        """Return what is wrong with our property, if that is what HubSpot refuses; None where it is as it should be."""
        return key_trouble(self.client, self.key_property) if self.key_property else None

    def read(self, record_ids: Sequence[str]) -> list[RemoteRecord | CRMError]:
        """Read contacts by id; one call for a hundred, and one more for each id that the batch does not know.

        What a batch answers to the id of a contact merged into another is not documented. A single read by such an id
        answers the survivor.
        """
        answer = self.rows(record_ids)
        records = [(row, self.record(row)) for row in answer.rows]
        found: dict[str, RemoteRecord | CRMError] = {old: record for row, record in records for old in ancestors(row)}
        found.update({record.id: record for _row, record in records})
        halted = answer.halted
        for record_id in dict.fromkeys(record_ids):
            if record_id not in found:
                failure = halted or answer.failures.get(record_id) or RecordMissing()
                outcome = self._survivor(record_id) if isinstance(failure, RecordMissing) else failure
                if isinstance(outcome, CRMError) and outcome.whole_connection:
                    halted = outcome
                found[record_id] = outcome
        return [found[record_id] for record_id in record_ids]

    def rows(self, record_ids: Iterable[str]) -> BatchAnswer:
        """Read contacts by id, a hundred in a call, from the record store, with every property that we look at."""
        inputs = {record_id: {"id": record_id} for record_id in record_ids}
        path = f"{self.client.paths.contacts}/batch/read"
        return self.client.batch(path, inputs, extra={"properties": self.wanted}, writes=False)

    def _survivor(self, record_id: str) -> RemoteRecord | CRMError:
        path = f"{self.client.paths.contacts}/{quote(record_id, safe='')}"
        try:
            return self.record(self.client.call("GET", path, params={"properties": ",".join(self.wanted)}))
        except CRMError as error:
            return error

    def upsert(self, writes: Sequence[Write]) -> list[Written | CRMError]:
        """Update contacts by id and create the others."""
        found: dict[int, Written | CRMError] = {}
        halted: CRMError | None = None
        numbered = dict(enumerate(writes))
        updates = {number: write for number, write in numbered.items() if write.record_id is not None}
        creates = {number: write for number, write in numbered.items() if write.record_id is None}
        for wave in waves(updates, lambda write: {str(write.record_id)}):
            found.update(self._updated(wave, halted))
            halted = halted or _halt(found)
        found.update(self._created(creates, halted))
        return [found[number] for number in numbered]

    def _updated(self, writes: Mapping[int, Write], halted: CRMError | None) -> dict[int, Written | CRMError]:
        """Update by id. A contact without our key gets it on the way, if it is free."""
        found = self._update(writes, halted, claiming=True)
        # The key may stand on another record (a person merged or restored something): the fields matter more.
        clashes = {number for number, outcome in found.items() if isinstance(outcome, Duplicate)}
        clashing = {n: write for n, write in writes.items() if n in clashes and write.record_id in self._unclaimed}
        if clashing:
            found.update(self._update(clashing, halted, claiming=False))
        missing = {number: write for number, write in writes.items() if isinstance(found[number], RecordMissing)}
        if missing:
            found.update(self._update_survivors(missing))
        return found

    def _update_survivors(self, writes: Mapping[int, Write]) -> dict[int, Written | CRMError]:
        """Update what a merge moved to another id since it was read; what is really gone stays RecordMissing."""
        survivors = self.read([str(write.record_id) for write in writes.values()])
        found: dict[int, Written | CRMError] = {}
        moved: dict[int, Write] = {}
        for (number, write), survivor in zip(writes.items(), survivors, strict=True):
            if isinstance(survivor, CRMError):
                found[number] = survivor
            else:
                moved[number] = Write(write.key, write.values, survivor.id)
        return {**found, **(self._update(moved, None, claiming=False) if moved else {})}

    def _update(
        self, writes: Mapping[int, Write], halted: CRMError | None, *, claiming: bool
    ) -> dict[int, Written | CRMError]:
        inputs = {}
        for number, write in writes.items():
            claim = self._own_key(write) if claiming and write.record_id in self._unclaimed else {}
            inputs[str(number)] = {"id": write.record_id, "properties": {**write.values, **claim}}
        answer = self.client.batch(f"{self.client.paths.contacts}/batch/update", inputs, writes=True, halted=halted)
        results = outcomes(answer, inputs, of_row=_id_mark, of_input=_id_mark)
        return {number: self._written(write, results[str(number)], created=False) for number, write in writes.items()}

    def _created(self, writes: Mapping[int, Write], halted: CRMError | None) -> dict[int, Written | CRMError]:
        """Create contacts. Of several with one e-mail the first is sent; HubSpot would refuse the rest."""
        found: dict[int, Written | CRMError] = {}
        owners: dict[str, str] = {}
        for wave in waves(writes, lambda write: {write.key, write.values.get("email", "")} - {""}):
            taken = {number: owners.get(write.values.get("email", "")) for number, write in wave.items()}
            results = self._create({number: write for number, write in wave.items() if not taken[number]}, halted)
            found.update({number: Duplicate(existing_id=owner) for number, owner in taken.items() if owner})
            found.update(results)
            halted = halted or _halt(results)
            made = {number: result.record.id for number, result in results.items() if isinstance(result, Written)}
            emails_made = {writes[number].values.get("email", ""): record_id for number, record_id in made.items()}
            owners.update({email: record_id for email, record_id in emails_made.items() if email})
        return found

    def _create(self, writes: Mapping[int, Write], halted: CRMError | None) -> dict[int, Written | CRMError]:
        """Create by our own key where the portal has the property: repeated, that answers the record made first.

        Without it the e-mail is what keeps a repeated create from making a second record: HubSpot refuses it and names
        the first. An upsert by e-mail would do so too, but it takes no partial properties and would overwrite or blank
        what a person entered in a record that appeared since we looked.
        """
        if not writes:
            return {}
        inputs = {str(number): self._create_input(write) for number, write in writes.items()}
        call = "upsert" if self.key_property else "create"
        answer = self.client.batch(
            f"{self.client.paths.contacts}/batch/{call}", inputs, writes=True, halted=halted, doubt=self.key_trouble
        )
        results = outcomes(answer, inputs, of_row=self._marks, of_input=self._marks)
        return {number: self._written(write, results[str(number)], created=True) for number, write in writes.items()}

    def _create_input(self, write: Write) -> Row:
        values = {**{name: value for name, value in write.values.items() if value}, **self._own_key(write)}
        if self.key_property:
            return {"id": write.key, "idProperty": self.key_property, "properties": values}
        return {"properties": values}

    def _own_key(self, write: Write) -> dict[str, str]:
        return {self.key_property: write.key} if self.key_property else {}

    def _marks(self, row: Row) -> Iterator[tuple[str, ...]]:
        values = properties(row)
        if self.key_property and values.get(self.key_property):
            yield "key", values[self.key_property]
        if values.get("email"):
            yield "email", values["email"].lower()
        elif values.get("phone"):
            yield "phone", values["phone"], values.get("firstname", ""), values.get("lastname", "")

    def _written(self, write: Write, result: Row | CRMError, *, created: bool) -> Written | CRMError:
        """Return the record after a write: what was sent, overlaid with what HubSpot returned."""
        if isinstance(result, CRMError):
            return result
        record_id = identifier(result)
        if not record_id:
            return OutcomeUnknown("HubSpot's answer names no record.")
        returned = self._told(properties(result))
        blanks = dict.fromkeys(self._names, "") if created else {}
        self._unclaimed.discard(record_id)
        record = RemoteRecord(record_id, {**blanks, **write.values, **returned}, self.record_url(record_id))
        return Written(record, created=created and result.get("new") is not False)


def emails(row: Row) -> set[str]:
    """Return every e-mail of a contact that was read, lower-cased: its own and those that merges left to it."""
    values = properties(row)
    found = {values.get("email", ""), *values.get(_EMAILS, "").split(";")}
    return {email.strip().lower() for email in found} - {""}


def ancestors(row: Row) -> dict[str, int | None]:
    """Return the ids of the contacts that were merged into this one, each with when (ms since 1970), where it tells."""
    values = properties(row)
    merged = {record_id.strip(): None for record_id in values.get(_ANCESTORS[0], "").split(";")}
    pairs = (pair.strip().partition(":") for pair in values.get(_ANCESTORS[1], "").split(";"))
    dated = {record_id: int(at) if at.isdecimal() else None for record_id, _colon, at in pairs}
    return {record_id: at for record_id, at in {**merged, **dated}.items() if record_id}


def _id_mark(row: Row) -> Iterator[str]:
    yield identifier(row)


def _halt(found: Mapping[int, Written | CRMError]) -> CRMError | None:
    errors = (outcome for outcome in found.values() if isinstance(outcome, CRMError))
    return next((error for error in errors if error.whole_connection), None)
