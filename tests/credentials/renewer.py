"""A process that wants a good token, as a worker would: `python -m tests.credentials.renewer <settings as JSON>`."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from flask_crm_sync.clock import Clock, SystemClock
from flask_crm_sync.config import Settings
from flask_crm_sync.credentials.tokens import fresh
from flask_crm_sync.models import Database
from flask_crm_sync.vault import Vault


@dataclass(frozen=True)
class Ground:
    """What credentials stand on, without a host."""

    database: Database
    vault: Vault
    clock: Clock
    settings: Settings


def open_ground(engine: sa.Engine, settings: Settings) -> Ground:
    """Return the ground on an engine."""
    return Ground(Database(engine), Vault(settings.encryption_keys), SystemClock(), settings)


def main() -> None:
    """Ask with several threads at once and print what they got."""
    told = json.loads(sys.argv[1])
    settings = Settings(encryption_keys=(b"k" * 32,), **told["settings"])
    engine = sa.create_engine(told["database"], pool_size=told["threads"])
    ground = open_ground(engine, settings)
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(told["threads"]) as pool:
        ask = lambda _: fresh(ground, UUID(told["connection"]), told["refused"])["access_token"]  # noqa: E731
        print(json.dumps(sorted(set(pool.map(ask, range(told["threads"]))))))


if __name__ == "__main__":
    main()
