"""Connections as people and operators handle them: connect, test, pause, resume, disconnect.

What leaves this module is a `ConnectionView`, which holds no secret. Credentials are tested before they are stored.
Whatever is done on behalf of a user names the account; another account's connection is not there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..credentials.flows import way_to_connect
from ..credentials.oauth import Granted, granted_to_a_client
from ..credentials.refusals import SignInEnded
from ..credentials.typed import checked_credentials
from ..crm import registry
from ..crm.base import Identity
from ..errors import CredentialsRefused, CRMError, CRMSyncError, PermissionMissing, ReconnectRequired, SecretUnreadable
from ..models import Connection, Link, Operation, Overwritten, Schema
from ..models.connection import CONNECTED, DISCONNECTED, NEEDS_ATTENTION
from ..models.criterion import DEFAULT_SET
from ..models.operation import FAILED, PENDING
from .audit import CONNECT, DISCONNECT, PAUSE, RESUME, record
from .conflicts import forget_conflicts
from .context import Sync
from .erasure import leave_to_a_hand
from .inbound import forget_webhook
from .refusals import NotFound, OtherRemoteAccount
from .trouble import tell_of_attention
from .warm import open_adapter

_log = logging.getLogger(__name__)
_table: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_links: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]
_operations: sa.Table = sa.inspect(Operation).local_table  # type: ignore[assignment]
_overwritten: sa.Table = sa.inspect(Overwritten).local_table  # type: ignore[assignment]
_schemas: sa.Table = sa.inspect(Schema).local_table  # type: ignore[assignment]

_UNBLOCKED = {"blocked_until": None, "blocked_code": "", "blocked_message": "", "blocked_count": 0}
_HIDDEN = {"credentials", "traits", "fence", "lease_until", "sign_in", "renewals", "renewing_until"}
_SHOWN = [column for column in _table.c if column.name not in _HIDDEN]
_HAS_CREDENTIALS = (_table.c.credentials != "").label("has_credentials")


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What a connection does."""

    enabled: bool
    sync_contacts: bool
    sync_notes: bool
    interval_minutes: int
    qualified_only: bool = False
    criteria_set: str = DEFAULT_SET


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """A connection without its secrets. Instants are aware, in UTC.

    `remote_label` is the CRM's name for the account we speak to, `remote_user` that of whom we do it as, "" where it
    tells none; `findings` are sentences of the last good test.
    `mapping` is the stored form of its field mapping and filter, None where nobody has changed either.
    """

    id: UUID
    account_id: str
    crm: str
    label: str
    state: str
    state_code: str
    state_message: str
    auth_method: str
    has_credentials: bool
    remote_account_id: str
    remote_label: str
    settings: ConnectionSettings
    paused: bool
    blocked_until: datetime | None
    blocked_code: str
    blocked_message: str
    next_interval_at: datetime | None
    tested_at: datetime | None
    last_success_at: datetime | None
    mapping: Mapping[str, Any] | None = field(default=None, hash=False)
    remote_user: str = ""

    @property
    def findings(self) -> tuple[str, ...]:
        """Return what the last good test found worth saying."""
        return tuple(self.state_message.splitlines()) if self.state == CONNECTED else ()

    @property
    def is_connected(self) -> bool:
        """Tell whether there are credentials to work with, in order or not."""
        return self.state != DISCONNECTED


def connections(sync: Sync, account_id: str | None = None, crm: str | None = None) -> list[ConnectionView]:
    """Return the connections of an account (of all, for operators), of one CRM or of each."""
    query = sa.select(*_SHOWN, _HAS_CREDENTIALS).order_by(_table.c.account_id, _table.c.crm)
    if account_id is not None:
        query = query.where(_table.c.account_id == account_id)
    if crm is not None:
        query = query.where(_table.c.crm == crm)
    with sync.database.read() as database:
        return [_view(row) for row in database.execute(query)]


def find_connection(sync: Sync, account_id: str, crm: str) -> ConnectionView:
    """Return an account's connection to a CRM; raise NotFound where there is none."""
    for found in connections(sync, account_id, crm):
        return found
    raise NotFound(f"There is no connection to {crm}.")


