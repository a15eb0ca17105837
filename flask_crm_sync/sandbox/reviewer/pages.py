"""The reviewer's pages for people and its own JSON: what it was asked, its switches, figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, jsonify, render_template
from flask.typing import ResponseReturnValue

from ..panel import PER_PAGE, is_live, json_object, page_number
from ..switches import add_switch_page

if TYPE_CHECKING:
    from .vendor import Reviewer

LIST = "/_sandbox/reviewer/requests"


def pages_blueprint(reviewer: Reviewer) -> Blueprint:
    """Return the pages under ``/_sandbox/reviewer``."""
    blueprint = Blueprint("reviewer_pages", __name__)
    add_switch_page(blueprint, reviewer)

    @blueprint.get(LIST)
    def requests() -> ResponseReturnValue:
        return _listed(reviewer)

    @blueprint.get(f"{LIST}/<int:number>")
    def one(number: int) -> ResponseReturnValue:
        found = reviewer.store.get(number)
        if found is None:
            return _listed(reviewer, f"There is no request {number}; only the newest are kept."), 404
        return render_template("reviewer/request.html", asked=found)

    return blueprint


def inspection_blueprint(reviewer: Reviewer) -> Blueprint:
    """Return the routes under ``/_sandbox/api/reviewer``."""
    blueprint = Blueprint("reviewer_inspection", __name__, url_prefix="/_sandbox/api/reviewer")
    blueprint.register_error_handler(ValueError, lambda error: (jsonify(error=str(error)), 400))

    @blueprint.get("/figures")
    def figures() -> ResponseReturnValue:
        return jsonify(reviewer.figures())

    @blueprint.get("/requests")
    def requests() -> ResponseReturnValue:
        return jsonify([each.as_dict() for each in reviewer.store.newest()])

    @blueprint.get("/switches")
    def switches() -> ResponseReturnValue:
        return jsonify(reviewer.dialect.as_dict())

    @blueprint.patch("/switches")
    def change_switches() -> ResponseReturnValue:
        reviewer.dialect.change(json_object())
        return jsonify(reviewer.dialect.as_dict())

    @blueprint.post("/reset")
    def reset() -> ResponseReturnValue:
        reviewer.start_afresh()
        return "", 204

    return blueprint


def _listed(reviewer: Reviewer, wrong: str = "") -> str:
    start, found = (page_number() - 1) * PER_PAGE, reviewer.store.newest()
    return render_template(
        "reviewer/requests.html",
        rows=found[start : start + PER_PAGE],
        outcomes=reviewer.store.outcomes(),
        page=page_number(),
        more=len(found) > start + PER_PAGE,
        wrong=wrong,
        live=is_live() and not wrong,
    )
