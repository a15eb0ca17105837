"""What the sandbox was asked: the last calls in full, and counts of all of them."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 5000


@dataclass(slots=True)
class CallRecord:
    """One call as it arrived and as it was answered."""

    number: int
    at_ms: int
    crm: str
    portal: str | None
    method: str
    path: str
    template: str
    """The path with ids left out, as in ``/crm/objects/2026-09/contacts/{record_id}``."""
    status: int | None
    """None when the caller never got an answer."""
    ms: float
    items: int
    note: str
    """The faults that met it, if any."""

    def as_dict(self) -> dict[str, Any]:
        """Return the call as JSON-ready data."""
        return asdict(self)


class CallLog:
    """Keep the newest calls and count every one."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept: deque[CallRecord] = deque(maxlen=kept)
        self._counts: Counter[tuple[str, str | None, str]] = Counter()
        self._last_number = 0
        self._lock = threading.Lock()

    def add(self, **values: Any) -> None:
        """Note one answered (or deliberately unanswered) call."""
        with self._lock:
            self._last_number += 1
            record = CallRecord(number=self._last_number, **values)
            self._kept.append(record)
            self._counts[record.crm, record.portal, f"{record.method} {record.template}"] += 1

    def counts(self, crm: str, portal: str | None = None) -> dict[str, int]:
        """Count calls by method and path template, of one portal or of all (``portal=None``)."""
        found: Counter[str] = Counter()
        with self._lock:
            for (of_crm, of_portal, what), number in self._counts.items():
                if of_crm == crm and portal in (None, of_portal):
                    found[what] += number
        return dict(sorted(found.items()))

    def newest(self, *, crm: str | None = None, offset: int = 0, limit: int = 100) -> list[CallRecord]:
        """Return kept calls, newest first."""
        with self._lock:
            kept = [record for record in reversed(self._kept) if crm in (None, record.crm)]
        return kept[offset : offset + limit]

    @property
    def total(self) -> int:
        """How many calls ever arrived."""
        with self._lock:
            return sum(self._counts.values())

    @property
    def kept(self) -> int:
        """How many calls can still be shown."""
        return len(self._kept)

    def clear(self, crm: str | None = None) -> None:
        """Forget the calls and counts of one CRM, or of all; numbers start again when nothing is left."""
        with self._lock:
            others = [record for record in self._kept if crm not in (None, record.crm)]
            self._kept = deque(others, maxlen=self._kept.maxlen)
            self._counts = Counter({key: number for key, number in self._counts.items() if crm not in (None, key[0])})
            if not self._counts:
                self._last_number = 0
