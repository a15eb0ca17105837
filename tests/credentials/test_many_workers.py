"""Many workers at once, in threads and in processes, on each kind of database: one renewal, and one token for all."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from flask_crm_sync.config import Settings
from flask_crm_sync.credentials.ground import seal
from flask_crm_sync.credentials.tokens import fresh
from flask_crm_sync.models import Base, Connection
from flask_crm_sync.sandbox.server import Sandbox

from .conftest import TOKEN_CALL, settings_for
from .renewer import open_ground

ROOT = Path(__file__).parents[2]
PROCESSES, THREADS = 4, 5


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(database_url, pool_size=50, max_overflow=60)
    Base.metadata.create_all(engine)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield engine
        engine.dispose()


@pytest.fixture
def granted(sandbox: Sandbox, portal: int) -> dict[str, str]:
    """Return tokens of the portal; each renewal replaces the refresh token, which makes a second one a disaster."""
    sandbox.hubspot.dialect.rotate_refresh_tokens = True
    now = int(sandbox.hubspot.clock.now_ms())
    access, refresh = sandbox.hubspot.access.grant(portal, ["oauth"], "sandbox-client-id", now, None)
    return {"access_token": access.token, "refresh_token": refresh, "expires_at": ""}


def connect(engine: sa.Engine, settings: Settings, credentials: dict[str, str]) -> UUID:
    row_id, ground = uuid4(), open_ground(engine, settings)
    at = ground.clock.now()
    row = {"id": row_id, "account_id": "1", "crm": "hubspot", "auth_method": "oauth", "created_at": at}
    sealed = seal(ground.vault, row_id, credentials)
    with ground.database.write() as connection:
        connection.execute(sa.insert(Connection).values({**row, "updated_at": at, "credentials": sealed}))
    return row_id


def test_a_hundred_threads_make_one_renewal(
    engine: sa.Engine, settings: Settings, granted: dict[str, str], sandbox: Sandbox
) -> None:
    connection_id, ground = connect(engine, settings, granted), open_ground(engine, settings)
    with ThreadPoolExecutor(100) as pool:
        got = set(pool.map(lambda _: fresh(ground, connection_id, granted["access_token"])["access_token"], range(100)))
    assert len(got) == 1
    assert sandbox.calls.counts("hubspot").get(TOKEN_CALL) == 1


def test_processes_make_one_renewal(
    engine: sa.Engine, database_url: str, sandbox: Sandbox, granted: dict[str, str]
) -> None:
    connection_id = connect(engine, settings_for(sandbox), granted)
    plain = settings_for(sandbox)
    names = ("sandbox_url", "sandbox_ca", "public_url", "hubspot_client_id", "hubspot_client_secret")
    told = {
        "settings": {name: getattr(plain, name) for name in names},
        "database": database_url,
        "connection": str(connection_id),
        "refused": granted["access_token"],
        "threads": THREADS,
    }
    command = [sys.executable, "-m", "tests.credentials.renewer", json.dumps(told)]
    workers = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    printed = [worker.communicate(timeout=60)[0] for worker in workers]
    tokens = {token for lines in printed for token in json.loads(lines)}
    assert len(tokens) == 1
    assert granted["access_token"] not in tokens
    assert sandbox.calls.counts("hubspot").get(TOKEN_CALL) == 1
