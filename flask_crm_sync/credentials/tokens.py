"""Tokens that stay fresh: one renewal at a time for each connection, over all workers and machines.

Whoever finds a token at its end takes a lease in the connection's row and asks the CRM, with no transaction open; the
others wait and use what came of it. New tokens are committed before anybody uses them. A process that dies between the
CRM's answer and the commit loses the answer: where the CRM replaces refresh tokens at each use, a person must sign in
again, and is told why.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..crm.base import Adapter
from ..crm.registry import adapter_class
from ..errors import CRMError, OutcomeUnknown, ReconnectRequired, ServerFault, TransientCRMError, Unreachable
from ..models import Connection, database_now
from .flows import flow_of
from .ground import Ground, seal, unseal
from .refusals import SignInEnded, SignInLost
from .token_answer import kept
from .token_endpoint import TokenEndpoint

_log = logging.getLogger(__name__)
_table: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_COLUMNS = ("id", "crm", "auth_method", "credentials", "sign_in", "renewals", "renewing_until")
_ROW = sa.select(*(_table.c[name] for name in _COLUMNS)).where(_table.c.id == sa.bindparam("wanted"))

_SPARE = 15.0
"""Seconds that a lease lasts beyond the longest call."""
_PAUSE = 0.1
_STILL_GOOD = 30.0
"""A token that lasts so long yet is used when its renewal, ahead of time, meets trouble that passes."""


class SignInReplaced(Unreachable):
    """Somebody connected anew in this moment: what was begun with the former credentials ends, and starts afresh."""

    code = "sign_in_replaced"
    says = "The CRM was connected anew in this moment."
    advice = "Nothing to do: work goes on with the new connection."


def fresh(
    ground: Ground, connection_id: UUID, refused: str | None = None, *, sign_in: int | None = None
) -> dict[str, str]:
    """Return a connection's credentials with a token that is good now, renewing it where needed.

    `refused` is an access token that the CRM took no longer. `sign_in` is the one that the caller works with: another
    one may lead to another account in the CRM. Raises SignInReplaced, SignInEnded (a person must sign in again),
    another ReconnectRequired, or a TransientCRMError.
    """
    clock = ground.clock
    patience = clock.monotonic() + _lease_seconds(ground) + _SPARE
    while True:
        held = _held(ground, connection_id, sign_in)
        if held.is_good(ground, refused):
            return held.credentials
        until = _take(ground, held)
        if until is not None:
            renewed = _renewed(ground, held, until, refused)
            if renewed is not None:
                return renewed
        elif clock.monotonic() > patience:
            raise Unreachable("Another worker has been renewing the sign-in for too long.")
        else:
            clock.sleep(_PAUSE)


@dataclass(frozen=True, slots=True)
class _Held:
    """A connection's credentials as they were read, and the way to newer ones (None where they have no end)."""

    row: sa.Row[Any]
    adapter: type[Adapter]
    credentials: dict[str, str]
    endpoint: TokenEndpoint | None

    def is_good(self, ground: Ground, refused: str | None) -> bool:
        """Tell whether the credentials can be used as they are."""
        if self.endpoint is None:
            return True
        token = self.credentials.get("access_token", "")
        return bool(token) and token != refused and self.lasts(ground, self.endpoint.flow.ahead_seconds)

    def lasts(self, ground: Ground, seconds: float) -> bool:
        """Tell whether the token is good for so long yet, as far as its end is known."""
        end = self.credentials.get("expires_at", "")
        return not end or float(end) - ground.clock.now().timestamp() > seconds

    @property
    def is_doubtful(self) -> bool:
        """Tell whether an earlier renewal got no answer, or its worker died."""
        return bool(self.row.renewing_until > 0.0)

    @property
    def is_current(self) -> sa.ColumnElement[bool]:
        """Return the condition that nobody has stored other credentials since."""
        same_sign_in = sa.and_(_table.c.id == self.row.id, _table.c.sign_in == self.row.sign_in)
        return sa.and_(same_sign_in, _table.c.renewals == self.row.renewals)


def _held(ground: Ground, connection_id: UUID, sign_in: int | None) -> _Held:
    with ground.database.read() as connection:
        row = connection.execute(_ROW, {"wanted": connection_id}).first()
    if row is None or not row.credentials:
        raise ReconnectRequired("The connection has no credentials (any more).")
    if sign_in is not None and row.sign_in != sign_in:
        raise SignInReplaced
    adapter = adapter_class(row.crm)
    credentials = unseal(ground.vault, row.id, row.credentials)
    flow = flow_of(adapter, row.auth_method, credentials, ground.settings)
    endpoint = TokenEndpoint(ground, adapter, flow) if flow is not None else None
    return _Held(row, adapter, credentials, endpoint)


