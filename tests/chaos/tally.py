"""The figures of a run: how often what was killed where, and what it came to."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.reckoning import Problem, counted

LONG = os.environ.get("CRM_CHAOS") == "long"
"""The long form: `make chaos`."""


@dataclass
class Tally:
    """Counts kills and problems over a whole run."""

    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Workers killed, by database and the last boundary that they had reached."""
    others: Counter[str] = field(default_factory=Counter)
    """Other misfortunes: servers restarted, replies lost, hosts killed."""
    records: int = 0
    notes: int = 0
    rounds: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    started: float = field(default_factory=time.monotonic)

    def judged(self, problems: Sequence[Problem]) -> None:
        """Count the outcome of one reckoning."""
        self.rounds += 1
        self.problems.update(counted(problems))

    def line(self) -> str:
        """Return everything as one line of JSON."""
        per_database: dict[str, dict[str, int]] = {}
        for (database, step), number in sorted(self.kills.items()):
            per_database.setdefault(database, {})[step] = number
        totals = {database: sum(steps.values()) for database, steps in per_database.items()}
        return json.dumps(
            {
                "chaos": "long" if LONG else "short",
                "ok": not sum(self.problems.values()),
                "kills": self.kills.total(),
                "per_database": totals,
                "per_step": per_database,
                "misfortunes": dict(sorted(self.others.items())),
                "reckonings": self.rounds,
                "records": self.records,
                "notes": self.notes,
                **{kind: self.problems[kind] for kind in ("lost", "doubled", "wrong")},
                "seconds": round(time.monotonic() - self.started, 1),
            }
        )
