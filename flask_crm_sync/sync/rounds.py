"""The interval: when a connection's next round of updates comes."""

from __future__ import annotations

from datetime import datetime, timedelta


def next_round(anchor: datetime, interval_minutes: int, now: datetime) -> datetime:
    """Return the first instant after `now` that lies a whole number of intervals from the anchor.

    Rounds come from arithmetic, not from a job that moves them: no missed bell can stop them.
    """
    interval = timedelta(minutes=interval_minutes)
    return anchor + interval * ((now - anchor) // interval + 1)
