"""Signing in: a person is sent to the CRM, comes back with a code, and the code is traded for tokens.

What we remember of a trip is a row that is deleted when it is used. It is bound to the person, their account and their
browser: a link that somebody else prepared leads nowhere, and neither does one that was followed before.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from ..config import Settings
from ..crm.base import Adapter
from ..crm.http import clean
from ..crm.oauth import Flow
from ..crm.registry import adapter_class
from ..errors import OutcomeUnknown, SecretUnreadable, Unreachable, UnsupportedFeature
from ..models import SignIn
from ..vault import Place
from .flows import flow_of, missing_keys
from .ground import Ground
from .refusals import (
    SignInDenied,
    SignInElsewhere,
    SignInExpired,
    SignInIncomplete,
    SignInNotSetUp,
    SignInRefused,
    SignInUnknown,
)
from .token_answer import kept
from .token_endpoint import TokenEndpoint, authorize_url
from .typed import checked_credentials

LASTS = timedelta(minutes=10)

_ASKED, _MOVES = "asked", "moves"
_DENIALS = {"access_denied", "access-denied", "user_denied", "consent_denied"}
_LONGEST_VALUE = 4096
_table: sa.Table = sa.inspect(SignIn).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Person:
    """Who signs in, and in which browser: a secret that only its session holds."""

    account_id: str
    user_id: str
    browser: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """Credentials that a CRM gave, not tested and not stored yet."""

    crm: str
    method: str
    credentials: Mapping[str, str] = field(repr=False)


def begin(ground: Ground, person: Person, crm: str, method: str, typed: Mapping[str, str], *, redirect_uri: str) -> str:
    """Remember a trip and return the address at the CRM to send the person's browser to.

    Raises CredentialsIncomplete (per field), SignInNotSetUp naming the missing settings, UnsupportedFeature.
    """
    adapter = adapter_class(crm)
    missing = missing_keys(adapter, ground.settings)
    if missing:
        raise SignInNotSetUp(missing)
    checked = checked_credentials(adapter, method, typed, ground.settings)
    flow = _code_flow(adapter, method, checked, ground.settings)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    kept_back = {"typed": checked, "verifier": verifier, "redirect_uri": redirect_uri}
    _remember(ground, person, crm, method, state, _ASKED, kept_back)
    return authorize_url(flow, ground.settings, redirect_uri=redirect_uri, state=state, verifier=verifier)


def come_back(ground: Ground, person: Person, crm: str, values: Mapping[str, str]) -> Granted:
    """Trade the code that a person came back with for tokens; the trip is used up, whatever comes of it.

    Raises SignInFailed in the form that fits, or what the CRM's token endpoint answered.
    """
    trip = _taken(ground, person, crm, values.get("state", ""), _ASKED)
    _refuse_errors(values)
    code = values.get("code", "")
    if not code or len(code) > _LONGEST_VALUE:
        raise SignInIncomplete
    adapter = adapter_class(crm)
    typed: dict[str, str] = trip.kept_back["typed"]
    flow = _code_flow(adapter, trip.method, typed, ground.settings)
    endpoint = TokenEndpoint(ground, adapter, flow)
    try:
        answer = endpoint.trade_code(
            code, redirect_uri=trip.kept_back["redirect_uri"], verifier=trip.kept_back["verifier"]
        )
    except OutcomeUnknown as lost:
        raise Unreachable(f"{lost} Start the sign-in again.", crm_message=lost.crm_message) from None
    return Granted(crm, trip.method, kept(answer, typed, adapter, ground.settings, ground.clock))


def granted_to_a_client(
    ground: Ground, adapter: type[Adapter], method: str, checked: Mapping[str, str]
) -> dict[str, str]:
    """Return the credentials for a client of the person's own, with a first token; raise what the CRM answers."""
    flow = flow_of(adapter, method, checked, ground.settings)
    if flow is None or flow.grant != "client_credentials":
        raise UnsupportedFeature(adapter.label, "this without a browser: sign in on the connection page")
    try:
        answer = TokenEndpoint(ground, adapter, flow).client_credentials()
    except OutcomeUnknown as lost:
        raise Unreachable(str(lost), crm_message=lost.crm_message) from None
    return kept(answer, checked, adapter, ground.settings, ground.clock)