def find_connected(sync: Sync, account_id: str, crm: str) -> ConnectionView:
    """Return an account's connection to a CRM; raise NotFound where there is none, or none any more."""
    known = find_connection(sync, account_id, crm)
    if not known.is_connected:
        raise NotFound(f"There is no connection to {crm} (any more).")
    return known


def connect_account(
    sync: Sync,
    account_id: str,
    crm: str,
    method: str,
    credentials: Mapping[str, str],
    *,
    by: str = "",
    replace: bool = False,
) -> ConnectionView:
    """Test credentials with the CRM, then store them; work that waited goes on.

    Connecting again keeps the settings, the links and the log. Credentials of another account in the CRM are refused,
    since every link would point into the wrong one; `replace` moves there: the links are forgotten, clients are
    matched afresh, and nothing is deleted in either account.

    For a client of the person's own a first token is asked for. Raises CredentialsIncomplete (per field),
    OtherRemoteAccount, UnsupportedFeature, or what the CRM answered.
    """
    adapter = registry.adapter_class(crm)
    checked = checked_credentials(adapter, method, credentials, sync.settings)
    if way_to_connect(adapter, method, sync.settings).grant:
        checked = granted_to_a_client(sync, adapter, method, checked)
    return store_credentials(sync, account_id, Granted(crm, method, checked), by=by, replace=replace)


def store_credentials(
    sync: Sync, account_id: str, granted: Granted, *, by: str = "", replace: bool = False
) -> ConnectionView:
    """Test credentials that are complete with the CRM, then store them; raise as `connect_account` does."""
    crm = granted.crm
    adapter = sync.adapter(crm, granted.credentials, {})
    with closing(adapter.http):
        identity = adapter.test()
    try:
        _store(sync, account_id, granted, identity, replace, by)
    except IntegrityError:  # somebody else connected the same CRM at this moment: theirs is the row to change
        _store(sync, account_id, granted, identity, replace, by)
    _log.info("account %s connected %s (%s), by user %s", account_id, crm, identity.remote_account_id, by or "unknown")
    return find_connection(sync, account_id, crm)


def test_connection(sync: Sync, connection_id: UUID) -> ConnectionView:
    """Ask the CRM with the stored credentials; what comes out is the connection's state.

    Raises what the CRM answered, after noting it: a refusal needs attention, trouble that passes leaves the state.
    On behalf of a user, take the id from `find_connection`, which knows the account.
    """
    row = _row(sync, connection_id)
    try:
        identity = _tested(sync, row)
    except (CRMError, SecretUnreadable) as error:
        _note_test(sync, row, _failed_test(error, sync.clock.now()))
        raise
    _note_test(sync, row, _good_test(identity, sync.clock.now()))
    return _view(_row(sync, connection_id))


test_connection.__test__ = False  # type: ignore[attr-defined]  # its name means the CRM's test, not pytest's


def pause(sync: Sync, account_id: str, crm: str, *, by: str = "") -> ConnectionView:
    """Let the work wait until `resume`; nothing is dropped."""
    return _changed(sync, account_id, crm, {"paused": True}, PAUSE, by)


def resume(sync: Sync, account_id: str, crm: str, *, by: str = "") -> ConnectionView:
    """Go on with what waited while the connection was paused."""
    return _changed(sync, account_id, crm, {"paused": False}, RESUME, by)


def disconnect(sync: Sync, account_id: str, crm: str, *, by: str = "") -> ConnectionView:
    """Withdraw what the CRM granted, where it offers that, and delete the credentials, whatever comes of it.

    Links, log and what waits stay, for the day somebody connects again. Where the CRM's grant still stands,
    `state_message` says why. Who signs in anew while the CRM is being told stays connected.
    """
    row = _row(sync, find_connection(sync, account_id, crm).id)
    stands = _revoke(sync, row) if row.credentials else ""
    state = {"state": DISCONNECTED, "state_code": "", "state_message": stands, "paused": False}
    ended = {"credentials": "", "remote_user": "", "sign_in": _table.c.sign_in + 1, "renewing_until": 0.0}
    return _changed(sync, account_id, crm, state | ended | _UNBLOCKED, DISCONNECT, by, sign_in=row.sign_in)


