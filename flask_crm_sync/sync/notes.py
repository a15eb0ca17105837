"""Notes: load, compose, find what an unanswered attempt may have left, add in a batch. Settling follows elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..crm.base import NoteWrite, RemoteNote
from ..errors import CannotConfirm, CRMError, InvalidRecord, OutcomeUnknown, RecordMissing, UnsupportedFeature
from ..host.records import ClientRecord, ConversationRecord
from ..models.change import CLIENT, CONVERSATION, QUALIFICATION
from ..models.link import ACTIVE
from ..models.operation import CREATE_NEW, FAILED, PENDING
from . import reasons
from .agreed import Base, Digester
from .attempts import OF_NOTE
from .claim import Claimed
from .drain import CONTACT, NOTE, Drain, alone
from .erased import barred_among
from .follow_up_notes import Finding, load_findings
from .links import LinkState, load_links, load_records, owners, save_links
from .notebody import note_body, note_subject
from .retry import Verdict, grown, skipped, succeeded, waits
from .steps import Step, reach
from .unheard import changing_hands, until_heard

BODY = "body"
_VERSION = 1
_MISSING_FIRST_WAIT, _MISSING_LONGEST_WAIT = 30.0, 3600.0


@dataclass(slots=True)
class NoteItem:
    """One conversation's note on its way to the CRM."""

    operation: Claimed
    link: LinkState
    note: NoteWrite
    digest: str
    done: RemoteNote | None = None
    verdict: Verdict | None = None
    touches_link: bool = False
    version: str = ""
    was_linked: bool = False
    created: bool = False
    contact_is_missing: bool = False
    in_place: bool = True
    """Whether the CRM rewrites notes where they stand; else a changed one gets a follow-up."""
    unanswered: dict[str, list[str]] = field(default_factory=dict)
    """The intents of earlier attempts, without this one's."""

    @property
    def maybe_sent(self) -> bool:
        """Tell whether an unanswered attempt may have made the note; what came before a decision is settled by it.

        A rewrite in place does no harm twice. Where the CRM knows none, a changed note is a new one like the first.
        """
        if self.note.note_id is not None and self.in_place:
            return False
        before = bool(self.link.intents) and self.operation.decision != CREATE_NEW
        return self.operation.unknown or (before and not (self.link.is_active and self.in_place))


def push_notes(drain: Drain, batch: Sequence[Claimed]) -> tuple[list[NoteItem], dict[int, Verdict]]:
    """Bring a batch of note operations to a verdict each.

    Returns the items that may have touched a link, and every operation's verdict by its id.
    """
    items, verdicts = _load(drain, batch)
    reach(Step.LOADED)
    _read_back(drain, [item for item in items if item.maybe_sent])
    reach(Step.CRM_READ)
    _write(drain, items)
    for item in items:
        verdicts[item.operation.id] = item.verdict or _done(item)
        if item.verdict is not None:
            item.verdict.seen = {"by": OF_NOTE, "record": item.note.record_id}
    return items, verdicts


# Load and compose