def keep_for_move(ground: Ground, person: Person, granted: Granted) -> str:
    """Keep credentials while a person is asked whether to move to another account; return the ticket for them."""
    ticket = secrets.token_urlsafe(32)
    _remember(ground, person, granted.crm, granted.method, ticket, _MOVES, {"credentials": dict(granted.credentials)})
    return ticket


def take_for_move(ground: Ground, person: Person, crm: str, ticket: str) -> Granted:
    """Return the credentials that were kept for a ticket, once; raise SignInFailed where there are none."""
    trip = _taken(ground, person, crm, ticket, _MOVES)
    return Granted(crm, trip.method, trip.kept_back["credentials"])


@dataclass(frozen=True, slots=True)
class _Trip:
    method: str
    kept_back: dict[str, Any] = field(repr=False)


def _code_flow(adapter: type[Adapter], method: str, typed: Mapping[str, str], settings: Settings) -> Flow:
    flow = flow_of(adapter, method, typed, settings)
    if flow is None or flow.grant != "authorization_code":
        raise UnsupportedFeature(adapter.label, "a sign-in in the browser for this way to connect")
    return flow


def _remember(
    ground: Ground, person: Person, crm: str, method: str, secret: str, step: str, kept_back: Mapping[str, Any]
) -> None:
    row_id, now = uuid4(), ground.clock.now()
    values = {
        "id": row_id,
        "state_digest": _digest(secret),
        "browser_digest": _digest(person.browser),
        "account_id": person.account_id,
        "user_id": person.user_id,
        "crm": crm,
        "method": method,
        "step": step,
        "sealed": ground.vault.seal(json.dumps(kept_back), _place(row_id)),
        "expires_at": now + LASTS,
    }
    with ground.database.write() as connection:
        connection.execute(_table.delete().where(_table.c.expires_at < now))
        connection.execute(_table.insert().values(values))


def _taken(ground: Ground, person: Person, crm: str, secret: str, step: str) -> _Trip:
    """Use up a trip, then look whether it is this person's."""
    found = _used_up(ground, secret)
    if found is None or (found.crm, found.step) != (crm, step):
        raise SignInUnknown
    if found.expires_at < ground.clock.now():
        raise SignInExpired
    same_browser = secrets.compare_digest(found.browser_digest, _digest(person.browser))
    if not same_browser or (found.account_id, found.user_id) != (person.account_id, person.user_id):
        raise SignInElsewhere
    try:
        return _Trip(found.method, json.loads(ground.vault.open(found.sealed, _place(found.id))))
    except SecretUnreadable:  # the key was taken out of use meanwhile
        raise SignInExpired from None


def _used_up(ground: Ground, secret: str) -> sa.Row[Any] | None:
    """Delete a trip's row and return it; None where there is none, or somebody else was faster."""
    with ground.database.write() as connection:
        found = connection.execute(sa.select(_table).where(_table.c.state_digest == _digest(secret))).first()
        if found is None:
            return None
        deleted = connection.execute(_table.delete().where(_table.c.id == found.id))
    return found if deleted.rowcount == 1 else None


def _refuse_errors(values: Mapping[str, str]) -> None:
    """Raise what an error from the CRM's authorize page means (RFC 6749, section 4.1.2.1)."""
    error = values.get("error", "")
    if not error:
        return
    if error in _DENIALS:
        raise SignInDenied
    raise SignInRefused(clean(values.get("error_description", "") or error))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _place(row_id: UUID) -> Place:
    return Place(SignIn.__tablename__, row_id, "sealed")
