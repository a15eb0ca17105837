"""Writing clients: updates by id, new leads by our own key where the org has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

from ...errors import CRMError, Duplicate, OutcomeUnknown, PermissionMissing, RecordMissing
from ..answers import objects
from ..base import RemoteRecord, Values, Write, Written
from ..outcomes import halting, waves
from .answers import Refusal, Result, Row, code_of, of_response
from .drafts import Draft
from .ids import LEAD, id18, kind_of
from .records import Records
from .soql import literal, select

Outcomes = dict[int, Written | CRMError]
SamePerson = Callable[[Values, Values], bool]
_COLLECTIONS = "/composite/sobjects"
_LOOKED_INTO = {"CANNOT_UPDATE_CONVERTED_LEAD", "DUPLICATES_DETECTED"}


class Writer:
    """Writes to the leads and contacts of one org.

    `headers` come with new leads. `same_person` tells whether two records share an e-mail or a phone.
    """

    def __init__(self, records: Records, headers: Mapping[str, str], same_person: SamePerson) -> None:
        self.records, self.client, self._headers = records, records.client, headers
        self._same_person = same_person

    @property
    def key(self) -> str:
        """Return our own field on leads, "" where the org has none."""
        return self.records.shapes[LEAD].key

    def upsert(self, writes: Sequence[Write]) -> list[Written | CRMError]:
        """Update records by id and create the others."""
        found: Outcomes = {}
        numbered = dict(enumerate(writes))
        old = {number: write for number, write in numbered.items() if write.record_id is not None}
        new = {number: write for number, write in numbered.items() if write.record_id is None}
        for wave in waves(old, lambda write: {id18(write.record_id)}):
            found.update(self._update(wave, halting(found.values())))
        found.update(self._create_all(new, halting(found.values())))
        return [found[number] for number in numbered]

    # Updates

    def _update(self, writes: Mapping[int, Write], halted: CRMError | None) -> Outcomes:
        known = {number: id18(write.record_id) for number, write in writes.items() if kind_of(str(write.record_id))}
        found: Outcomes = {number: RecordMissing() for number in writes if number not in known}
        drafts = {number: Draft.of(writes[number], record_id, self.records) for number, record_id in known.items()}
        while drafts:
            results = self._send_updates(drafts, halted)
            refused = {number: result for number, result in results.items() if isinstance(result, Refusal)}
            found.update({n: self._updated(drafts[n], r) for n, r in results.items() if not isinstance(r, Refusal)})
            again = {number for number, refusal in refused.items() if drafts[number].relents(refusal)}
            again |= self._move({n: drafts[n] for n, r in refused.items() if n not in again and drafts[n].wanders(r)})
            found.update({n: drafts[n].outcome or r.error for n, r in refused.items() if n not in again})
            drafts = {number: drafts[number] for number in again}
            halted = halted or halting(found.values())
        return found

    def _send_updates(self, drafts: Mapping[int, Draft], halted: CRMError | None) -> dict[int, Result]:
        """Send drafts by kind, as a call takes ten changes of kind only; what has nothing left to send is done."""
        results: dict[int, Result] = {number: {} for number, draft in drafts.items() if draft.is_empty}
        order = sorted((number for number in drafts if number not in results), key=lambda n: drafts[n].kind)
        bodies = [drafts[number].body(self._claim(drafts[number])) for number in order]
        sent = self.client.write("PATCH", _COLLECTIONS, bodies, halted=halted)
        results.update(zip(order, sent, strict=True))
        return results

    def _claim(self, draft: Draft) -> str:
        return self.records.shapes[draft.kind].key if draft.claims else ""

    def _updated(self, draft: Draft, row: Row) -> Written:
        if row:
            self.records.claimed(draft.record_id)
        record = RemoteRecord(
            draft.record_id, draft.sent(self.records), self.records.url(draft.record_id), self.records.lacks(draft.kind)
        )
        return Written(record, created=False, refused=draft.refused)

    def _move(self, drafts: Mapping[int, Draft]) -> set[int]:
        """Find out where records went, and return the drafts that go on there."""
        moved: set[int] = set()
        survivors = self.records.read([draft.record_id for draft in drafts.values()]) if drafts else []
        for (number, draft), survivor in zip(drafts.items(), survivors, strict=True):
            if isinstance(survivor, CRMError):
                draft.outcome = survivor
            elif survivor.id != draft.record_id:
                draft.move(survivor.id, self.records)
                moved.add(number)
        return moved

    # New leads

    def _create_all(self, writes: Mapping[int, Write], halted: CRMError | None) -> Outcomes:
        """Create leads. Of several with one e-mail the first is sent; it is the record of the others too."""
        found: Outcomes = {}
        owners: dict[str, str] = {}
        for wave in waves(writes, lambda write: {write.key, write.values.get("Email", "")} - {""}):
            taken = {number: owners.get(write.values.get("Email", "")) for number, write in wave.items()}
            found.update({number: Duplicate(existing_id=owner) for number, owner in taken.items() if owner})
            made = self._create({number: write for number, write in wave.items() if not taken[number]}, halted)
            found.update(made)
            halted = halted or halting(made.values())
            for number, outcome in made.items():
                if isinstance(outcome, Written):
                    owners[writes[number].values.get("Email", "")] = outcome.record.id
            owners.pop("", None)
        return found

    def _create(self, writes: Mapping[int, Write], halted: CRMError | None) -> Outcomes:
        if "createable" in self.records.shapes[LEAD].denied:
            missing = PermissionMissing("The Salesforce user may not create leads.", permissions=("Create on Lead",))
            return dict.fromkeys(writes, missing)
        found: Outcomes = {}
        drafts = {number: Draft.of(write, "", self.records) for number, write in writes.items()}
        while drafts:
            results = self._send_creates(drafts, halted)
            again: set[int] = set()
            for number, result in results.items():
                if isinstance(result, Refusal) and drafts[number].relents(result):
                    again.add(number)
                else:
                    found[number] = self._created(drafts[number], result, halting(found.values()))
            drafts = {number: drafts[number] for number in again}
            halted = halted or halting(found.values())
        return found

    def _send_creates(self, drafts: Mapping[int, Draft], halted: CRMError | None) -> dict[int, Result]:
        """Send new leads by our own key where the org has it: repeated, that finds the lead made first."""
        method, path = ("PATCH", f"{_COLLECTIONS}/{LEAD}/{self.key}") if self.key else ("POST", _COLLECTIONS)
        bodies = [draft.body(self.key) for draft in drafts.values()]
        sent = self.client.write(method, path, bodies, headers=self._headers, halted=halted)
        return dict(zip(drafts, sent, strict=True))

    def _created(self, draft: Draft, result: Result, halted: CRMError | None = None) -> Written | CRMError:
        if isinstance(result, Refusal):
            return self._settled(draft, result, halted)
        record_id = id18(result.get("id"))
        if not record_id:
            return OutcomeUnknown("Salesforce's answer names no record.")
        values = {**self.records.blanks(LEAD), **draft.sent(self.records)}
        record = RemoteRecord(record_id, values, self.records.url(record_id), self.records.lacks(LEAD))
        return Written(record, created=result.get("created") is not False, refused=draft.refused)

    def _settled(self, draft: Draft, refusal: Refusal, halted: CRMError | None) -> Written | CRMError:
        """Look closer at a refused create, where the refusal speaks of a record that is there."""
        if halted is not None and refusal.code in _LOOKED_INTO:
            return halted
        try:
            if refusal.code == "CANNOT_UPDATE_CONVERTED_LEAD" and self.key:
                return Duplicate(existing_id=self._by_key(draft.write.key))
            if refusal.code == "DUPLICATES_DETECTED":
                return self._alone(draft, refusal)
        except CRMError as error:
            return error
        return refusal.error

    def _by_key(self, key: str) -> str | None:
        """Return the id of the lead that bears our key, converted or not."""
        (rows,) = self.client.queries([select(["Id"], LEAD, f"{self.key} = {literal(key)}")])
        return next(filter(None, (id18(row.get("Id")) for row in rows)), None)

    def _alone(self, draft: Draft, refusal: Refusal) -> Written | CRMError:
        """Send one lead by itself: only then does Salesforce tell which records its duplicate rule has in mind."""
        body = {name: value for name, value in draft.body("").items() if name != "attributes"}
        path = f"{self.client.base}/sobjects/{LEAD}"
        method, path = ("PATCH", f"{path}/{self.key}/{quote(draft.write.key, safe='')}") if self.key else ("POST", path)
        answer = self.client.answer(method, path, json=body, headers=self._headers, writes=True)
        error = of_response(answer, self.client.http.clean, writes=True)
        if error is None:
            return self._created(draft, answer.body if isinstance(answer.body, dict) else {})
        if code_of(answer) != "DUPLICATES_DETECTED":
            return error or refusal.error
        same = [
            record for record in self._suspects(answer.body) if self._same_person(draft.write.values, record.values)
        ]
        if len({record.id for record in same}) == 1:
            return Duplicate(str(refusal.error), existing_id=same[0].id, crm_message=refusal.error.crm_message)
        return Duplicate(
            "A duplicate rule of the org keeps this lead out, and none of the records it names is surely the client's.",
            crm_message=refusal.error.crm_message,
        )

    def _suspects(self, body: object) -> list[RemoteRecord]:
        """Return the people that a duplicate rule names. The member is misspelt in the answers of many versions."""
        told = next(iter(objects(body)), {})
        details = told.get("duplicateResut") or told.get("duplicateResult")
        matches = objects(details.get("matchResults")) if isinstance(details, dict) else []
        records = [match.get("record") for found in matches for match in objects(found.get("matchRecords"))]
        ids = dict.fromkeys(id18(record.get("Id")) for record in records if isinstance(record, dict))
        return [record for record in self.records.read([i for i in ids if i]) if isinstance(record, RemoteRecord)]
