"""What the answers of all CRMs have in common: JSON objects, HTTP dates, and how long to wait."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_WAIT = 24 * 3600.0
"""Seconds; whoever asks for more is asked again then."""


def objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the JSON objects in what should be a list of them."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def retry_after(text: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for (RFC 9110, section 10.2.3), None where it is unreadable."""
    if not text:
        return None
    try:
        seconds = float(text) if text.strip().replace(".", "", 1).isdigit() else (instant(text) - now).total_seconds()
    except ValueError:
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def instant(text: str) -> datetime:
    """Return the instant of an HTTP date; raise ValueError for another text."""
    parsed = parsedate_to_datetime(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
