"""HubSpot's pages for people: contacts, one contact, notes, switches, and a person's edits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from ..panel import PER_PAGE, is_live, page_number
from ..switches import add_switch_page
from . import view
from .access import DEFAULT_PORTAL
from .errors import HubSpotError
from .kinds import CONTACTS, NOTES, Kind
from .writes import find

if TYPE_CHECKING:
    from .vendor import HubSpot

LIST = "/_sandbox/hubspot/contacts"
HOOKS = "/_sandbox/hubspot/webhooks"


def pages_blueprint(hubspot: HubSpot) -> Blueprint:
    """Return the pages under ``/_sandbox/hubspot``, and the address that record links lead to."""
    blueprint = Blueprint("hubspot_pages", __name__)
    _add_lists(blueprint, hubspot)
    _add_contact(blueprint, hubspot)
    _add_edits(blueprint, hubspot)
    _add_webhooks(blueprint, hubspot)
    add_switch_page(blueprint, hubspot)
    return blueprint


def _add_lists(blueprint: Blueprint, hubspot: HubSpot) -> None:
    @blueprint.get(LIST)
    def contacts() -> ResponseReturnValue:
        return _list(hubspot, CONTACTS)

    @blueprint.get("/_sandbox/hubspot/notes")
    def notes() -> ResponseReturnValue:
        return _list(hubspot, NOTES)


def _list(hubspot: HubSpot, kind: Kind, wrong: str = "") -> str:
    desk, page = hubspot.desk(_portal(hubspot)), page_number()
    with hubspot.store.reading():
        records = desk.records(kind)
        found = records.newest(offset=(page - 1) * PER_PAGE, limit=PER_PAGE + 1)
        rows, total = [view.row(desk, each) for each in found[:PER_PAGE]], records.count()
    return render_template(
        f"hubspot/{kind.name}.html",
        rows=rows,
        total=total,
        page=page,
        more=len(found) > PER_PAGE,
        wrong=wrong,
        portal_id=desk.portal.portal_id,
        all_portals=hubspot.access.portals(),
        live=is_live() and not wrong,
    )


def _add_contact(blueprint: Blueprint, hubspot: HubSpot) -> None:
    @blueprint.get(f"{LIST}/<contact_id>")
    def contact(contact_id: str) -> ResponseReturnValue:
        return _contact(hubspot, contact_id)

    @blueprint.get("/contacts/<int:portal_id>/record/0-1/<contact_id>")
    def record_link(portal_id: int, contact_id: str) -> ResponseReturnValue:
        return redirect(f"{LIST}/{contact_id}?portal={portal_id}")


def _contact(hubspot: HubSpot, contact_id: str, wrong: str = "") -> ResponseReturnValue:
    desk = hubspot.desk(_portal(hubspot))
    with hubspot.store.reading():
        record = find(desk, CONTACTS, contact_id, None)
        if record is None:
            return _list(hubspot, CONTACTS, f"There is no contact {contact_id}; it may have been deleted."), 404
        row = view.row(desk, record)
        notes = [desk.records(NOTES).get(int(each)) for each in row["notes"]]
    values = [(name, value, record.revisions(name)[0]) for name, value in row["properties"].items()]
    return render_template(
        "hubspot/contact.html",
        row=row,
        asked=contact_id,
        values=values,
        notes=notes[::-1],
        wrong=wrong,
        portal_id=desk.portal.portal_id,
    )


def _add_edits(blueprint: Blueprint, hubspot: HubSpot) -> None:
    @blueprint.post(LIST)
    def create() -> ResponseReturnValue:
        values = {name: value for name, value in request.form.items() if value}
        return _done(hubspot, lambda portal: hubspot.add_contact(values, portal))

    @blueprint.post("/_sandbox/hubspot/merge")
    def merge() -> ResponseReturnValue:
        primary, other = request.form["primary"], request.form["other"]
        return _done(hubspot, lambda portal: hubspot.merge_contacts(primary, other, portal))

    @blueprint.post(f"{LIST}/<contact_id>")
    def edit(contact_id: str) -> ResponseReturnValue:
        values = {request.form["name"]: request.form.get("value", "")}

        def save(portal: int) -> str:
            hubspot.edit_contact(contact_id, values, portal)
            return contact_id

        return _done(hubspot, save)

    @blueprint.post(f"{LIST}/<contact_id>/delete")
    def delete(contact_id: str) -> ResponseReturnValue:
        def remove(portal: int) -> str:
            hubspot.delete_contact(contact_id, portal)
            return ""

        return _done(hubspot, remove)


def _add_webhooks(blueprint: Blueprint, hubspot: HubSpot) -> None:
    def shown(wrong: str = "", secret: str = "") -> str:
        portal = _portal(hubspot)
        return render_template(
            "hubspot/webhooks.html",
            listed=hubspot.listeners.listed(portal),
            sent=hubspot.sender.deliveries()[:PER_PAGE],
            wrong=wrong,
            secret=secret,
            portal_id=portal,
            all_portals=hubspot.access.portals(),
        )

    @blueprint.get(HOOKS)
    def webhooks() -> ResponseReturnValue:
        return shown()

    @blueprint.post(HOOKS)
    def add() -> ResponseReturnValue:
        try:
            listener = hubspot.listeners.add(_portal(hubspot), request.form["url"])
        except ValueError as error:
            return shown(str(error)), 400
        return shown(secret=listener.secret)

    @blueprint.post(f"{HOOKS}/<int:webhook_id>/remove")
    def remove(webhook_id: int) -> ResponseReturnValue:
        hubspot.listeners.remove(webhook_id)
        return redirect(f"{HOOKS}?portal={_portal(hubspot)}", 303)


def _done(hubspot: HubSpot, work: Callable[[int], str]) -> ResponseReturnValue:
    """Do what a person asked for and go to the contact, or say on the list why not."""
    portal = _portal(hubspot)
    try:
        contact_id = work(portal)
    except HubSpotError as error:
        return _list(hubspot, CONTACTS, error.message), error.status
    return redirect(f"{LIST}/{contact_id}?portal={portal}" if contact_id else f"{LIST}?portal={portal}", 303)


def _portal(hubspot: HubSpot) -> int:
    """Return the portal that the query names, if there is such a one."""
    wanted = request.args.get("portal", DEFAULT_PORTAL, int)
    return wanted if hubspot.access.portal(wanted) else DEFAULT_PORTAL
