"""Connections as people and operators handle them: connect, test, pause, resume, disconnect.

What leaves this module is a `ConnectionView`, which holds no secret. Credentials are tested before they are stored.
Whatever is done on behalf of a user names the account; another account's connection is not there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..crm import registry
from ..crm.base import Identity
from ..errors import CRMError, CRMSyncError, PermissionMissing, ReconnectRequired, SecretUnreadable
from ..models import Connection, Link, Operation
from ..models.connection import CONNECTED, DISCONNECTED, NEEDS_ATTENTION
from ..models.operation import FAILED, PENDING
from .context import Sync
from .refusals import NotFound, OtherRemoteAccount
from .typed_credentials import checked_credentials

_log = logging.getLogger(__name__)
_table: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_links: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]
_operations: sa.Table = sa.inspect(Operation).local_table  # type: ignore[assignment]

_UNBLOCKED = {"blocked_until": None, "blocked_code": "", "blocked_message": "", "blocked_count": 0}
_SHOWN = [column for column in _table.c if column.name not in {"credentials", "traits", "fence", "lease_until"}]
_HAS_CREDENTIALS = (_table.c.credentials != "").label("has_credentials")


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What a connection does."""

    enabled: bool
    sync_contacts: bool
    sync_notes: bool
    interval_minutes: int


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """A connection without its secrets. Instants are aware, in UTC.

    `remote_label` is the CRM's name for the account we speak to; `findings` are sentences of the last good test.
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

    Raises CredentialsIncomplete (per field), OtherRemoteAccount, UnsupportedFeature, or what the CRM answered.
    """
    checked = checked_credentials(registry.adapter_class(crm), method, credentials)
    identity = sync.adapter(crm, checked, {}).test()
    try:
        _store(sync, account_id, crm, method, checked, identity, replace)
    except IntegrityError:  # somebody else connected the same CRM at this moment: theirs is the row to change
        _store(sync, account_id, crm, method, checked, identity, replace)
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


def pause(sync: Sync, account_id: str, crm: str) -> ConnectionView:
    """Let the work wait until `resume`; nothing is dropped."""
    return _changed(sync, account_id, crm, {"paused": True})


def resume(sync: Sync, account_id: str, crm: str) -> ConnectionView:
    """Go on with what waited while the connection was paused."""
    return _changed(sync, account_id, crm, {"paused": False})


def disconnect(sync: Sync, account_id: str, crm: str) -> ConnectionView:
    """Delete the credentials; links, log and what waits stay, for the day somebody connects again."""
    state = {"state": DISCONNECTED, "state_code": "", "state_message": "", "credentials": "", "paused": False}
    return _changed(sync, account_id, crm, state | _UNBLOCKED)


def _changed(sync: Sync, account_id: str, crm: str, values: Mapping[str, Any]) -> ConnectionView:
    found = find_connection(sync, account_id, crm)
    if not found.is_connected:
        raise NotFound(f"There is no connection to {crm} (any more).")
    _update(sync, found.id, values)
    return find_connection(sync, account_id, crm)


def _update(sync: Sync, connection_id: UUID, values: Mapping[str, Any]) -> None:
    with sync.database.write() as database:
        changed = {**values, "updated_at": sync.clock.now()}
        database.execute(_table.update().where(_table.c.id == connection_id).values(changed))


def _note_test(sync: Sync, tested: sa.Row[Any], values: Mapping[str, Any]) -> None:
    """A test says something about the credentials that it used, and nothing about others that came meanwhile."""
    same = sa.and_(_table.c.id == tested.id, _table.c.credentials == tested.credentials)
    with sync.database.write() as database:
        database.execute(_table.update().where(same).values({**values, "updated_at": sync.clock.now()}))


def _store(
    sync: Sync,
    account_id: str,
    crm: str,
    method: str,
    credentials: Mapping[str, str],
    identity: Identity,
    replace: bool,
) -> None:
    own = sa.and_(_table.c.account_id == account_id, _table.c.crm == crm)
    with sync.database.write() as database:
        known = database.execute(sa.select(_table).where(own).with_for_update()).first()
        row_id = known.id if known else uuid4()
        now = sync.clock.now()
        values = _good_test(identity, now) | {
            "auth_method": method,
            "credentials": sync.seal_credentials(row_id, credentials),
            "updated_at": now,
        }
        if known is None:
            database.execute(_table.insert().values(_first(row_id, account_id, crm, now) | values))
            return
        if known.remote_account_id not in ("", identity.remote_account_id):
            if not replace:
                raise OtherRemoteAccount(known.remote_label, identity.label)
            values["fence"] = known.fence + 1  # a drain that still speaks to the old account settles nothing
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
    """Links, candidates and choices name records of the old account; none of them means anything in the new one."""
    database.execute(_links.delete().where(_links.c.connection_id == connection_id))
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
    credentials = sync.open_credentials(row.id, row.credentials) if row.credentials else {}
    if not credentials:
        raise NotFound("The connection has no credentials: connect first.")
    return sync.adapter(row.crm, credentials, row.traits).test()


def _row(sync: Sync, connection_id: UUID) -> sa.Row[Any]:
    with sync.database.read() as database:
        found = database.execute(sa.select(_table, _HAS_CREDENTIALS).where(_table.c.id == connection_id))
        row: sa.Row[Any] | None = found.first()
    if row is None:
        raise NotFound("There is no such connection.")
    return row


def _view(row: Any) -> ConnectionView:
    own = {field.name: getattr(row, field.name) for field in fields(ConnectionView) if field.name in row._fields}
    settings = ConnectionSettings(row.enabled, row.sync_contacts, row.sync_notes, row.interval_minutes)
    return ConnectionView(**own, label=crm_label(row.crm), settings=settings)


def crm_label(crm: str) -> str:
    """Return a CRM's name for people; the plain name where its adapter is not installed (any more)."""
    adapter = registry.adapters().get(crm)
    return adapter.label if adapter else crm
