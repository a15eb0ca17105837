"""What the extension's own tables say about the work: read by name, as any operator might."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import text

from .extensions import db

STATUSES = ("success", "failed", "pending", "skipped")


class Ledger:
    """The extension's operations in numbers."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def operations(self) -> dict[str, int]:
        """Return how many operations there are in each status."""
        counted = self._counted("SELECT status, count(*) FROM crm_sync_operation GROUP BY status")
        return {status: counted.get(status, 0) for status in STATUSES}

    def changes(self) -> int:
        """Return how many changes have not been made into operations yet."""
        return self._counted("SELECT 'changes', count(*) FROM crm_sync_change")["changes"]

    def moving(self) -> int:
        """Return how much is being done or has its time; what waits for something other than time does not move."""
        statement = (
            "SELECT 'moving', count(*) FROM crm_sync_operation"
            " WHERE status = 'pending' AND (claim IS NOT NULL OR due_at IS NOT NULL)"
        )
        return self.changes() + self.judging() + self._counted(statement)["moving"]

    def judging(self) -> int:
        """Return how many conversations the rules or the reviewer have yet to look at."""
        return self._counted(
            "SELECT 'judging', count(*) FROM crm_sync_qualification WHERE judge_at IS NOT NULL OR review_at IS NOT NULL"
        )["judging"]

    def reasons(self) -> dict[str, int]:
        """Return how many operations failed or wait, by kind, status and reason."""
        return self._counted(
            "SELECT kind, status, reason, count(*) FROM crm_sync_operation"
            " WHERE status IN ('failed', 'pending') GROUP BY kind, status, reason"
        )

    def _counted(self, statement: str) -> dict[str, int]:
        with self.app.app_context(), db.engine.connect() as connection:
            return {" ".join(map(str, key)): int(count) for *key, count in connection.execute(text(statement))}
