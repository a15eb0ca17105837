"""The reckoning: what the host's tables say must be in the CRM, against what is in the CRM's own store.

Clients and conversations are recognised by their tags, which no code of the sync knows of: see `deeds`.
"""

from __future__ import annotations

import html
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from example_host.crms import Shown
from example_host.models import Client, Conversation, Message
from flask_crm_sync.errors import CannotConfirm
from flask_crm_sync.models import Change, Link, Operation
from flask_crm_sync.models.link import ACTIVE
from flask_crm_sync.models.operation import ADD_NOTE, CREATE_LEAD, FAILED, PENDING, SKIPPED
from flask_crm_sync.sync import reasons
from tests.chaos.crms import Kind, tag_of

LOST, DOUBLED, WRONG = "lost", "doubled", "wrong"
INNOCENT = {
    reasons.SUPERSEDED,
    reasons.CLIENT_DELETED,
    reasons.CONVERSATION_DELETED,
    reasons.NO_CONTACT_DETAILS,
    reasons.NOTHING_TO_CHANGE,
}
"""Reasons for which the deeds of this host let an operation be skipped."""


@dataclass(frozen=True)
class Problem:
    """One difference between what must be and what is."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True)
class Truth:
    """One account as the host's tables have it."""

    clients: Sequence[Any]
    talks: Sequence[Any]
    last_words: Mapping[int, str]
    departed: frozenset[str]
    remote_ids: Mapping[str, str | None]
    """The contact that each client's link names, by the client's id."""
    doubtful: Collection[str] = ()
    """Conversations of whose notes nobody can tell whether they arrived."""


def truth_of(
    connection: sa.Connection, account: int, doubtful: Collection[str] = (), unsure: Collection[str] = ()
) -> Truth:
    """Read an account's clients and conversations, and our links; clients that are `unsure` may be there or not.

    Nor does anybody know of the conversation of a client whom another process deleted meanwhile: SQLite, which looks at
    no foreign key unless told to, keeps it.
    """
    clients, talks, messages = Client.__table__, Conversation.__table__, Message.__table__
    said = sa.select(messages.c.conversation_id, messages.c.text).order_by(messages.c.id)
    links = sa.select(Link.subject_id, Link.remote_id).where(Link.subject_type == "client", Link.state == ACTIVE)
    people = connection.execute(sa.select(clients).where(clients.c.account_id == account)).all()
    told = connection.execute(sa.select(talks).where(talks.c.account_id == account)).all()
    open_ones = {client.company for client in people if str(client.id) in unsure}
    sure = {client.id for client in people if str(client.id) not in unsure}
    open_ones |= {talk.subject for talk in told if talk.client_id not in sure}
    return Truth(
        [client for client in people if client.id in sure],
        [talk for talk in told if talk.client_id in sure],
        dict(connection.execute(said).all()),
        frozenset(connection.execute(sa.text("SELECT tag FROM departed")).scalars()) | open_ones,
        dict(connection.execute(links).all()),
        doubtful,
    )


def doubtful_notes(connection: sa.Connection) -> dict[int, str]:
    """Return the operations on notes that were set aside because nobody can tell, and their conversations."""
    set_aside = sa.and_(Operation.kind == ADD_NOTE, Operation.reason == CannotConfirm.code)
    rows = connection.execute(sa.select(Operation.id, Operation.subject_id).where(set_aside))
    return {row.id: row.subject_id for row in rows}


def unsure_clients(connection: sa.Connection) -> set[str]:
    """Return the clients whose create was set aside because nobody can tell."""
    set_aside = sa.and_(Operation.kind == CREATE_LEAD, Operation.reason == CannotConfirm.code)
    return set(connection.execute(sa.select(Operation.subject_id).where(set_aside)).scalars())


def operations_of(connection: sa.Connection, clients: Collection[str]) -> set[int]:
    """Return the operations of some clients."""
    return set(connection.execute(sa.select(Operation.id).where(Operation.client_id.in_(list(clients)))).scalars())


def compare(
    truth: Truth, contacts: Sequence[Mapping[str, Any]], notes: Sequence[Mapping[str, Any]], kind: Kind
) -> list[Problem]:
    """Return every difference between an account and its portal in a CRM."""
    by_tag, notes_by_tag = _by_tag(contacts), _by_tag(notes)
    owed = {client.company: client for client in truth.clients if client.email or client.phone}
    talks = {talk.subject: talk for talk in truth.talks}
    tags = {client.id: client.company for client in truth.clients}
    problems = [*_strangers(by_tag, owed, truth, "contact"), *_strangers(notes_by_tag, talks, truth, "note")]
    for tag, client in owed.items():
        problems += _judge_client(client, by_tag[tag], truth, kind.shown)
    for tag, talk in talks.items():
        whose = by_tag[tags[talk.client_id]]
        problems += _judge_note(talk, notes_by_tag[tag], whose, truth, kind)
    return problems


