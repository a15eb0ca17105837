"""The endpoint's own paths: chat completions and models, behind a key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Request, Response, g, request

from .answering import answer, completion
from .asking import MODEL, Asked, asked_for
from .errors import OpenAIError, no_key, no_model, wrong_key

if TYPE_CHECKING:
    from .vendor import Reviewer

BASE = "/ai/v1"
_SINCE = 1_760_000_000


def endpoint(reviewer: Reviewer) -> Blueprint:
    """Return the routes below /ai/v1."""
    blueprint = Blueprint("reviewer_endpoint", __name__, url_prefix=BASE)

    @blueprint.post("/chat/completions")
    @_guarded(reviewer)
    def completions() -> Any:
        return _completed(reviewer, asked_for(json_body(), reviewer.dialect))

    @blueprint.get("/models")
    @_guarded(reviewer)
    def models() -> Any:
        return {"object": "list", "data": [_model()]}

    @blueprint.get("/models/<path:name>")
    @_guarded(reviewer)
    def model(name: str) -> Any:
        if name != MODEL:
            raise no_model(name)
        return _model()

    return blueprint


def refused(error: OpenAIError) -> Response:
    """Return a refusal as an answer."""
    return _answered(error.body(), error.status, error.headers)


def bearer(call: Request) -> str:
    """Return the key that a call carries, or an empty text."""
    scheme, _, text = call.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def json_body() -> dict[str, Any]:
    """Return the JSON object that a call brings. Raises OpenAIError (400)."""
    try:
        body = json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise OpenAIError(400, "We could not parse the JSON body of your request.") from None
    if not isinstance(body, dict):
        raise OpenAIError(400, "We expected the JSON body of your request to be an object.")
    return body


def _completed(reviewer: Reviewer, asked: Asked) -> dict[str, Any]:
    for fault in g.faults:
        text = fault.params.get("text") if fault.kind == "reject_matching" else ""
        if text and text in asked.shown:
            raise OpenAIError(400, "The prompt was flagged by the content filter.", code="content_filter")
    kinds = tuple(fault.kind for fault in g.faults)
    given = answer(asked, kinds)
    noted = reviewer.store.add(
        at_ms=reviewer.clock.now_ms(),
        form=asked.form,
        task=asked.task,
        shown=asked.shown,
        answer=given.refusal or given.content,
        finish=given.finish,
        outcome=_outcome(given.content),
        faults=kinds,
    )
    return completion(asked, given, noted.number, int(reviewer.clock.now()))


def _outcome(content: str) -> str:
    """Return the outcome that an answer names, "none" where it names none."""
    try:
        found = json.loads(content)
    except ValueError:
        return "none"
    return str(found.get("outcome", "none")) if isinstance(found, dict) else "none"


def _guarded(reviewer: Reviewer) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Let a call through with a good key, and put refusals into OpenAI's words."""

    def guard(view: Callable[..., Any]) -> Callable[..., Response]:
        @wraps(view)
        def checked(**arguments: str) -> Response:
            try:
                key = bearer(request)
                if not key:
                    raise no_key()
                if not reviewer.store.opens(key):
                    raise wrong_key()
                return _answered(view(**arguments))
            except OpenAIError as error:
                return refused(error)

        return checked

    return guard


def _answered(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    response = Response(json.dumps(body), status=status, content_type="application/json")
    response.headers.extend(headers or {})
    response.headers["x-request-id"] = f"req_sandbox_{g.get('at_ms', 0)}"
    return response


def _model() -> dict[str, Any]:
    return {"id": MODEL, "object": "model", "created": _SINCE, "owned_by": "sandbox"}
