"""Salesforce's words for the faults that a person or a test asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Request, Response

from .errors import SalesforceError
from .gate import Answer, answered, refused

POLICIES = ("ConcurrentPerOrgLongTxn", "TotalRequests")
"""The passing limit first, then the one that holds until the day is over."""


def refusal(kind: str, params: Mapping[str, Any], request: Request, limit_info: Mapping[str, str]) -> Response:
    """Return the answer for a kind of fault."""
    if request.path.startswith("/services/oauth2/"):
        body = {"error": "unknown_error", "error_description": "retry your request"}
        return answered(Answer(params.get("status", 400), body))
    error = _error(kind, params)
    rows = _rows_sent(request) if kind == "locked" else 0
    if rows:
        return answered(Answer(200, [error.row() for _ in range(rows)]), limit_info)
    return refused(error, limit_info)


def _error(kind: str, params: Mapping[str, Any]) -> SalesforceError:
    if kind == "throttle":
        headers = {"Retry-After": str(params["retry_after"])} if params["retry_after"] else {}
        message = f"{params['policy'] or POLICIES[0]} Limit exceeded."
        return SalesforceError(403, "REQUEST_LIMIT_EXCEEDED", message, headers=headers)
    if kind == "locked":
        message = "unable to obtain exclusive access to this record"
        return SalesforceError(400, "UNABLE_TO_LOCK_ROW", message, [])
    if kind == "missing_scopes":
        return SalesforceError(403, "INSUFFICIENT_ACCESS", "insufficient access rights on object id", [])
    if kind == "moving" or params["status"] == 503:
        return SalesforceError(503, "SERVER_UNAVAILABLE", "The server is busy or under maintenance.")
    message = "An unexpected error occurred. Please include this ErrorId if you contact support: 1520-40 (-1870)"
    return SalesforceError(params["status"], "UNKNOWN_EXCEPTION", message)


def _rows_sent(request: Request) -> int:
    """Count the records that a call to the collections brings: each of them tells its own lock."""
    if "/composite/sobjects" not in request.path or request.method not in ("POST", "PATCH"):
        return 0
    try:
        body = json.loads(request.get_data())
    except ValueError:
        return 0
    rows = body.get("records") if isinstance(body, dict) else None
    return len(rows) if isinstance(rows, list) else 0
