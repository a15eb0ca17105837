"""Put the CRMs, the pages and the shared rules together into one WSGI application."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from flask import Flask, Response, g, redirect, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from . import effects, panel
from .calls import CallLog
from .clock import Clock
from .crm import SandboxCRM
from .faults import FaultBook
from .guard import is_cross_site, is_rebound
from .wire import DELIVERY, Delivery

_VARIABLE = re.compile(r"<(?:[a-z]+:)?([a-z_]+)>")


def build_app(
    crms: Sequence[SandboxCRM], clock: Clock, faults: FaultBook, calls: CallLog, stopping: threading.Event
) -> Flask:
    """Make the application that serves all CRMs on one origin."""
    app = Flask("flask_crm_sync.sandbox", template_folder="templates", static_folder=None)
    for crm in crms:
        for blueprint in crm.blueprints():
            app.register_blueprint(blueprint)
    shown = panel.Panel(crms, clock, faults, calls)
    app.register_blueprint(panel.pages(shown))
    app.register_blueprint(panel.api(shown))
    app.add_url_rule("/", "root", lambda: redirect("/_sandbox/"))

    @app.before_request
    def admit() -> BaseResponse | None:
        g.crm = None
        if is_rebound(request):
            return Response("This sandbox answers to loopback names only.\n", 421, mimetype="text/plain")
        g.crm = next((crm for crm in crms if crm.owns(request.path)), None)
        if g.crm is None:
            return _refuse_cross_site()
        return _open_call(g.crm, clock, faults, stopping)

    @app.after_request
    def settle(response: Response) -> Response:
        if g.get("crm") is not None:
            response = effects.after(g.faults, request, response, g.crm, _delivery())
            # A client that goes by the server's time goes by that of its records.
            response.date = datetime.fromtimestamp(clock.now(), UTC)
            _log(calls, response)
        return response

    @app.errorhandler(HTTPException)
    def plain_error(error: HTTPException) -> BaseResponse:
        if g.get("crm") is None:
            return error.get_response()
        answer: Response = g.crm.http_error(error.code or 500, error.description or "")
        return answer

    return app


def _refuse_cross_site() -> Response | None:
    if not is_cross_site(request):
        return None
    return Response("Posted from another site.\n", 403, mimetype="text/plain")


def _open_call(crm: SandboxCRM, clock: Clock, faults: FaultBook, stopping: threading.Event) -> Response | None:
    """Note when a call came and for whom, and let faults strike first."""
    g.started, g.at_ms, g.items = time.perf_counter(), clock.now_ms(), 1
    g.portal_id = crm.identify(request)
    g.faults = faults.take(crm.name, request.method, request.path, g.portal_id)
    return effects.before(g.faults, request, crm, _delivery(), stopping) if g.faults else None


def _delivery() -> Delivery:
    """Return the way this answer leaves; a test client without a wire gets one that changes nothing."""
    delivery: Delivery = request.environ.setdefault(DELIVERY, Delivery())
    return delivery


def _log(calls: CallLog, response: Response) -> None:
    calls.add(
        at_ms=g.at_ms,
        crm=g.crm.name,
        portal=g.portal_id,
        method=request.method,
        path=_path(),
        template=_template(),
        status=None if _delivery().drop else response.status_code,
        ms=round((time.perf_counter() - g.started) * 1000, 2),
        items=g.items,
        note=", ".join(fault.kind for fault in g.faults),
    )


def _path() -> str:
    """Return what was asked for, without a token that stands in the path."""
    if "token" in (request.view_args or {}):
        return _template()
    return request.full_path.rstrip("?")


def _template() -> str:
    """Return the matched path with ids left out; object types stay, since they say what was asked."""
    if request.url_rule is None:
        return request.path
    values = request.view_args or {}
    shown = {name: str(values[name]) for name in values if name.endswith("kind")}
    return _VARIABLE.sub(lambda found: shown.get(found[1], "{" + found[1] + "}"), request.url_rule.rule)
