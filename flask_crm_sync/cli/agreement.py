"""`flask crm agreement`: read linked records back, and say how far host and CRM agree."""

from __future__ import annotations

from typing import Any

import click

from ..sync.agreement import compare
from ..sync.comparing import Compared
from ..sync.connections import ConnectionView
from .accounts import chosen_connections
from .group import crm_commands, here, json_option, print_json


@crm_commands.command("agreement")
@click.option("--account", help="This account only.")
@click.option("--crm", help="This CRM only.")
@click.option("--all", "everything", is_flag=True, help="Read every linked record back, not a sample.")
@json_option
def agreement_command(account: str | None, crm: str | None, everything: bool, as_json: bool) -> None:
    """Compare linked records with their CRM; what drifted is sent again, up to CRM_SYNC_AGREEMENT_REPAIRS of a run.

    The exit code is 1 where a connection could not be compared, or more drifted than was sent again.
    """
    running = here()
    views = chosen_connections(running.sync, account, crm, connected=True)
    found = [(view, compare(running.sync, view.id, everything=everything)) for view in views]
    running.queues.wake()
    well = all(one is not None and not one.is_beyond_repair for _, one in found)
    if as_json:
        print_json({"ok": well, "connections": [_json(*each) for each in found]})
    else:
        click.echo("\n".join(_line(*each) for each in found))
    if not well:
        raise click.exceptions.Exit(1)


def _json(view: ConnectionView, found: Compared | None) -> dict[str, Any]:
    told: dict[str, Any] = {"account": view.account_id, "crm": view.crm, "compared": found is not None}
    if found is None:
        return told
    figures = {"checked": found.checked, "drifted": found.drifted, "gone": found.gone, "repaired": found.repaired}
    return {**told, **figures, "whole": found.whole}


def _line(view: ConnectionView, found: Compared | None) -> str:
    who = f"account {view.account_id} · {view.label}"
    if found is None:
        return f"{who}: not compared; it needs attention, is paused, rests, or another worker holds it."
    told = f"{found.checked} compared, {found.drifted} differ, {found.gone} gone in the CRM"
    return f"{who}: {told}; {found.repaired} are sent again."
