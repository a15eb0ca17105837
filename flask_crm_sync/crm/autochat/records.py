"""Clients of AutoChat CRM: read, create, update; and find, where the CRM can be asked for an e-mail."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import CRMError, OutcomeUnknown, ServerFault
from ..base import Lookup, Match, RemoteRecord, Write, Written
from ..outcomes import one_by_one
from .client import AutoChatClient, identifier, rows
from .fields import Naming, Row

FRESH_SECONDS = 15.0
"""How long a client that was read may be written back whole: an edit in between would be overwritten."""

_PAGE = 10
"""So many rows may be the first page of more; no page size is documented, and smaller ones are unheard of."""

_OFF = "switched off by CRM_SYNC_AUTOCHAT_CLIENT_FIELDS"


class Records:
    """The clients of one installation."""

    def __init__(self, client: AutoChatClient) -> None:
        self.client, self.naming = client, Naming(client.settings.autochat_client_fields)
        self._read_lately: dict[str, tuple[float, Row]] = {}
        self._doubted: set[str] = set()

    # Reading

    def read(self, record_ids: Sequence[str]) -> list[RemoteRecord | CRMError]:
        """Read clients by id, one call each."""
        self._read_lately.clear()
        found = dict(zip(dict.fromkeys(record_ids), one_by_one(dict.fromkeys(record_ids), self._read), strict=True))
        return [found[record_id] for record_id in record_ids]

    def _read(self, record_id: str) -> RemoteRecord:
        row = self._row(record_id)
        self._read_lately[record_id] = (self.client.http.clock.monotonic(), row)
        return self.record(row)

    def _row(self, record_id: str) -> Row:
        row = self.client.get(record_id)
        if not identifier(row):
            raise ServerFault("AutoChat CRM's answer holds no client.")
        return row

    def record(self, row: Row) -> RemoteRecord:
        """Return a client as a record; what the row does not tell of counts as blank."""
        return RemoteRecord(identifier(row), self.naming.values(row), lacks=self.naming.off)

    # Finding

    def find(self, lookups: Sequence[Lookup]) -> list[tuple[Match, ...] | CRMError]:
        """Find clients by e-mail, one call for each e-mail; none where no search parameter is configured."""
        wanted = dict.fromkeys(lookup.email.lower() for lookup in lookups if lookup.email)
        if not self.client.settings.autochat_search:
            return [()] * len(lookups)
        self._doubted.clear()
        found = dict(zip(wanted, one_by_one(wanted, self._search), strict=True))
        return [found[lookup.email.lower()] if lookup.email else () for lookup in lookups]

    def _search(self, email: str) -> tuple[Match, ...]:
        """Return those who really have the e-mail: a parameter that the CRM does not know may answer everyone.

        Where nobody has it, that is doubtful if the answer holds rows without the e-mail in them, or may be one page.
        """
        listed = rows(self.client.list({self.client.settings.autochat_search: email})) or []
        records = [self.record(row) for row in listed if identifier(row)]
        matching = [record for record in records if record.values["email"].strip().lower() == email]
        if not matching and (len(listed) >= _PAGE or not all(_mentions(row, email) for row in listed)):
            self._doubted.add(email)
        return tuple(Match(record, "email") for record in matching)

    def confirms(self, lookup: Lookup) -> bool:
        """Tell whether an absence was sure: by a search that answered nobody but those with such an e-mail."""
        email = lookup.email.lower()
        return bool(self.client.settings.autochat_search and email and email not in self._doubted)

    # Writing

    def upsert(self, writes: Sequence[Write]) -> list[Written | CRMError]:
        """Create clients, or update those that have an id, one after the other."""
        return one_by_one(writes, self._write)

    def _write(self, write: Write) -> Written:
        return self._created(write) if write.record_id is None else self._updated(write, write.record_id)

    def _created(self, write: Write) -> Written:
        row = self.client.add(self.naming.new(write.values))
        if not identifier(row):
            raise OutcomeUnknown("AutoChat CRM's answer names no client.")
        values = {**self.naming.blanks, **write.values, **self.naming.told(row)}
        return self._written(row, write, values, created=True)

    def _updated(self, write: Write, record_id: str) -> Written:
        if self.client.settings.autochat_update_method == "PATCH":
            _read_at, known = self._read_lately.pop(record_id, (0.0, {}))
            moved = self.naming.standing_in(known, write.values)
            sent = self.naming.merged({}, {**write.values, **moved})
            row = self.client.change("PATCH", record_id, sent) if sent else {}
            values = {**write.values, **self.naming.told(row)}
        else:
            known = self._fresh(record_id)
            moved = self.naming.standing_in(known, write.values)
            sent = self.naming.merged(known, {**write.values, **moved})
            row = self.client.change("PUT", record_id, sent)
            values = {**self.naming.values(sent), **self.naming.told(row)}
        blank = dict.fromkeys(moved, "")  # an answer that tells only a part would show it as somebody's company
        return self._written({"id": record_id, **row}, write, {**values, **blank}, created=False)

    def _fresh(self, record_id: str) -> Row:
        """Return the whole client to merge into: as read a moment ago, once, else as it is now.

        Whether a PUT replaces or merges is not documented; what was read and put back is right either way.
        """
        read_at, row = self._read_lately.pop(record_id, (0.0, {}))
        if row and self.client.http.clock.monotonic() - read_at <= FRESH_SECONDS:
            return row
        return self._row(record_id)

    def _written(self, row: Row, write: Write, values: dict[str, str], *, created: bool) -> Written:
        refused = {name: _OFF for name, value in write.values.items() if name in self.naming.off and value}
        blank = dict.fromkeys(refused, "")
        record = RemoteRecord(identifier(row), {**values, **blank}, lacks=self.naming.off)
        return Written(record, created, refused)


def _mentions(row: Row, text: str) -> bool:
    """Tell whether a row holds a text, as a search that is content with a part of a value would find it."""
    return any(isinstance(value, str) and text in value.lower() for value in row.values())
