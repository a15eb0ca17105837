"""`flask crm ...`: what an operator does. Exit code 0 only when it worked; `--json` prints one JSON object."""

from __future__ import annotations

import click

from ..vault import make_key
from . import accounts, agreement, backfill, erase, preview, upkeep, webhooks, work
from .group import Failure, crm_commands

__all__ = ["COMMANDS", "Failure", "crm_commands", "print_key"]

COMMANDS = (accounts, agreement, backfill, erase, preview, upkeep, webhooks, work)
"""The modules whose import declares the commands."""


def print_key() -> None:
    """Print a new key for CRM_SYNC_ENCRYPTION_KEYS: `flask-crm-sync-key`, which needs no app."""
    click.echo(make_key())
