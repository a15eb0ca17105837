"""A batch that was worked on: one kind of work, its verdicts, and what settling it writes beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from ..models.change import CLIENT
from ..models.operation import ERASE, PUT_BACK
from .claim import Claimed
from .contact_items import ContactItem
from .contacts import push_contacts
from .drain import CONTACT, Drain
from .erasing import ErasureItem, push_erasures, settle_erasures
from .links import release_records, save_links
from .notes import NoteItem, push_notes, save_note_links
from .overwritten import forget_unwritten
from .putting_back import PutBackItem, push_put_backs, settle_put_backs
from .retry import Verdict


@dataclass
class Worked:
    """What a batch came to, by the kind of work that it was."""

    verdicts: dict[int, Verdict] = field(default_factory=dict)
    contacts: Sequence[ContactItem] = ()
    notes: Sequence[NoteItem] = ()
    erasures: Sequence[ErasureItem] = ()
    put_backs: Sequence[PutBackItem] = ()


def work_on_batch(drain: Drain, batch: Sequence[Claimed]) -> Worked:
    """Bring claimed operations of one kind of work to a verdict each."""
    if not batch:
        return Worked()
    if batch[0].is_note:
        notes, verdicts = push_notes(drain, batch)
        return Worked(verdicts, notes=notes)
    if batch[0].kind == ERASE:
        erasures, verdicts = push_erasures(drain, batch)
        return Worked(verdicts, erasures=erasures)
    if batch[0].kind == PUT_BACK:
        put_backs, verdicts = push_put_backs(drain, batch)
        return Worked(verdicts, put_backs=put_backs)
    contacts, verdicts = push_contacts(drain, batch)
    return Worked(verdicts, contacts=contacts)


def save_worked(drain: Drain, connection: sa.Connection, worked: Worked) -> None:
    """Write what the batch did to links, receipts and the like, in the transaction that settles it."""
    now = drain.now()
    contact_links = [item.link for item in worked.contacts if item.touches_link]
    taken_over = [item.link for item in worked.contacts if item.takes_over and item.link.is_active]
    release_records(connection, drain.connection_id, CONTACT, taken_over, now)
    save_links(connection, drain.connection_id, CLIENT, CONTACT, contact_links, now)
    save_note_links(connection, drain.connection_id, [item for item in worked.notes if item.touches_link], now)
    forget_unwritten(connection, worked.contacts)
    settle_erasures(drain, connection, worked.erasures)
    settle_put_backs(drain, connection, worked.put_backs)
