"""Fixtures: a host with our tables, a real queue and a real sandbox CRM; a conftest imports those it needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
import redis
from flask import Flask

from flask_crm_sync import migration
from flask_crm_sync.jobs import queue
from flask_crm_sync.jobs import running as running_module
from flask_crm_sync.jobs.running import Running, running_of
from flask_crm_sync.sandbox.server import Sandbox
from flask_crm_sync.sync.connections import connect_account
from flask_crm_sync.vault import make_key
from tests.small_host.app import Client, create_app, db
from tests.small_host.processes import Processes

TOKEN = {"token": "pat-na1-sandbox"}


@pytest.fixture
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with empty stores; the certificates are made once a run."""
    with Sandbox(tmp_path_factory.getbasetemp() / "sandbox", keep=False) as sandbox:
        yield sandbox


@pytest.fixture
def environment(tmp_path: Path, redis_database: str, sandbox: Sandbox) -> dict[str, str]:
    """What another process must know to load the same host."""
    return {
        "HOST_DATABASE_URL": f"sqlite:///{tmp_path / 'host.sqlite'}",
        "CRM_SYNC_ENCRYPTION_KEYS": make_key(),
        "CRM_SYNC_REDIS_URL": redis_database,
        "CRM_SYNC_SANDBOX_URL": sandbox.url,
        "CRM_SYNC_SANDBOX_CA": str(sandbox.ca_file),
        "FLASK_APP": "tests.small_host.app:create_app",
    }


# not called `app`: pytest-flask would push a request context around every test that asks for a fixture of that name
@pytest.fixture
def host(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    # On a busy test machine a healthy Redis may miss the 50 ms; the bound itself is tested where the queue is.
    monkeypatch.setattr(queue, "_TIMEOUT_SECONDS", 2.0)
    host = create_app()
    with host.app_context():
        db.create_all()
        migration.upgrade(db.engine)
    yield host
    running_module.stopping.clear()
    with host.app_context():
        db.engine.dispose()


@pytest.fixture
def running(host: Flask) -> Running:
    return running_of(host)


@pytest.fixture
def connection_id(running: Running) -> UUID:
    return connect_account(running.sync, "1", "hubspot", "token", TOKEN).id


@pytest.fixture
def server(redis_database: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_database) as client:
        yield client


@pytest.fixture
def processes(host: Flask, environment: dict[str, str]) -> Iterator[Processes]:
    started = Processes({**os.environ, **environment})
    yield started
    started.stop_all()


def add_clients(host: Flask, count: int, *, account: int = 1) -> None:
    with host.app_context():
        for number in range(count):
            name = f"Person{number}"
            db.session.add(Client(account_id=account, first_name=name, email=f"{name}.{account}@example.com"))
            db.session.commit()
