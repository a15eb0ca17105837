"""Worlds for the engine's tests: with a CRM in memory, or with the HubSpot sandbox on the other end of a wire."""

from __future__ import annotations

import gc
import itertools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.config import Settings
from flask_crm_sync.sandbox.server import Sandbox
from flask_crm_sync.sync import budget, due, lease, steps
from flask_crm_sync.testing import FakeCRM
from tests.servers import fresh_database
from tests.sync.host_models import make_engine, wipe
from tests.sync.world import KEY, FakeClock, World

_portals = itertools.count(5_000_000)


@pytest.fixture(scope="session")
def engine_of(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Return what gives the engine of a kind of database, tables in place; made once, emptied for each test."""
    engines: dict[str, sa.Engine] = {}

    def engine(kind: str) -> sa.Engine:
        if kind not in engines:
            engines[kind] = make_engine(_url(request, tmp_path_factory, kind))
        wipe(engines[kind])
        return engines[kind]

    yield engine
    for one in engines.values():
        one.dispose()


def _url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, kind: str) -> str:
    if kind == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('engine') / 'host.sqlite'}"
    server = {"postgresql": "postgres_url", "mariadb": "mariadb_url"}[kind]
    with warnings.catch_warnings():  # PyMySQL leaves its socket open when the server does not listen yet
        warnings.simplefilter("ignore", ResourceWarning)
        url = fresh_database(request.getfixturevalue(server))
        gc.collect()
    return url


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Return the clock of the test, which the database goes by as well."""
    clock = FakeClock()
    monkeypatch.setattr(budget, "LOOK", budget.look_by(clock.column()))
    monkeypatch.setattr(lease, "SQL", lease.Statements.by(clock.column()))
    monkeypatch.setattr(due, "FREE", due.free_by(clock.column()))
    return clock


@pytest.fixture(autouse=True)
def _nobody_listens() -> Iterator[None]:
    yield
    steps.listen(None)


@pytest.fixture
def crm() -> FakeCRM:
    """Return an empty CRM in memory."""
    return FakeCRM()


@pytest.fixture
def world_on(engine_of: Callable[[str], sa.Engine], clock: FakeClock, crm: FakeCRM) -> Callable[[str], World]:
    """Return what makes a host on a kind of database, its one account connected to the CRM in memory."""

    def make(kind: str) -> World:
        world = World(engine_of(kind), clock, settings(), crm.connect)
        crm.calls.clear()
        return world

    return make


@pytest.fixture
def world(world_on: Callable[[str], World]) -> World:
    """Return such a host on SQLite."""
    return world_on("sqlite")


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def anywhere(request: pytest.FixtureRequest, world_on: Callable[[str], World]) -> World:
    """Return such a host on each kind of database."""
    return world_on(request.param)


def settings(**given: Any) -> Settings:
    """Return the settings of a test."""
    return Settings(encryption_keys=(KEY,), **given)


@dataclass
class Portal:
    """A HubSpot portal of the test's own in the sandbox."""

    sandbox: Sandbox
    id: int
    token: str

    def people(self) -> list[dict[str, str]]:
        """Return the contacts' properties, without deleted ones."""
        return [row["properties"] for row in self.sandbox.hubspot.contacts(self.id) if not row["archived"]]

    def rows(self) -> list[dict[str, Any]]:
        return [row for row in self.sandbox.hubspot.contacts(self.id) if not row["archived"]]

    def notes(self) -> list[dict[str, Any]]:
        return [row for row in self.sandbox.hubspot.notes(self.id) if not row["archived"]]

    def person(self, email: str) -> dict[str, Any]:
        """Return the one contact with an e-mail."""
        (found,) = [row for row in self.rows() if row["properties"].get("email") == email]
        return found

    def edit(self, email: str, **properties: str) -> None:
        self.sandbox.hubspot.edit_contact(self.person(email)["id"], properties, self.id)

    def fail(self, kind: str, path: str | None = None, **match: Any) -> Any:
        """Enter a fault for this portal."""
        params = match.pop("params", {})
        return self.sandbox.faults.add("hubspot", kind, params=params, path=path, portal=self.id, **match)

    def calls(self) -> dict[str, int]:
        return self.sandbox.calls.counts("hubspot", self.id)

    def heal(self) -> None:
        self.sandbox.faults.clear()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), keep=False) as running:
        yield running


@pytest.fixture
def new_portal(sandbox: Sandbox) -> Iterator[Callable[..., Portal]]:
    """Return what adds portals; their faults end with the test."""

    def make(**options: Any) -> Portal:
        number = next(_portals)
        token = f"pat-na1-{number}"
        sandbox.hubspot.add_portal(number, token, **options)
        return Portal(sandbox, number, token)

    yield make
    sandbox.faults.clear()
    sandbox.hubspot.dialect.reset()


@pytest.fixture
def portal(new_portal: Callable[..., Portal]) -> Portal:
    return new_portal()


@pytest.fixture
def wire_settings(sandbox: Sandbox) -> Settings:
    """Return settings that send every call to the sandbox."""
    return settings(sandbox_url=sandbox.url, sandbox_ca=str(sandbox.ca_file))


@pytest.fixture
def wired(engine_of: Callable[[str], sa.Engine], clock: FakeClock, wire_settings: Settings, portal: Portal) -> World:
    """Return a host on SQLite whose one account is connected to a portal of the sandbox."""
    return World(engine_of("sqlite"), clock, wire_settings, token=portal.token)
