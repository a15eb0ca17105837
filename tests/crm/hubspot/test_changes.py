"""Polling HubSpot, against its sandbox on a clock that stands still: lag, crowds, the bin, merges."""

from __future__ import annotations

import pytest

from .conftest import Portal

LAG = 300


def test_change_that_the_index_shows_behind_newer_ones_is_told(portal: Portal) -> None:
    early, late = portal.add(2)
    portal.changed_at(late, seconds_ago=10_000)
    portal.wait(LAG + 60)
    portal.hubspot.edit_contact(early, {"city": "Graz"})
    assert portal.told() == {(early, "changed")}
    portal.changed_at(late, seconds_ago=LAG - 1)
    assert portal.told() == {(late, "changed")}
    assert portal.told() == set()


def test_change_is_not_lost_while_the_index_lags(portal: Portal) -> None:
    portal.hubspot.dialect.change({"search_lag_ms": 60_000})
    portal.wait(LAG + 1)
    portal.poll()
    (added,) = portal.add(1)
    assert portal.told() == set()
    portal.wait(30)
    assert portal.told() == set()
    portal.wait(30)
    assert portal.told() == {(added, "changed")}


def test_import_of_one_instant_is_told_whole(portal: Portal) -> None:
    added = portal.add(450)
    changes = portal.poll()
    assert {change.record_id for change in changes} == set(added)
    assert all(change.record is not None for change in changes)


def test_page_that_holds_fewer_than_asked_for_is_no_end(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flask_crm_sync.sandbox.hubspot.search._limit", lambda body: 60)
    added = portal.add(130)
    portal.wait(1)
    added += portal.add(70)
    assert {record_id for record_id, _what in portal.told()} == set(added)


def test_more_changes_than_a_search_may_page_through_are_told(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flask_crm_sync.sandbox.hubspot.search.MOST_RESULTS", 200)
    added = portal.add(130)
    portal.wait(1)
    added += portal.add(270)
    portal.wait(1)
    added += portal.add(60)
    assert {record_id for record_id, _what in portal.told()} == set(added)


def test_portal_that_rests_after_a_crowd_costs_one_call_again(portal: Portal) -> None:
    portal.add(450)
    portal.poll()
    portal.wait(LAG + 1)
    portal.poll()
    assert portal.calls_of(portal.poll) == 1
    portal.wait(86_000)
    assert portal.calls_of(portal.poll) == 1


def test_full_bin_is_gone_through_and_then_rests(portal: Portal) -> None:
    for record_id in (added := portal.add(250)):
        portal.hubspot.delete_contact(record_id)
    portal.add(1)
    portal.wait(LAG)
    portal.poll()
    gone, soon = portal.add(2)
    portal.poll()
    portal.hubspot.delete_contact(gone)
    assert {(record_id, "deleted") for record_id in (gone, *added)} <= portal.told()
    portal.hubspot.delete_contact(soon)
    assert portal.calls_of(lambda: portal.told() == set()) == 1, "three pages were read a moment ago"
    portal.wait(60)
    assert (soon, "deleted") in portal.told()


def test_deletion_from_before_the_beginning_is_not_told(portal: Portal) -> None:
    old, new = portal.add(2)
    portal.hubspot.delete_contact(old)
    portal.wait(2 * 3600)
    portal.cursor = ""
    portal.poll()
    portal.hubspot.delete_contact(new)
    assert portal.told() == {(new, "deleted")}


def test_deletion_that_the_number_of_contacts_hides_is_told_within_a_day(portal: Portal) -> None:
    back, gone = portal.add(2)
    portal.hubspot.delete_contact(back)
    portal.poll()
    portal.wait(3600)
    portal.poll()
    portal.hubspot.restore_contact(back)
    portal.hubspot.delete_contact(gone)
    assert portal.told() == {(back, "changed")}
    portal.wait(86_400)
    assert portal.told() == {(gone, "deleted")}


def test_day_without_a_change_costs_one_call_a_poll(portal: Portal) -> None:
    portal.wait(86_400)
    assert [portal.calls_of(portal.poll) for _poll in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("keeps_id", [True, False])
def test_chain_of_merges_tells_every_id_that_leads_to_the_survivor(portal: Portal, keeps_id: bool) -> None:
    portal.hubspot.dialect.change({"merge_keeps_primary_id": keeps_id})
    ids = portal.add(3)
    portal.poll()
    once = portal.hubspot.merge_contacts(ids[0], ids[1])
    portal.wait(1)
    twice = portal.hubspot.merge_contacts(once, ids[2])
    became = {change.record_id: change.became for change in portal.poll() if change.what == "merged"}
    assert became == dict.fromkeys({*ids, once} - {twice}, twice)


def test_merge_is_told_though_the_survivor_changed_long_after_it_in_a_crowded_time(portal: Portal) -> None:
    first, second = portal.add(2)
    portal.poll()
    survivor = portal.hubspot.merge_contacts(first, second)
    portal.wait(1)
    portal.add(450)
    portal.wait(1)
    portal.hubspot.edit_contact(survivor, {"city": "Graz"})
    assert {(first, "merged"), (second, "merged"), (survivor, "changed")} <= portal.told()


def test_merge_of_long_ago_is_not_told_with_every_edit_of_the_survivor(portal: Portal) -> None:
    survivor = portal.hubspot.merge_contacts(*portal.add(2))
    portal.poll()
    portal.wait(3600)
    portal.poll()
    portal.hubspot.edit_contact(survivor, {"city": "Graz"})
    assert portal.told() == {(survivor, "changed")}


def test_searches_of_a_poll_are_metered_as_searches(portal: Portal) -> None:
    kinds: list[str] = []

    class Meter:
        def spend(self, kind: str) -> None:
            kinds.append(kind)

        def learn(self, allowance: object) -> None:
            return

    portal.adapter.http.meter = Meter()
    portal.add(1)
    portal.poll()
    assert kinds == ["search", "call"]


def test_schema_reads_each_type_and_leaves_out_what_nobody_sees(portal: Portal) -> None:
    base = "/crm/properties/2026-09/contacts"
    made = {
        "wishes": ("enumeration", "checkbox", [("sea", "Sea view"), ("quiet", "Quiet")]),
        "is_member": ("enumeration", "booleancheckbox", [("true", "Yes"), ("false", "No")]),
        "born": ("date", "date", []),
        "secret": ("string", "text", []),
    }
    for name, (kind, form, options) in made.items():
        shown = [{"value": value, "label": label, "hidden": False, "displayOrder": 0} for value, label in options]
        body = {"groupName": "contactinformation", "name": name, "label": name.title(), "type": kind, "fieldType": form}
        body |= {"hidden": name == "secret", **({"options": shown} if shown else {})}
        portal.adapter.http.call("POST", base, json=body, writes=True)
    schema = {field.name: field for field in portal.adapter.schema()}
    assert "secret" not in schema
    assert {name: schema[name].type for name in made if name in schema} == {
        "wishes": "choices",
        "is_member": "boolean",
        "born": "date",
    }
    assert schema["wishes"].options == (("sea", "Sea view"), ("quiet", "Quiet"))
    assert (schema["wishes"].custom, schema["email"].custom) == (True, False)
    assert (schema["createdate"].writable, schema["createdate"].type) == (False, "datetime")
    assert schema["lifecyclestage"].type == "choice"
