"""Notes: load, compose, find what an unanswered attempt may have left, add in a batch. Settling follows elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..crm.base import NoteWrite, RemoteNote
from ..errors import CannotConfirm, CRMError, InvalidRecord, RecordMissing, UnsupportedFeature
from ..host.records import ClientRecord, ConversationRecord
from ..models.change import CLIENT, CONVERSATION
from ..models.link import ACTIVE
from ..models.operation import FAILED, PENDING
from . import reasons
from .claim import Claimed
from .drain import CONTACT, NOTE, Drain, alone
from .links import LinkState, load_links, new_link, owners, save_links
from .merge import Base, Digester
from .notebody import note_body, note_subject
from .retry import Verdict, skipped, succeeded, waits
from .steps import Step, reach

BODY = "body"
CREATE_NEW = "create_new"
_VERSION = 1
_MISSING_RECORD_WAIT = timedelta(seconds=30)


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

    @property
    def maybe_sent(self) -> bool:
        """Tell whether an earlier attempt may have made the note without our hearing of it."""
        return not self.link.is_active and self.link.stored


def push_notes(drain: Drain, batch: Sequence[Claimed]) -> tuple[list[NoteItem], dict[int, Verdict]]:
    """Bring a batch of note operations to a verdict each.

    Returns the items that may have touched a link, and every operation's verdict by its id.
    """
    items, verdicts = _load(drain, batch)
    reach(Step.LOADED)
    _read_back(drain, [item for item in items if item.maybe_sent and item.operation.decision != CREATE_NEW])
    reach(Step.CRM_READ)
    _write(drain, items)
    for item in items:
        verdicts[item.operation.id] = item.verdict or _done(item)
    return items, verdicts


# Load and compose


def _load(drain: Drain, batch: Sequence[Claimed]) -> tuple[list[NoteItem], dict[int, Verdict]]:
    ids = [operation.subject_id for operation in batch]
    with drain.sync.database.read() as connection:
        conversations = drain.sync.host.load_conversations(connection, ids)
        links = load_links(connection, drain.connection_id, CONVERSATION, ids)
        contacts = load_links(connection, drain.connection_id, CLIENT, {operation.client_id for operation in batch})
    if not drain.connection["sync_contacts"]:
        _link_matches(drain, {operation.client_id for operation in batch}, contacts)
    items, verdicts = [], {}
    for operation in batch:
        conversation = conversations.get(operation.subject_id)
        link = links.get(operation.subject_id) or new_link(operation.subject_id)
        ready = _composed(drain, operation, conversation, link, contacts.get(operation.client_id))
        if isinstance(ready, Verdict):
            verdicts[operation.id] = ready
        else:
            items.append(ready)
    return items, verdicts


def _composed(
    drain: Drain, operation: Claimed, conversation: object, link: LinkState, contact: LinkState | None
) -> NoteItem | Verdict:
    if not drain.connection["sync_notes"]:
        return skipped(reasons.NOTES_OFF)
    if conversation is None:
        return skipped(reasons.CONVERSATION_DELETED)
    if not isinstance(conversation, ConversationRecord):
        return Verdict(FAILED, reasons.HOST_RECORD_UNREADABLE, str(conversation))
    if conversation.test:
        return skipped(reasons.TEST_CONVERSATION)
    if contact is not None and contact.is_tombstone:
        return skipped(reasons.RECORD_DELETED_IN_CRM)
    if contact is None or not contact.is_active or contact.remote_id is None:
        return waits(reasons.WAITING_FOR_CLIENT)
    body = note_body(conversation)
    if not body:
        return skipped(reasons.EMPTY_CONVERSATION)
    return _item(drain, operation, conversation, link, contact.remote_id, body)


def _item(
    drain: Drain, operation: Claimed, conversation: ConversationRecord, link: LinkState, record_id: str, body: str
) -> NoteItem | Verdict:
    note = NoteWrite(
        key=drain.sync.subject_key(conversation.account_id, CONVERSATION, conversation.id),
        record_id=record_id,
        subject=note_subject(conversation),
        body=body,
        at=_time_of(conversation, operation.created_at),
        note_id=link.remote_id if link.is_active else None,
    )
    digest = _digest(drain.digester(link.id), note)
    if link.is_active and link.base is not None and link.base.fields[BODY][0] == digest:
        return skipped(reasons.NOTHING_TO_CHANGE)
    return NoteItem(operation, link, note, digest, version=conversation.version, was_linked=link.is_active)


def _digest(digester: Digester, note: NoteWrite) -> str:
    return digester(BODY, f"{note.subject}\n{note.body}")


def _time_of(conversation: ConversationRecord, otherwise: datetime) -> datetime:
    return conversation.last_message_at or conversation.started_at or otherwise


def _link_matches(drain: Drain, client_ids: Iterable[str], contacts: dict[str, LinkState]) -> None:
    """Contacts off and notes on: notes go to clients that are linked, or that match a record which is there."""
    missing = [client_id for client_id in client_ids if client_id not in contacts]
    if not missing:
        return
    with drain.sync.database.read() as connection:
        clients = drain.sync.host.load_clients(connection, missing)
    known = [client for client in clients.values() if isinstance(client, ClientRecord) and not client.sensitive]
    found = _matches(drain, known)
    if not found:
        return
    with drain.sync.database.write() as connection:
        drain.lease.renew(connection, drain.sync.clock)
        taken = owners(connection, drain.connection_id, CONTACT, [link.remote_id or "" for link in found])
        free = [link for link in found if taken.setdefault(link.remote_id or "", link.subject_id) == link.subject_id]
        save_links(connection, drain.connection_id, CLIENT, CONTACT, free, drain.now())
    contacts.update({link.subject_id: link for link in free})


def _matches(drain: Drain, clients: Sequence[ClientRecord]) -> list[LinkState]:
    readable: list[ClientRecord] = []
    lookups = []
    for client in clients:
        try:
            key = drain.sync.subject_key(client.account_id, CLIENT, client.id)
            lookups.append(drain.adapter.lookup(key, drain.adapter.translate(client), by_key=True))
            readable.append(client)
        except InvalidRecord:
            continue  # its own contact operation, once contacts are on, tells what is wrong with it
    found = []
    for client, outcome in zip(readable, drain.adapter.find(lookups) if lookups else (), strict=True):
        if not isinstance(outcome, CRMError) and len(outcome) == 1:
            record = outcome[0].record
            link = new_link(client.id)
            link.state, link.remote_id, link.remote_url = ACTIVE, record.id, record.url
            found.append(link)
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
    reach(Step.CRM_WRITTEN)


def _propose(drain: Drain, items: Sequence[NoteItem]) -> None:
    for item in items:
        sent = [digest for digest in item.link.intents.get(BODY, []) if digest != item.digest]
        item.link.intents = {BODY: [*sent[-7:], item.digest]}
        item.touches_link = True
    with drain.sync.database.write() as connection:
        drain.lease.renew(connection, drain.sync.clock)
        save_links(connection, drain.connection_id, CONVERSATION, NOTE, [item.link for item in items], drain.now())
        reach(Step.PROPOSING)


def _judged(drain: Drain, item: NoteItem, error: CRMError, *, is_alone: bool) -> Verdict:
    if isinstance(error, RecordMissing) and item.note.note_id is None:
        # The contact is gone or was merged: its own operation finds out which, then the note goes on.
        item.contact_is_missing = True
        wait = _MISSING_RECORD_WAIT
        due = drain.now() + wait
        return Verdict(PENDING, reasons.WAITING_FOR_CLIENT, due_at=due, waited=wait.total_seconds())
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