def _revoke(sync: Sync, row: sa.Row[Any]) -> str:
    """Withdraw what was granted at the CRM; return why it still stands there, "" where it does not."""
    try:
        if not way_to_connect(registry.adapter_class(row.crm), row.auth_method, sync.settings).grant:
            return ""
        if _others_speak_with(sync, row):
            return "Another account here uses the same account in the CRM, so the app stays installed there."
        adapter = open_adapter(sync, row._mapping)
        with closing(adapter.http):
            now = _row(sync, row.id)  # the adapter may have renewed its token
            if now.sign_in == row.sign_in:
                adapter.revoke(sync.open_credentials(row.id, now.credentials))
    except (SignInEnded, CredentialsRefused):
        return ""  # it stands no longer
    except CRMSyncError as error:
        _log.warning("What %s granted account %s was not withdrawn: %s", row.crm, row.account_id, error.code)
        return f"The CRM could not be told: {error} Remove the app there by hand."
    return ""


def _others_speak_with(sync: Sync, row: sa.Row[Any]) -> bool:
    """Tell whether leaving would take the app away from another account's connection as well."""
    same = sa.and_(_table.c.crm == row.crm, _table.c.remote_account_id == row.remote_account_id)
    others = sa.select(_table.c.id).where(same, _table.c.id != row.id, _table.c.credentials != "")
    with sync.database.read() as database:
        return database.execute(others.where(_table.c.auth_method == row.auth_method)).first() is not None


def _changed(
    sync: Sync,
    account_id: str,
    crm: str,
    values: Mapping[str, Any],
    action: str,
    by: str,
    *,
    sign_in: int | None = None,
) -> ConnectionView:
    """Change a connection and record who did; with `sign_in`, only while it is still that one."""
    found = find_connected(sync, account_id, crm)
    now = sync.clock.now()
    with sync.database.write() as database:
        own = _table.c.id == found.id if sign_in is None else _same_sign_in(found.id, sign_in)
        changed = database.execute(_table.update().where(own).values({**values, "updated_at": now}))
        if not changed.rowcount:
            return find_connection(sync, account_id, crm)
        before = {"account": found.remote_label} if action == DISCONNECT else None
        if action == DISCONNECT:
            forget_webhook(database, found.id)
        record(database, account_id, action, now=now, by=by, subject_id=found.id, crm=crm, before=before)
    return find_connection(sync, account_id, crm)


def _same_sign_in(connection_id: UUID, sign_in: int) -> sa.ColumnElement[bool]:
    return sa.and_(_table.c.id == connection_id, _table.c.sign_in == sign_in)


def _note_test(sync: Sync, tested: sa.Row[Any], values: Mapping[str, Any]) -> None:
    """A test says something about the credentials that it used, and nothing about others that came meanwhile."""
    same, now = _same_sign_in(tested.id, tested.sign_in), sync.clock.now()
    with sync.database.write() as database:
        noted = database.execute(_table.update().where(same).values({**values, "updated_at": now})).rowcount
        if noted and values.get("state") == NEEDS_ATTENTION:
            tell_of_attention(database, tested._mapping, values["state_code"], now)


def _store(sync: Sync, account_id: str, granted: Granted, identity: Identity, replace: bool, by: str) -> None:
    crm = granted.crm
    own = sa.and_(_table.c.account_id == account_id, _table.c.crm == crm)
    with sync.database.write() as database:
        known = database.execute(sa.select(_table).where(own).with_for_update()).first()
        row_id = known.id if known else uuid4()
        now = sync.clock.now()
        values = _good_test(identity, now) | {
            "auth_method": granted.method,
            "credentials": sync.seal_credentials(row_id, granted.credentials),
            "sign_in": known.sign_in + 1 if known else 1,
            "renewals": 0,
            "renewing_until": 0.0,
            "updated_at": now,
        }
        was = {"account": known.remote_label, "method": known.auth_method} if known else None
        told = {"account": identity.label, "method": granted.method}
        record(database, account_id, CONNECT, now=now, by=by, subject_id=row_id, crm=crm, before=was, after=told)
        if known is None:
            database.execute(_table.insert().values(_first(row_id, account_id, crm, now) | values))
            return
        if known.remote_account_id not in ("", identity.remote_account_id):
            if not replace:
                raise OtherRemoteAccount(known.remote_label, identity.label)
            values |= {"poll_cursor": None, "polled_at": None, "pull_code": ""}  # its list of changes is another one
            values["fence"] = known.fence + 1  # a drain that still speaks to the old account settles nothing
            leave_to_a_hand(database, known, now)
            _forget_remote_account(database, row_id)
        database.execute(_table.update().where(_table.c.id == row_id).values(values))


