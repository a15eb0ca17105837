"""Which clients go to a CRM: conditions, what they come to in a drain, and why a client is not there."""

from __future__ import annotations

from typing import Any

import pytest

from flask_crm_sync.host.records import ClientRecord
from flask_crm_sync.sync.mapping.filters import Condition, Filter, Known
from flask_crm_sync.sync.mapping.known import FilterInvalid, abouts, check_filter, count_taken
from flask_crm_sync.sync.why import explain
from tests.mapping.conftest import Mapped
from tests.sync.world import ACCOUNT

ADA = ClientRecord("1", "1", email="ada@example.com", city="Graz", tags=("VIP", "trade"), custom={"plan": "Gold"})


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (("city", "equals", "graz "), True),
        (("city", "differs", "Graz"), False),
        (("city", "contains", "RA"), True),
        (("city", "is_blank"), False),
        (("state", "is_blank"), True),
        (("state", "is_set"), False),
        (("state", "equals", ""), False),
        (("custom.plan", "equals", "gold"), True),
        (("custom.gone", "is_set"), False),
        (("tag", "equals", "vip"), True),
        (("tag", "differs", "vip"), False),
        (("tag", "contains", "rad"), True),
        (("channel", "equals", "WhatsApp"), True),
        (("channel", "equals", "mail"), False),
        (("qualified", "is_set"), True),
        (("qualified", "is_blank"), False),
    ],
)
def test_conditions(condition: Any, holds: bool) -> None:
    known = Known(ADA, frozenset({"whatsapp"}), True)
    assert Condition(*condition).holds(known) is holds


