"""Hosts for the tests: each of `HOSTS` on SQLite, the usual one on PostgreSQL too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from flask_crm_sync.host.capture import Capture, install_capture
from tests.host.hosts import CHANGES, HOSTS, HostCase, begin_explicitly, joined, plain_uuid, usual
from tests.servers import fresh_database


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'host.sqlite'}"


@pytest.fixture(params=HOSTS)
def any_host(request: pytest.FixtureRequest, sqlite_url: str) -> HostCase:
    """Each kind of host."""
    return HOSTS[request.param](sqlite_url)


@pytest.fixture
def usual_host(sqlite_url: str) -> HostCase:
    """The host that convention expects."""
    return usual(sqlite_url)


@pytest.fixture(scope="session")
def shared_postgres(postgres_url: str) -> str:
    """One database for all tests here: making one for each takes longer than the test."""
    return fresh_database(postgres_url)


@pytest.fixture
def emptied_postgres(shared_postgres: str) -> str:
    engine = sa.create_engine(shared_postgres, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    return shared_postgres


@pytest.fixture
def fresh_mariadb(mariadb_url: str) -> str:
    return fresh_database(mariadb_url)


@pytest.fixture(params=["sqlite usual", "postgresql usual", "postgresql plain_uuid", "mariadb usual"])
def database_host(request: pytest.FixtureRequest) -> HostCase:
    """A host on each database, with savepoints that work."""
    database, kind = request.param.split()
    fixture = {"sqlite": "sqlite_url", "postgresql": "emptied_postgres", "mariadb": "fresh_mariadb"}[database]
    case = {"usual": usual, "plain_uuid": plain_uuid}[kind](request.getfixturevalue(fixture))
    if kind == "usual":
        begin_explicitly(case.host.engine)
    return case


class Wakes:
    """Counts the wakes, and fails when told to."""

    def __init__(self) -> None:
        self.count = 0
        self.error: Exception | None = None

    def __call__(self) -> None:
        self.count += 1
        if self.error is not None:
            raise self.error


@pytest.fixture
def wakes() -> Wakes:
    return Wakes()


def _captured(case: HostCase, wakes: Wakes) -> Iterator[HostCase]:
    capture: Capture = install_capture(case.host, CHANGES, wakes)
    yield case
    capture.remove()


@pytest.fixture
def captured(any_host: HostCase, wakes: Wakes) -> Iterator[HostCase]:
    """Each kind of host, with capture."""
    yield from _captured(any_host, wakes)


@pytest.fixture(params=[name for name in HOSTS if name != "lonely"])
def captured_with_messages(request: pytest.FixtureRequest, sqlite_url: str, wakes: Wakes) -> Iterator[HostCase]:
    """Each kind of host that has messages, with capture."""
    yield from _captured(HOSTS[request.param](sqlite_url), wakes)


@pytest.fixture
def joined_captured(sqlite_url: str, wakes: Wakes) -> Iterator[HostCase]:
    """The host whose clients are persons, with capture."""
    yield from _captured(joined(sqlite_url), wakes)


@pytest.fixture
def usual_captured(usual_host: HostCase, wakes: Wakes) -> Iterator[HostCase]:
    """The usual host, with capture."""
    yield from _captured(usual_host, wakes)


@pytest.fixture
def on_database(database_host: HostCase, wakes: Wakes) -> Iterator[HostCase]:
    """A host on each database, with capture."""
    yield from _captured(database_host, wakes)


@pytest.fixture
def savepoints_captured(sqlite_url: str, wakes: Wakes) -> Iterator[HostCase]:
    """The usual host on SQLite with savepoints that work, with capture."""
    case = usual(sqlite_url)
    begin_explicitly(case.host.engine)
    yield from _captured(case, wakes)


@pytest.fixture
def postgres_captured(emptied_postgres: str, wakes: Wakes) -> Iterator[HostCase]:
    """The usual host on PostgreSQL, with capture."""
    yield from _captured(usual(emptied_postgres), wakes)
