"""Dynamics' pages for people: contacts, one contact, notes, webhooks, switches, and a person's edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from ..panel import PER_PAGE, is_live, page_number
from ..people_pages import PeoplePages
from ..switches import add_switch_page
from . import view
from .environments import DEFAULT_ENVIRONMENT
from .errors import DataverseError
from .tables import ANNOTATION, CONTACT, Table
from .webhooks import HEADER
from .writes import notes_of

if TYPE_CHECKING:
    from .vendor import Dynamics

LIST = "/_sandbox/dynamics/contacts"


def pages_blueprint(dynamics: Dynamics) -> Blueprint:
    """Return the pages under ``/_sandbox/dynamics``, and the address that record links lead to."""
    blueprint = Blueprint("dynamics_pages", __name__)
    _add_lists(blueprint, dynamics)
    _add_contact(blueprint, dynamics)
    pages = PeoplePages(
        "dynamics", blueprint, lambda: _portal(dynamics), lambda wrong: _list(dynamics, CONTACT, wrong), DataverseError
    )
    pages.add_edits(dynamics)
    pages.add_merge(dynamics.merge_contacts)
    _add_state(pages, dynamics)
    portals = dynamics.environments.all
    pages.add_webhooks(dynamics.sender, dynamics.sender.deliveries, header=lambda: HEADER, all_portals=portals)
    add_switch_page(blueprint, dynamics)
    return blueprint


def _add_lists(blueprint: Blueprint, dynamics: Dynamics) -> None:
    @blueprint.get(LIST)
    def contacts() -> ResponseReturnValue:
        return _list(dynamics, CONTACT)

    @blueprint.get("/_sandbox/dynamics/notes")
    def notes() -> ResponseReturnValue:
        return _list(dynamics, ANNOTATION)


def _list(dynamics: Dynamics, table: Table, wrong: str = "") -> str:
    desk, page = dynamics.desk(_portal(dynamics)), page_number()
    with dynamics.store.reading():
        found = desk.rows.select(table, order="modified DESC, id", limit=PER_PAGE + 1, offset=(page - 1) * PER_PAGE)
        rows, total = [view.row(desk, each) for each in found[:PER_PAGE]], desk.rows.count(table)
    return render_template(
        f"dynamics/{'contacts' if table is CONTACT else 'notes'}.html",
        rows=rows,
        total=total,
        page=page,
        more=len(found) > PER_PAGE,
        wrong=wrong,
        portal_id=desk.environment.name,
        all_portals=dynamics.environments.all(),
        live=is_live() and not wrong,
    )


def _add_contact(blueprint: Blueprint, dynamics: Dynamics) -> None:
    @blueprint.get(f"{LIST}/<contact_id>")
    def contact(contact_id: str) -> ResponseReturnValue:
        return _contact(dynamics, contact_id)

    @blueprint.get("/main.aspx")
    def record_link() -> ResponseReturnValue:
        """Follow the address under which a record opens in a model-driven app."""
        return redirect(f"{LIST}/{request.args.get('id', '')}?portal={_portal(dynamics)}")


def _contact(dynamics: Dynamics, contact_id: str) -> ResponseReturnValue:
    desk = dynamics.desk(_portal(dynamics))
    with dynamics.store.reading():
        found = desk.rows.get(CONTACT, contact_id)
        if found is None:
            return _list(dynamics, CONTACT, f"There is no contact {contact_id}; it may have been deleted."), 404
        notes = [view.row(desk, note) for note in notes_of(desk, found.id)]
        row = view.row(desk, found)
    return render_template(
        "dynamics/contact.html", row=row, version=found.version, notes=notes[::-1], portal_id=desk.environment.name
    )


def _add_state(pages: PeoplePages[str], dynamics: Dynamics) -> None:
    @pages.blueprint.post(f"{LIST}/<contact_id>/state")
    def switch_state(contact_id: str) -> ResponseReturnValue:
        return pages.edited(dynamics, contact_id, {"statecode": 1 if request.form.get("active") == "no" else 0})


def _portal(dynamics: Dynamics) -> str:
    """Return the environment that the query names, if there is such a one."""
    wanted = request.args.get("portal", DEFAULT_ENVIRONMENT)
    return wanted if dynamics.environments.get(wanted) else DEFAULT_ENVIRONMENT
