"""What a mapping makes of a drain: further fields in their manners, consents that only grow stricter, versions."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_crm_sync.host.binding import ClientBinding
from flask_crm_sync.host.records import ClientRecord
from flask_crm_sync.models import AuditEntry
from flask_crm_sync.sync.agreed import Base, Digester
from flask_crm_sync.sync.manners import Manner
from flask_crm_sync.sync.mapping.applying import translated
from flask_crm_sync.sync.mapping.checking import MappingInvalid
from flask_crm_sync.sync.mapping.filters import Condition
from flask_crm_sync.sync.mapping.preview import preview_client
from flask_crm_sync.sync.mapping.rows import FieldMapping, MappingRow
from flask_crm_sync.sync.mapping.schema import FRESH, known_schema, refresh_stale
from flask_crm_sync.sync.mapping.store import described, restore_version, versions
from flask_crm_sync.sync.merge import Terms, merge
from flask_crm_sync.sync.refusals import ChoiceNotPossible, NotFound
from flask_crm_sync.testing import FakeAdapter, FakeCRM
from tests.mapping.conftest import CUSTOM, Mapped
from tests.mapping.fields import FIELDS, GROUND
from tests.sync.conftest import settings as own_settings
from tests.sync.host_models import Client
from tests.sync.world import ACCOUNT, World

PLAN = MappingRow("plan", source="custom.plan")


def test_further_fields_go_with_new_clients_and_with_edits(mapped: Mapped) -> None:
    mapped.rows(PLAN, MappingRow("seats", source="custom.seats"), MappingRow("city", "off"))
    ada = mapped.world.client("Ada", email="ada@example.com", city="gold")
    mapped.world.run_until_done()
    assert {name: mapped.record(ada)[name] for name in ("plan", "seats", "city")} == {
        "plan": "gold",
        "seats": "3",
        "city": "",
    }
    mapped.world.edit(ada, city="silver")
    mapped.world.run_until_done()
    assert mapped.record(ada)["plan"] == "silver"
    mapped.crm.edit(str(mapped.world.link(ada).remote_id), plan="a person's")
    mapped.world.edit(ada, city="bronze")
    mapped.world.run_until_done()
    assert mapped.record(ada)["plan"] == "a person's"


@pytest.mark.parametrize(
    ("mode", "before", "first", "later"),
    [
        ("merge", "theirs", "theirs", "silver"),  # as with every field: theirs stays until ours changes
        ("overwrite", "theirs", "gold", "silver"),
        ("if_new", "", "", ""),
        ("if_empty", "", "gold", "gold"),
        ("if_empty", "theirs", "theirs", "theirs"),
    ],
)
def test_a_newly_mapped_field_of_a_linked_record_goes_by_its_mode(
    mapped: Mapped, mode: str, before: str, first: str, later: str
) -> None:
    ada = mapped.world.client("Ada", email="ada@example.com", city="gold")
    mapped.world.run_until_done()
    mapped.crm.edit(str(mapped.world.link(ada).remote_id), plan=before)
    mapped.rows(MappingRow("plan", source="custom.plan", mode=mode))  # type: ignore[arg-type]
    for last_name, expected in (("A", first), ("B", first)):
        mapped.world.edit(ada, last_name=last_name)
        mapped.world.run_until_done()
        assert mapped.record(ada)["plan"] == expected
    mapped.world.edit(ada, city="silver")
    mapped.world.run_until_done()
    assert mapped.record(ada)["plan"] == later


def test_a_text_is_added_behind_theirs_once(mapped: Mapped) -> None:
    ada = mapped.world.client("Ada", email="ada@example.com", city="gold")
    mapped.world.run_until_done()
    mapped.crm.edit(str(mapped.world.link(ada).remote_id), story="Met at the fair.")
    mapped.rows(MappingRow("story", "template", template="Plan {{ client.custom.plan }}", mode="append"))
    for last_name in ("A", "B"):
        mapped.world.edit(ada, last_name=last_name)
        mapped.world.run_until_done()
    assert mapped.record(ada)["story"] == "Met at the fair.\nPlan gold"


def test_a_value_that_cannot_go_is_said_in_the_log_and_stops_no_client(mapped: Mapped) -> None:
    mapped.rows(MappingRow("plan", source="custom.plan"))
    good, bad = mapped.world.clients(
        [{"email": "a@example.com", "city": "gold"}, {"email": "b@example.com", "city": "far too long for it"}]
    )
    mapped.world.run_until_done()
    assert "left" not in mapped.world.last(good).details
    entry = mapped.world.last(bad)
    assert (entry.status, mapped.record(bad)["plan"]) == ("success", "")
    assert "10 characters" in entry.details["left"]["plan"]
    found = preview_client(mapped.world.sync, ACCOUNT, "hubspot", bad).field("plan")
    assert found is not None
    assert (found.what, "10 characters" in found.why) == ("left", True)


def test_a_refusal_reaches_the_crm_and_is_never_taken_back(mapped: Mapped) -> None:
    mapped.rows(MappingRow("opt_out", "consent", source="custom.no_mail"))
    ada = mapped.world.client("Ada", email="ada@example.com")
    mapped.world.run_until_done()
    assert mapped.record(ada)["opt_out"] == "false"
    mapped.world.edit(ada, last_name="x")
    mapped.world.run_until_done()
    assert mapped.record(ada)["opt_out"] == "true"
    mapped.world.edit(ada, last_name="y")
    mapped.world.run_until_done()
    assert mapped.record(ada)["opt_out"] == "true"
    assert "does not want it" in mapped.world.last(ada).details["left"]["opt_out"]


_SIDES = st.sampled_from(["true", "false", ""])


@settings(max_examples=40, derandomize=True, deadline=None)
@given(_SIDES, _SIDES, _SIDES, st.sampled_from(["true", "false"]), st.booleans(), st.booleans())
def test_consent_never_becomes_less_strict(
    agreed: str, mine: str, theirs: str, strict: str, both_ways: bool, known: bool
) -> None:
    digest = Digester(b"a secret of this test", uuid.UUID(int=7))
    base = Base(1, {"f": (digest("f", agreed), digest("f", agreed))} if known else {})
    terms = Terms() if both_ways else None
    manners = {"f": Manner("strictest", strict=strict)}
    plan = merge(base, {}, {"f": mine}, {"f": theirs}, digest, version=1, terms=terms, manners=manners)
    after_there, after_here = plan.writes.get("f", theirs), plan.brings.get("f", mine)
    if strict in (mine, theirs):
        assert after_there == strict
        assert after_here == strict
    else:
        assert theirs in ("", after_there)
        assert after_here == mine


def test_versions_are_kept_told_and_brought_back(mapped: Mapped) -> None:
    mapped.rows(PLAN)
    mapped.rows(PLAN, MappingRow("city", "off"), by="8")
    after = restore_version(mapped.world.sync, ACCOUNT, "hubspot", 1, GROUND, seen_version=2, by="7")
    assert (after.version, after.rows) == (3, (PLAN,))
    assert [(one.version, one.user_id, one.restored) for one in versions(mapped.world.sync, ACCOUNT, "hubspot")] == [
        (3, "7", 1),
        (2, "8", None),
        (1, "7", None),
    ]
    deeds = [(row.action, row.before, row.after) for row in mapped.world.rows(AuditEntry)][-2:]
    assert deeds == [("mapping", {"city": ""}, {"city": "off"}), ("mapping", {"city": "off"}, {"city": ""})]
    assert restore_version(mapped.world.sync, ACCOUNT, "hubspot", 0, GROUND, seen_version=3).rows == ()


def test_two_people_do_not_overwrite_each_other(mapped: Mapped) -> None:
    mapped.rows(PLAN)
    with pytest.raises(ChoiceNotPossible):
        restore_version(mapped.world.sync, ACCOUNT, "hubspot", 0, GROUND, seen_version=0)
    with pytest.raises(NotFound):
        restore_version(mapped.world.sync, ACCOUNT, "hubspot", 9, GROUND, seen_version=1)
    with pytest.raises(NotFound):
        restore_version(mapped.world.sync, "2", "hubspot", 1, GROUND, seen_version=1)


def test_what_cannot_work_is_not_saved(mapped: Mapped) -> None:
    with pytest.raises(MappingInvalid):
        mapped.rows(MappingRow("no_such", source="city"))
    assert mapped.mapping.version == 0


def test_the_crms_fields_are_asked_for_once_a_day(mapped: Mapped) -> None:
    mapped.rows(PLAN)
    mapped.rows(PLAN)
    assert not refresh_stale(mapped.world.sync)
    mapped.crm.schema = tuple(field for field in FIELDS if field.name != "plan")
    mapped.world.clock.advance(FRESH.total_seconds() + 1)
    assert refresh_stale(mapped.world.sync)
    assert not refresh_stale(mapped.world.sync)
    names = {field.name for field in known_schema(mapped.world.sync, mapped.world.connection_id).fields}
    assert "seats" in names
    assert "plan" not in names
    assert mapped.mapping.fields[0].name == "plan"


@settings(max_examples=40, derandomize=True, deadline=None)
@given(
    st.sets(st.sampled_from(["first_name", "company", "city", "plan", "seats"])),
    st.dictionaries(st.sampled_from(["first_name", "city", "plan", "seats", "rating"]), st.text(max_size=5)),
    st.sampled_from(["merge", "overwrite", "if_new", "if_empty"]),
    st.booleans(),
)
def test_nothing_is_written_that_is_not_mapped(
    off: set[str], theirs: dict[str, str], mode: str, both_ways: bool
) -> None:
    usual = {spec.name for spec in GROUND.specs}
    rows = tuple(MappingRow(name, "off") for name in sorted(off & usual)) + tuple(
        MappingRow(name, source="city", mode=mode)  # type: ignore[arg-type]
        for name in sorted({"plan", "seats"} - off)
    )
    mapping = described(FieldMapping(1, rows), GROUND)
    ours = translated(FakeAdapter, mapping, ClientRecord("1", "1", first_name="Ada", city="7", company="Nowak"))
    digest = Digester(b"a secret of this test", uuid.UUID(int=7))
    terms = Terms() if both_ways else None
    plan = merge(Base(1, {}), {}, ours, theirs, digest, version=1, terms=terms, manners=mapping.manners)
    assert not off & plan.writes.keys()
    assert not off & plan.brings.keys()
    assert plan.writes.keys() <= usual | {"plan", "seats"}


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_mappings_and_filters_are_kept_on_every_database(
    engine_of: Callable[[str], Any], clock: Any, crm: FakeCRM, kind: str
) -> None:
    world = World(
        engine_of(kind), clock, own_settings(), crm.connect, client_binding=ClientBinding(Client, custom=CUSTOM)
    )
    mapped = Mapped(world, crm)
    mapped.rows(PLAN)
    mapped.filter(Condition("channel", "equals", "whatsapp"), Condition("city", "equals", "gold"), match="any")
    ada, bo = world.clients([{"email": "a@example.com", "city": "gold"}, {"email": "b@example.com"}])
    world.conversation(bo, channel="WhatsApp")
    world.run_until_done()
    assert (mapped.record(ada)["plan"], mapped.record(bo)["plan"]) == ("gold", "")
    assert [one.version for one in versions(world.sync, ACCOUNT, "hubspot")] == [2, 1]
    assert refresh_stale(world.sync) is False
