"""`flask crm erase-client`: remove a person from every CRM and from our tables, with a receipt for each."""

from __future__ import annotations

import click

from ..jobs.running import Running
from ..jobs.tasks import work_on
from ..sync.connections import connections, crm_label
from ..sync.erasure import CRMReceipt, ErasureView, erase_client, erasures, find_erasure, lift_erasure
from ..sync.refusals import NotFound
from .group import Failure, crm_commands, here, json_option, print_json

_OPERATOR = "command line"


@crm_commands.command("erase-client")
@click.argument("client")
@click.option("--account", required=True, help="The account's id, as in the host's database.")
@click.option("--yes", is_flag=True, help="Do not ask; it cannot be undone.")
@click.option("--lift", is_flag=True, help="Let an erased person be synced again, as somebody new.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Do the work here, or leave it to the workers.")
@json_option
def erase_client_command(client: str, account: str, yes: bool, lift: bool, wait: bool, as_json: bool) -> None:
    """Erase a client from every CRM: contact and notes where the CRM lets an app, else a receipt says what is left.

    Run it before the client is deleted in your app, so that the person's e-mail and phone stop them from coming back.
    """
    running = here()
    if lift:
        return _lift(running, account, client, as_json=as_json)
    if not (yes or as_json):
        click.confirm(f"Erase client {client} from every CRM for good?", abort=True)
    if as_json and not yes:
        raise Failure("not_confirmed", "Nothing was erased.", "Say --yes: it cannot be undone.")
    asked = erase_client(running.sync, account, client, by=_OPERATOR)
    running.queues.wake()
    if wait:
        for view in connections(running.sync, account):
            work_on(running, view.id)
    return _tell(find_erasure(running.sync, account, asked.id), as_json=as_json)


def _lift(running: Running, account: str, client: str, *, as_json: bool) -> None:
    open_ = [one for one in erasures(running.sync, account, client_id=client).erasures if one.lifted_at is None]
    if not open_:
        raise NotFound(f"No erasure of client {client!r} holds in account {account!r}.")
    for one in open_:
        lift_erasure(running.sync, account, one.id, by=_OPERATOR)
    if as_json:
        return print_json({"ok": True, "client": client, "lifted": len(open_)})
    return click.echo(f"Client {client} is synced again from its next change on.")


def _tell(view: ErasureView, *, as_json: bool) -> None:
    if as_json:
        told = {"erasure": view.id, "client": view.client_id, "requested_at": view.requested_at, "done": view.is_done}
        return print_json({"ok": True, **told, "receipts": [receipt_json(one) for one in view.receipts]})
    click.echo(f"Erasure {view.id} of client {view.client_id}:")
    for receipt in view.receipts:
        click.echo(f"  {crm_label(receipt.crm)}: {_line(receipt)}")
        for id, url in receipt.records:
            click.echo(f"    to remove by hand: {url or id}")
    if not view.receipts:
        click.echo("  The account has no connection: only our own tables were cleared.")
    return None


def receipt_json(receipt: CRMReceipt) -> dict[str, object]:
    """Return a receipt as machines read it."""
    records = [{"id": id, "url": url} for id, url in receipt.records]
    state = {"how": receipt.how or "waiting", "says": receipt.says, "notes": receipt.notes, "by_hand": records}
    return {"crm": receipt.crm, **state, "settled_at": receipt.settled_at, "reason": receipt.reason}


def _line(receipt: CRMReceipt) -> str:
    if not receipt.how:
        return f"waits ({receipt.reason or 'for its turn'})"
    words = {"by_hand": "is left to a person", "nothing": "had no record"}
    return f"{words.get(receipt.how, receipt.how)}. {receipt.says}".strip()