def _load(drain: Drain, batch: Sequence[Claimed]) -> tuple[list[NoteItem], dict[int, Verdict]]:
    ids = [operation.subject_id for operation in batch if operation.subject_type == CONVERSATION]
    found_ids = [operation.subject_id for operation in batch if operation.subject_type == QUALIFICATION]
    client_ids = {operation.client_id for operation in batch}
    with drain.sync.database.read() as connection:
        seen_at = drain.now()
        conversations: Mapping[str, Any] = drain.sync.host.load_conversations(connection, ids) if ids else {}
        findings = load_findings(connection, found_ids)
        clients: Mapping[str, Any] = drain.sync.host.load_clients(connection, client_ids)
        moving = changing_hands(connection, CONVERSATION, ids)
        moving_clients = changing_hands(connection, CLIENT, client_ids)
        barred = barred_among(drain.sync, connection, drain.connection, clients.values())
        links = load_links(connection, drain.connection_id, CONVERSATION, ids) if ids else {}
        if found_ids:
            links |= load_links(connection, drain.connection_id, QUALIFICATION, found_ids)
        contacts: dict[str, LinkState | CRMError] = {**load_records(connection, drain.connection_id, client_ids)}
    if not drain.connection["sync_contacts"]:
        _link_matches(drain, [one for id, one in clients.items() if _is_unmatched(contacts.get(id))], contacts, seen_at)
    items, verdicts = [], {}
    for operation in batch:
        about: Any = (findings if operation.subject_type == QUALIFICATION else conversations).get(operation.subject_id)
        client: Any = clients.get(operation.client_id)
        link = links.get(operation.subject_id) or drain.new_link(operation.subject_type, operation.subject_id, seen_at)
        ready = _unfit(drain, operation, about, client) or _composed(
            drain, operation, about, client, link, contacts.get(operation.client_id)
        )
        if barred.stops(operation.client_id, has_record=_has_record(contacts.get(operation.client_id))):
            verdicts[operation.id] = skipped(reasons.ERASED)
        elif isinstance(ready, Verdict):
            verdicts[operation.id] = ready
        elif operation.subject_id in moving or operation.client_id in moving_clients:
            verdicts[operation.id] = until_heard(drain)
        else:
            items.append(ready)
    return items, verdicts


def _has_record(contact: LinkState | CRMError | None) -> bool:
    return isinstance(contact, LinkState) and contact.is_active


def _unfit(drain: Drain, operation: Claimed, about: object, client: object) -> Verdict | None:
    """Return why the host's side makes a note impossible or unwanted, None where nothing does."""
    if not drain.connection["sync_notes"]:
        return skipped(reasons.NOTES_OFF)
    if about is None:
        is_finding = operation.subject_type == QUALIFICATION
        return skipped(reasons.SUPERSEDED if is_finding else reasons.CONVERSATION_DELETED)
    if client is None:
        return skipped(reasons.CLIENT_DELETED)
    for record, kinds in ((about, ConversationRecord | Finding), (client, ClientRecord)):
        if not isinstance(record, kinds):
            return Verdict(FAILED, reasons.HOST_RECORD_UNREADABLE, str(record))
    if isinstance(about, ConversationRecord) and about.test:
        return skipped(reasons.TEST_CONVERSATION)
    if isinstance(about, ConversationRecord | Finding) and not _is_still(operation, about):
        return skipped(reasons.SUPERSEDED)
    if isinstance(client, ClientRecord) and client.sensitive:
        return skipped(reasons.SENSITIVE_CLIENT)
    return None


def _is_still(operation: Claimed, about: ConversationRecord | Finding) -> bool:
    """Tell whether it is the same client's conversation: one that changed hands has an entry of its own for that."""
    return (about.account_id, about.client_id) == (operation.account_id, operation.client_id)


def _composed(
    drain: Drain,
    operation: Claimed,
    about: ConversationRecord | Finding,
    client: ClientRecord,
    link: LinkState,
    contact: LinkState | CRMError | None,
) -> NoteItem | Verdict:
    if isinstance(contact, CRMError):
        return drain.judged(operation, contact, alone=False)
    if contact is not None and contact.is_tombstone:
        return skipped(reasons.RECORD_DELETED_IN_CRM)
    if contact is None or not contact.is_active or contact.remote_id is None:
        reachable = client.email.strip() or client.phone.strip()
        return waits(reasons.WAITING_FOR_CLIENT) if reachable else skipped(reasons.NO_CONTACT_DETAILS)
    text = _text_of(about, operation.created_at)
    if not text.body:
        return skipped(reasons.EMPTY_CONVERSATION)
    return _item(drain, operation, link, contact.remote_id, text)


