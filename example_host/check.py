"""Whether a CRM holds exactly what it must: everybody once, with their final details and a note per conversation."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .expected import DueClient, Expected

Value = TypeVar("Value")

_REFERENCE = re.compile(r"\bref: ?([^\s<]+)")


@dataclass(frozen=True)
class Contact:
    """A contact as the CRM holds it, under the helpdesk's names of its fields."""

    id: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Note:
    """A note as the CRM holds it, and whose it is."""

    id: str
    contact_ids: tuple[str, ...]
    body: str

    @property
    def key(self) -> str:
        """Return what is the same for two notes on one conversation: the reference in it, else all of its text."""
        found = _REFERENCE.search(self.body)
        return found[1] if found else self.body


@dataclass(frozen=True)
class Verdict:
    """How a CRM compares with what was expected; `problems` says each difference in words."""

    records: int
    duplicates: int
    missing: int
    notes: int
    notes_duplicated: int
    problems: tuple[str, ...]


def compare(
    expected: Expected, contacts: Sequence[Contact], notes: Sequence[Note], never_blank: Collection[str] = ()
) -> Verdict:
    """Compare a CRM's contacts and notes with what they must be.

    A contact with other details than the client's final ones counts as missing, and so does a note that is not there.
    Contacts and notes that nobody is owed count as duplicates, unless the contact stands in for a missing one. Fields
    that the CRM keeps `never_blank` may hold what they held before the client's own value was cleared.
    """
    comparison = _Comparison(contacts, notes, never_blank)
    for client in expected.due:
        comparison.judge(client)
    return comparison.verdict()


class _Comparison:
    def __init__(self, contacts: Sequence[Contact], notes: Sequence[Note], never_blank: Collection[str]) -> None:
        self.contacts, self.notes, self.never_blank = contacts, notes, never_blank
        self.by_email = _grouped((contact.values.get("email", "").lower(), contact) for contact in contacts)
        self.by_phone = _grouped((_phone(contact), contact) for contact in contacts)
        self.notes_of = _grouped((contact_id, note) for note in notes for contact_id in note.contact_ids)
        self.matched: set[str] = set()
        self.unfound = self.stale = self.doubled = self.notes_missing = self.notes_doubled = 0
        self.problems: list[str] = []

    def judge(self, client: DueClient) -> None:
        email = client.values.get("email", "").lower()
        found = self.by_email[email] if email else self.by_phone[client.values.get("phone", "").strip()]
        self.matched.update(contact.id for contact in found)
        if not found:
            self.unfound += 1
            self.problems.append(f"client {client.client_id} is missing")
            return
        self.judge_contacts(client, found)
        self.judge_notes(client, [note for contact in found for note in self.notes_of[contact.id]])

    def judge_contacts(self, client: DueClient, found: list[Contact]) -> None:
        if len(found) > 1:
            self.doubled += len(found) - 1
            self.problems.append(f"client {client.client_id} is there {len(found)} times")
        wrong = min((differences(client, contact, self.never_blank) for contact in found), key=len)
        if wrong:
            self.stale += 1
            self.problems.append(f"client {client.client_id} differs: {'; '.join(wrong)}")

    def judge_notes(self, client: DueClient, notes: list[Note]) -> None:
        distinct = len({note.key for note in notes})
        if distinct < client.notes:
            self.notes_missing += client.notes - distinct
            self.problems.append(f"client {client.client_id} has {distinct} of {client.notes} notes")
        surplus = len(notes) - min(distinct, client.conversations)
        if surplus:
            self.notes_doubled += surplus
            self.problems.append(f"client {client.client_id} has {surplus} notes too many")

    def verdict(self) -> Verdict:
        strangers = [contact for contact in self.contacts if contact.id not in self.matched]
        strays = [note for note in self.notes if not self.matched.intersection(note.contact_ids)]
        self.problems += [f"contact {contact.id} is nobody's" for contact in strangers]
        self.problems += [f"note {note.id} is nobody's" for note in strays]
        return Verdict(
            records=len(self.contacts),
            duplicates=self.doubled + max(0, len(strangers) - self.unfound),
            missing=self.unfound + self.stale + self.notes_missing,
            notes=len(self.notes),
            notes_duplicated=self.notes_doubled + len(strays),
            problems=tuple(self.problems),
        )


def differences(client: DueClient, contact: Contact, never_blank: Collection[str] = ()) -> list[str]:
    """Say which of the contact's details are not the client's final ones."""
    return [
        f"{name} is {contact.values.get(name, '')!r} instead of {value!r}"
        for name, value in client.values.items()
        if name in contact.values
        and (value or name not in never_blank)
        and _plain(name, contact.values.get(name, "")) != _plain(name, value)
    ]


def _plain(name: str, value: str) -> str:
    """CRMs trim what they are sent, and keep e-mail addresses in lower case."""
    return value.strip().lower() if name == "email" else value.strip()


def _phone(contact: Contact) -> str:
    """Only contacts without an e-mail are known by their phone."""
    return "" if contact.values.get("email") else contact.values.get("phone", "").strip()


def _grouped(pairs: Iterable[tuple[str, Value]]) -> defaultdict[str, list[Value]]:
    grouped: defaultdict[str, list[Value]] = defaultdict(list)
    for key, value in pairs:
        grouped[key].append(value)
    return grouped
