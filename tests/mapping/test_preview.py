"""Previews: the exact fields, why others are left, and nothing written on either side."""

from __future__ import annotations

import pytest

from flask_crm_sync.models import Budget, Link, Operation
from flask_crm_sync.sync.backfill import begin_backfill
from flask_crm_sync.sync.catch_up import catch_up
from flask_crm_sync.sync.mapping.filters import Condition
from flask_crm_sync.sync.mapping.preview import preview_client, preview_newest, preview_sample
from flask_crm_sync.sync.mapping.rows import FieldMapping, MappingRow
from flask_crm_sync.sync.refusals import NotFound
from tests.mapping.conftest import Mapped
from tests.mapping.fields import OPT_OUT, PLAN
from tests.sync.world import ACCOUNT

READS = {"find", "read", "test"}


def preview(mapped: Mapped, client: str, mapping: FieldMapping | None = None):
    return preview_client(mapped.world.sync, ACCOUNT, "hubspot", client, mapping)


def test_a_new_client_is_a_create_with_every_value(mapped: Mapped) -> None:
    mapped.rows(MappingRow("plan", source="custom.plan"))
    ada = mapped.world.client("Ada", email="ada@example.com", city="gold")
    mapped.world.fan_out()
    before = [mapped.world.rows(model) for model in (Operation, Link)]
    found = preview(mapped, ada)
    assert (found.outcome, found.calls) == ("create", found.reads + 1)
    assert {one.name: one.ours for one in found.fields if one.what == "write"} == {
        "first_name": "Ada",
        "email": "ada@example.com",
        "city": "gold",
        "plan": "gold",
    }
    assert mapped.crm.records == {}
    assert [mapped.world.rows(model) for model in (Operation, Link)] == before


def test_what_is_left_says_why(mapped: Mapped) -> None:
    ada = mapped.world.client("Ada", email="ada@example.com", city="Graz")
    mapped.world.run_until_done()
    mapped.crm.edit(str(mapped.world.link(ada).remote_id), city="Linz")
    mapped.world.edit(ada, last_name="Nowak")
    mapped.world.fan_out()
    mapped.crm.calls.clear()
    found = preview(mapped, ada)
    shown = {one.name: (one.what, one.ours, one.theirs, one.why) for one in found.fields if one.what != "same"}
    assert found.outcome == "update"
    assert shown == {
        "city": ("left", "Graz", "Linz", "changed in the CRM only"),
        "last_name": ("write", "Nowak", "", ""),
    }
    assert {call for call, _ in mapped.crm.calls} <= READS


def test_another_mapping_is_tried_without_being_saved(mapped: Mapped) -> None:
    clients = mapped.world.clients(25)
    mapped.world.run_until_done()
    mapped.crm.calls.clear()
    row = MappingRow("plan", "template", template="{{ client.city | upper }}")
    found = preview_sample(mapped.world.sync, ACCOUNT, "hubspot", FieldMapping(1, (row,), (PLAN,)))
    assert mapped.crm.calls == [("read", 20)]
    assert (found.reads, found.calls, len(found.previews)) == (1, 2, 20)
    assert {one.field("plan").ours for one in found.previews} == {"GRAZ"}
    assert {one.client_id for one in found.previews} <= set(clients)
    assert mapped.mapping.version == 0


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"city": "Graz"}, "no_contact_details"),
        ({"email": "a@example.com", "is_sensitive": True}, "sensitive_client"),
        ({"email": "a@example.com", "city": "Linz"}, "filtered_out"),
        ({"email": "nonsense", "city": "Graz"}, "invalid_record"),
    ],
)
def test_who_is_not_sent_and_why(mapped: Mapped, values: dict[str, object], reason: str) -> None:
    mapped.filter(Condition("city", "equals", "Graz"))
    values = {"city": "Graz"} | values
    ada = mapped.world.client("Ada", **values)
    mapped.world.fan_out()
    found = preview(mapped, ada)
    assert (found.outcome, found.reason) == ("not_sent", reason)
    assert [one.name for one in found.fields] == (["email"] if reason == "invalid_record" else [])


def test_a_refusal_that_only_the_crm_knows_is_shown(mapped: Mapped) -> None:
    ada = mapped.world.client("Ada", email="ada@example.com")
    mapped.world.run_until_done()
    mapped.crm.edit(str(mapped.world.link(ada).remote_id), opt_out="true")
    row = MappingRow("opt_out", "consent", source="custom.no_mail")
    found = preview(mapped, ada, FieldMapping(1, (row,), (OPT_OUT,))).field("opt_out")
    assert found is not None
    assert (found.what, found.ours, found.theirs) == ("left", "false", "true")
    assert "does not want it" in found.why


def test_another_accounts_client_is_not_there(mapped: Mapped) -> None:
    (theirs,) = mapped.world.clients(1, account="2")
    for client in (theirs, "999", "nonsense"):
        with pytest.raises(NotFound):
            preview(mapped, client)


def test_a_preview_takes_its_calls_from_the_budget_and_leaves_the_reserve(mapped: Mapped) -> None:
    mapped.crm.limits = {"call": (10, 1000.0)}
    ada = mapped.world.client("Ada", email="ada@example.com")
    mapped.world.fan_out()
    for _ in range(8):
        assert preview(mapped, ada).outcome == "create"
    (spent,) = [row.used for row in mapped.world.rows(Budget)]
    assert spent == 8
    refused = preview(mapped, ada)
    assert (refused.outcome, refused.reason) == ("not_sent", "rate_limited")
    assert len(mapped.crm.calls) == 8


def test_the_newest_without_a_record_are_shown_as_a_backfill_would_send_them(mapped: Mapped) -> None:
    world = mapped.world
    world.client("Sent", email="sent@example.com")
    world.run_until_done()
    there = mapped.crm.add(email="bea@example.com", first_name="Bea", city="Linz")
    ada = world.client("Ada", email="ada@example.com", city="Graz", told=False)
    bea = world.client("Bea", email="bea@example.com", city="Wien", told=False)
    mapped.crm.calls.clear()
    found = preview_newest(world.sync, ACCOUNT, "hubspot")
    assert [(one.client_id, one.outcome) for one in found.previews] == [(bea, "nothing"), (ada, "create")]
    assert {call for call, _ in mapped.crm.calls} <= READS
    begin_backfill(world.sync, ACCOUNT, "hubspot")
    catch_up(world.sync)
    world.run_until_done()
    assert world.link(bea).remote_id == there
    assert mapped.crm.record_with(first_name="Ada").values["city"] == "Graz"
