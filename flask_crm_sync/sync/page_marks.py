"""Where a page of rows ends that are listed by instant, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class PageMark:
    """The last row of a page: its instant, and its id, as many rows may be of one instant."""

    at: datetime
    id: UUID

    def is_before(self, at: sa.ColumnElement[datetime], id: sa.ColumnElement[UUID]) -> sa.ColumnElement[bool]:
        """Return the condition of the rows that follow it."""
        return sa.or_(at < self.at, sa.and_(at == self.at, id < self.id))

    def __str__(self) -> str:
        """Return it as it stands in an address; `web.asked.page_mark` reads it."""
        return f"{self.at.isoformat()}_{self.id.hex}"
