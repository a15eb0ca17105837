"""The log for taking away: recorded in the audit trail before the first row leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from . import audit
from .context import Sync
from .log import Entry, LogFilter, every_entry


def export_log(sync: Sync, account_id: str, wanted: LogFilter, *, by: str) -> Iterator[Entry]:
    """Record that somebody takes the log away, and return its entries, newest first."""
    asked = {name: value for name, value in asdict(wanted).items() if value}
    if wanted.client:
        asked["client"] = True  # what was typed may be a name or an address, and the trail holds neither
    with sync.database.write() as database:
        audit.record(
            database,
            account_id,
            audit.EXPORT,
            now=sync.clock.now(),
            by=by,
            subject_type=audit.LOG,
            crm=wanted.crm,
            after=asked,
        )
    return every_entry(sync, account_id, wanted)
