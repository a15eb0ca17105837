"""AutoChat's pages for people: clients, one client, activities, webhooks, and a person's edits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from ..panel import PER_PAGE, is_live, page_number
from ..switches import add_switch_page
from . import view
from .access import DEFAULT_WORKSPACE
from .clients import Activities, Clients
from .errors import AutoChatError

if TYPE_CHECKING:
    from .vendor import AutoChat

LIST = "/_sandbox/autochat/contacts"
HOOKS = "/_sandbox/autochat/webhooks"


def pages_blueprint(autochat: AutoChat) -> Blueprint:
    """Return the pages under ``/_sandbox/autochat``."""
    blueprint = Blueprint("autochat_pages", __name__)
    _add_lists(blueprint, autochat)
    _add_edits(blueprint, autochat)
    _add_webhooks(blueprint, autochat)
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


def _add_edits(blueprint: Blueprint, autochat: AutoChat) -> None:
    @blueprint.post(LIST)
    def create() -> ResponseReturnValue:
        values = {name: value for name, value in request.form.items() if value}
        return _done(autochat, lambda workspace: autochat.add_contact(values, workspace))

    @blueprint.post(f"{LIST}/<client_id>")
    def edit(client_id: str) -> ResponseReturnValue:
        values = {request.form["name"]: request.form.get("value", "")}

        def save(workspace: str) -> str:
            autochat.edit_contact(client_id, values, workspace)
            return client_id

        return _done(autochat, save)

    @blueprint.post(f"{LIST}/<client_id>/delete")
    def delete(client_id: str) -> ResponseReturnValue:
        def remove(workspace: str) -> str:
            autochat.delete_contact(client_id, workspace)
            return ""

        return _done(autochat, remove)


def _done(autochat: AutoChat, work: Callable[[str], str]) -> ResponseReturnValue:
    """Do what a person asked for and go to the client, or say on the list why not."""
    workspace = _workspace(autochat)
    try:
        client_id = work(workspace)
    except AutoChatError as error:
        return _clients(autochat, error.message), error.status
    return redirect(f"{LIST}/{client_id}?portal={workspace}" if client_id else f"{LIST}?portal={workspace}", 303)


def _add_webhooks(blueprint: Blueprint, autochat: AutoChat) -> None:
    def shown(wrong: str = "", secret: str = "") -> str:
        listed, sent = autochat.sender.listed(_workspace(autochat)), autochat.sender.deliveries()[:PER_PAGE]
        frame = _frame(autochat)
        return render_template("autochat/webhooks.html", listed=listed, sent=sent, wrong=wrong, secret=secret, **frame)

    @blueprint.get(HOOKS)
    def webhooks() -> ResponseReturnValue:
        return shown()

    @blueprint.post(HOOKS)
    def add() -> ResponseReturnValue:
        try:
            webhook = autochat.sender.add(_workspace(autochat), request.form["url"])
        except ValueError as error:
            return shown(str(error)), 400
        return shown(secret=webhook.secret)

    @blueprint.post(f"{HOOKS}/<int:webhook_id>/remove")
    def remove(webhook_id: int) -> ResponseReturnValue:
        autochat.sender.remove(webhook_id)
        return redirect(f"{HOOKS}?portal={_workspace(autochat)}", 303)


def _frame(autochat: AutoChat) -> dict[str, Any]:
    workspaces = [{"portal_id": each.name, "name": each.label} for each in autochat.access.workspaces()]
    return {"portal_id": _workspace(autochat), "all_portals": workspaces}


def _workspace(autochat: AutoChat) -> str:
    """Return the workspace that the query names, if there is such a one."""
    wanted = request.args.get("portal", DEFAULT_WORKSPACE)
    return wanted if autochat.access.workspace(wanted) else DEFAULT_WORKSPACE
