"""A refusal in the CRM reaches the host: of linked clients, and of contacts that become clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from flask_crm_sync.host.binding import ClientBinding
from flask_crm_sync.host.capture import install_capture
from flask_crm_sync.models import Change, Delivery
from flask_crm_sync.models.connection import Connection
from flask_crm_sync.sync.mapping.rows import MappingRow
from flask_crm_sync.sync.undo import Stretch, put_back
from flask_crm_sync.testing import FakeCRM
from tests.mapping.conftest import Mapped
from tests.sync.conftest import settings
from tests.sync.host_models import Client
from tests.sync.world import ACCOUNT, START, World


@pytest.fixture(params=["opt_out", "opt_in"])
def here(request: pytest.FixtureRequest) -> str:
    """What yes means in the host."""
    return str(request.param)


@pytest.fixture
def both(engine_of: Callable[[str], Any], clock: Any, crm: FakeCRM, here: Any) -> Iterator[Mapped]:
    binding = ClientBinding(Client, sensitive=None, custom={"mail": "is_sensitive"})
    world = World(engine_of("sqlite"), clock, settings(), crm.connect, client_binding=binding)
    made = Mapped(world, crm)
    made.rows(MappingRow("opt_out", "consent", source="custom.mail", here=here))
    world.set_connection(two_way=True, create_clients=True)
    table: Any = sa.inspect(Change).local_table
    capture = install_capture(world.sync.host, table, lambda: None, clock=clock)
    sa.event.listen(Client, "before_insert", _dated)
    yield made
    sa.event.remove(Client, "before_insert", _dated)
    capture.remove()


def _dated(_mapper: Any, _connection: Any, client: Client) -> None:
    client.updated_at = client.updated_at or START.replace(tzinfo=None)


def tell(mapped: Mapped, record_id: str) -> None:
    """Let a webhook tell of a record."""
    now = mapped.world.clock.now()
    told = {"digest": f"event {record_id}", "event": "changed", "happened_at": now, "received_at": now}
    with mapped.world.engine.begin() as database:
        of = {"connection_id": mapped.world.connection_id, "remote_id": record_id}
        database.execute(sa.insert(Delivery).values(**of, **told))
        database.execute(sa.update(Connection).values(pull_at=now))


def wants_mail(mapped: Mapped, here: str, **client: Any) -> bool:
    """Tell what the host holds of one client."""
    with Session(mapped.world.engine) as session:
        (found,) = session.scalars(sa.select(Client).filter_by(**client))
        return found.is_sensitive == (here == "opt_in")


def test_a_refusal_in_the_crm_comes_home_and_an_agreement_never_does(both: Mapped, here: str) -> None:
    ada = both.world.client("Ada", email="ada@example.com", is_sensitive=here == "opt_in")
    both.world.run_until_done()
    record = str(both.world.link(ada).remote_id)
    assert (both.record(ada)["opt_out"], wants_mail(both, here)) == ("false", True)
    both.crm.edit(record, opt_out="true")
    tell(both, record)
    both.world.run_until_done()
    assert not wants_mail(both, here)
    both.crm.edit(record, opt_out="false")
    both.world.edit(ada, city="Graz")
    both.world.run_until_done()
    assert (both.record(ada)["opt_out"], wants_mail(both, here)) == ("true", False)


def test_a_contact_that_refuses_becomes_a_client_that_refuses(both: Mapped, here: str) -> None:
    for name, refuses in (("Ada", "true"), ("Bo", "false")):
        record = both.crm.add(first_name=name, email=f"{name.lower()}@example.com", opt_out=refuses)
        tell(both, record)
    both.world.run_until_done()
    assert not wants_mail(both, here, first_name="Ada")
    assert wants_mail(both, here, first_name="Bo") == (here == "opt_out")
    assert both.crm.record_with(first_name="Ada").values["opt_out"] == "true"


def test_a_usual_field_that_is_filled_from_a_template_does_not_come_home(both: Mapped) -> None:
    both.rows(MappingRow("city", "template", template="{{ client.city | upper }}"))
    ada = both.world.client("Ada", email="ada@example.com", city="Graz")
    both.world.run_until_done()
    record = str(both.world.link(ada).remote_id)
    assert both.record(ada)["city"] == "GRAZ"
    both.crm.edit(record, city="Linz", first_name="Adele")
    tell(both, record)
    both.world.run_until_done()
    with Session(both.world.engine) as session:
        (found,) = session.scalars(sa.select(Client))
        assert (found.city, found.first_name) == ("Graz", "Adele")
    assert both.record(ada)["city"] == "Linz"


def test_a_refusal_stays_in_the_crm_when_former_values_are_put_back(both: Mapped, here: str) -> None:
    ada = both.world.client("Ada", email="ada@example.com", city="Graz", is_sensitive=here == "opt_in")
    both.world.run_until_done()
    both.world.edit(ada, city="Linz", is_sensitive=here == "opt_out")
    both.world.run_until_done()
    assert both.record(ada)["opt_out"] == "true"
    put_back(both.world.sync, ACCOUNT, "hubspot", Stretch())
    both.world.run_until_done()
    assert (both.record(ada)["opt_out"], both.record(ada)["city"]) == ("true", "Graz")
