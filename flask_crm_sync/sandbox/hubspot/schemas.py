"""Properties and groups over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import g, request

from ..clock import iso
from .batches import inputs_of
from .definition import property_not_found
from .definitions import Definitions
from .errors import HubSpotError
from .gate import Answer, Caller, flag_in_query, json_body
from .kinds import kind_named


def _book(caller: Caller, kind: str) -> Definitions:
    return caller.desk.definitions(kind_named(kind))


def list_properties(caller: Caller, kind: str) -> Answer:
    """Return all properties, or the archived ones."""
    found = _book(caller, kind).listed(archived=flag_in_query("archived"))
    return 200, {"results": [each.shown() for each in found]}


def create_property(caller: Caller, kind: str) -> Answer:
    """Create a property, or bring back an archived one: 201."""
    return 201, _book(caller, kind).create(json_body()).shown()


def read_property(caller: Caller, kind: str, name: str) -> Answer:
    """Return one property."""
    book = _book(caller, kind)
    found = book.archived(name) if flag_in_query("archived") else book.get(name)
    if found is None:
        raise property_not_found(name)
    return 200, found.shown()


def update_property(caller: Caller, kind: str, name: str) -> Answer:
    """Change a property; uniqueness stays as it was."""
    return 200, _book(caller, kind).update(name, json_body()).shown()


def archive_property(caller: Caller, kind: str, name: str) -> Answer:
    """Put a property away."""
    _book(caller, kind).archive(name)
    return 204, None


def batch_create_properties(caller: Caller, kind: str) -> Answer:
    """Create several properties, each with its own fate."""
    book = _book(caller, kind)
    return _batch(caller, lambda each: book.create(each).shown(), 201)


def batch_read_properties(caller: Caller, kind: str) -> Answer:
    """Return several properties by name."""
    book, archived = _book(caller, kind), bool(json_body().get("archived"))

    def one(each: dict[str, Any]) -> dict[str, Any]:
        name = str(each.get("name"))
        found = book.archived(name) if archived else book.get(name)
        if found is None:
            raise property_not_found(name)
        return found.shown()

    return _batch(caller, one, 200)


def batch_archive_properties(caller: Caller, kind: str) -> Answer:
    """Put several properties away; unknown ones pass."""
    book = _book(caller, kind)
    for each in inputs_of(json_body(), "name"):
        if book.get(each["name"]) is not None:
            book.archive(each["name"])
    return 204, None


def list_groups(caller: Caller, kind: str) -> Answer:
    """Return all property groups."""
    return 200, {"results": _book(caller, kind).groups.listed()}


def create_group(caller: Caller, kind: str) -> Answer:
    """Create a group: 201."""
    return 201, _book(caller, kind).groups.create(json_body())


def read_group(caller: Caller, kind: str, name: str) -> Answer:
    """Return one group."""
    return 200, _book(caller, kind).groups.get(name)


def update_group(caller: Caller, kind: str, name: str) -> Answer:
    """Change a group."""
    return 200, _book(caller, kind).groups.update(name, json_body())


def archive_group(caller: Caller, kind: str, name: str) -> Answer:
    """Put a group away."""
    _book(caller, kind).groups.archive(name)
    return 204, None


def account_details(caller: Caller) -> Answer:
    """Return which portal a token opens. The interface's host is this sandbox, so that record links work."""
    portal = caller.desk.portal
    offset = caller.office.limits.offset(portal)
    minutes = int(offset.total_seconds() // 60)
    sign, ahead = ("-" if minutes < 0 else "+"), abs(minutes)
    return 200, {
        "portalId": portal.portal_id,
        "accountType": "DEVELOPER_TEST",
        "timeZone": portal.time_zone,
        "companyCurrency": "USD",
        "additionalCurrencies": [],
        "utcOffset": f"{sign}{ahead // 60:02d}:{ahead % 60:02d}",
        "utcOffsetMilliseconds": minutes * 60_000,
        "uiDomain": request.host,
        "dataHostingLocation": "na1",
    }


def daily_usage(caller: Caller) -> Answer:
    """Return how many calls the account has made today."""
    limits, portal = caller.office.limits, caller.desk.portal
    usage = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": limits.tier(portal).daily,
        "currentUsage": limits.used_today(portal),
        "collectedAt": iso(caller.desk.clock.now_ms()),
        "fetchStatus": "SUCCESS",
        "resetsAt": iso(limits.midnight_ms(portal)),
    }
    return 200, {"results": [usage]}


def _batch(caller: Caller, one: Callable[[dict[str, Any]], dict[str, Any]], success: int) -> Answer:
    inputs = inputs_of(json_body())
    g.items = len(inputs)
    results, errors = [], []
    for each in inputs:
        try:
            results.append(one(each))
        except HubSpotError as error:
            entry = {"status": "error", "category": error.category, "message": error.message}
            errors.append({**entry, "context": {"name": [str(each.get("name"))]}})
    now = iso(caller.desk.clock.now_ms())
    body: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if errors:
        body["numErrors"], body["errors"] = len(errors), errors
    return (207 if errors else success), body
