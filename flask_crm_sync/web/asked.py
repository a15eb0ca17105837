"""What an address or a form asks of the log, read with care: anybody can write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from uuid import UUID

from flask import url_for

from ..sync.log import STATUSES, LogFilter
from ..sync.page_marks import PageMark
from .entrance import NAME
from .languages import this_reader
from .texts import gettext as _

_LARGEST_NUMBER = 2**63 - 1


def log_filter(given: Mapping[str, str]) -> LogFilter:
    """Return the filter that is asked for; what makes no sense is as good as none."""
    status = given.get("status", "")
    since, until = _days(given)
    return LogFilter(
        status if status in STATUSES else "",
        short(given, "crm"),
        short(given, "kind"),
        short(given, "reason", 64),
        short(given, "client", 191).strip(),
        since,
        until,
        this_reader().zone.key if since or until else "",
        "1" if given.get("wide") == "1" and given.get("client") else "",
    )


def day_problem(given: Mapping[str, str]) -> str:
    """Return what is wrong with the days that are asked for, "" where nothing is."""
    for name in ("since", "until"):
        if given.get(name) and not _day(given, name):
            return _("“%(day)s” is not a day. Give it as year-month-day, like 2026-11-23.", day=given[name][:40])
    since, until = _day(given, "since"), _day(given, "until")
    return _("The first day is later than the last one.") if since and until and since > until else ""


def _days(given: Mapping[str, str]) -> tuple[str, str]:
    """Return both days, or none of them where something is wrong with either."""
    return ("", "") if day_problem(given) else (_day(given, "since"), _day(given, "until"))


def _day(given: Mapping[str, str], name: str) -> str:
    text = given.get(name, "").strip()
    try:
        return text if date.fromisoformat(text).isoformat() == text else ""
    except ValueError:
        return ""


def log_address(wanted: LogFilter, endpoint: str, **changes: Any) -> str:
    """Return the address of a page of the log as it is filtered now, with changes."""
    kept: dict[str, Any] = asdict(wanted) | {"zone": None} | changes  # a zone is the reader's, not the address's
    return url_for(f"{NAME}.{endpoint}", **{name: value for name, value in kept.items() if value not in ("", None)})


def number(given: Mapping[str, str], name: str) -> int | None:
    """Return a page mark; one that no page ever had is as good as none."""
    text = given.get(name, "")
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    return min(int(text), _LARGEST_NUMBER) if is_number else None


def short(given: Mapping[str, str], name: str, longest: int = 32) -> str:
    """Return a short printable text, "" for anything else."""
    value = given.get(name, "")
    return value if value.isprintable() and len(value) <= longest else ""


def page_mark(text: str) -> PageMark | None:
    """Return where a page of rows listed by instant goes on; a mark that no page ever had is as good as none."""
    at, _, row_id = text.partition("_")
    try:
        return PageMark(found, UUID(row_id)) if (found := instant(at, None)) else None
    except ValueError:
        return None


def instant(text: str, zone: tzinfo | None) -> datetime | None:
    """Return the instant of a written time, in a zone where it names none itself; None for what is no instant."""
    try:
        at = datetime.fromisoformat(text)
        at = at if at.tzinfo is not None or zone is None else at.replace(tzinfo=zone)
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):  # in UTC the first and the last hours of the calendar may lie outside it
        return None