@dataclass(frozen=True, slots=True)
class _Text:
    """What a note says, the time that it is about, and the version of the conversation in the host."""

    subject: str
    body: str
    at: datetime
    version: str = ""


def _text_of(about: ConversationRecord | Finding, otherwise: datetime) -> _Text:
    if isinstance(about, Finding):
        return _Text(about.subject, about.body, about.at)
    at = about.last_message_at or about.started_at or otherwise
    return _Text(note_subject(about), note_body(about), at, about.version)


def _item(drain: Drain, operation: Claimed, link: LinkState, record_id: str, text: _Text) -> NoteItem | Verdict:
    rewrites = link.is_active and operation.decision != CREATE_NEW
    note = NoteWrite(
        key=link.key,
        record_id=record_id,
        subject=text.subject,
        body=text.body,
        at=text.at,
        note_id=link.remote_id if rewrites else None,
    )
    digest = _digest(drain.digester(link.id), note)
    if rewrites and link.base is not None and link.base.fields[BODY][0] == digest:
        return skipped(reasons.NOTHING_TO_CHANGE)
    in_place = "rewrite_notes" in drain.adapter.capabilities
    return NoteItem(operation, link, note, digest, version=text.version, was_linked=link.is_active, in_place=in_place)


def _digest(digester: Digester, note: NoteWrite) -> str:
    return digester(BODY, f"{note.subject}\n{note.body}")


def _link_matches(
    drain: Drain, clients: Sequence[Any], contacts: dict[str, LinkState | CRMError], seen_at: datetime
) -> None:
    """Contacts off and notes on: notes go to clients that are linked, or that match a record which is there."""
    known = [client for client in clients if isinstance(client, ClientRecord) and not client.sensitive]
    with drain.sync.database.read() as connection:
        links = load_links(connection, drain.connection_id, CLIENT, [client.id for client in known])
    links = {client.id: links.get(client.id) or drain.new_link(CLIENT, client.id, seen_at) for client in known}
    matches = _matches(drain, known, links)
    contacts.update({client_id: error for client_id, error in matches.items() if isinstance(error, CRMError)})
    found = [link for link in matches.values() if isinstance(link, LinkState)]
    if not found:
        return
    with drain.sync.database.write() as connection:
        drain.lease.renew(connection, drain.sync.clock)
        taken = owners(connection, drain.connection_id, CONTACT, [link.remote_id or "" for link in found])
        free = [link for link in found if taken.setdefault(link.remote_id or "", link.subject_id) == link.subject_id]
        save_links(connection, drain.connection_id, CLIENT, CONTACT, free, drain.now())
    contacts.update({link.subject_id: link for link in free})


def _is_unmatched(link: LinkState | CRMError | None) -> bool:
    """Tell whether no record stands for a client, nor did before it was deleted: a create that failed leaves none."""
    return link is None or (isinstance(link, LinkState) and not link.is_active and not link.is_tombstone)


def _matches(
    drain: Drain, clients: Sequence[ClientRecord], links: Mapping[str, LinkState]
) -> dict[str, LinkState | CRMError]:
    """Return by client the link to the one record that matches, or why the CRM could not be asked."""
    readable: list[ClientRecord] = []
    lookups = []
    for client in clients:
        try:
            lookups.append(drain.adapter.lookup(links[client.id].key, drain.adapter.translate(client), by_key=True))
            readable.append(client)
        except InvalidRecord:
            continue  # its own contact operation, once contacts are on, tells what is wrong with it
    found: dict[str, LinkState | CRMError] = {}
    for client, outcome in zip(readable, drain.adapter.find(lookups) if lookups else (), strict=True):
        if isinstance(outcome, CRMError):
            found[client.id] = outcome
        elif len(outcome) == 1:
            record, link = outcome[0].record, links[client.id]
            link.state, link.remote_id, link.remote_url = ACTIVE, record.id, record.url
            found[client.id] = link
    return found


# Read back


