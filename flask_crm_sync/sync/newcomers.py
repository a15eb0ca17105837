"""Records of the CRM that no client here has: where the account asks for it, the host gets a client for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ..crm.base import RemoteRecord
from ..errors import CRMError, InvalidRecord, RecordMissing
from ..host.records import ClientRecord
from ..host.writing import HostMoved, HostRefused, HostWriter, longest, writable_fields, writable_flags
from ..models.change import CLIENT
from ..models.link import ACTIVE
from ..models.operation import APPLY_REMOTE, CREATE_LEAD, FAILED, LIVE, PENDING, UPDATE
from . import reasons
from .agreed import settled_base
from .claim import Claimed
from .drain import CONTACT, Drain, alone
from .erased import is_erased
from .handed_on import hand_on_keys
from .links import LinkState, forget_former, load_by_record, load_links, save_links
from .mapping.coming_home import refusals, sources_at_home
from .mapping.rows import read_mapping
from .operations import RECORD, new_operation, owe
from .operations import table as operations
from .outgoing import outgoing
from .plan import Left, Plan
from .retry import Verdict, skipped, succeeded, waits
from .search import clients_with_emails, clients_with_phone, matching_clients
from .two_way import two_way_of


def newcomer_operation(to: Mapping[Any, Any], record_id: str, now: Any) -> dict[str, Any]:
    """Return the row of an operation that looks at a record which stands for no client yet."""
    return new_operation(
        to,
        kind=APPLY_REMOTE,
        lane=UPDATE,
        subject_type=RECORD,
        subject_id=record_id,
        client_id="",
        due_at=now,
        now=now,
    )


def take_newcomers(drain: Drain, batch: Sequence[Claimed]) -> dict[int, Verdict]:
    """Bring operations about unlinked records to a verdict each: a client made, one known already, or why not."""
    if not batch:
        return {}
    verdicts, found = {}, []
    for operation, outcome in zip(batch, drain.adapter.read([one.subject_id for one in batch]), strict=True):
        if isinstance(outcome, RemoteRecord):
            found.append((operation, outcome))
        elif isinstance(outcome, RecordMissing):
            verdicts[operation.id] = skipped(reasons.RECORD_DELETED_IN_CRM)
        else:
            assert isinstance(outcome, CRMError)
            verdicts[operation.id] = drain.judged(operation, outcome, alone=alone(batch))
    here = _by_email(drain, found)
    for operation, record in found:
        with drain.sync.database.write() as database:
            drain.lease.renew(database, drain.sync.clock)
            why = _why_none(drain, database, operation, record, here)
            verdicts[operation.id] = why or _make(drain, database, operation, record)
    return verdicts


def _by_email(drain: Drain, found: Sequence[tuple[Claimed, RemoteRecord]]) -> Mapping[str, Sequence[str]]:
    """Return the clients who are here already by e-mail in small letters, in one question for the batch."""
    if not found or not drain.connection["create_clients"]:
        return {}
    emails = [_coming(drain, record).get("email", "") for _, record in found]
    with drain.sync.database.read() as database:
        return clients_with_emails(drain.sync.host, database, drain.connection["account_id"], emails)


def _why_none(
    drain: Drain,
    database: sa.Connection,
    operation: Claimed,
    record: RemoteRecord,
    here: Mapping[str, Sequence[str]],
) -> Verdict | None:
    """Return why no client is made of a record, None where one is to be made."""
    if not drain.connection["create_clients"] or not drain.connection["two_way"]:
        return skipped(reasons.ECHO)
    if load_by_record(database, drain.connection_id, CONTACT, [record.id]):
        return skipped(reasons.ECHO)
    values = _coming(drain, record)
    email, phone = values.get("email", ""), values.get("phone", "")
    if not email and not phone:
        return skipped(reasons.NO_CONTACT_DETAILS)
    told = {"email": email, "phone": phone}
    if drain.connection["has_erased"] and is_erased(drain.sync, database, operation.account_id, **told):
        return skipped(reasons.ERASED)
    known = here.get(email.strip().lower()) or _known(drain, database, operation.account_id, email, phone)
    if known:
        owe(database, [_lead(drain, client_id) for client_id in known])
        return skipped(reasons.CLIENT_KNOWN)
    if database.execute(_UNANSWERED, {"of": drain.connection_id}).first() is not None:
        due = drain.now() + timedelta(seconds=drain.rest)
        return waits(reasons.WAITING_FOR_READ_BACK, due, "It may be what a write of ours made that got no answer.")
    return None


_UNANSWERED = (
    sa.select(operations.c.id)
    .where(
        operations.c.connection_id == sa.bindparam("of"),
        operations.c.status == PENDING,
        operations.c.unknown,
        operations.c.kind == CREATE_LEAD,
    )
    .limit(1)
)


def _coming(drain: Drain, record: RemoteRecord) -> dict[str, str]:
    """Return the host's fields as the record has them: those that come home, and how the person is reached."""
    at_home = sources_at_home(drain.adapter.fields, read_mapping(drain.connection))
    rules = two_way_of(drain.connection)
    return {
        spec.source: record.values.get(spec.name, "")
        for spec in drain.adapter.fields
        if spec.source in ("email", "phone")
        or (spec.name in at_home and rules.rule(spec.name).direction in ("in", "both"))
    }


