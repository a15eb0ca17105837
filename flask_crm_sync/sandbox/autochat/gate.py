"""The gate every API call passes: whose key, within the limit, with the scope."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Request, Response, g, request

from ..clock import Clock
from .access import Access, Key, Workspace
from .dialect import Dialect
from .errors import AutoChatError, invalid, invalid_key, missing_scope, too_many
from .limits import Count, Limits
from .store import Store
from .webhooks import Sender

Answer = tuple[int, Any]


@dataclass
class Office:
    """The parts of the AutoChat sandbox that its routes work with."""

    store: Store
    clock: Clock
    dialect: Dialect
    access: Access
    limits: Limits
    sender: Sender


@dataclass
class Caller:
    """Who passed the gate."""

    office: Office
    workspace: str
    refused_texts: tuple[str, ...] = ()
    """Texts that make every record holding one of them bad, as faults asked for."""

    def refuse_matching(self, fields: Mapping[str, str | None]) -> None:
        """Refuse values that a fault singled out. Raises AutoChatError (400)."""
        for text in self.refused_texts:
            if any(text in (value or "") for value in fields.values()):
                raise invalid("The request holds a value that is not valid")


View = Callable[..., Answer]


def guarded(office: Office, view: View, scope: str) -> Callable[..., Response]:
    """Return a Flask view that lets a call through to ``view`` or refuses it in AutoChat's words."""

    def answer(**arguments: str) -> Response:
        headers: dict[str, str] = {}
        try:
            key, workspace = _admitted(office)
            count = office.limits.count(key, workspace)
            headers = count.headers
            check_count(office, count)
            if scope not in key.scopes:
                raise missing_scope(scope)
            status, data = view(Caller(office, workspace.name, _refused_texts()), **arguments)
        except AutoChatError as error:
            return refused(error, headers)
        return answered(status, data, headers)

    answer.__name__ = view.__name__
    return answer


def answered(status: int, body: Any, headers: Mapping[str, str]) -> Response:
    """Return a JSON answer."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    response = Response(text, status=status, content_type="application/json")
    response.headers.extend(headers)
    return response


def refused(error: AutoChatError, headers: Mapping[str, str] | None = None) -> Response:
    """Return a refusal as an answer."""
    return answered(error.status, error.body(), {**(headers or {}), **error.headers})


def bearer(call: Request) -> str:
    """Return the key a call carries, or an empty text."""
    scheme, _, text = call.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def json_body() -> dict[str, Any]:
    """Return the JSON object a call brings. Raises AutoChatError (400)."""
    try:
        body = json.loads(request.get_data())
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        # A lone surrogate has no UTF-8 form: UnicodeEncodeError is a ValueError too.
        raise AutoChatError(400, "INVALID_JSON", "Request body is not valid JSON") from None
    if request.mimetype != "application/json" or not isinstance(body, dict):
        raise AutoChatError(400, "INVALID_JSON", "A JSON object was expected")
    return body


def check_count(office: Office, count: Count) -> None:
    """Refuse a call that is one too many. Raises AutoChatError (429)."""
    if count.is_over:
        wait = {"Retry-After": str(office.limits.seconds_to_reset(count))}
        raise too_many(wait if office.dialect.retry_after_on_429 else {})


def _admitted(office: Office) -> tuple[Key, Workspace]:
    key = office.access.key(bearer(request))
    workspace = office.access.workspace(key.workspace) if key else None
    if key is None or workspace is None or not key.is_good(office.clock.now_ms()):
        raise invalid_key()
    return key, workspace


def _refused_texts() -> tuple[str, ...]:
    return tuple(fault.params["text"] for fault in g.faults if fault.kind == "reject_matching" and fault.params["text"])
