"""What an address or a form asks of the log, read with care: anybody can write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import url_for

from ..sync.log import STATUSES, LogFilter
from .entrance import NAME

_LARGEST_NUMBER = 2**63 - 1


def log_filter(given: Mapping[str, str]) -> LogFilter:
    """Return the filter that is asked for; what makes no sense is as good as none."""
    status = given.get("status", "")
    return LogFilter(
        status if status in STATUSES else "",
        short(given, "crm"),
        short(given, "kind"),
        short(given, "reason", 64),
        short(given, "client", 191).strip(),
    )


def log_address(wanted: LogFilter, endpoint: str, **changes: Any) -> str:
    """Return the address of a page of the log as it is filtered now, with changes."""
    kept: dict[str, Any] = asdict(wanted) | changes
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
