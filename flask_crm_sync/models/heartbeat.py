"""Signs of life of workers and schedulers, in the database, so that every page can tell whether anybody works."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, text_key

WORKER, SCHEDULER, BELL = "worker", "scheduler", "bell"


class Heartbeat(Base):
    """Who was alive when: a worker, the scheduler, or the bell that was last rung."""

    __tablename__ = "crm_sync_heartbeat"

    name: Mapped[str] = mapped_column(text_key(), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16))
    beat_at: Mapped[datetime] = mapped_column(Instant())
