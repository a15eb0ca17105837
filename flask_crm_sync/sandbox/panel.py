"""The shared pages and JSON under ``/_sandbox/``: overview, calls, faults, clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request, send_file
from flask.typing import ResponseReturnValue

from .calls import CallLog
from .clock import Clock, from_iso, iso
from .crm import SandboxCRM
from .faults import KINDS, FaultBook

STYLE = Path(__file__).parent / "static" / "sandbox.css"
PER_PAGE = 50


@dataclass(frozen=True)
class Panel:
    """What the pages show."""

    crms: Sequence[SandboxCRM]
    clock: Clock
    faults: FaultBook
    calls: CallLog


def pages(panel: Panel) -> Blueprint:
    """Return the pages for people."""
    blueprint = Blueprint("sandbox_pages", __name__, url_prefix="/_sandbox")
    blueprint.after_app_request(_quiet_browser)
    blueprint.app_context_processor(lambda: {"moment": iso, "with_query": _with_query, **_names(panel)})
    blueprint.add_url_rule("/style.css", "style", lambda: send_file(STYLE, max_age=3600))
    _add_calls(blueprint, panel)
    _add_faults(blueprint, panel)
    return blueprint


def _add_calls(blueprint: Blueprint, panel: Panel) -> None:
    @blueprint.get("/")
    def overview() -> ResponseReturnValue:
        return render_template(
            "sandbox/overview.html",
            crms=panel.crms,
            calls=panel.calls,
            faults=panel.faults,
            rows=panel.calls.newest(limit=15),
            now=iso(panel.clock.now_ms()),
            live=is_live(),
        )

    @blueprint.get("/calls")
    def call_list() -> ResponseReturnValue:
        page = page_number()
        rows = panel.calls.newest(offset=(page - 1) * PER_PAGE, limit=PER_PAGE + 1)
        return render_template(
            "sandbox/calls.html",
            calls=panel.calls,
            rows=rows[:PER_PAGE],
            page=page,
            more=len(rows) > PER_PAGE,
            live=is_live(),
        )


def _add_faults(blueprint: Blueprint, panel: Panel) -> None:
    def shown(wrong: str = "", opened: str = "") -> str:
        return render_template(
            "sandbox/faults.html",
            crms=panel.crms,
            listed=panel.faults.listed(),
            kinds=KINDS.values(),
            wrong=wrong,
            opened=opened,
        )

    @blueprint.get("/faults")
    def fault_list() -> ResponseReturnValue:
        return shown()

    @blueprint.post("/faults")
    def add() -> ResponseReturnValue:
        form = {name: value for name, value in request.form.items() if value != ""}
        kind, crm = form.pop("kind", ""), form.pop("crm", panel.crms[0].name)
        params = {name[len("params.") :]: form.pop(name) for name in [*form] if name.startswith("params.")}
        try:
            panel.faults.add(crm, kind, params=params, **form)
        except ValueError as error:
            return shown(str(error), kind), 400
        return redirect("/_sandbox/faults", 303)

    @blueprint.post("/faults/<int:fault_id>/remove")
    def remove(fault_id: int) -> ResponseReturnValue:
        panel.faults.remove(fault_id)
        return redirect("/_sandbox/faults", 303)

    @blueprint.post("/faults/clear")
    def clear() -> ResponseReturnValue:
        panel.faults.clear()
        return redirect("/_sandbox/faults", 303)


def api(panel: Panel) -> Blueprint:
    """Return ``/_sandbox/api/<crm>/{calls,faults,clock}``."""
    names = ",".join(crm.name for crm in panel.crms)
    blueprint = Blueprint("sandbox_api", __name__, url_prefix=f"/_sandbox/api/<any({names}):crm>")
    blueprint.register_error_handler(ValueError, lambda error: (jsonify(error=str(error)), 400))
    _add_fault_calls(blueprint, panel.faults)

    @blueprint.get("/calls")
    def list_calls(crm: str) -> ResponseReturnValue:
        offset, limit = request.args.get("offset", 0, int), request.args.get("limit", 100, int)
        rows = panel.calls.newest(crm=crm, offset=offset, limit=limit)
        return jsonify(total=panel.calls.total, kept=panel.calls.kept, calls=[row.as_dict() for row in rows])

    @blueprint.post("/clock")
    def move_clock(crm: str) -> ResponseReturnValue:
        """Move the sandbox's time: ``{"advance": seconds}`` or ``{"set": "2026-11-23T10:00:00Z"}``."""
        body = json_object()
        if "set" in body:
            panel.clock.set(from_iso(str(body["set"])) / 1000)
        panel.clock.advance(float(body.get("advance", 0)))
        return jsonify(now=iso(panel.clock.now_ms()))

    return blueprint


def _add_fault_calls(blueprint: Blueprint, faults: FaultBook) -> None:
    @blueprint.get("/faults")
    def list_faults(crm: str) -> ResponseReturnValue:
        return jsonify(faults=[fault.as_dict() for fault in faults.listed(crm)])

    @blueprint.post("/faults")
    def add_fault(crm: str) -> ResponseReturnValue:
        body = json_object()
        return jsonify(faults.add(crm, str(body.pop("kind", "")), **body).as_dict()), 201

    @blueprint.delete("/faults")
    def clear_faults(crm: str) -> ResponseReturnValue:
        faults.clear(crm)
        return "", 204

    @blueprint.delete("/faults/<int:fault_id>")
    def remove_fault(crm: str, fault_id: int) -> ResponseReturnValue:
        return ("", 204) if faults.remove(fault_id) else (jsonify(error="no such fault"), 404)


def json_object() -> dict[str, Any]:
    """Return the JSON object a call brings. Raises ValueError for anything else."""
    body = request.get_json(force=True)
    if not isinstance(body, dict):
        raise ValueError("a JSON object was expected")
    return body


def page_number() -> int:
    """Return which page of a list is asked for, from 1."""
    return max(1, request.args.get("page", 1, int))


def is_live() -> bool:
    """Say whether a list is to reload itself: by default its first page does."""
    return request.args.get("live", "1" if page_number() == 1 else "0") == "1"


PAGES = {
    "contacts": "Contacts",
    "notes": "Notes",
    "requests": "Requests",
    "webhooks": "Webhooks",
    "switches": "Switches",
}
"""The pages that a CRM may have below ``/_sandbox/<crm>/``."""


def _names(panel: Panel) -> dict[str, Any]:
    """Return each CRM's label, and the pages it really has."""
    rules = {rule.rule for rule in current_app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    pages = []
    for crm in panel.crms:
        addresses = {f"/_sandbox/{crm.name}/{page}": label for page, label in PAGES.items()}
        found = [(address, label) for address, label in addresses.items() if address in rules]
        pages.append((crm, found or [(f"/_sandbox/api/{crm.name}/figures", "Figures")]))
    return {"crm_pages": pages, "crm_labels": {crm.name: crm.label for crm in panel.crms}}


def _with_query(**changes: Any) -> str:
    """Return the present query with some members changed."""
    return urlencode({**request.args.to_dict(), **changes})


def _quiet_browser(response: Response) -> Response:
    """Let pages load our own style and nothing else; no header goes onto a vendor's answers."""
    if response.mimetype == "text/html" and (
        request.path.startswith("/_sandbox") or request.path.endswith("/authorize")
    ):
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"  # else a browser posts the consent with no origin
        response.headers["Cache-Control"] = "no-store"
    return response