def _lease_seconds(ground: Ground) -> float:
    return ground.settings.call_timeout + _SPARE


def _take(ground: Ground, held: _Held) -> float | None:
    """Take the lease of renewal; return its end in the database's time, or None where another worker has it."""
    with ground.database.write() as connection:
        now = database_now(connection)
        until = round(now + _lease_seconds(ground), 3)
        free = _table.c.renewing_until <= now
        taken = connection.execute(_table.update().where(held.is_current, free).values(renewing_until=until))
    return until if taken.rowcount == 1 else None


def _renewed(ground: Ground, held: _Held, until: float, refused: str | None) -> dict[str, str] | None:
    """Ask the CRM and store what it gives; None where somebody else stored newer credentials meanwhile."""
    try:
        credentials = _asked(ground, held)
    except SignInEnded as ended:
        _give_up(ground, held, until, in_doubt=False)
        if _has_changed(ground, held):
            return None
        raise _why(held, ended) from None
    except (OutcomeUnknown, ServerFault) as unanswered:
        _give_up(ground, held, until, in_doubt=True)
        return _meanwhile(ground, held, refused, unanswered)
    except CRMError as error:
        _give_up(ground, held, until, in_doubt=held.is_doubtful)
        return _meanwhile(ground, held, refused, error)
    return credentials if _store(ground, held, credentials) else None


def _asked(ground: Ground, held: _Held) -> dict[str, str]:
    endpoint = held.endpoint
    assert endpoint is not None
    if endpoint.flow.grant == "client_credentials":
        answer = endpoint.client_credentials()
    elif held.credentials.get("refresh_token"):
        answer = endpoint.refresh(held.credentials["refresh_token"])
    else:
        raise SignInEnded("The sign-in came without the right to renew it, and has run out.")
    return kept(answer, held.credentials, held.adapter, ground.settings, ground.clock)


def _store(ground: Ground, held: _Held, credentials: dict[str, str]) -> bool:
    """Commit new credentials before anybody uses them; False where others were stored meanwhile."""
    values = {
        "credentials": seal(ground.vault, held.row.id, credentials),
        "renewals": held.row.renewals + 1,
        "renewing_until": 0.0,
        "updated_at": ground.clock.now(),
    }
    with ground.database.write() as connection:
        return connection.execute(_table.update().where(held.is_current).values(values)).rowcount == 1


def _give_up(ground: Ground, held: _Held, until: float, *, in_doubt: bool) -> None:
    """End the lease; a time in the past stays behind where an answer may have been lost."""
    own = sa.and_(held.is_current, _table.c.renewing_until == until)
    with ground.database.write() as connection:
        left = database_now(connection) if in_doubt else 0.0
        connection.execute(_table.update().where(own).values(renewing_until=left))


def _has_changed(ground: Ground, held: _Held) -> bool:
    """Tell whether somebody has connected again, or renewed, since: their credentials are the ones that count."""
    with ground.database.read() as connection:
        row = connection.execute(_ROW, {"wanted": held.row.id}).first()
    return row is not None and (row.sign_in, row.renewals) != (held.row.sign_in, held.row.renewals)


def _why(held: _Held, ended: SignInEnded) -> SignInEnded:
    if not held.is_doubtful:
        return ended
    return SignInLost(crm_message=ended.crm_message, status_code=ended.status_code)


def _meanwhile(ground: Ground, held: _Held, refused: str | None, error: CRMError) -> dict[str, str]:
    """Go on with a token that is renewed ahead of its end; else raise what the renewal met.

    A lost answer is nothing that a caller could read back: to it the CRM is out of reach for now.
    """
    passes = isinstance(error, TransientCRMError | OutcomeUnknown)
    token = held.credentials.get("access_token", "")
    if passes and token and token != refused and held.lasts(ground, _STILL_GOOD):
        _log.warning("A token of %s could not be renewed yet (%s); it is good for a while.", held.row.crm, error.code)
        return held.credentials
    if isinstance(error, OutcomeUnknown):
        raise Unreachable(f"The sign-in could not be renewed: {error}", crm_message=error.crm_message) from None
    raise error
