"""Dynamics' pages for people: contacts, one contact, notes, webhooks, switches, and a person's edits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from ..panel import PER_PAGE, is_live, page_number
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
HOOKS = "/_sandbox/dynamics/webhooks"


def pages_blueprint(dynamics: Dynamics) -> Blueprint:
    """Return the pages under ``/_sandbox/dynamics``, and the address that record links lead to."""
    blueprint = Blueprint("dynamics_pages", __name__)
    _add_lists(blueprint, dynamics)
    _add_contact(blueprint, dynamics)
    _add_edits(blueprint, dynamics)
    _add_webhooks(blueprint, dynamics)
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


def _add_edits(blueprint: Blueprint, dynamics: Dynamics) -> None:
    @blueprint.post(LIST)
    def create() -> ResponseReturnValue:
        values = {name: value for name, value in request.form.items() if value}
        return _done(dynamics, lambda portal: dynamics.add_contact(values, portal))

    @blueprint.post("/_sandbox/dynamics/merge")
    def merge() -> ResponseReturnValue:
        primary, other = request.form["primary"], request.form["other"]
        return _done(dynamics, lambda portal: dynamics.merge_contacts(primary, other, portal))

    @blueprint.post(f"{LIST}/<contact_id>")
    def edit(contact_id: str) -> ResponseReturnValue:
        return _edit(dynamics, contact_id, {request.form["name"]: request.form.get("value", "")})

    @blueprint.post(f"{LIST}/<contact_id>/state")
    def switch_state(contact_id: str) -> ResponseReturnValue:
        return _edit(dynamics, contact_id, {"statecode": 1 if request.form.get("active") == "no" else 0})

    @blueprint.post(f"{LIST}/<contact_id>/delete")
    def delete(contact_id: str) -> ResponseReturnValue:
        def remove(portal: str) -> str:
            dynamics.delete_contact(contact_id, portal)
            return ""

        return _done(dynamics, remove)


def _add_webhooks(blueprint: Blueprint, dynamics: Dynamics) -> None:
    def shown(wrong: str = "", secret: str = "") -> str:
        portal = _portal(dynamics)
        return render_template(
            "dynamics/webhooks.html",
            listed=dynamics.sender.listed(portal),
            sent=dynamics.sender.deliveries()[:PER_PAGE],
            wrong=wrong,
            secret=secret,
            header=HEADER,
            portal_id=portal,
            all_portals=dynamics.environments.all(),
        )

    @blueprint.get(HOOKS)
    def webhooks() -> ResponseReturnValue:
        return shown()

    @blueprint.post(HOOKS)
    def add() -> ResponseReturnValue:
        try:
            hook = dynamics.sender.add(_portal(dynamics), request.form["url"])
        except ValueError as error:
            return shown(str(error)), 400
        return shown(secret=hook.secret)

    @blueprint.post(f"{HOOKS}/<int:hook_id>/remove")
    def remove(hook_id: int) -> ResponseReturnValue:
        dynamics.sender.remove(hook_id)
        return redirect(f"{HOOKS}?portal={_portal(dynamics)}", 303)


def _edit(dynamics: Dynamics, contact_id: str, values: Mapping[str, Any]) -> ResponseReturnValue:
    def save(portal: str) -> str:
        dynamics.edit_contact(contact_id, values, portal)
        return contact_id

    return _done(dynamics, save)


def _done(dynamics: Dynamics, work: Callable[[str], str]) -> ResponseReturnValue:
    """Do what a person asked for and go to the contact, or say on the list why not."""
    portal = _portal(dynamics)
    try:
        contact_id = work(portal)
    except DataverseError as error:
        return _list(dynamics, CONTACT, error.message), error.status
    return redirect(f"{LIST}/{contact_id}?portal={portal}" if contact_id else f"{LIST}?portal={portal}", 303)


def _portal(dynamics: Dynamics) -> str:
    """Return the environment that the query names, if there is such a one."""
    wanted = request.args.get("portal", DEFAULT_ENVIRONMENT)
    return wanted if dynamics.environments.get(wanted) else DEFAULT_ENVIRONMENT
