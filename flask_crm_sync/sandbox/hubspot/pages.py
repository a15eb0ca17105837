"""HubSpot's pages for people: contacts, one contact, notes, switches, and a person's edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from ..panel import PER_PAGE, is_live, page_number
from ..people_pages import PeoplePages
from ..switches import add_switch_page
from . import view
from .access import DEFAULT_PORTAL
from .errors import HubSpotError
from .kinds import CONTACTS, NOTES, Kind
from .writes import find

if TYPE_CHECKING:
    from .vendor import HubSpot

LIST = "/_sandbox/hubspot/contacts"


def pages_blueprint(hubspot: HubSpot) -> Blueprint:
    """Return the pages under ``/_sandbox/hubspot``, and the address that record links lead to."""
    blueprint = Blueprint("hubspot_pages", __name__)
    _add_lists(blueprint, hubspot)
    _add_contact(blueprint, hubspot)
    pages = PeoplePages(
        "hubspot", blueprint, lambda: _portal(hubspot), lambda wrong: _list(hubspot, CONTACTS, wrong), HubSpotError
    )
    pages.add_edits(hubspot)
    pages.add_merge(hubspot.merge_contacts)
    pages.add_webhooks(hubspot.listeners, hubspot.sender.deliveries, all_portals=hubspot.access.portals)
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


def _portal(hubspot: HubSpot) -> int:
    """Return the portal that the query names, if there is such a one."""
    wanted = request.args.get("portal", DEFAULT_PORTAL, int)
    return wanted if hubspot.access.portal(wanted) else DEFAULT_PORTAL
