"""What an adapter must tell of a CRM for two-way sync: its fields, its changes, and that a person is gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from flask_crm_sync.crm.base import Adapter, Erased, NoteWrite, RemoteChange, RemoteNote, RemoteRecord, Written
from flask_crm_sync.crm.registry import adapters
from flask_crm_sync.errors import CRMError, OutcomeUnknown, ServerFault, UnsupportedFeature

from .cases import capable, incapable
from .conftest import Bench

AdapterOf = Callable[..., Adapter]

_EMAIL = "ann@example.com"
_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
_LONGEST_CURSOR = 4_000
_KINDS = {"text", "number", "boolean", "date", "datetime", "choice", "choices"}


class Watch:
    """Somebody who polls, and the cursor that is kept between two polls."""

    def __init__(self, bench: Bench, adapter: Adapter) -> None:
        bench.switch(**bench.case.found_at_once)
        self.adapter, self.cursor = adapter, ""
        assert self.poll() == []

    def page(self) -> tuple[tuple[RemoteChange, ...], bool]:
        told = self.adapter.changes_since(self.cursor)
        self.cursor = told.cursor
        assert len(self.cursor) <= _LONGEST_CURSOR
        return told.changes, told.more

    def poll(self) -> list[RemoteChange]:
        """Return what one poll tells: all pages that wait."""
        found: list[RemoteChange] = []
        for _page in range(100):
            changes, more = self.page()
            found += changes
            if not more:
                return found
        raise AssertionError("the pages come to no end")


@pytest.fixture
def watch(bench: Bench, adapter: Adapter) -> Watch:
    """Somebody who begins to poll a CRM in which one contact is."""
    bench.person_adds(email="there@example.com", first_name="Then")
    return Watch(bench, adapter)


def _told(changes: list[RemoteChange]) -> list[tuple[str, str]]:
    return sorted((change.record_id, change.what) for change in changes)


def _record(outcome: RemoteRecord | CRMError) -> RemoteRecord:
    assert isinstance(outcome, RemoteRecord), outcome
    return outcome


@capable("changes")
def test_unchanged_crm_costs_one_call_a_poll(bench: Bench, watch: Watch) -> None:
    before = bench.calls()
    for _poll in range(3):
        assert watch.page() == ((), False)
    assert bench.calls() - before == 3


@capable("changes")
def test_beginning_tells_nothing_in_one_call_even_of_a_crm_that_is_empty(bench: Bench, adapter: Adapter) -> None:
    bench.switch(**bench.case.found_at_once)
    before = bench.calls()
    told = adapter.changes_since("")
    assert (told.changes, told.more, bench.calls() - before) == ((), False, 1)
    added = bench.person_adds(email=_EMAIL)
    assert [change.record_id for change in adapter.changes_since(told.cursor).changes] == [added]


@capable("changes")
def test_edit_is_told_once_with_the_values_that_a_read_gives(bench: Bench, watch: Watch) -> None:
    edited, left = (bench.person_adds(email=f"{name}@example.com", first_name=name) for name in ("ann", "ben"))
    assert _told(watch.poll()) == sorted([(edited, "changed"), (left, "changed")])
    bench.person_edits(edited, city="Graz", phone="+1 202-555-0123")
    (change,) = watch.poll()
    assert (change.record_id, change.what) == (edited, "changed")
    assert change.record == _record(watch.adapter.read([edited])[0])
    assert change.record.values[bench.field["city"]] == "Graz"
    assert change.at is not None
    assert abs((change.at - datetime.now(UTC)).total_seconds()) < 3600
    assert watch.poll() == []


@capable("changes")
def test_one_record_changed_again_at_once_is_told_again(bench: Bench, watch: Watch) -> None:
    record_id = bench.person_adds(email=_EMAIL)
    for city in ("Graz", "Linz", "Wels"):
        bench.person_edits(record_id, city=city)
        (change,) = watch.poll()
        assert change.record is not None
        assert change.record.values[bench.field["city"]] == city


@capable("changes")
def test_our_own_write_is_told_too_as_it_stands_there(bench: Bench, watch: Watch) -> None:
    (made,) = watch.adapter.upsert([bench.write("key1", email=_EMAIL, first_name="Ann")])
    assert isinstance(made, Written)
    (change,) = watch.poll()
    assert change.record is not None
    assert (change.record_id, change.record.values) == (made.record.id, made.record.values)


@capable("changes")
def test_deletion_is_told(bench: Bench, watch: Watch) -> None:
    gone, left = (bench.person_adds(email=f"{name}@example.com") for name in ("ann", "ben"))
    watch.poll()
    bench.person_deletes(gone)
    assert _told(watch.poll()) == [(gone, "deleted")]
    bench.person_deletes(left)
    assert (left, "deleted") in _told(watch.poll())


@capable("changes")
def test_deletion_is_told_though_a_new_contact_came_in_its_place(bench: Bench, watch: Watch) -> None:
    gone = bench.person_adds(email=_EMAIL)
    watch.poll()
    bench.person_deletes(gone)
    came = bench.person_adds(email="ben@example.com")
    assert _told(watch.poll()) == sorted([(gone, "deleted"), (came, "changed")])


@capable("restore")
def test_record_that_was_brought_back_is_told_with_its_values(bench: Bench, watch: Watch) -> None:
    record_id = bench.person_adds(email=_EMAIL)
    bench.person_deletes(record_id)
    watch.poll()
    bench.api("POST", f"contacts/{record_id}/restore")
    told = [change for change in watch.poll() if change.what in ("changed", "restored")]
    assert [change.record_id for change in told] == [record_id]
    assert told[0].record is not None
    assert told[0].record.values[bench.field["email"]] == _EMAIL


@capable("changes")
def test_merge_tells_who_stands_for_whom(bench: Bench, watch: Watch) -> None:
    if "merges" in bench.case.cannot:
        pytest.skip(f"{bench.kind.label} merges no records")
    ids = [bench.person_adds(email=f"{name}@example.com") for name in ("ann", "ben", "cat")]
    watch.poll()
    survivor = bench.person_merges(ids[0], ids[1])
    told = watch.poll()
    became = {change.record_id: change.became for change in told if change.what == "merged"}
    assert became == {record_id: survivor for record_id in ids[:2] if record_id != survivor}
    assert ids[2] not in {change.record_id for change in told}


@pytest.mark.parametrize("bench", ["salesforce"], indirect=True)
def test_conversion_tells_the_contact_that_the_lead_became(bench: Bench, watch: Watch) -> None:
    lead = bench.person_adds(email=_EMAIL, first_name="Ann", city="Graz")
    watch.poll()
    contact = bench.api("POST", f"contacts/{lead}/convert")["id"]
    told = {change.record_id: change for change in watch.poll()}
    assert (told[lead].what, told[lead].became, told[lead].record) == ("converted", contact, None)
    assert told[contact].record == _record(watch.adapter.read([lead])[0])


@capable("changes")
def test_more_changes_than_a_page_are_all_told(bench: Bench, watch: Watch) -> None:
    many, size = 450, watch.adapter.batch_size
    made: list[str] = []
    for start in range(0, many, size):
        numbers = range(start, min(many, start + size))
        outcomes = watch.adapter.upsert([bench.write(f"key{n}", email=f"ann{n}@example.com") for n in numbers])
        made += [outcome.record.id for outcome in outcomes if isinstance(outcome, Written)]
    before = bench.calls()
    told = watch.poll()
    assert {change.record_id for change in told} == set(made)
    assert all(change.record is not None for change in told)
    assert bench.calls() - before <= 20


@capable("changes")
def test_poll_that_fails_is_made_again_from_the_same_place(bench: Bench, watch: Watch) -> None:
    record_id = bench.person_adds(email=_EMAIL)
    cursor = watch.cursor
    bench.fault("server_error", params={"status": 503}, times=1)
    with pytest.raises(ServerFault):
        watch.page()
    assert watch.cursor == cursor
    first, again = watch.adapter.changes_since(cursor), watch.adapter.changes_since(cursor)
    assert [change.record_id for change in first.changes] == [record_id]
    assert first.changes == again.changes  # a cursor may tell the time


@capable("changes")
@pytest.mark.parametrize("text", ["nonsense", "[]", "[1]", "7"])
def test_text_that_is_no_cursor_is_refused(bench: Bench, adapter: Adapter, text: str) -> None:
    before = bench.calls()
    with pytest.raises((ValueError, TypeError)):
        adapter.changes_since(text)
    assert bench.calls() == before


@capable("schema")
def test_schema_tells_the_fields_that_we_write_and_what_they_take(bench: Bench, adapter: Adapter) -> None:
    before = bench.calls()
    schema = {field.name: field for field in adapter.schema()}
    assert bench.calls() - before <= 3
    for spec in adapter.fields:
        field = schema[spec.name]
        assert (field.type, field.writable, field.label != "") == ("text", True, True)
        assert field.max_length is None or field.max_length <= spec.max_length
        assert field.required == spec.required
    assert {field.type for field in schema.values()} <= _KINDS
    assert all(field.options for field in schema.values() if field.type == "choice" and field.writable)
    assert any(not field.writable for field in schema.values())
    assert not {name for name in schema if name.lower().startswith("crm_sync_")}, "our key is nobody's to map"


def _with_note(bench: Bench, adapter: Adapter, email: str) -> tuple[str, str]:
    record_id = bench.person_adds(email=email, first_name="Ann")
    (note,) = adapter.add_notes([NoteWrite(f"note-{email}", record_id, "Web chat", "Secret wish", _AT)])
    assert isinstance(note, RemoteNote)
    return record_id, note.id


def _erased(outcomes: list[Erased | CRMError]) -> list[str]:
    return [outcome.how for outcome in outcomes if isinstance(outcome, Erased)]


@capable("erase", "deleting")
def test_person_is_removed_with_the_notes_that_we_added_and_nobody_else(bench: Bench, adapter: Adapter) -> None:
    gone, note = _with_note(bench, adapter, _EMAIL)
    left, other = _with_note(bench, adapter, "ben@example.com")
    (outcome,) = adapter.erase([gone], {gone: [note]})
    assert isinstance(outcome, Erased)
    assert (outcome.how, outcome.notes) == ("deleted", 1)
    assert outcome.says
    assert [record["id"] for record in bench.records()] == [left]
    assert [each["id"] for each in bench.notes()] == [other]


@capable("erase", "deleting")
def test_who_is_gone_already_counts_as_removed(bench: Bench, adapter: Adapter) -> None:
    gone, note = _with_note(bench, adapter, _EMAIL)
    for _time in range(2):
        outcomes = adapter.erase([gone, bench.case.never_there], {gone: [note]})
        assert _erased(outcomes) == ["deleted", "deleted"]


@capable("erase", "deleting")
def test_removing_a_merged_record_removes_what_it_became(bench: Bench, adapter: Adapter) -> None:
    if "merges" in bench.case.cannot:
        pytest.skip(f"{bench.kind.label} merges no records")
    ids = [bench.person_adds(email=f"{name}@example.com") for name in ("ann", "ben")]
    bench.person_merges(ids[0], ids[1])
    assert _erased(adapter.erase([ids[1]], {})) == ["deleted"]
    assert bench.records() == []


@pytest.mark.parametrize("bench", ["salesforce"], indirect=True)
@pytest.mark.parametrize("by", ["lead", "contact"])
def test_removing_a_converted_lead_removes_lead_and_contact(bench: Bench, adapter: Adapter, by: str) -> None:
    lead = bench.person_adds(email=_EMAIL)
    contact = bench.api("POST", f"contacts/{lead}/convert")["id"]
    assert _erased(adapter.erase([lead if by == "lead" else contact], {})) == ["deleted"]
    query = {record["id"]: record for record in bench.api("GET", "contacts")}
    assert bench.records() == []
    assert all(bench.sandbox.salesforce.record(bench.sandbox.salesforce.desk(), each).deleted for each in query)


@capable("erase", "deleting")
def test_removal_without_an_answer_is_made_again(bench: Bench, adapter: Adapter) -> None:
    record_id, note = _with_note(bench, adapter, _EMAIL)
    bench.fault("lose_reply", after=1)
    (lost,) = adapter.erase([record_id], {record_id: [note]})
    assert isinstance(lost, CRMError)
    assert isinstance(lost, OutcomeUnknown) or lost.code == "unreachable"
    bench.no_faults()
    assert _erased(adapter.erase([record_id], {record_id: [note]})) == ["deleted"]
    assert (bench.records(), bench.notes()) == ([], [])


@capable("erase")
def test_trouble_of_the_connection_removes_nobody(bench: Bench, adapter: Adapter) -> None:
    record_id, note = _with_note(bench, adapter, _EMAIL)
    bench.fault("throttle")
    outcomes = adapter.erase([record_id, bench.case.never_there], {record_id: [note]})
    assert {getattr(outcome, "code", "") for outcome in outcomes} == {"rate_limited"}
    bench.no_faults()
    assert len(bench.records()) == 1


@incapable("changes")
def test_crm_that_tells_no_changes_says_so(adapter: Adapter) -> None:
    with pytest.raises(UnsupportedFeature):
        adapter.changes_since("")


_UNANSWERED: dict[str, Callable[[Adapter], object]] = {
    "schema": Adapter.schema,
    "changes": lambda adapter: Adapter.changes_since(adapter, ""),
    "erase": lambda adapter: Adapter.erase(adapter, [], {}),
}


@pytest.mark.parametrize("asked", _UNANSWERED)
@pytest.mark.parametrize("bench", ["hubspot"], indirect=True)
def test_adapter_without_an_answer_of_its_own_says_so(adapter: Adapter, asked: str) -> None:
    with pytest.raises(UnsupportedFeature):
        _UNANSWERED[asked](adapter)


def test_capabilities_are_words_that_somebody_reads() -> None:
    known = {"notes", "rewrite_notes", "schema", "changes", "restore", "erase", "further"}
    assert {word for adapter in adapters().values() for word in adapter.capabilities} <= known