def _known(drain: Drain, database: sa.Connection, account_id: str, email: str, phone: str) -> Sequence[str]:
    """Return the clients with this e-mail, else with this phone: their own entry looks for the record and links it."""
    host, region = drain.sync.host, drain.sync.settings.phone_region
    same = matching_clients(host, database, account_id, email) if email else ()
    return [one for one in same if one != email.strip()] or [
        *clients_with_phone(host, database, account_id, phone, region)
    ]


def _lead(drain: Drain, client_id: str) -> dict[str, Any]:
    now, subject = drain.now(), {"subject_type": CLIENT, "subject_id": client_id, "client_id": client_id}
    return new_operation(drain.connection, kind=CREATE_LEAD, lane=LIVE, due_at=now, now=now, **subject)


def _make(drain: Drain, database: sa.Connection, operation: Claimed, record: RemoteRecord) -> Verdict:
    """Make the client and its link, both or neither; the host's own code may refuse it."""
    host, writable, values = drain.sync.host, writable_fields(drain.sync.host), _coming(drain, record)
    rooms = {name: longest(host, name) for name in values if name in writable}
    unfit = [name for name, room in rooms.items() if room is not None and len(values[name]) > room]
    held = {name: values[name] for name in rooms if name not in unfit}
    try:
        drain.adapter.translate(ClientRecord("", operation.account_id, **dict[str, Any](held)))
        writer = HostWriter(drain.sync.host, database, drain.connection_id)
        with database.begin_nested():
            made = writer.create(operation.account_id, held | _refusals(drain, record))
            ours = outgoing(drain, made, {})
    except InvalidRecord as error:
        return drain.judged(operation, error, alone=True)
    except (HostMoved, HostRefused) as refusal:
        return Verdict(FAILED, reasons.HOST_REFUSED, str(refusal))
    link = _link_of(drain, database, made.id)
    _link(drain, link, record, ours)
    link.host_version = made.version
    save_links(database, drain.connection_id, CLIENT, CONTACT, [link], drain.now())
    left = {spec.name: str(Left.UNFIT) for spec in drain.adapter.fields if spec.source in unfit}
    told: dict[str, Any] = {"created_client": made.id, **({"left": left} if left else {})}
    return succeeded(kind=APPLY_REMOTE, details=told, remote_id=record.id, remote_url=record.url)


def _link_of(drain: Drain, database: sa.Connection, client_id: str) -> LinkState:
    """Return a new client's link. The host may have given it a key that another had: that one's link begins anew."""
    now = drain.now()
    if drain.connection["has_erased"]:
        hand_on_keys(drain.sync, database, {client_id: (drain.connection["account_id"], now)})
    former = load_links(database, drain.connection_id, CLIENT, [client_id]).get(client_id)
    if former is None:
        return drain.new_link(CLIENT, client_id, now)
    forget_former(database, former.id, now)
    return load_links(database, drain.connection_id, CLIENT, [client_id])[client_id]


def _refusals(drain: Drain, record: RemoteRecord) -> dict[str, str]:
    """Return the consents that the record refuses, as far as the host can hold them: the client is made with them."""
    flags = writable_flags(drain.sync.host)
    refused = refusals(read_mapping(drain.connection), record.values)
    return {name: value for name, value in refused.items() if name in flags}


def _link(drain: Drain, link: LinkState, record: RemoteRecord, ours: Mapping[str, str]) -> None:
    version, digest = drain.adapter.translation_version, drain.digester(link.id)
    link.state, link.remote_id, link.remote_url = ACTIVE, record.id, record.url
    link.base = settled_base(None, Plan(agreed=list(ours)), ours, record.values, digest, version=version)
