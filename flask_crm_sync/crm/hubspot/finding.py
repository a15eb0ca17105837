"""Finding the contact of a client: by our own key, then by e-mail, then by phone.

Key and e-mail are read from the record store, which is strongly consistent. Only the phone, which is not unique, needs
the search index; it lags, so it serves for meeting people who were there before us, never as proof of absence.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from ...errors import CRMError, RecordMissing
from ..answers import objects
from ..base import Lookup, Match, MatchedBy
from ..http import encode
from ..phones import e164, is_number, national
from .client import Row, identifier, properties
from .contacts import Contacts, emails

Found = dict[int, tuple[Match, ...] | CRMError]

SEARCH_BODY_LIMIT = 3_000
"""Characters of a search request: HubSpot's guide to search."""
_PAGE = 200
_PAGES = 5
_LOCAL_NUMBERS = "hs_searchable_calculated_phone_number"
"""HubSpot's own searchable copy of `phone`: area code and local number, whatever the form it was typed in."""


class Finder:
    """Looks for clients among the contacts of one portal; `region` is the country of phones without a country code."""

    def __init__(self, contacts: Contacts, region: str) -> None:
        self.contacts, self.client, self.region = contacts, contacts.client, region

    def find(self, lookups: Sequence[Lookup]) -> list[tuple[Match, ...] | CRMError]:
        """Return the matches of each lookup; the first way that finds any decides."""
        found: Found = {}
        for way in (self._by_key, self._by_email, self._by_phone):
            waiting = {number: lookup for number, lookup in enumerate(lookups) if number not in found}
            found.update(way(waiting))
            halted = next((o for o in found.values() if isinstance(o, CRMError) and o.whole_connection), None)
            if halted is not None:
                return [found.get(number, halted) for number in range(len(lookups))]
        return [found.get(number, ()) for number in range(len(lookups))]

    def _by_key(self, lookups: Mapping[int, Lookup]) -> Found:
        name = self.contacts.key_property
        if name is None:
            return {}
        keys = _grouped({number: lookup.key for number, lookup in lookups.items() if lookup.by_key})
        return self._read(name, keys, "key", lambda row: {properties(row).get(name, "")})

    def _by_email(self, lookups: Mapping[int, Lookup]) -> Found:
        wanted = _grouped({number: lookup.email.lower() for number, lookup in lookups.items()})
        return self._read("email", wanted, "email", emails)

    def _read(
        self, id_property: str, wanted: Mapping[str, Sequence[int]], by: MatchedBy, values: Callable[[Row], set[str]]
    ) -> Found:
        """Read contacts by a unique property; who is not there is simply not found."""
        answer = self.client.batch(
            f"{self.client.paths.contacts}/batch/read",
            {value: {"id": value} for value in wanted},
            extra={"idProperty": id_property, "properties": self.contacts.wanted},
            writes=False,
            doubt=self.contacts.key_trouble if by == "key" else None,
        )
        found: Found = {}
        for row in answer.rows:
            match = Match(self.contacts.record(row), by)
            found.update({number: (match,) for value in values(row) for number in wanted.get(value, ())})
        for value, error in answer.failures.items():
            if not isinstance(error, RecordMissing):
                found.update({number: error for number in wanted[value] if number not in found})
        return found

    def _by_phone(self, lookups: Mapping[int, Lookup]) -> Found:
        waiting = {number: lookup for number, lookup in lookups.items() if is_number(lookup.phone)}
        if not waiting:
            return {}
        try:
            ids = {found for body in self._searches(waiting.values()) for found in self._search(body)}
        except CRMError as error:
            return dict.fromkeys(waiting, error)
        return self._same_phone(waiting, sorted(ids)) if ids else {}

    def _search(self, body: Row) -> Iterator[str]:
        """Yield the ids that a search finds. More pages than a few mean a switchboard's number, ambiguous anyway."""
        after: dict[str, str] = {}
        for _page in range(_PAGES):
            answer = self.client.call(
                "POST", f"{self.client.paths.contacts}/search", json={**body, **after}, kind="search"
            )
            yield from filter(None, map(identifier, objects(answer.get("results"))))
            cursor = next_page(answer)
            if not cursor:
                return
            after = {"after": cursor}

    def _searches(self, lookups: Collection[Lookup]) -> Iterator[Row]:
        """Yield as few searches as hold every phone.

        A number that can be read is looked for by its area code and local number, which finds it in whatever form it
        was typed; one that cannot, as it is written. The E.164 form and the host's own writing are added while they
        fit: they cost nothing, and help where HubSpot could not read the number.
        """
        search = _Search()
        local = {lookup.phone: national(lookup.phone, self.region) for lookup in lookups}
        for phone, number in local.items():
            name, value = (_LOCAL_NUMBERS, number) if number else ("phone", phone.lower())
            if not search.add(name, value):
                yield search.body()
                search = _Search()
                search.add(name, value)
        read = [phone for phone, number in local.items() if number]
        for form in (*(e164(phone, self.region) for phone in read), *(phone.lower() for phone in read)):
            search.add("phone", form)
        yield search.body()

    def _same_phone(self, lookups: Mapping[int, Lookup], record_ids: Sequence[str]) -> Found:
        """Read what the search found, and keep for each lookup those who have its phone and no other e-mail."""
        answer = self.client.batch(
            f"{self.client.paths.contacts}/batch/read",
            {record_id: {"id": record_id} for record_id in record_ids},
            extra={"properties": self.contacts.wanted},
            writes=False,
        )
        if answer.halted is not None:
            return dict.fromkeys(lookups, answer.halted)
        found: Found = {}
        for number, lookup in lookups.items():
            rows = [row for row in answer.rows if self._is_same(lookup, row)]
            if rows:
                found[number] = tuple(Match(self.contacts.record(row), "phone") for row in rows)
        return found

    def _is_same(self, lookup: Lookup, row: Row) -> bool:
        # Families, offices and front desks share a phone: a record with another e-mail is another person.
        known = emails(row)
        if lookup.email and known and lookup.email.lower() not in known:
            return False
        theirs = properties(row).get("phone", "").strip()
        return theirs == lookup.phone or (bool(theirs) and self._normal(theirs) == self._normal(lookup.phone))

    def _normal(self, phone: str) -> str:
        return e164(phone, self.region) or phone