def test_all_or_any() -> None:
    yes, no = Condition("city", "is_set"), Condition("state", "is_set")
    assert Filter("any", (yes, no)).takes(Known(ADA))
    assert not Filter("all", (yes, no)).takes(Known(ADA))
    assert Filter("all").takes(Known(ADA))
    stored = Filter("any", (yes, no)).to_json()
    assert Filter.from_json(stored) == Filter("any", (yes, no))


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (Condition("nothing"), "no such attribute"),
        (Condition("custom.gone", "is_set"), "no such attribute"),
        (Condition("city", "equals", " "), "which value"),
        (Condition("city", "equals", "x" * 201), "up to 200"),
        (Condition("qualified", "equals", "true"), "Choose one"),
        (Condition("city", "like", "x"), "Choose one"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_asked_is_said(mapped: Mapped, condition: Condition, said: str) -> None:
    with pytest.raises(FilterInvalid) as refused:
        check_filter(Filter("all", (condition,)), mapped.world.sync.host)
    assert said in refused.value.conditions[0]


def test_conditions_are_about_what_the_app_knows(mapped: Mapped) -> None:
    found = abouts(mapped.world.sync.host)
    assert {"email", "custom.plan", "channel", "qualified"} <= set(found)
    assert "tag" not in found


def test_clients_whom_the_filter_does_not_take_are_left_out_with_the_reason(mapped: Mapped) -> None:
    mapped.filter(Condition("city", "equals", "Graz"))
    here, there = mapped.world.clients([{"email": "a@b.at", "city": "Graz"}, {"email": "c@d.at", "city": "Linz"}])
    mapped.world.conversation(there)
    mapped.world.run_until_done()
    assert mapped.world.last(here).status == "success"
    assert {(one.kind, one.reason) for one in mapped.world.operations(client_id=there)} == {
        ("create_lead", "filtered_out"),
        ("add_note", "filtered_out"),
    }
    (standing,) = explain(mapped.world.sync, ACCOUNT, there).standings
    assert (standing.state, standing.reason) == ("not_synced", "filtered_out")
    mapped.world.edit(there, city="Graz")
    mapped.world.run_until_done()
    assert mapped.world.last(there).status == "success"


@pytest.mark.parametrize("change", ["client", "wider", "none"])
def test_notes_that_were_left_out_go_when_the_filter_takes_their_client(mapped: Mapped, change: str) -> None:
    mapped.filter(Condition("city", "equals", "Graz"))
    ada = mapped.world.client("Ada", email="a@b.at", city="Linz")
    talks = [mapped.world.conversation(ada) for _ in range(2)]
    mapped.world.run_until_done()
    assert {one.reason for one in mapped.world.operations(kind="add_note")} == {"filtered_out"}
    if change != "client":
        mapped.filter(*([Condition("city", "is_set")] if change == "wider" else []))
    mapped.world.edit(ada, **({"city": "Graz"} if change == "client" else {"last_name": "King"}))
    mapped.world.run_until_done()
    assert all(mapped.world.last(talk, "conversation").status == "success" for talk in talks)
    mapped.world.edit(ada, first_name="Augusta")
    mapped.world.run_until_done()
    assert len(mapped.world.operations(kind="add_note")) == 4  # each left out once, and sent once


def test_notes_left_out_of_a_client_who_is_linked_go_when_it_is_taken_again(mapped: Mapped) -> None:
    mapped.filter(Condition("city", "equals", "Graz"))
    ada = mapped.world.client("Ada", email="a@b.at", city="Graz")
    first = mapped.world.conversation(ada)
    mapped.world.run_until_done()
    mapped.world.edit(ada, city="Linz")
    second = mapped.world.conversation(ada)
    mapped.world.run_until_done()
    assert mapped.world.last(second, "conversation").reason == "filtered_out"
    mapped.world.edit(ada, city="Graz")
    mapped.world.run_until_done()
    assert mapped.world.last(second, "conversation").status == "success"
    assert len(mapped.world.operations(subject_id=first, kind="add_note")) == 1


def test_notes_left_out_stay_out_where_notes_are_switched_off(mapped: Mapped) -> None:
    mapped.filter(Condition("city", "equals", "Graz"))
    ada = mapped.world.client("Ada", email="a@b.at", city="Linz")
    mapped.world.conversation(ada)
    mapped.world.run_until_done()
    mapped.world.set_connection(sync_notes=False)
    mapped.world.edit(ada, city="Graz")
    mapped.world.run_until_done()
    assert [one.reason for one in mapped.world.operations(kind="add_note")] == ["filtered_out"]


def test_a_client_who_is_taken_no_more_is_left_alone_in_the_crm(mapped: Mapped) -> None:
    mapped.filter(Condition("city", "equals", "Graz"))
    ada = mapped.world.client("Ada", email="a@b.at", city="Graz")
    mapped.world.run_until_done()
    mapped.world.edit(ada, city="Linz")
    mapped.world.run_until_done()
    assert mapped.record(ada)["city"] == "Graz"
    (standing,) = explain(mapped.world.sync, ACCOUNT, ada).standings
    assert (standing.state, standing.reason) == ("synced", "filtered_out")


def test_a_conversation_on_the_channel_brings_its_client_in(mapped: Mapped) -> None:
    mapped.filter(Condition("channel", "equals", "whatsapp"))
    ada = mapped.world.client("Ada", email="a@b.at")
    mapped.world.conversation(ada, channel="chat")
    mapped.world.run_until_done()
    assert mapped.world.link(ada) is None
    mapped.world.conversation(ada, channel="WhatsApp")
    mapped.world.run_until_done()
    assert mapped.world.link(ada).state == "active"
    notes = [one.status for one in mapped.world.operations(kind="add_note", client_id=ada)]
    assert notes.count("success") == 2  # the one on the other channel goes as well, now that its client is there


def test_without_a_filter_nothing_more_is_asked(mapped: Mapped) -> None:
    """A filter costs a question for the clients, one for what was left out, one more for channels; else there is none.

    Each is asked for a batch of contacts and for a batch of notes; the first drain of a process asks more.
    """
    asked: list[int] = []
    for conditions in ((), (), (Condition("city", "is_blank"),), (Condition("channel", "is_set"),)):
        mapped.filter(*conditions)
        ada = mapped.world.client("Ada", email=f"a{len(asked)}@b.at", city="")
        mapped.world.conversation(ada)
        mapped.world.fan_out()
        asked.append(mapped.statements(mapped.world.drain))
    assert asked[1] + 4 == asked[2]
    assert asked[2] + 2 == asked[3]


def test_what_a_filter_would_mean_is_counted(mapped: Mapped) -> None:
    rows = [{"email": f"p{i}@example.com", "city": "Graz" if i % 3 else "Linz"} for i in range(9)]
    mapped.world.clients(rows, told=False)
    mapped.world.clients(2, told=False, account="2")
    wanted = Filter("all", (Condition("city", "equals", "graz"),))
    found = count_taken(mapped.world.sync, ACCOUNT, "hubspot", wanted)
    assert (found.taken, found.looked, found.clients, found.is_whole) == (6, 9, 9, True)
    some = count_taken(mapped.world.sync, ACCOUNT, "hubspot", wanted, most=4)
    assert (some.looked, some.clients, some.is_whole) == (4, 9, False)


@pytest.mark.parametrize(("how", "reason"), [("is_set", "filtered_out"), ("is_blank", "")])
def test_a_filter_by_qualification_is_told_of_a_client_as_well(mapped: Mapped, how: Any, reason: str) -> None:
    ada = mapped.world.client("Ada", email="a@b.at")
    mapped.world.run_until_done()
    mapped.filter(Condition("qualified", how))
    (standing,) = explain(mapped.world.sync, ACCOUNT, ada).standings
    assert (standing.state, standing.reason) == ("synced", reason)
