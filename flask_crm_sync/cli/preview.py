"""What sending a client would do and cost, before it is done."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from ..sync.mapping.preview import Preview, preview_client
from ..sync.reasons import explain
from .group import crm_commands, here, json_option, print_json

_OUTCOMES = {
    "create": "A new record would be made.",
    "update": "The record would be changed.",
    "nothing": "Nothing would be written.",
    "not_sent": "The client would not be sent.",
}


@crm_commands.command("preview")
@click.option("--account", required=True, help="The account's id, as in the host's database.")
@click.option("--crm", required=True, help="The CRM's name.")
@click.option("--client", required=True, help="The client's id, as in the host's database.")
@json_option
def preview_command(account: str, crm: str, client: str, as_json: bool) -> None:
    """Show what sending a client would write, beside what the CRM holds now; nothing is written."""
    sync = here().sync
    made = preview_client(sync, account, crm, client)
    if as_json:
        return print_json({"ok": True, "preview": asdict(made)})
    click.echo("\n".join(_lines(made)))
    return None


def _lines(made: Preview) -> list[str]:
    why = explain(made.reason)
    lines = [f"{_OUTCOMES[made.outcome]} {why.says} {why.advice}".strip()]
    lines += [_field(one) for one in made.fields if one.what != "same"]
    return [*lines, f"API calls: {made.calls:,}, of which {made.reads:,} for this preview."]


def _field(one: Any) -> str:
    if one.what == "write":
        return f"  {one.label}: {one.theirs or '-'} -> {one.ours or '-'}"
    return f"  {one.label}: stays {one.theirs or '-'} ({one.why or one.what})"
