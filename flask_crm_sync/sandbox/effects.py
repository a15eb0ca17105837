"""What a fault does to a call: before the work, or to the answer after it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from flask import Request, Response

from .crm import SandboxCRM
from .faults import Fault
from .wire import Delivery

HTML = """<html>
<head><title>{status} {reason}</title></head>
<body><center><h1>{status} {reason}</h1></center><hr><center>proxy</center></body>
</html>
"""
REASONS = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}
TOKEN_FAULTS = ("revoke_token", "expire_token")
REFUSALS = ("throttle", "server_error", "locked", "moving", "missing_scopes")


def before(
    faults: Iterable[Fault], request: Request, crm: SandboxCRM, delivery: Delivery, stopping: threading.Event
) -> Response | None:
    """Let faults strike before any work; a returned answer means that no work is to be done."""
    for fault in faults:
        if fault.kind == "latency":
            stopping.wait(fault.params["ms"] / 1000)
        elif fault.kind in TOKEN_FAULTS:
            crm.spoil_token(fault.kind, request)
        elif fault.kind == "drop_request":
            delivery.drop = True
            return Response(status=204)
        elif fault.kind == "html_error":
            return _html(fault.params["status"])
        elif fault.kind in REFUSALS and not fault.params.get("committed"):
            return crm.refusal(fault.kind, fault.params, request)
    return None


def after(
    faults: Iterable[Fault], request: Request, response: Response, crm: SandboxCRM, delivery: Delivery
) -> Response:
    """Let faults strike once the work is done and the answer known."""
    for fault in faults:
        if fault.kind == "server_error" and fault.params["committed"]:
            response = crm.refusal(fault.kind, fault.params, request)
        elif fault.kind in _DELIVERIES:
            _DELIVERIES[fault.kind](fault, response, delivery)
    return response


def _html(status: int) -> Response:
    page = HTML.format(status=status, reason=REASONS.get(status, "Error"))
    return Response(page, status=status, content_type="text/html")


def _lose(fault: Fault, response: Response, delivery: Delivery) -> None:
    delivery.drop = True


def _break_json(fault: Fault, response: Response, delivery: Delivery) -> None:
    body = response.get_data()
    response.set_data(body[: len(body) * 2 // 3] or b'{"results":[{')


def _cut(fault: Fault, response: Response, delivery: Delivery) -> None:
    delivery.cut_after = fault.params["share"]


def _drip(fault: Fault, response: Response, delivery: Delivery) -> None:
    delivery.drip_ms = fault.params["ms"]


_DELIVERIES: dict[str, Callable[[Fault, Response, Delivery], None]] = {
    "lose_reply": _lose,
    "malformed_json": _break_json,
    "truncated": _cut,
    "slow_drip": _drip,
}
