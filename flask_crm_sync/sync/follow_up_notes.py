"""The note that follows a qualification: what was found, by whom, why. One for each outcome of a conversation, ever.

Its subject is the qualification together with the outcome, so that its link keeps it from being written twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..models import Link
from ..models.change import QUALIFICATION
from ..models.operation import ADD_NOTE, LIVE
from ..models.qualification import CONFIRMED, DOWNGRADED, PERSON, REVIEW, UNDECIDED, UPGRADED
from .follow_up_outcomes import ClientOutcome, outcome_of, outcomes_of, told_of
from .follow_ups import PROVISIONAL, read_follow_ups
from .operations import new_operation
from .qualified import Row, table

_links: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a note tells of a qualification, in the words of `note_of`."""

    account_id: str
    client_id: str
    subject: str
    body: str
    at: datetime


def note_of(found: ClientOutcome) -> tuple[str, str]:
    """Return subject and text of the note on an outcome: plain words, who found it and why. Pure."""
    subject = _SUBJECTS[found.outcome]
    by = _BY.get(found.decided_by, "by the rules")
    if found.outcome == PROVISIONAL and found.criterion:
        by = f"by the criterion “{found.criterion}”"
    reason = found.reason.strip()
    lines = [_SENTENCES[found.outcome].format(by=by) + (f", because: {reason}" if reason else ".")]
    if found.outcome == PROVISIONAL:
        lines.append("This is provisional until a review or a person has looked at the conversation.")
    return subject, "\n".join(lines)


_BY = {REVIEW: "by the review", PERSON: "by a person"}
_SUBJECTS: Mapping[str, str] = {
    PROVISIONAL: "Qualified lead (provisional)",
    CONFIRMED: "Qualified lead (confirmed)",
    UPGRADED: "Qualified lead",
    DOWNGRADED: "No longer a qualified lead",
    UNDECIDED: "Qualification undecided",
}
_SENTENCES: Mapping[str, str] = {
    PROVISIONAL: "Qualified {by}",
    CONFIRMED: "Qualified; confirmed {by}",
    UPGRADED: "Qualified after all {by}",
    DOWNGRADED: "Found {by} to qualify no longer",
    UNDECIDED: "The review could not decide whether this lead qualifies",
}


def notes_that_follow(
    connection: sa.Connection, to: Row, client_ids: Collection[str], now: datetime
) -> list[dict[str, Any]]:
    """Return the notes owed for what these clients came to, but for those that are in the CRM already."""
    chosen = read_follow_ups(to)
    if not chosen.writes_notes or not to["sync_notes"] or not client_ids:
        return []
    found = outcomes_of(connection, to, client_ids)
    wanted = {_subject(one): client_id for client_id, one in found.items() if chosen.of(one.outcome).note}
    asked = {"of": to["id"], "ids": list(wanted)}
    there = set(connection.execute(_THERE, asked).scalars()) if wanted else set()
    return [_owed(to, subject, client_id, now) for subject, client_id in wanted.items() if subject not in there]


def _owed(to: Row, subject_id: str, client_id: str, now: datetime) -> dict[str, Any]:
    subject = {"subject_type": QUALIFICATION, "subject_id": subject_id, "client_id": client_id}
    return new_operation(to, kind=ADD_NOTE, lane=LIVE, due_at=now, now=now, **subject)


def _subject(found: ClientOutcome) -> str:
    return f"{found.qualification_id.hex}:{found.outcome}"


_THERE = sa.select(_links.c.subject_id).where(
    _links.c.connection_id == sa.bindparam("of"),
    _links.c.subject_type == QUALIFICATION,
    _links.c.subject_id.in_(sa.bindparam("ids", expanding=True)),
    _links.c.remote_id.is_not(None),
)


def load_findings(connection: sa.Connection, subject_ids: Iterable[str]) -> dict[str, Finding]:
    """Return what notes have to tell, by their subject; an outcome that is another one by now is left out."""
    wanted = {subject_id: subject_id.partition(":") for subject_id in subject_ids}
    if not wanted:
        return {}
    rows = connection.execute(_BY_ID, {"ids": [UUID(hex=part[0]) for part in wanted.values()]})
    by_id = {row.id.hex: row for row in rows}
    found = {subject_id: (by_id.get(part[0]), part[2]) for subject_id, part in wanted.items()}
    return {id: _finding(row) for id, (row, outcome) in found.items() if row is not None and outcome_of(row) == outcome}


_BY_ID = sa.select(table).where(table.c.id.in_(sa.bindparam("ids", expanding=True)))


def _finding(row: sa.Row[Any]) -> Finding:
    subject, body = note_of(told_of(row))
    return Finding(row.account_id, row.client_id, subject, body, row.updated_at)
