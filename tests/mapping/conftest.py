"""A host with one account, connected to a CRM in memory that has further fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.host.binding import ClientBinding
from flask_crm_sync.sync.mapping.filters import Condition, Filter
from flask_crm_sync.sync.mapping.rows import FieldMapping, MappingRow
from flask_crm_sync.sync.mapping.schema import ground_of, schema_of
from flask_crm_sync.sync.mapping.store import find_mapping, save_filter, save_rows
from flask_crm_sync.testing import FakeAdapter, FakeCRM
from tests.mapping.fields import FIELDS
from tests.sync.conftest import clock, engine_of, settings  # noqa: F401
from tests.sync.host_models import Client
from tests.sync.world import ACCOUNT, World

CUSTOM = {"plan": "city", "no_mail": lambda one: "x" in one.last_name, "seats": lambda one: len(one.first_name)}


@dataclass
class Mapped:
    """A world whose CRM has further fields; `plan` of the host's clients is what their city says."""

    world: World
    crm: FakeCRM

    @property
    def mapping(self) -> FieldMapping:
        return find_mapping(self.world.sync, ACCOUNT, "hubspot")

    def rows(self, *rows: MappingRow, by: str = "7") -> FieldMapping:
        """Save rows, checked against what the CRM tells of its fields."""
        sync = self.world.sync
        ground = ground_of(sync, "hubspot", schema_of(sync, ACCOUNT, "hubspot"))
        own = dataclasses.replace(ground, specs=FakeAdapter.fields)
        return save_rows(sync, ACCOUNT, "hubspot", rows, own, seen_version=self.mapping.version, by=by)

    def filter(self, *conditions: Condition, match: Any = "all") -> FieldMapping:
        wanted = Filter(match, conditions)
        return save_filter(self.world.sync, ACCOUNT, "hubspot", wanted, seen_version=self.mapping.version)

    def statements(self, act: Callable[[], object]) -> int:
        """Return how many statements an act sends to the database."""
        sent: list[str] = []
        note = lambda _c, _r, statement, *_: sent.append(statement)  # noqa: E731
        sa.event.listen(self.world.engine, "before_cursor_execute", note)
        act()
        sa.event.remove(self.world.engine, "before_cursor_execute", note)
        return len(sent)

    def record(self, client_id: str) -> dict[str, str]:
        return self.crm.records[str(self.world.link(client_id).remote_id)].values


@pytest.fixture
def crm() -> FakeCRM:
    return FakeCRM(schema=FIELDS)


@pytest.fixture
def mapped(engine_of: Callable[[str], Any], clock: Any, crm: FakeCRM) -> Mapped:  # noqa: F811
    binding = ClientBinding(Client, custom=CUSTOM)
    world = World(engine_of("sqlite"), clock, settings(), crm.connect, client_binding=binding)
    crm.calls.clear()
    return Mapped(world, crm)
