"""Finding the record of a client: by our own key, then by e-mail, then by phone; a contact before a lead.

All three are asked in one go. Queries see what was written before them, unlike Salesforce's search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ...errors import CRMError
from ..base import Lookup, Match, MatchedBy, RemoteRecord
from ..phones import is_number
from .answers import Row
from .fields import NAMES_OF
from .ids import CONTACT, LEAD, PEOPLE
from .records import Records, converted_to
from .soql import lists, select
from .spelling import same_number, spellings

Found = dict[int, tuple[Match, ...] | CRMError]


@dataclass(frozen=True, slots=True)
class _Question:
    """One query, and what its rows are asked for."""

    by: MatchedBy
    kind: str
    statement: str


@dataclass(frozen=True, slots=True)
class _Hit:
    """A row that a query found."""

    by: MatchedBy
    kind: str
    row: Row
    record: RemoteRecord


class Finder:
    """Looks for clients among the leads and contacts of one org; `region` is that of phones without a country code."""

    def __init__(self, records: Records, region: str) -> None:
        self.records, self.region = records, region

    def find(self, lookups: Sequence[Lookup]) -> list[tuple[Match, ...] | CRMError]:
        """Return the matches of each lookup; the first way that finds any decides."""
        questions = list(self._questions(lookups))
        try:
            answers = self.records.client.queries([question.statement for question in questions])
            hits = [
                _Hit(question.by, question.kind, row, self.records.record(question.kind, row))
                for question, rows in zip(questions, answers, strict=True)
                for row in rows
            ]
            return self._matches(lookups, hits)
        except CRMError as error:
            return [error] * len(lookups)

    def _questions(self, lookups: Sequence[Lookup]) -> Iterator[_Question]:
        phones = dict.fromkeys(lookup.phone for lookup in lookups if is_number(lookup.phone))
        wanted: dict[MatchedBy, list[str]] = {
            "key": [lookup.key for lookup in lookups if lookup.by_key],
            "email": [lookup.email for lookup in lookups if lookup.email],
            "phone": [text for phone in phones for text in spellings(phone, self.region)],
        }
        for by, values in wanted.items():
            for kind in PEOPLE:
                field = self._field(by, kind)
                # A converted lead is its contact now; by our key it leads there.
                only = "IsConverted = false AND " if kind == LEAD and by != "key" else ""
                for where in lists(field, values) if field else ():
                    yield _Question(by, kind, select(self.records.fields(kind), kind, only + where))

    def _field(self, by: MatchedBy, kind: str) -> str:
        """Return the field of a kind to look in, "" where this user cannot."""
        shape = self.records.shapes[kind]
        if not shape.can_be_seen:
            return ""
        if by == "key":
            return shape.key
        name = "Email" if by == "email" else "Phone"
        return "" if name in shape.hidden else NAMES_OF[kind][name]

    def _matches(self, lookups: Sequence[Lookup], hits: Sequence[_Hit]) -> list[tuple[Match, ...] | CRMError]:
        by_key = self._grouped(hits, "key", lambda hit: str(hit.row.get(self._field("key", hit.kind)) or ""))
        by_email = self._grouped(hits, "email", lambda hit: hit.record.values["Email"])
        by_phone = [hit for hit in hits if hit.by == "phone"]
        found: list[tuple[Match, ...] | CRMError] = []
        for lookup in lookups:
            of_key = by_key.get(lookup.key.lower(), []) if lookup.by_key else []
            of_email = by_email.get(lookup.email.lower(), []) if lookup.email else []
            best = _best(of_key) or _best(of_email) or _best([hit for hit in by_phone if self._is_same(lookup, hit)])
            found.append(tuple(Match(hit.record, hit.by) for hit in best))
        return self._followed(found, hits)

    def _grouped(self, hits: Sequence[_Hit], by: MatchedBy, value: Callable[[_Hit], str]) -> Mapping[str, list[_Hit]]:
        groups: dict[str, list[_Hit]] = {}
        for hit in hits:
            if hit.by == by:
                groups.setdefault(value(hit).lower(), []).append(hit)
        return groups

    def _is_same(self, lookup: Lookup, hit: _Hit) -> bool:
        # Families, offices and front desks share a phone: a record with another e-mail is another person.
        theirs = hit.record.values
        if lookup.email and theirs["Email"] and lookup.email.lower() != theirs["Email"]:
            return False
        return same_number(theirs["Phone"], lookup.phone, self.region)

    def _followed(
        self, found: list[tuple[Match, ...] | CRMError], hits: Sequence[_Hit]
    ) -> list[tuple[Match, ...] | CRMError]:
        """Put contacts in the place of converted leads, which our key may have found; raise CRMError."""
        gone = {hit.record.id for hit in hits if hit.kind == LEAD and converted_to(hit.row)}
        chosen = {match.record.id for matches in found if isinstance(matches, tuple) for match in matches}
        wanted = sorted(gone & chosen)
        heirs = dict(zip(wanted, self.records.read(wanted), strict=True)) if wanted else {}
        return [_with_heirs(matches, heirs) if isinstance(matches, tuple) else matches for matches in found]


def _best(hits: Sequence[_Hit]) -> list[_Hit]:
    """Return the contacts among hits, else the leads, each record once."""
    for kind in (CONTACT, LEAD):
        of_kind = {hit.record.id: hit for hit in hits if hit.kind == kind}
        if of_kind:
            return list(of_kind.values())
    return []


def _with_heirs(
    matches: tuple[Match, ...], heirs: Mapping[str, RemoteRecord | CRMError]
) -> tuple[Match, ...] | CRMError:
    moved: list[Match] = []
    for match in matches:
        heir = heirs.get(match.record.id, match.record)
        if isinstance(heir, CRMError):
            return heir
        moved.append(replace(match, record=heir))
    return tuple(moved)