def next_page(answer: Row) -> str:
    """Return the cursor of the next page, "" on the last one."""
    paging = answer.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    cursor = following.get("after") if isinstance(following, dict) else None
    return str(cursor) if cursor else ""


def _grouped(values: Mapping[int, str]) -> dict[str, list[int]]:
    """Return the lookups by value: one e-mail is asked for once, however many share it."""
    groups: dict[str, list[int]] = {}
    for number, value in values.items():
        if value:
            groups.setdefault(value, []).append(number)
    return groups


class _Search:
    """A search for any of several values, within HubSpot's limit for the request's length."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, None]] = {"phone": {}, _LOCAL_NUMBERS: {}}
        self._room = SEARCH_BODY_LIMIT - len(encode(self.body(empty=True))) - len(',"after":"10000"')

    def add(self, name: str, value: str) -> bool:
        """Add a value of a property; tell whether there was room."""
        # Quotes and a comma; what JSON escapes takes more, and no phone that can be read holds any of it.
        length = len(value) + 3 if value.isascii() and value.isalnum() else len(encode(value)) + 1
        if length > self._room:
            return False
        if value not in self._values[name]:
            self._values[name][value] = None
            self._room -= length
        return True

    def body(self, *, empty: bool = False) -> Row:
        """Return the request. Groups are joined by "or"; a group without values is left out."""
        groups = [
            {"filters": [{"propertyName": name, "operator": "IN", "values": list(values)}]}
            for name, values in self._values.items()
            if values or empty
        ]
        return {"filterGroups": groups, "properties": ["phone"], "limit": _PAGE}
