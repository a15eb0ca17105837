"""Upkeep: upgrade, rotate-keys, make-key, and the sandbox for trying things out."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import current_app

from .. import migration
from ..jobs.running import running_of
from ..sync.lost_key import replace_lost_secret
from ..sync.secrets import CHANGED, CURRENT, ROTATED, UNREADABLE, rotate
from ..vault import make_key
from .group import Failure, crm_commands, here, json_option, print_json

_FOLDER = click.Path(path_type=Path, file_okay=False)


@crm_commands.command("upgrade")
@click.option("--sql", is_flag=True, help="Print the statements of a first upgrade instead of running them.")
def upgrade_command(sql: bool) -> None:
    """Make our tables, or bring them up to date. Safe to run again, and by several at once."""
    engine = running_of(current_app).sync.host.engine
    if sql:
        migration.print_statements(engine.dialect.name, sys.stdout)
        return
    try:
        migration.upgrade(engine)
    except TimeoutError as busy:
        raise Failure("busy", str(busy)) from None
    click.echo(f"The tables are at revision {migration.current_revision(engine)}.")


@crm_commands.command("rotate-keys")
@click.option("--old-key-is-lost", is_flag=True, help="Nobody has the old key any more: go on without it.")
@json_option
def rotate_keys_command(old_key_is_lost: bool, as_json: bool) -> None:
    """Encrypt every stored secret anew with the first of CRM_SYNC_ENCRYPTION_KEYS.

    Put the new key first and keep the old ones behind it, restart every process, run this, then remove the old keys.
    """
    if old_key_is_lost:
        replace_lost_secret(here().sync)
    counted = rotate(here().sync)
    if counted[UNREADABLE]:
        raise Failure(
            "secret_unreadable",
            f"{counted[UNREADABLE]} secrets open with none of the keys; {counted[ROTATED]} were rotated.",
            "Put the key that was used back into CRM_SYNC_ENCRYPTION_KEYS and run this again. Where it is lost"
            " for good: add --old-key-is-lost, restart every process, connect anew.",
        )
    if counted[CHANGED]:
        raise Failure("changed_meanwhile", f"{counted[CHANGED]} secrets were stored anew meanwhile.", "Run this again.")
    if as_json:
        print_json({"ok": True, "rotated": counted[ROTATED], "current": counted[CURRENT]})
    else:
        click.echo(f"{counted[ROTATED]} secrets rotated, {counted[CURRENT]} had the first key already.")


@crm_commands.command("make-key", with_appcontext=False)
def make_key_command() -> None:
    """Print a new key for CRM_SYNC_ENCRYPTION_KEYS."""
    click.echo(make_key())


@crm_commands.command("sandbox", with_appcontext=False)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port; any free one where not given.")
@click.option("--directory", type=_FOLDER, default=Path(".crm-sandbox"), show_default=True, help="What it keeps.")
def sandbox_command(port: int, directory: Path) -> None:
    """Serve stand-ins of the CRMs on this machine; prints one JSON line with their address and authority."""
    from ..sandbox.server import serve  # nothing that a host in production should load

    try:
        serve(directory, port=port)
    except OSError as error:
        why = f"The sandbox cannot start: {error.strerror}."
        raise Failure("sandbox", why, "Choose another --port or --directory.") from None
