"""Salesforce's pages for people: leads and contacts, one of them, tasks, switches, and a person's edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from ..panel import PER_PAGE, is_live, page_number
from ..people_pages import PeoplePages
from ..switches import add_switch_page
from . import ids, view
from .errors import SalesforceError
from .orgs import DEFAULT_ORG, KEY_KINDS

if TYPE_CHECKING:
    from .vendor import Salesforce

LIST = "/_sandbox/salesforce/contacts"
NEW_FIELDS = ("LastName", "FirstName", "Company", "Email", "Phone")


def pages_blueprint(salesforce: Salesforce) -> Blueprint:
    """Return the pages under ``/_sandbox/salesforce``, and the address that record links lead to."""
    blueprint = Blueprint("salesforce_pages", __name__)
    _add_lists(blueprint, salesforce)
    _add_record(blueprint, salesforce)
    pages = PeoplePages(
        "salesforce", blueprint, lambda: _portal(salesforce), lambda wrong: _people(salesforce, wrong), SalesforceError
    )
    pages.add_edits(salesforce, lambda values, org: _add(salesforce, values, org))
    pages.add_merge(salesforce.merge_contacts)
    _add_conversion(pages, salesforce)
    _add_org(pages, salesforce)
    add_switch_page(blueprint, salesforce)
    return blueprint


def _add_lists(blueprint: Blueprint, salesforce: Salesforce) -> None:
    @blueprint.get(LIST)
    def contacts() -> ResponseReturnValue:
        return _people(salesforce)

    @blueprint.get("/_sandbox/salesforce/notes")
    def notes() -> ResponseReturnValue:
        return _list(salesforce, "Task", "notes")


def _people(salesforce: Salesforce, wrong: str = "") -> str:
    kind = "Contact" if request.args.get("type") == "Contact" else "Lead"
    return _list(salesforce, kind, "contacts", wrong)


def _list(salesforce: Salesforce, kind: str, template: str, wrong: str = "") -> str:
    desk, page = salesforce.desk(_portal(salesforce)), page_number()
    with salesforce.store.reading():
        records = desk.records(kind)
        found = records.newest(offset=(page - 1) * PER_PAGE, limit=PER_PAGE + 1)
        rows, total = [view.row(desk, each) for each in found[:PER_PAGE]], records.count()
    return render_template(
        f"salesforce/{template}.html",
        kind=kind,
        kinds=view.PEOPLE,
        new_fields=NEW_FIELDS,
        rows=rows,
        total=total,
        page=page,
        more=len(found) > PER_PAGE,
        wrong=wrong,
        org=desk.org,
        key_kinds=KEY_KINDS,
        used=salesforce.limits.used(desk.org),
        most=salesforce.limits.most(desk.org),
        portal_id=desk.org.org_id,
        all_portals=salesforce.orgs.all(),
        live=is_live() and not wrong,
    )


def _add_record(blueprint: Blueprint, salesforce: Salesforce) -> None:
    @blueprint.get(f"{LIST}/<record_id>")
    def record(record_id: str) -> ResponseReturnValue:
        return _record(salesforce, record_id)

    @blueprint.get("/lightning/r/<kind>/<record_id>/view")
    def record_link(kind: str, record_id: str) -> ResponseReturnValue:
        org = _org_of(salesforce, kind, record_id)
        return redirect(
            f"{LIST}/{record_id}?portal={org}" if kind != "Task" else f"/_sandbox/salesforce/notes?portal={org}"
        )


def _org_of(salesforce: Salesforce, kind: str, record_id: str) -> str:
    """Return the org that a record lies in: links name only the record, each org having a domain of its own."""
    desks = [salesforce.desk(org.org_id) for org in salesforce.orgs.all()]
    wanted = ids.normal(record_id)
    known = kind if kind in ids.PREFIXES else "Lead"
    return next((desk.org.org_id for desk in desks if desk.records(known).get(wanted)), DEFAULT_ORG)


def _record(salesforce: Salesforce, record_id: str) -> ResponseReturnValue:
    desk = salesforce.desk(_portal(salesforce))
    try:
        with salesforce.store.reading():
            found = salesforce.record(desk, record_id)
            row = view.row(desk, found)
            tasks = [desk.records("Task").get(each) for each in row["notes"]]
    except SalesforceError:
        return _people(salesforce, f"There is no lead or contact {record_id}."), 404
    return render_template(
        "salesforce/contact.html",
        row=row,
        record=found,
        editor="Integration user" if found.modified_by == desk.org.user_id else "A person",
        notes=tasks[::-1],
        portal_id=desk.org.org_id,
    )


def _add(salesforce: Salesforce, values: dict[str, str], org: str) -> str:
    kind = values.pop("type", "Lead")
    return salesforce.add_contact(values, org, kind)


def _add_conversion(pages: PeoplePages[str], salesforce: Salesforce) -> None:
    @pages.blueprint.post(f"{LIST}/<record_id>/convert")
    def convert(record_id: str) -> ResponseReturnValue:
        return pages.done(lambda org: salesforce.convert_lead(record_id, org))


def _add_org(pages: PeoplePages[str], salesforce: Salesforce) -> None:
    @pages.blueprint.post("/_sandbox/salesforce/org")
    def settings() -> ResponseReturnValue:
        kinds = [kind for kind in KEY_KINDS if kind in request.form.getlist("key_field_on")]
        daily = request.form.get("daily_requests", "")
        values = {"key_field_on": kinds, "daily_requests": int(daily) if daily.isdigit() else None}

        def save(org: str) -> None:
            salesforce.add_portal(org, settings=values)

        return pages.done(save)

    @pages.blueprint.post("/_sandbox/salesforce/expire")
    def expire() -> ResponseReturnValue:
        def end(org: str) -> None:
            salesforce.expire_sessions(org)

        return pages.done(end)


def _portal(salesforce: Salesforce) -> str:
    """Return the org that the query names, if there is such a one."""
    org = salesforce.orgs.get(request.args.get("portal", DEFAULT_ORG))
    return org.org_id if org else DEFAULT_ORG
