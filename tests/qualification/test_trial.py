"""Trying out: a pasted or picked conversation, and what a changed set makes of the last 30 days, slice by slice."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

import pytest

from flask_crm_sync.host.scan import scan
from flask_crm_sync.qualification import trial
from flask_crm_sync.qualification.criteria import Criterion
from flask_crm_sync.qualification.trial import Rehearsal, pasted, picked, rehearse, try_out
from flask_crm_sync.sync.refusals import NotFound
from tests.sync.world import ACCOUNT, World

BUY, BOAT = Criterion("Buy", required=("buy",)), Criterion("Boat", required=("boat",))


def run(world: World, former: list[Criterion], changed: list[Criterion]) -> Rehearsal:
    so_far = rehearse(world.sync, ACCOUNT, former, changed)
    while not so_far.done:
        so_far = rehearse(world.sync, ACCOUNT, former, changed, so_far)
    return so_far


def test_a_pasted_conversation_is_told_apart_by_who_speaks() -> None:
    said, client = pasted("Hi\nthere\nAgent: A boat?\n kunde:  yes,\nbuy it\n\nSupport:\n", contact=("email", "x"))
    assert [(each.from_client, each.text) for each in said.messages] == [
        (True, "Hi\nthere"),
        (False, "A boat?"),
        (True, "yes,\nbuy it"),
    ]
    assert (client.email != "", client.phone, client.company) == (True, "", "")


def test_trying_out_says_what_is_judged_and_why() -> None:
    result = try_out([BUY, BOAT], *pasted("Client: I need a boat"))
    assert result.judged.status == "qualified"
    assert [(each.criterion.name, each.decides) for each in result.explained] == [("Buy", False), ("Boat", True)]


def test_an_endless_paste_is_read_in_part() -> None:
    said, _ = pasted("agent: x\n" * 10_000_000)
    assert len(said.messages) < trial.LONGEST


def test_a_picked_conversation_comes_with_its_client(world: World) -> None:
    talk = world.conversation(world.client(email="ada@example.com"), "I want a boat")
    said, client = picked(world.sync, ACCOUNT, talk)
    assert [each.text for each in said.messages] == ["I want a boat"]
    assert client is not None
    assert client.email == "ada@example.com"


def test_another_accounts_conversation_cannot_be_picked(world: World) -> None:
    talk = world.conversation(world.client(account="2"), "I want a boat", account="2")
    for id in (talk, "4711", "nonsense"):
        with pytest.raises(NotFound):
            picked(world.sync, ACCOUNT, id)


def test_a_rehearsal_counts_both_and_names_those_that_differ(world: World) -> None:
    client = world.client()
    both, boat = world.conversation(client, "buy a boat"), world.conversation(client, "a boat")
    world.conversation(client, "hello")
    result = run(world, [BUY], [BOAT])
    assert (result.looked_at, result.before, result.after, result.different) == (3, 1, 2, 1)
    assert [(each.conversation_id, each.before, each.after) for each in result.differences] == [
        (boat, "pending", "qualified")
    ]
    assert both not in {each.conversation_id for each in result.differences}


def test_it_looks_at_the_last_30_days_of_the_account_alone_and_not_at_tests(world: World) -> None:
    client = world.client()
    world.conversation(client, "old boat")
    world.clock.advance(hours=24 * 30 + 1)
    world.conversation(client, "new boat")
    world.conversation(client, "test boat", is_test=True)
    world.conversation(world.client(account="2"), "their boat", account="2")
    assert run(world, [], [BOAT]).looked_at == 1


def test_it_goes_on_where_it_stopped_also_through_a_form(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SLICE", 4)
    monkeypatch.setattr(trial, "_BATCH", 2)
    client = world.client()
    for number in range(9):
        world.conversation(client, "a boat" if number % 2 else "hello")
        world.clock.advance(number // 3)  # several of the very same instant
    world.clock.advance(5)
    first = rehearse(world.sync, ACCOUNT, [], [BOAT])
    assert (first.looked_at, first.done) == (4, False)
    so_far, rounds = first, 1
    while not so_far.done:
        carried = Rehearsal.from_json(json.loads(json.dumps(so_far.to_json())))
        so_far, rounds = rehearse(world.sync, ACCOUNT, [], [BOAT], carried), rounds + 1
    assert (so_far.looked_at, so_far.after, so_far.different, rounds) == (9, 4, 4, 3)


def test_what_changes_while_it_runs_is_not_run_after(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SLICE", 2)
    monkeypatch.setattr(trial, "_BATCH", 2)
    client = world.client()
    talks = [world.conversation(client, "a boat") for _ in range(3)]
    so_far = rehearse(world.sync, ACCOUNT, [], [BOAT])
    world.clock.advance(60)
    world.change_conversation(talks[0], channel="email")
    so_far = rehearse(world.sync, ACCOUNT, [], [BOAT], so_far)
    assert (so_far.looked_at, so_far.done) == (3, True)


def test_only_so_many_differences_are_named_though_all_are_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "SHOWN", 2)
    client = world.client()
    for _ in range(4):
        world.conversation(client, "a boat")
    result = run(world, [], [BOAT])
    assert (result.different, len(result.differences)) == (4, 2)


def tampered(change: Callable[[dict[str, object]], object]) -> dict[str, object]:
    data = Rehearsal(*[datetime.fromisoformat("2026-03-01T00:00:00+00:00")] * 3).to_json()
    change(data)
    return data


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.clear(),
        lambda data: data.update(instants=["2026-03-01T00:00:00"] * 3),
        lambda data: data.update(instants=["2000-01-01T00:00:00+00:00"] * 2 + ["2026-01-01T00:00:00+00:00"]),
        lambda data: data.update(before="many"),
    ],
)
def test_a_form_that_was_meddled_with_is_refused(change: Callable[[dict[str, object]], object]) -> None:
    with pytest.raises(ValueError, match="not a rehearsal"):
        Rehearsal.from_json(tampered(change))
    assert Rehearsal.from_json(tampered(lambda _: None)).looked_at == 0


def test_where_the_host_cannot_be_asked_for_an_account_the_others_are_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "scan", lambda *given, account_id: scan(*given))
    world.conversation(world.client(), "a boat")
    world.conversation(world.client(account="2"), "their boat", account="2")
    assert run(world, [], [BOAT]).looked_at == 1
