"""The gate every API call passes: whose session, within which limits; and what a call brings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Request, Response, g, request

from ..clock import Clock
from .access import Access, Token
from .desk import Desk, Refusal
from .dialect import Dialect
from .errors import SalesforceError, WholeCallRefused, session_gone, unreadable
from .limits import Limits
from .orgs import Org, Orgs
from .store import Store

if TYPE_CHECKING:
    from .queries import Cursors

LONGEST_URI = 16_384
JSON_TYPE = "application/json;charset=UTF-8"


class Answer(NamedTuple):
    """A status, a body (None for none) and headers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = {}


@dataclass
class Office:
    """The parts of the Salesforce sandbox that its routes work with."""

    store: Store
    clock: Clock
    dialect: Dialect
    orgs: Orgs
    access: Access
    limits: Limits
    cursors: Cursors

    def desk(self, org: Org, user_id: str) -> Desk:
        """Return a desk for a user of an org."""
        return Desk(self.store, self.dialect, self.clock, org, user_id)


@dataclass
class Call:
    """What a call brings, whether it came by itself or inside a composite one."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    mimetype: str = "application/json"
    parsed: Any = None
    items: list[int] = field(default_factory=list)
    """How many records each part of the call carried."""

    def json(self) -> dict[str, Any]:
        """Return the JSON object of the body. Raises SalesforceError (400, 415)."""
        value = self.parsed if self.parsed is not None else self._read()
        if not isinstance(value, dict):
            raise unreadable("Unexpected token: an object was expected at [line:1, column:1]")
        return value

    def _read(self) -> Any:
        if self.mimetype != "application/json":
            raise SalesforceError(
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                f"Content-Type header specified in HTTP request is not supported: {self.mimetype}",
            )
        try:
            return json.loads(self.body, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise unreadable(f"Unexpected character at [line:1, column:1]: {error}") from None


@dataclass
class Caller:
    """Who passed the gate, with what."""

    office: Office
    desk: Desk
    token: Token
    call: Call


View = Callable[..., Answer]


def guarded(office: Office, view: View) -> Callable[..., Response]:
    """Return a Flask view that lets a call through to ``view`` or refuses it in Salesforce's words."""

    def answer(version: str, **arguments: str) -> Response:
        headers: dict[str, str] = {}
        try:
            _check_size()
            token, org = _admitted(office)
            admitted = office.limits.admit(org)
            headers = office.limits.info(org)
            _check_rights(token, org, admitted=admitted)
            caller = Caller(office, _desk(office, org, version), token, _call())
            answered_with = view(caller, **arguments)
        except SalesforceError as error:
            return refused(error, headers)
        finally:
            if g.get("call") is not None:
                g.items = sum(g.call.items) or 1
        return answered(answered_with, headers)

    answer.__name__ = view.__name__
    return answer


def answered(answer: Answer, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer as JSON; one without a body has no content type either."""
    text = b"" if answer.body is None else json.dumps(answer.body, ensure_ascii=False).encode()
    response = Response(text, status=answer.status, content_type=JSON_TYPE)
    if answer.body is None:
        del response.headers["Content-Type"]
    response.headers.extend({**(headers or {}), **answer.headers})
    return response


def refused(error: SalesforceError, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error as an answer."""
    return answered(Answer(error.status, error.body(), error.headers), headers)


def bearer(call: Request) -> str:
    """Return the token a call carries, or an empty text."""
    scheme, _, text = call.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() in ("bearer", "oauth") else ""


def check_uri(length: int) -> None:
    """Refuse an address that is too long. Raises SalesforceError (414)."""
    if length > LONGEST_URI:
        raise WholeCallRefused(414, "URI_TOO_LONG", f"The URI is longer than {LONGEST_URI} bytes.")


def _check_size() -> None:
    uri = len(request.environ.get("RAW_URI", request.full_path))
    check_uri(uri)
    if uri + sum(len(name) + len(value) for name, value in request.headers.items()) > LONGEST_URI:
        raise SalesforceError(431, "REQUEST_HEADERS_TOO_LARGE", "URI and headers are too long together.")


def _admitted(office: Office) -> tuple[Token, Org]:
    token = office.access.token(bearer(request))
    org = office.orgs.get(token.org_id) if token else None
    if token is None or org is None or token.use != "access" or not token.is_live(office.clock.now_ms()):
        raise session_gone()
    return token, org


def _check_rights(token: Token, org: Org, *, admitted: bool) -> None:
    if not admitted:
        raise SalesforceError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    if not org.settings.api_enabled:
        message = "The REST API is not enabled for this Organization."
        raise SalesforceError(403, "API_DISABLED_FOR_ORG", message)
    if token.scopes.isdisjoint({"api", "full"}):
        raise SalesforceError(403, "INVALID_SESSION_ID", "This session is not valid for use with the REST API")


def _desk(office: Office, org: Org, version: str) -> Desk:
    desk = office.desk(org, org.user_id)
    desk.version = version
    desk.refusals = tuple(
        Refusal(fault.params["text"], fault.params["whole_batch"])
        for fault in g.get("faults", ())
        if fault.kind == "reject_matching" and fault.params["text"]
    )
    rule = request.headers.get("Sforce-Duplicate-Rule-Header", "").replace(" ", "").lower()
    desk.saves_duplicates = "allowsave=true" in rule.split(";")
    desk.assigns_leads = request.headers.get("Sforce-Auto-Assign", "TRUE").strip().upper() != "FALSE"
    return desk


def _call() -> Call:
    g.call = Call(request.args, dict(request.headers.items()), request.get_data(), request.mimetype)
    return g.call  # type: ignore[no-any-return]


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
