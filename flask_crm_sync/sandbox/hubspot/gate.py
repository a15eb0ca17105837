"""The gate every API call passes: who calls, for which portal, within which limits, with which scopes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Request, Response, g, request

from ..clock import Clock
from .access import READ_CONTACTS, READ_SCHEMAS, WRITE_CONTACTS, WRITE_SCHEMAS, Access, Portal, Token
from .definitions import DefinitionBook
from .desk import Desk, Refusal
from .dialect import Dialect
from .errors import HubSpotError, expired_token, invalid_json, invalid_token, missing_scopes, rate_limited, validation
from .limits import Limits, Verdict
from .records import Source, as_id
from .store import Store
from .wellformed import check_members

SCOPES: Mapping[str, tuple[str, ...]] = {
    "read": (READ_CONTACTS,),
    "write": (WRITE_CONTACTS,),
    "read schemas": (READ_SCHEMAS,),
    "write schemas": (WRITE_SCHEMAS,),
    "uninstall": ("oauth",),
    "any": (),
}
"""What a call needs; one scope of the tuple is enough. Notes need the contacts scopes and no others."""

Answer = tuple[int, Any]


@dataclass
class Office:
    """The parts of the HubSpot sandbox that its routes work with."""

    store: Store
    clock: Clock
    dialect: Dialect
    book: DefinitionBook
    access: Access
    limits: Limits

    def desk(self, portal: Portal, source: Source, refusals: tuple[Refusal, ...] = ()) -> Desk:
        """Return a desk for one portal and writer."""
        return Desk(self.store, self.book, self.dialect, self.clock, portal, source, refusals)


@dataclass
class Caller:
    """Who passed the gate."""

    office: Office
    desk: Desk
    token: Token


View = Callable[..., Answer]


def guarded(office: Office, view: View, needs: str, *, is_search: bool = False) -> Callable[..., Response]:
    """Return a Flask view that lets a call through to ``view`` or refuses it in HubSpot's words."""

    def answer(**arguments: str) -> Response:
        headers: dict[str, str] = {}
        try:
            token, portal = _admitted(office)
            verdict = office.limits.admit(portal, token, is_search=is_search)
            headers = verdict.headers
            _check_limit(office, portal, verdict)
            _check_scope(token, needs)
            status, body = view(Caller(office, _desk(office, portal, token), token), **arguments)
        except HubSpotError as error:
            return refused(error, headers)
        return answered(status, body, headers)

    answer.__name__ = view.__name__
    return answer


def answered(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer; ``None`` makes an empty one."""
    text = b"" if body is None else json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    response = Response(text, status=status, content_type="application/json;charset=utf-8")
    if body is None:
        del response.headers["Content-Type"]
    response.headers.extend(headers or {})
    return response


def refused(error: HubSpotError, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error as an answer."""
    return answered(error.status, error.body(), {**(headers or {}), **error.headers})


def bearer(call: Request) -> str:
    """Return the token a call carries, or an empty text."""
    scheme, _, text = call.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def json_body() -> dict[str, Any]:
    """Return the JSON object a call brings. Raises HubSpotError (400, 415)."""
    body = json_value()
    if not isinstance(body, dict):
        raise invalid_json("an object was expected")
    return body


def json_value() -> Any:
    """Return whatever JSON a call brings. Raises HubSpotError (400, 415)."""
    if request.mimetype != "application/json":
        raise HubSpotError(415, "UNSUPPORTED_MEDIA_TYPE", f"Content type {request.mimetype or 'none'} is not supported")
    data = request.get_data()
    try:
        value = json.loads(data, parse_constant=_no_constant)
        if b"\\ud" in data or b"\\uD" in data:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        # A lone surrogate has no UTF-8 form: UnicodeEncodeError is a ValueError too.
        raise invalid_json(str(error)) from None
    check_members(value)
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def whole_number(name: str, default: int, most: int) -> int:
    """Return a number from the query. Raises HubSpotError (400) when it is none, or out of range."""
    text = request.args.get(name, str(default))
    number = as_id(text)
    if number is None or not 0 < number <= most:
        raise validation(f"{name} must be between 1 and {most}")
    return number


def page_start() -> int:
    """Return the id after which a page starts. Raises HubSpotError (400)."""
    after = as_id(request.args.get("after", "0"))
    if after is None:
        raise validation("after must be an integer")
    return after


def names_in_query(name: str) -> list[str]:
    """Return a list from the query, written as ``a,b`` or as the same parameter again and again."""
    return [each for text in request.args.getlist(name) for each in text.split(",") if each]


def flag_in_query(name: str) -> bool:
    """Return a yes or no from the query."""
    return request.args.get(name, "false").lower() == "true"


def _admitted(office: Office) -> tuple[Token, Portal]:
    token = office.access.token(bearer(request))
    if token is None or token.revoked or token.use == "refresh":
        raise invalid_token()
    now = office.clock.now_ms()
    if token.expires_ms is not None and token.expires_ms <= now:
        raise expired_token(token.expires_ms, now)
    portal = office.access.portal(token.portal_id)
    if portal is None:
        raise invalid_token()
    return token, portal


def _check_limit(office: Office, portal: Portal, verdict: Verdict) -> None:
    if verdict.exceeded is None:
        return
    headers = {"Retry-After": str(verdict.retry_after)} if office.dialect.retry_after_on_429 else {}
    raise rate_limited(
        verdict.exceeded, word=office.dialect.rate_limit_word, portal_id=portal.portal_id, headers=headers
    )


def _check_scope(token: Token, needs: str) -> None:
    alternatives = SCOPES[needs]
    if alternatives and token.scopes.isdisjoint(alternatives):
        raise missing_scopes(alternatives)


def _desk(office: Office, portal: Portal, token: Token) -> Desk:
    refusals = tuple(
        Refusal(fault.params["text"], fault.params["whole_batch"])
        for fault in g.faults
        if fault.kind == "reject_matching" and fault.params["text"]
    )
    return office.desk(portal, Source("INTEGRATION", token.source_id), refusals)
