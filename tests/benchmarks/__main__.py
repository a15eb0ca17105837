"""Run the benchmarks and print one JSON object a line."""

from __future__ import annotations

import argparse
import logging
import os

from .backfill import bench_backfill
from .calls import bench_calls
from .commits import bench_commits
from .engine import bench_engine
from .growth import bench_growth
from .latency import bench_latency
from .log import bench_log
from .rules import bench_rules
from .servers import databases, running_servers

BENCHES = {
    "commits": bench_commits,
    "calls": bench_calls,
    "engine": bench_engine,
    "latency": bench_latency,
    "growth": bench_growth,
    "rules": bench_rules,
    "log": bench_log,
    "backfill": bench_backfill,
}


def main() -> None:
    """Run what was asked for."""
    given = _parser().parse_args()
    _forget_own_settings()
    logging.disable(logging.WARNING)
    with running_servers() as servers:
        for bench in given.only or BENCHES:
            for database in given.database or databases():
                BENCHES[bench](servers, database, quick=given.quick)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: to see that it works")
    parser.add_argument("--only", action="append", choices=sorted(BENCHES), help="one benchmark; may be repeated")
    parser.add_argument("--database", action="append", choices=["sqlite", "postgresql"], help="one kind of database")
    return parser


def _forget_own_settings() -> None:
    """A developer's own settings must not reach the figures."""
    for name in [name for name in os.environ if name.startswith("CRM_SYNC_") or name == "REDIS_URL"]:
        del os.environ[name]


if __name__ == "__main__":
    main()