def _read_back(drain: Drain, items: Sequence[NoteItem]) -> None:
    if not items:
        return
    try:
        outcomes = drain.adapter.find_notes([item.note for item in items])
    except UnsupportedFeature:
        outcomes = [CannotConfirm() for _ in items]
    for item, outcome in zip(items, outcomes, strict=True):
        if isinstance(outcome, CRMError):
            item.verdict = _judged(drain, item, outcome, is_alone=alone(items))
        elif outcome is not None:
            _already_there(item, outcome)


def _already_there(item: NoteItem, found: RemoteNote) -> None:
    """The lost attempt did make the note: it is done if it says the same, else it is rewritten in place."""
    sent = item.link.intents.get(BODY, [])
    if sent == [item.digest]:
        item.done = found
    else:
        item.note = NoteWrite(
            item.note.key, item.note.record_id, item.note.subject, item.note.body, item.note.at, found.id
        )


# Write


def _write(drain: Drain, items: Sequence[NoteItem]) -> None:
    writing = [item for item in items if item.verdict is None and item.done is None]
    if not writing:
        return
    _propose(drain, writing)
    reach(Step.PROPOSED)
    for item, outcome in zip(writing, drain.adapter.add_notes([item.note for item in writing]), strict=True):
        if isinstance(outcome, RemoteNote):
            item.done, item.created = outcome, item.note.note_id is None
        else:
            item.verdict = _judged(drain, item, outcome, is_alone=alone(writing))
            if not isinstance(outcome, OutcomeUnknown):
                item.link.intents = item.unanswered  # surely not written
    reach(Step.CRM_WRITTEN)


def _propose(drain: Drain, items: Sequence[NoteItem]) -> None:
    for item in items:
        item.unanswered = item.link.intents
        sent = [digest for digest in item.unanswered.get(BODY, []) if digest != item.digest]
        item.link.intents = {BODY: [*sent[-7:], item.digest]}
        item.touches_link = True
    with drain.sync.database.write() as connection:
        drain.lease.renew(connection, drain.sync.clock)
        save_note_links(connection, drain.connection_id, items, drain.now())
        reach(Step.PROPOSING)
    for item in items:
        item.link.stored = True


def save_note_links(connection: sa.Connection, connection_id: UUID, items: Sequence[NoteItem], now: datetime) -> None:
    """Write the links of notes, those on conversations and those on what was found of them."""
    for subject_type in (CONVERSATION, QUALIFICATION):
        links = [item.link for item in items if item.operation.subject_type == subject_type]
        if links:
            save_links(connection, connection_id, subject_type, NOTE, links, now)


def _judged(drain: Drain, item: NoteItem, error: CRMError, *, is_alone: bool) -> Verdict:
    operation = item.operation
    patient = operation.retried_seconds < drain.sync.settings.retry_hours * 3600 and drain.connection["sync_contacts"]
    if isinstance(error, RecordMissing) and item.note.note_id is None and patient:
        # The contact is gone or was merged: its own operation finds out which, then the note goes on.
        item.contact_is_missing = True
        wait = grown(_MISSING_FIRST_WAIT, operation.attempts, _MISSING_LONGEST_WAIT)
        due = drain.now() + timedelta(seconds=wait)
        return Verdict(PENDING, reasons.WAITING_FOR_CLIENT, due_at=due, waited=wait)
    return drain.judged(item.operation, error, alone=is_alone)


# What came of it


def _done(item: NoteItem) -> Verdict:
    assert item.done is not None
    link = item.link
    link.state, link.remote_id, link.remote_url = ACTIVE, item.done.id, item.done.url
    link.base = Base(_VERSION, {BODY: (item.digest, item.digest)})
    link.intents, link.host_version, item.touches_link = {}, item.version, True
    told = {"written": [BODY], "created": True} if item.created else {"written": [BODY]}
    return succeeded(details=told, remote_id=item.done.id, remote_url=item.done.url)
