"""AutoChat's pages for people: clients, one client, activities, webhooks, and a person's edits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from ..panel import PER_PAGE, is_live, page_number
from ..people_pages import PeoplePages
from ..switches import add_switch_page
from . import view
from .access import DEFAULT_WORKSPACE
from .clients import Activities, Clients
from .errors import AutoChatError

if TYPE_CHECKING:
    from .vendor import AutoChat

LIST = "/_sandbox/autochat/contacts"


def pages_blueprint(autochat: AutoChat) -> Blueprint:
    """Return the pages under ``/_sandbox/autochat``."""
    blueprint = Blueprint("autochat_pages", __name__)
    _add_lists(blueprint, autochat)
    pages = PeoplePages(
        "autochat", blueprint, lambda: _workspace(autochat), lambda wrong: _clients(autochat, wrong), AutoChatError
    )
    pages.add_edits(autochat)
    pages.add_webhooks(autochat.sender, autochat.sender.deliveries, all_portals=lambda: _workspaces(autochat))
    add_switch_page(blueprint, autochat)
    return blueprint


def _add_lists(blueprint: Blueprint, autochat: AutoChat) -> None:
    @blueprint.get(LIST)
    def clients() -> ResponseReturnValue:
        return _clients(autochat)

    @blueprint.get(f"{LIST}/<client_id>")
    def client(client_id: str) -> ResponseReturnValue:
        return _client(autochat, client_id)

    @blueprint.get("/_sandbox/autochat/notes")
    def activities() -> ResponseReturnValue:
        with autochat.store.reading():
            told = Activities(autochat.store, _workspace(autochat))
            found = told.newest(offset=(page_number() - 1) * PER_PAGE, limit=PER_PAGE + 1)
            total = told.count()
        rows = [view.activity_row(each) for each in found]
        return _list(autochat, "autochat/activities.html", rows, total)


def _clients(autochat: AutoChat, wrong: str = "") -> str:
    with autochat.store.reading():
        clients, told = Clients(autochat.store, _workspace(autochat)), Activities(autochat.store, _workspace(autochat))
        offset = (page_number() - 1) * PER_PAGE
        found, total = clients.page({}, loose=False, offset=offset, limit=PER_PAGE + 1)
        rows = [view.client_row(each, [note.id for note in told.of(each.id)]) for each in found]
    return _list(autochat, "autochat/clients.html", rows, total, wrong)


def _list(autochat: AutoChat, template: str, rows: list[dict[str, Any]], total: int, wrong: str = "") -> str:
    return render_template(
        template,
        rows=rows[:PER_PAGE],
        total=total,
        page=page_number(),
        more=len(rows) > PER_PAGE,
        wrong=wrong,
        live=is_live() and not wrong,
        **_frame(autochat),
    )


def _client(autochat: AutoChat, client_id: str) -> ResponseReturnValue:
    with autochat.store.reading():
        client = Clients(autochat.store, _workspace(autochat)).get(client_id)
        if client is None:
            return _clients(autochat, f"There is no client {client_id}; it may have been deleted."), 404
        told = Activities(autochat.store, _workspace(autochat)).of(client_id)
    return render_template("autochat/client.html", client=client, activities=told, **_frame(autochat))


def _frame(autochat: AutoChat) -> dict[str, Any]:
    return {"portal_id": _workspace(autochat), "all_portals": _workspaces(autochat)}


def _workspaces(autochat: AutoChat) -> list[dict[str, str]]:
    return [{"portal_id": each.name, "name": each.label} for each in autochat.access.workspaces()]


def _workspace(autochat: AutoChat) -> str:
    """Return the workspace that the query names, if there is such a one."""
    wanted = request.args.get("portal", DEFAULT_WORKSPACE)
    return wanted if autochat.access.workspace(wanted) else DEFAULT_WORKSPACE
