"""Notes: when they are owed, what they say, how they are rewritten."""

from __future__ import annotations

from datetime import timedelta

from flask_crm_sync.errors import RecordLocked
from flask_crm_sync.host.records import ConversationRecord, MessageRecord
from flask_crm_sync.sync.choices import decide
from flask_crm_sync.sync.notebody import LONGEST_QUOTE, note_body, note_subject
from flask_crm_sync.testing import FakeCRM
from tests.sync.conftest import Portal
from tests.sync.world import START, World


def linked(world: World) -> str:
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    return ada


def test_a_closed_conversation_owes_its_note_at_once(world: World, crm: FakeCRM) -> None:
    world.conversation(linked(world), "Do you sell bicycles?")
    world.run()
    (note,) = crm.notes.values()
    assert "Do you sell bicycles?" in note.body
    assert world.operations(kind="add_note")[0].details == {"written": ["body"], "created": True}


def test_an_open_conversation_owes_its_note_when_it_has_been_silent(world: World, crm: FakeCRM) -> None:
    conversation = world.conversation(linked(world), "Hello?", status="open")
    world.run()
    assert world.last(conversation, "conversation").due_at == START + timedelta(minutes=30)
    world.clock.advance(minutes=20)
    world.say(conversation, "Anybody?")
    world.run()
    assert world.last(conversation, "conversation").due_at == START + timedelta(minutes=50)
    world.change_conversation(conversation, status="closed")
    world.run()
    assert len(crm.notes) == 1
    assert len(world.operations(kind="add_note")) == 1


def test_a_new_clients_record_does_not_hurry_a_conversation_that_goes_on(world: World, crm: FakeCRM) -> None:
    conversation = world.conversation(world.client("Ada", email="ada@example.com"), status="open")
    world.run()
    assert len(crm.records) == 1
    assert world.last(conversation, "conversation").due_at == START + timedelta(minutes=30)


def test_the_silence_is_the_hosts_to_say(world: World) -> None:
    world.restart(note_after_minutes=5)
    conversation = world.conversation(linked(world), status="open")
    world.fan_out()
    assert world.last(conversation, "conversation").due_at == START + timedelta(minutes=5)


def test_a_reopened_conversations_note_is_rewritten_in_place(world: World, crm: FakeCRM) -> None:
    conversation = world.conversation(linked(world), "first question")
    world.run()
    world.change_conversation(conversation, status="open")
    world.say(conversation, "second question")
    world.change_conversation(conversation, status="closed")
    world.run_until_done()
    (note,) = crm.notes.values()
    assert "second question" in note.body
    assert world.last(conversation, "conversation").details == {"written": ["body"]}


def test_a_conversation_that_says_the_same_changes_nothing(world: World, crm: FakeCRM) -> None:
    conversation = world.conversation(linked(world))
    world.run()
    crm.calls.clear()
    world.change_conversation(conversation)
    world.run()
    assert world.last(conversation, "conversation").reason == "nothing_to_change"
    assert crm.calls == []


def test_a_conversation_without_a_word_owes_no_note_until_somebody_writes(world: World, crm: FakeCRM) -> None:
    conversation = world.conversation(linked(world), "  ")
    world.run()
    assert world.last(conversation, "conversation").reason == "empty_conversation"
    world.say(conversation, "Hello")
    world.run()
    assert len(crm.notes) == 1


def test_a_conversation_without_a_client_owes_no_note(world: World) -> None:
    conversation = world.conversation("0")
    world.change_conversation(conversation, client_id=None)
    world.run()
    assert world.operations() == []


def test_a_locked_note_is_tried_again(world: World, crm: FakeCRM) -> None:
    crm.fail("add_notes", RecordLocked(), times=2)
    world.conversation(linked(world))
    world.run_until_done()
    assert len(crm.notes) == 1


def test_a_note_deleted_in_the_crm_is_made_again_only_when_a_person_wants_it(world: World, crm: FakeCRM) -> None:
    conversation = world.conversation(linked(world), "first")
    world.run()
    crm.notes.clear()
    world.say(conversation, "second")
    world.run()
    failed = world.last(conversation, "conversation")
    assert failed.reason == "record_missing"
    assert crm.notes == {}
    decide(world.sync, "1", failed.id, "create_new")
    world.run_until_done()
    (note,) = crm.notes.values()
    assert "second" in note.body
    world.say(conversation, "third")
    world.run()
    assert "third" in note.body


def test_over_the_wire_a_note_is_rewritten_in_place(wired: World, portal: Portal) -> None:
    conversation = wired.conversation(linked(wired), "first question")
    wired.run()
    wired.say(conversation, "second question")
    wired.run()
    (note,) = portal.notes()
    assert "second question" in note["properties"]["hs_note_body"]


# What a note says


def talk(*said: tuple[bool, str], **values: object) -> ConversationRecord:
    messages = tuple(MessageRecord(from_client, text) for from_client, text in said)
    return ConversationRecord("1", "1", "1", messages=messages, **{"closed": True, **values})  # type: ignore[arg-type]


def test_the_hosts_summary_is_the_note() -> None:
    assert note_body(talk((True, "hi"), summary="Wants a bike.")) == "Wants a bike.\nClosed."


def test_an_extract_says_who_asked_for_what_and_how_it_ended() -> None:
    body = note_body(
        talk((False, "Welcome!"), (True, "A red\n bike?"), (False, "Yes"), (True, "Fine"), url="https://desk.example/1")
    )
    assert body.splitlines() == [
        "Client asked: “A red bike?”",
        "Client's last words: “Fine”",
        "Last answer: “Yes”",
        "Closed.",
        "Conversation: https://desk.example/1",
    ]


def test_a_conversation_of_the_agent_alone_is_no_empty_note() -> None:
    assert note_body(talk((False, "Are you there?"), closed=False)) == (
        "Last answer: “Are you there?”\nStill open, silent for now."
    )


def test_long_messages_are_shortened() -> None:
    longest = max(len(line) for line in note_body(talk((True, "x" * 10_000))).splitlines())
    assert longest < LONGEST_QUOTE + 30


def test_nothing_said_is_no_note() -> None:
    assert note_body(talk((True, " \n"), url="https://desk.example/1")) == ""


def test_the_subject_names_the_channel() -> None:
    assert note_subject(talk(channel="chat", subject="Bike")) == "chat: Bike"
    assert note_subject(talk()) == "conversation"
