"""The first step of a push: load what each operation is about, and say it in the CRM's words."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from ..crm.base import Values
from ..errors import InvalidRecord
from ..host.records import ClientRecord
from ..models.change import CLIENT
from ..models.link import ACTIVE
from ..models.operation import APPLY_REMOTE, CREATE_NEW, FAILED
from . import reasons
from .claim import Claimed
from .conflicts import load_standing
from .contact_items import ContactItem
from .drain import Drain
from .erased import barred_among
from .follow_up_outcomes import outcome_by_client, outcomes_of
from .follow_ups import read_follow_ups
from .links import LinkState, load_links
from .outgoing import outgoing
from .retry import Verdict, skipped
from .unheard import changing_hands, until_heard


def load_contacts(drain: Drain, batch: Sequence[Claimed]) -> tuple[list[ContactItem], dict[int, Verdict]]:
    """Load a batch's clients, links and conflicts, and translate each client; some operations end here.

    Returns the items that go on, and the verdicts of the others by operation.
    """
    ids = [operation.subject_id for operation in batch]
    with drain.sync.database.read() as connection:
        seen_at = drain.now()
        clients = drain.sync.host.load_clients(connection, ids)
        moving = changing_hands(connection, CLIENT, ids)
        links = load_links(connection, drain.connection_id, CLIENT, ids)
        standing = load_standing(connection, drain.connection_id, ids) if drain.connection["two_way"] else {}
        follows = _follows(drain, connection, ids)
        barred = barred_among(drain.sync, connection, drain.connection, clients.values())
    items, verdicts = [], {}
    for operation in batch:
        client = clients.get(operation.subject_id)
        link = links.get(operation.subject_id) or drain.new_link(CLIENT, operation.subject_id, seen_at)
        ready = _translated(drain, operation, client, link, follows.get(operation.subject_id, {}))
        if barred.stops(operation.subject_id, has_record=link.is_active):
            verdicts[operation.id] = skipped(reasons.ERASED)
        elif isinstance(ready, Verdict):
            verdicts[operation.id] = ready
        elif operation.subject_id in moving:
            verdicts[operation.id] = until_heard(drain)
        else:
            ready.standing = standing.get(operation.subject_id, {})
            items.append(ready)
    return items, verdicts


def _follows(drain: Drain, connection: sa.Connection, client_ids: Sequence[str]) -> dict[str, Values]:
    """Return what the clients' qualification writes in the CRM; asks nothing where nothing follows from it."""
    chosen = read_follow_ups(drain.connection)
    if not chosen.fields:
        return {}
    outcomes = outcomes_of(connection, drain.connection, client_ids)
    return {client_id: chosen.values(outcome_by_client(outcomes, client_id)) for client_id in client_ids}


def _translated(
    drain: Drain, operation: Claimed, client: object, link: LinkState, follows: Values
) -> ContactItem | Verdict:
    if not drain.connection["sync_contacts"]:
        return skipped(reasons.CONTACTS_OFF)
    if client is None:
        return skipped(reasons.CLIENT_DELETED)
    if not isinstance(client, ClientRecord):
        return Verdict(FAILED, reasons.HOST_RECORD_UNREADABLE, str(client))
    if client.account_id != operation.account_id:  # it moved, or its key in the host is another account's client now
        return skipped(reasons.CLIENT_DELETED)
    if client.sensitive:
        return skipped(reasons.SENSITIVE_CLIENT)
    if operation.kind == APPLY_REMOTE and not _has_record(link):
        return skipped(reasons.ECHO)
    if link.is_tombstone and operation.decision != CREATE_NEW:
        return skipped(reasons.RECORD_DELETED_IN_CRM)
    if not link.is_active and not (client.email.strip() or client.phone.strip()):
        return skipped(reasons.NO_CONTACT_DETAILS)
    try:
        ours = outgoing(drain, client, follows)
    except InvalidRecord as error:
        return drain.judged(operation, error, alone=True)
    return ContactItem(operation, client, link, ours, drain.digester(link.id), follows=follows)


def _has_record(link: LinkState) -> bool:
    """Tell whether there is a record to look at; one that was deleted in the CRM may have been restored there."""
    if link.is_tombstone and link.remote_id:
        link.state = ACTIVE
    return link.is_active
