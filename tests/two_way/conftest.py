"""A host with capture on, its one account connected to a CRM in memory and synced both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.host.capture import install_capture
from flask_crm_sync.models import Change, Conflict, Connection, Delivery
from flask_crm_sync.sync.merge import FieldRule
from flask_crm_sync.sync.two_way import TwoWay, two_way_of
from flask_crm_sync.testing import FakeCRM
from tests.sync.conftest import clock, crm, engine_of, world, world_on  # noqa: F401
from tests.sync.world import World

_numbers = count(1)


@dataclass
class BothWays:
    """A world, and the hands of people in its CRM, whose webhooks tell of what they do."""

    world: World
    crm: FakeCRM

    def rules(self, **rules: FieldRule) -> None:
        """Sync both ways; the fields of the CRM in memory go by the host's names."""
        told = {name: {"direction": rule.direction, "conflict": rule.conflict} for name, rule in rules.items()}
        self.world.set_connection(two_way=True, field_rules=told or None)
        assert two_way_of(self.world.connection._mapping) == TwoWay(True, False, rules)

    def person(self) -> tuple[str, str]:
        """Add a client whose record is in the CRM; return both ids."""
        client = self.world.client("Ada", email="ada@example.com", city="Graz")
        self.world.run_until_done()
        return client, str(self.world.link(client).remote_id)

    def tell(self, *records: str) -> None:
        """Let webhooks tell of records."""
        now = self.world.clock.now()
        rows = [
            {
                "connection_id": self.world.connection_id,
                "digest": f"event {next(_numbers)}",
                "event": "changed",
                "remote_id": record,
                "happened_at": now,
                "received_at": now,
            }
            for record in records
        ]
        with self.world.engine.begin() as database:
            database.execute(sa.insert(Delivery), rows)
            database.execute(sa.update(Connection).values(pull_at=now))

    def city(self, client: str) -> str:
        with self.world.engine.connect() as database:
            found = self.world.sync.host.load_clients(database, [client])[client]
        return str(getattr(found, "city", found))

    def conflicts(self) -> list[tuple[str, str, str]]:
        return [(row.field, row.state, row.choice) for row in self.world.rows(Conflict)]


@pytest.fixture
def both(world: World, crm: FakeCRM) -> Iterator[BothWays]:  # noqa: F811
    table: Any = sa.inspect(Change).local_table
    wake: Callable[[], None] = lambda: None  # noqa: E731
    capture = install_capture(world.sync.host, table, wake, clock=world.clock)
    made = BothWays(world, crm)
    made.rules()
    yield made
    capture.remove()
