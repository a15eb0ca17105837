"""Webhooks: the address that is registered in a CRM, and the secret that comes from there."""

from __future__ import annotations

import sys
from typing import Any

import click
from flask import current_app

from ..crm import registry
from ..sync.webhooks import WebhookView, open_webhook, remove_webhook, set_secret
from ..web.webhooks import webhook_url
from .group import Failure, crm_commands, here, json_option, print_json

_LONGEST_INPUT = 10_000


@crm_commands.command("webhook")
@click.option("--account", required=True, help="The account's id, as in the host's database.")
@click.option("--crm", required=True, help="The CRM that sends.")
@click.option("--new-secret-stdin", is_flag=True, help="Read the secret that the CRM shows from standard input.")
@click.option("--remove", is_flag=True, help="Delete the address and the secret; asking again makes a new address.")
@json_option
def webhook_command(account: str, crm: str, new_secret_stdin: bool, remove: bool, as_json: bool) -> None:
    """Show the address at which a CRM tells one connection of changes, and set the secret that it signs with.

    With a new secret the one before it stays good for a day.
    """
    if remove and new_secret_stdin:
        raise click.UsageError("--remove deletes the address and the secret: it does not go with --new-secret-stdin.")
    sync = here().sync
    if remove:
        remove_webhook(sync, account, crm)
        return print_json({"ok": True, "removed": True}) if as_json else click.echo("The webhook is removed.")
    if not sync.settings.public_url:
        advice = "Set CRM_SYNC_PUBLIC_URL to where CRMs reach this app."
        raise Failure("public_url", "The address cannot be told without the app's own.", advice)
    view = set_secret(sync, account, crm, _secret()) if new_secret_stdin else open_webhook(sync, account, crm)
    told = {"url": _url(view), "has_secret": view.has_secret, "previous_until": view.previous_until}
    told["last_received_at"] = view.last_received_at
    return print_json({"ok": True, **told}) if as_json else click.echo("\n".join(_lines(view, told)))


def _secret() -> str:
    """Read a secret from standard input: it never stands on a command line, which every process can read."""
    return sys.stdin.read(_LONGEST_INPUT).strip()


def _url(view: WebhookView) -> str:
    with current_app.test_request_context():
        return webhook_url(view.token)


def _lines(view: WebhookView, told: dict[str, Any]) -> list[str]:
    webhooks = registry.adapter_class(view.crm).webhooks
    lines = [told["url"]]
    if view.has_secret:
        lines.append("The secret is set.")
    else:
        lines.append("No secret is set yet, so everything that comes is refused: add --new-secret-stdin.")
    lines.append(webhooks.setting_up if webhooks else "")
    if view.previous_until:
        lines.append(f"The secret before it is good until {view.previous_until:%Y-%m-%d %H:%M} UTC.")
    if view.last_received_at:
        lines.append(f"Something came at {view.last_received_at:%Y-%m-%d %H:%M} UTC last.")
    return lines
