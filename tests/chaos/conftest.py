"""What a chaos test stands on: the nursery, a Redis of its own, a world on each kind of database, the tally."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.chaos.engines import Postgres, Redis
from tests.chaos.processes import Nursery
from tests.chaos.tally import Tally
from tests.chaos.world import World
from tests.servers import fresh_database

DATABASES = ("sqlite", "sqlite-delete", "postgresql", "mariadb")
"""SQLite in the mode that the example host chooses (WAL) and in the one that it has by default, and the servers."""
JOURNALS = {"sqlite": "WAL", "sqlite-delete": "DELETE"}

_tally = Tally()
WorldMaker = Callable[..., World]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures as one line of JSON."""
    if _tally.rounds:
        terminalreporter.write_line(_tally.line())


@pytest.fixture(scope="session")
def tally() -> Tally:
    """The figures of this run."""
    return _tally


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Where all processes come from."""
    made = Nursery(tmp_path_factory.mktemp("nursery") / "log")
    yield made
    made.close()


@pytest.fixture(scope="session")
def chaos_redis() -> Iterator[Redis]:
    """A Valkey that tests may stop; they leave it running."""
    made = Redis()
    yield made
    made.stop()


@pytest.fixture
def make_world(nursery: Nursery, chaos_redis: Redis, tmp_path: Path, tally: Tally) -> Iterator[WorldMaker]:
    """Make a world on a database of a kind, or on an address; it ends with the test."""
    made: list[World] = []

    def make(name: str, url: str, **more: Any) -> World:
        directory = tmp_path / f"world-{len(made)}"
        directory.mkdir()
        world = World(name, url, chaos_redis, nursery, directory, tally, journal=JOURNALS.get(name, ""), **more)
        made.append(world)
        return world

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world_on(request: pytest.FixtureRequest, make_world: WorldMaker, tmp_path: Path) -> WorldMaker:
    """Make a world on an empty database of the named kind; skip where this machine lacks it."""

    def make(name: str, **more: Any) -> World:
        return make_world(name, _empty_database(request, name, tmp_path), **more)

    return make


def _empty_database(request: pytest.FixtureRequest, name: str, directory: Path) -> str:
    if name.startswith("sqlite"):
        return f"sqlite:///{directory / 'database.sqlite'}"
    url = fresh_database(_server(request, name))
    if name == "mariadb":  # a server started without a configuration file takes everything for Latin 1
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER DATABASE CHARACTER SET utf8mb4")
        engine.dispose()
    return url


def _server(request: pytest.FixtureRequest, name: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # PyMySQL forgets a socket whose server is not up yet
        url: str = request.getfixturevalue({"postgresql": "postgres_url", "mariadb": "mariadb_url"}[name])
        gc.collect()
    return url


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A PostgreSQL that may be torn down."""
    made = Postgres()
    yield made
    made.close()