def _first(row_id: UUID, account_id: str, crm: str, now: datetime) -> dict[str, Any]:
    interval = timedelta(minutes=_table.c.interval_minutes.default.arg)  # type: ignore[union-attr]
    return {
        "id": row_id,
        "account_id": account_id,
        "crm": crm,
        "next_interval_at": now + interval,
        "created_at": now,
    }


def _forget_remote_account(database: sa.Connection, connection_id: UUID) -> None:
    """Links, candidates, choices and former values are of the old account; none of them means anything in the new one.

    Neither is its webhook believed any more, nor does anybody wait for a decision about values there.
    """
    forget_webhook(database, connection_id)
    forget_conflicts(database, connection_id)
    database.execute(_schemas.delete().where(_schemas.c.connection_id == connection_id))
    database.execute(_links.delete().where(_links.c.connection_id == connection_id))
    database.execute(_overwritten.delete().where(_overwritten.c.connection_id == connection_id))
    theirs = _operations.update().where(_operations.c.connection_id == connection_id)
    database.execute(theirs.where(_operations.c.status == FAILED).values(details=sa.null(), unknown=False))
    waiting = theirs.where(_operations.c.status == PENDING)
    database.execute(waiting.values(details=sa.null(), unknown=False, decision=None))


def _good_test(identity: Identity, now: datetime) -> dict[str, Any]:
    return _UNBLOCKED | {
        "state": CONNECTED,
        "state_code": "",
        "state_message": "\n".join(identity.findings),
        "remote_account_id": identity.remote_account_id,
        "remote_label": identity.label[:255],
        "remote_user": identity.user[:255],
        "traits": dict(identity.traits),
        "tested_at": now,
    }


def _failed_test(error: CRMSyncError, now: datetime) -> dict[str, Any]:
    if not isinstance(error, ReconnectRequired | SecretUnreadable):
        return {"tested_at": now}
    return {
        "state": NEEDS_ATTENTION,
        "state_code": error.code,
        "state_message": own_words(error),
        "tested_at": now,
    }


def own_words(error: CRMSyncError) -> str:
    """Return what is worth showing beside an error's own sentence: the CRM's words, the permissions it asked for."""
    words = error.crm_message if isinstance(error, CRMError) else ""
    if isinstance(error, PermissionMissing) and error.permissions:
        words = f"{words} ({', '.join(error.permissions)})".strip()
    return words


def _tested(sync: Sync, row: sa.Row[Any]) -> Identity:
    if not row.credentials:
        raise NotFound("The connection has no credentials: connect first.")
    adapter = open_adapter(sync, row._mapping)
    with closing(adapter.http):
        return adapter.test()


def _row(sync: Sync, connection_id: UUID) -> sa.Row[Any]:
    with sync.database.read() as database:
        found = database.execute(sa.select(_table, _HAS_CREDENTIALS).where(_table.c.id == connection_id))
        row: sa.Row[Any] | None = found.first()
    if row is None:
        raise NotFound("There is no such connection.")
    return row


def _view(row: Any) -> ConnectionView:
    own = {one.name: getattr(row, one.name) for one in fields(ConnectionView) if one.name in row._fields}
    settings = ConnectionSettings(*(getattr(row, one.name) for one in fields(ConnectionSettings)))
    return ConnectionView(**own, label=crm_label(row.crm), settings=settings)


def crm_label(crm: str) -> str:
    """Return a CRM's name for people; the plain name where its adapter is not installed (any more)."""
    adapter = registry.adapters().get(crm)
    return adapter.label if adapter else crm