def changed_hands(tags: Mapping[str, set[str]]) -> list[Problem]:
    """Return the contacts that stood for one client first and for another later."""
    return [Problem(WRONG, f"contact {id} was {', '.join(had)}'s in turn") for id, had in tags.items() if len(had) > 1]


def unsettled(connection: sa.Connection, pardoned: Collection[int] = ()) -> list[Problem]:
    """Return what the sync's own tables show to be undone, failed, or skipped for a reason that nobody gave."""
    guilty = sa.or_(
        Operation.status.in_((PENDING, FAILED)),
        sa.and_(Operation.status == SKIPPED, Operation.reason.not_in(INNOCENT)),
    )
    query = sa.select(Operation.__table__).where(guilty, Operation.id.not_in(pardoned))
    problems = [
        Problem(WRONG, f"operation {row.id}: {row.kind} of {row.subject_id} {row.status}, {row.reason}: {row.message}")
        for row in connection.execute(query)
    ]
    changes = connection.execute(sa.select(sa.func.count()).select_from(Change)).scalar()
    return [*problems, *([Problem(WRONG, f"{changes} changes were never looked at")] if changes else [])]


def _judge_client(client: Any, found: Sequence[Mapping[str, Any]], truth: Truth, shown: Shown) -> list[Problem]:
    who = f"client {client.id} ({client.company})"
    if not found:
        return [Problem(LOST, f"{who} is not in the CRM")]
    if len(found) > 1:
        return [Problem(DOUBLED, f"{who} is there {len(found)} times")]
    problems = [] if truth.remote_ids.get(str(client.id)) == found[0]["id"] else [Problem(WRONG, f"{who}: wrong link")]
    return problems + [
        Problem(LOST, f"{who}: {name} is {theirs!r}, not {ours!r}")
        for name, ours, theirs in _details(client, shown.contact(found[0]).values, shown)
        if ours != theirs
    ]


def _details(client: Any, theirs: Mapping[str, str], shown: Shown) -> Iterable[tuple[str, str, str]]:
    for name, there in theirs.items():
        plain = _lower if name == "email" else _plain
        ours = plain(getattr(client, name))
        if ours or name not in shown.never_blank:
            yield name, ours, plain(there)


def _judge_note(
    talk: Any,
    found: Sequence[Mapping[str, Any]],
    contacts: Sequence[Mapping[str, Any]],
    truth: Truth,
    kind: Kind,
) -> list[Problem]:
    what = f"the note of conversation {talk.id} ({talk.subject})"
    in_order = sorted(found, key=lambda note: str(note["createdAt"]))
    bodies = [html.unescape(note["properties"][kind.shown.note_body]) for note in in_order]
    if len(bodies) > (1 if kind.notes_are_rewritten else len(set(bodies))):
        return [Problem(DOUBLED, f"{what} is there {len(found)} times")]
    if str(talk.id) in truth.doubtful:
        return []
    if not found:
        return [Problem(LOST, f"{what} is not in the CRM")]
    problems = []
    if any(note["contacts"] != [contact["id"] for contact in contacts] for note in found):
        problems.append(Problem(WRONG, f"{what} hangs on {found[0]['contacts']}"))
    words = talk.summary or truth.last_words[talk.id]
    is_told = words in bodies[-1] if kind.notes_are_rewritten else any(words in body for body in bodies)
    return problems if is_told else [*problems, Problem(LOST, f"{what} lacks {words!r}: {bodies!r}")]


def _strangers(
    found: Mapping[str, Sequence[Any]], expected: Mapping[str, Any], truth: Truth, what: str
) -> list[Problem]:
    """Of what was deleted in the host one copy may have stayed; nothing else may be there."""
    problems = []
    for tag, copies in found.items():
        if tag in truth.departed and len(copies) > 1:
            problems.append(Problem(DOUBLED, f"the {what} of {tag}, which was deleted, is there {len(copies)} times"))
        elif tag not in expected and tag not in truth.departed:
            problems.append(Problem(WRONG, f"the {what} of {tag} is there, which the host never had"))
    return problems


def _by_tag(rows: Iterable[Mapping[str, Any]]) -> defaultdict[str, list[Mapping[str, Any]]]:
    found: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if not row["archived"]:
            found[tag_of(row["properties"])].append(row)
    return found


def _plain(value: str | None) -> str:
    return " ".join(unicodedata.normalize("NFC", value or "").split())


def _lower(value: str | None) -> str:
    return _plain(value).lower()


def counted(problems: Iterable[Problem]) -> dict[str, int]:
    """Return how many there are of each kind."""
    counts = Counter(problem.kind for problem in problems)
    return {kind: counts[kind] for kind in (LOST, DOUBLED, WRONG)}
