"""Finding the contact of a client: by our own key, which is its GUID, then by e-mail, then by phone.

All ways of all clients of a batch go into one call, and the accounts of their companies ride along. Reads of
Dataverse's tables are strongly consistent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...errors import CRMError, RecordMissing
from ..base import Lookup, Match, MatchedBy, RemoteRecord
from ..phones import e164, is_number
from .client import Row, guid
from .contacts import Contacts
from .fields import EMAIL, MOBILE, PHONE
from .numbers import spellings
from .searching import Search, collected, searches

Found = tuple[Match, ...] | CRMError


@dataclass(frozen=True, slots=True)
class CompanyLookup(Lookup):
    """Whom to look for, and of which company: its account is looked up in the same call."""

    company: str = ""


class Finder:
    """Looks for clients among the contacts; `region` is the country of phones without a country code."""

    def __init__(self, contacts: Contacts, region: str) -> None:
        self.contacts, self.client, self.region = contacts, contacts.client, region

    def find(self, lookups: Sequence[Lookup]) -> list[Found]:
        """Return the matches of each lookup; the first way that finds any decides."""
        keys = list(dict.fromkeys(guid(lookup.key) for lookup in lookups if lookup.by_key))
        people = self._searches(lookups)
        companies = self._companies(lookups) if keys or people else []
        asked = [*(self.contacts.reading(key) for key in keys), *(search.request for search in (*people, *companies))]
        outcomes = self.client.batch(asked)
        by_key = self.contacts.understood(keys, outcomes[: len(keys)])
        rows, failures = collected(self.client, people, outcomes[len(keys) :][: len(people)])
        self.contacts.accounts.learn(companies, outcomes[len(keys) + len(people) :])
        there = _People(self.contacts, self.region, rows, failures)
        return [self._found(lookup, by_key, there) for lookup in lookups]

    def _searches(self, lookups: Sequence[Lookup]) -> list[Search]:
        emails = [lookup.email.lower() for lookup in lookups]
        phones = dict.fromkeys(lookup.phone for lookup in lookups if is_number(lookup.phone))
        forms = [form for phone in phones for form in spellings(phone, self.region)]
        columns = ((EMAIL, emails), (PHONE, forms), (MOBILE, forms))
        wanted = self.contacts.select
        return [search for column, values in columns for search in searches("contacts", column, values, wanted)]

    def _companies(self, lookups: Sequence[Lookup]) -> list[Search]:
        names = [lookup.company for lookup in lookups if isinstance(lookup, CompanyLookup)]
        return self.contacts.accounts.searches(names)

    @staticmethod
    def _found(lookup: Lookup, by_key: Mapping[str, RemoteRecord | CRMError], there: _People) -> Found:
        if lookup.by_key:
            keyed = by_key[guid(lookup.key)]
            if isinstance(keyed, RemoteRecord):
                return (Match(keyed, "key"),)
            if not isinstance(keyed, RecordMissing):
                return keyed
        return there.with_email(lookup) or there.with_phone(lookup)


class _People:
    """The contacts that the searches of a batch found, and why some failed."""

    def __init__(self, contacts: Contacts, region: str, rows: Sequence[Row], failures: Mapping[str, CRMError]) -> None:
        self._contacts, self._region, self._failures = contacts, region, failures
        self._rows = {str(row.get("contactid") or "").lower(): row for row in rows if row.get("contactid")}
        self._by_email: dict[str, list[Row]] = {}
        self._by_phone: dict[str, list[Row]] = {}
        for row in self._rows.values():
            self._by_email.setdefault(_email(row), []).append(row)
            for number in {self._normal(str(row.get(column) or "")) for column in (PHONE, MOBILE)}:
                self._by_phone.setdefault(number, []).append(row)

    def with_email(self, lookup: Lookup) -> Found:
        """Return the contacts with the lookup's e-mail."""
        email = lookup.email.lower()
        if not email:
            return ()
        return self._failures.get(email) or self._matches(self._by_email.get(email, ()), "email")

    def with_phone(self, lookup: Lookup) -> Found:
        """Return the contacts with the lookup's phone, in whatever form, and no other e-mail."""
        if not is_number(lookup.phone):
            return ()
        failed = next((e for form in spellings(lookup.phone, self._region) if (e := self._failures.get(form))), None)
        # Families, offices and front desks share a phone: a record with another e-mail is another person.
        same = [
            row
            for row in self._by_phone.get(self._normal(lookup.phone), ())
            if not lookup.email or _email(row) in ("", lookup.email.lower())
        ]
        return failed or self._matches(same, "phone")

    def _matches(self, rows: Sequence[Row], by: MatchedBy) -> tuple[Match, ...]:
        return tuple(Match(self._contacts.record(row), by) for row in rows)

    def _normal(self, phone: str) -> str:
        return e164(phone.strip(), self._region) or phone.strip()


def _email(row: Row) -> str:
    return str(row.get(EMAIL) or "").strip().lower()
