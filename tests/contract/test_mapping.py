"""A connection's mapping with every adapter: the CRM's own fields, and previews that write nothing."""

from __future__ import annotations

from flask_crm_sync.crm.base import RemoteField
from flask_crm_sync.sync.mapping.preview import preview_client, preview_sample
from flask_crm_sync.sync.mapping.rows import FieldMapping, MappingRow
from flask_crm_sync.sync.mapping.schema import ground_of, schema_of
from flask_crm_sync.sync.mapping.store import save_rows
from tests.sync.world import ACCOUNT

from .cases import capable
from .conftest import Bench
from .test_engine import _Connected, world  # noqa: F401

TEMPLATE = "{{ client.first_name | title }} of {{ client.city }}"


def a_text(world: _Connected, bench: Bench) -> RemoteField:  # noqa: F811
    """Return the first further text of the CRM that may be written, and is longer than the template's result."""
    fields = schema_of(world.sync, ACCOUNT, bench.name).fields
    own = {spec.name for spec in bench.kind.fields}
    texts = (one for one in fields if one.type == "text" and one.writable and one.name not in own)
    return next(one for one in texts if one.max_length is None or one.max_length >= 60)


def map_a_text(world: _Connected, bench: Bench) -> MappingRow:  # noqa: F811
    row = MappingRow(a_text(world, bench).name, "template", template=TEMPLATE)
    ground = ground_of(world.sync, bench.name, schema_of(world.sync, ACCOUNT, bench.name))
    save_rows(world.sync, ACCOUNT, bench.name, (row,), ground, seen_version=0)
    return row


@capable("further", "further texts")
def test_mapped_field_is_written_and_is_nothing_new_the_second_time(
    world: _Connected,  # noqa: F811
    bench: Bench,
) -> None:
    row = map_a_text(world, bench)
    client = world.client("ann", last_name="Lee", email="ann@example.com", city="Rome")
    world.run_until_done()
    preview = preview_client(world.sync, ACCOUNT, bench.name, client)
    assert preview.outcome == "nothing"
    field = preview.field(row.field)
    assert field is not None
    assert (field.ours, field.theirs, field.what) == ("Ann of Rome", "Ann of Rome", "same")
    world.edit(client, city="Oslo")
    world.run_until_done()
    after = preview_client(world.sync, ACCOUNT, bench.name, client).field(row.field)
    assert after is not None
    assert after.theirs == "Ann of Oslo"


def test_preview_tells_what_a_drain_then_does_at_the_same_cost_and_writes_nothing(
    world: _Connected,  # noqa: F811
    bench: Bench,
) -> None:
    client = world.client("Ann", last_name="Lee", email="ann@example.com", city="Rome")
    world.fan_out()
    before = (bench.records(), bench.calls())
    made = preview_client(world.sync, ACCOUNT, bench.name, client)
    assert (made.outcome, made.reads) == ("create", bench.calls() - before[1])
    assert bench.records() == before[0]
    seen = bench.calls()
    world.run_until_done()
    assert bench.calls() - seen == made.calls
    stored = world.stored()[0]
    written = {one.name: one.ours for one in made.fields if one.what == "write"}
    assert {bench.field[name] for name in ("first_name", "last_name", "email", "city")} == set(written)
    assert all(stored[name] == value for name, value in written.items())
    world.edit(client, city="Oslo")
    world.fan_out()
    later = preview_client(world.sync, ACCOUNT, bench.name, client)
    changed = [(one.name, one.theirs, one.ours) for one in later.fields if one.what == "write"]
    assert (later.outcome, changed) == ("update", [(bench.field["city"], "Rome", "Oslo")])
    assert world.stored()[0] == stored


@capable("further", "further texts")
def test_changed_mapping_is_tried_on_linked_clients_in_few_calls(
    world: _Connected,  # noqa: F811
    bench: Bench,
) -> None:
    world.clients(5)
    world.run_until_done()
    ground = ground_of(world.sync, bench.name, schema_of(world.sync, ACCOUNT, bench.name))
    text = a_text(world, bench)
    tried = FieldMapping(1, (MappingRow(text.name, "template", template=TEMPLATE),), (text,))
    stored, seen = world.stored(), bench.calls()
    sample = preview_sample(world.sync, ACCOUNT, bench.name, tried)
    assert bench.calls() - seen == sample.reads <= (5 if bench.kind.records_a_write else 2)
    assert {one.field(text.name).what for one in sample.previews} == {"write"}  # type: ignore[union-attr]
    assert len(sample.previews) == 5
    assert world.stored() == stored
    assert ground.field(text.name) == text
