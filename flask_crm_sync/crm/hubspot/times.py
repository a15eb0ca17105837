"""HubSpot's moments: ISO 8601 with milliseconds, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ...errors import ServerFault

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(text: object) -> int:
    """Return the milliseconds since 1970 of a moment; raise ServerFault for what is none."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise ServerFault("HubSpot's answer tells no time of a change.") from None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // timedelta(milliseconds=1)
