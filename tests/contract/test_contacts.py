"""What every adapter must do with clients, seen from both sides of the wire."""

from __future__ import annotations

import pytest

from flask_crm_sync.crm.base import Adapter, Lookup, Match, RemoteRecord, Write, Written
from flask_crm_sync.errors import CRMError, Duplicate, InvalidRecord, OutcomeUnknown, RecordMissing, Unreachable

from .cases import able
from .conftest import Bench

_EMAIL, _PHONE = "ann@example.com", "+1 202-555-0123"


def _written(outcome: Written | CRMError) -> Written:
    assert isinstance(outcome, Written), outcome
    return outcome


def _create(bench: Bench, adapter: Adapter, key: str, **client: str) -> str:
    return _written(adapter.upsert([bench.write(key, **client)])[0]).record.id


def _matches(outcome: tuple[Match, ...] | CRMError) -> list[tuple[str, str]]:
    assert isinstance(outcome, tuple), outcome
    return sorted((match.record.id, match.by) for match in outcome)


def _record(outcome: RemoteRecord | CRMError) -> RemoteRecord:
    assert isinstance(outcome, RemoteRecord), outcome
    return outcome


def test_a_hundred_creates_answer_in_order_with_what_was_sent(bench: Bench, adapter: Adapter) -> None:
    writes = [bench.write(f"key{n}", first_name=f"Ann {n}", email=f"ann{n}@example.com") for n in range(100)]
    outcomes = [_written(outcome) for outcome in adapter.upsert(writes)]
    assert all(outcome.created for outcome in outcomes)
    for write, outcome in zip(writes, outcomes, strict=True):
        assert write.values.items() <= outcome.record.values.items()
        assert set(outcome.record.values) == {spec.name for spec in adapter.fields}
    assert len(bench.records()) == 100


@able("pages")
def test_record_made_tells_where_a_person_finds_it(bench: Bench, adapter: Adapter) -> None:
    (outcome,) = adapter.upsert([bench.write("key1", email=_EMAIL)])
    assert _written(outcome).record.url.startswith("https://")


def test_more_than_one_batch_answers_in_order_too(bench: Bench, adapter: Adapter) -> None:
    writes = [bench.write(f"key{n}", email=f"ann{n}@example.com") for n in range(205)]
    ids = [_written(outcome).record.id for outcome in adapter.upsert(writes)]
    emails = [_record(record).values[bench.field["email"]] for record in adapter.read(ids)]
    assert emails == [write.values[bench.field["email"]] for write in writes]


@able("keys")
def test_repeated_create_makes_no_second_record(bench: Bench, adapter: Adapter) -> None:
    write = bench.write("key1", first_name="Ann", email=_EMAIL)
    first, again = _written(adapter.upsert([write])[0]), _written(adapter.upsert([write])[0])
    assert (first.created, again.created) == (True, False)
    assert again.record.id == first.record.id
    assert len(bench.records()) == 1


@able("batches", "keys")
def test_create_whose_answer_was_lost_is_found_by_its_key(bench: Bench, adapter: Adapter) -> None:
    bench.fault("lose_reply", **bench.case.writes, times=1)
    writes = [bench.write(f"key{n}", first_name="Ann", phone=f"+1 202-555-01{n}0") for n in range(3)]
    assert {type(outcome) for outcome in adapter.upsert(writes)} == {OutcomeUnknown}
    found = adapter.find([adapter.lookup(write.key, write.values, by_key=True) for write in writes])
    assert [[by for _id, by in _matches(outcome)] for outcome in found] == [["key"]] * 3
    assert len(bench.records()) == 3


def test_after_a_lost_answer_nothing_more_is_sent(bench: Bench, adapter: Adapter) -> None:
    sent = bench.case.records_a_call
    bench.fault("lose_reply", **bench.case.writes, times=1)
    writes = [bench.write(f"key{n}", email=f"ann{n}@example.com") for n in range(sent + 50)]
    outcomes = adapter.upsert(writes)
    assert {type(outcome) for outcome in outcomes[:sent]} == {OutcomeUnknown}
    assert {type(outcome) for outcome in outcomes[sent:]} == {Unreachable}
    assert len(bench.records()) == sent


def test_nobody_is_found_where_nobody_is(adapter: Adapter) -> None:
    assert adapter.find([Lookup("key1", _EMAIL, _PHONE), Lookup("key2")]) == [(), ()]


@able("keys", "phones")
def test_record_is_found_by_key_then_email_then_phone(bench: Bench, adapter: Adapter) -> None:
    ours = _create(bench, adapter, "key1", email="old@example.com")
    by_email = bench.person_adds(email=_EMAIL, first_name="Ann")
    by_phone = bench.person_adds(phone="(202) 555-0123", first_name="Ann")
    bench.switch(**bench.case.found_at_once)
    found = adapter.find(
        [
            Lookup("key1", _EMAIL, _PHONE),
            Lookup("key2", "ANN@example.com", _PHONE),
            Lookup("key3", "", _PHONE),
            Lookup("key4", "new@example.com", "+12025550123"),
            Lookup("key5", "new@example.com", "+12025550199"),
        ]
    )
    assert [_matches(outcome) for outcome in found] == [
        [(ours, "key")],
        [(by_email, "email")],
        [(by_phone, "phone")],
        [(by_phone, "phone")],
        [],
    ]


def test_record_found_carries_its_values(bench: Bench, adapter: Adapter) -> None:
    bench.person_adds(email=_EMAIL, first_name="Ann", company="Example Ltd")
    (outcome,) = adapter.find([Lookup("key1", _EMAIL)])
    assert isinstance(outcome, tuple)
    values = outcome[0].record.values
    named = {spec.source: values[spec.name] for spec in adapter.fields}
    entered = {"email": _EMAIL, "first_name": "Ann", "company": "Example Ltd"}
    assert {name: text for name, text in named.items() if text} == {**bench.case.a_person_enters, **entered}


def test_record_is_found_by_its_email_however_it_is_written(bench: Bench, adapter: Adapter) -> None:
    there = bench.person_adds(email=_EMAIL)
    bench.person_adds(email=f"jo{_EMAIL}")
    lookups = [Lookup("key1", _EMAIL.upper(), by_key=False), Lookup("key2", "nobody@example.com", by_key=False)]
    assert [_matches(outcome) for outcome in adapter.find(lookups)] == [[(there, "email")], []]


@able("phones")
def test_phone_of_several_records_answers_them_all(bench: Bench, adapter: Adapter) -> None:
    ids = [bench.person_adds(phone=_PHONE, first_name=name) for name in ("Ann", "Ben")]
    bench.switch(**bench.case.found_at_once)
    (outcome,) = adapter.find([Lookup("key1", "", _PHONE)])
    assert _matches(outcome) == sorted((record_id, "phone") for record_id in ids)


@able("phones")
def test_phone_of_somebody_with_another_email_is_another_person(bench: Bench, adapter: Adapter) -> None:
    other = bench.person_adds(phone=_PHONE, email="ben@example.com")
    bench.switch(**bench.case.found_at_once)
    found = adapter.find([Lookup("key1", _EMAIL, _PHONE), Lookup("key2", "", _PHONE)])
    assert [_matches(outcome) for outcome in found] == [[], [(other, "phone")]]


def test_ten_clients_with_one_email_find_the_one_record_in_one_call(bench: Bench, adapter: Adapter) -> None:
    there = bench.person_adds(email=_EMAIL)
    before = bench.calls()
    found = adapter.find([Lookup(f"key{n}", _EMAIL, by_key=False) for n in range(10)])
    assert [_matches(outcome) for outcome in found] == [[(there, "email")]] * 10
    assert bench.calls() - before == 1


def test_find_calls_nobody_for_nothing(bench: Bench, adapter: Adapter) -> None:
    before = bench.calls()
    assert adapter.find([]) == []
    assert adapter.find([Lookup("key1", by_key=False), Lookup("key2", "", "n/a", by_key=False)]) == [(), ()]
    assert bench.calls() == before


def test_read_answers_in_order_and_a_missing_one_alone(bench: Bench, adapter: Adapter) -> None:
    ids = [bench.person_adds(email=f"ann{n}@example.com") for n in range(3)]
    bench.person_deletes(ids[1])
    first, gone, last, never = adapter.read([*ids, bench.case.never_there])
    assert (_record(first).id, _record(last).id) == (ids[0], ids[2])
    assert isinstance(gone, RecordMissing)
    assert isinstance(never, RecordMissing)


@able("merges")
def test_read_of_a_merged_record_answers_the_survivor(bench: Bench, adapter: Adapter) -> None:
    ids = [bench.person_adds(email=f"ann{n}@example.com", first_name="Ann") for n in range(3)]
    survivor = bench.person_merges(ids[0], ids[1])
    read = [_record(record).id for record in adapter.read(ids)]
    assert read == [survivor, survivor, ids[2]]


def test_update_writes_the_given_fields_and_no_other(bench: Bench, adapter: Adapter) -> None:
    record_id = bench.person_adds(email=_EMAIL, first_name="Ann", company="Example Ltd")
    outcome = _written(adapter.upsert([bench.write("key1", record_id, first_name="Anna", city="Berlin")])[0])
    assert (outcome.created, outcome.record.id) == (False, record_id)
    (read,) = adapter.read([record_id])
    assert [_record(read).values[bench.field[name]] for name in ("first_name", "city", "company", "email")] == [
        "Anna",
        "Berlin",
        "Example Ltd",
        _EMAIL,
    ]


def test_blank_in_an_update_clears_the_field(bench: Bench, adapter: Adapter) -> None:
    city = bench.field["city"]
    record_id = bench.person_adds(email=_EMAIL, city="Berlin", phone=_PHONE)
    outcome = _written(adapter.upsert([bench.write("key1", record_id, city="")])[0])
    assert outcome.record.values[city] == ""
    read = _record(adapter.read([record_id])[0])
    assert (read.values[city], read.values[bench.field["phone"]]) == ("", _PHONE)


def test_field_that_the_crm_demands_gets_a_stand_in_that_never_comes_back(bench: Bench, adapter: Adapter) -> None:
    required = [spec for spec in adapter.fields if spec.required]
    made = _written(adapter.upsert([bench.write("key1", email=_EMAIL)])[0]).record
    read = _record(adapter.read([made.id])[0])
    assert [(made.values[spec.name], read.values[spec.name]) for spec in required] == [("", "")] * len(required)
    (stored,) = bench.records()
    assert all(stored["properties"][spec.name] for spec in required)


def test_real_value_takes_the_place_of_a_stand_in(bench: Bench, adapter: Adapter) -> None:
    record_id = _create(bench, adapter, "key1", email=_EMAIL)
    real = {"last_name": "Lee", "company": "Example Ltd"}
    adapter.upsert([bench.write("key1", record_id, **real)])
    read = _record(adapter.read([record_id])[0])
    assert {name: read.values[bench.field[name]] for name in real} == real


@able("merges")
def test_update_of_a_merged_record_reaches_the_survivor(bench: Bench, adapter: Adapter) -> None:
    ids = [bench.person_adds(email=f"ann{n}@example.com") for n in range(2)]
    survivor = bench.person_merges(ids[0], ids[1])
    outcome = _written(adapter.upsert([bench.write("key1", ids[1], city="Berlin")])[0])
    assert outcome.record.id == survivor
    assert _record(adapter.read([survivor])[0]).values[bench.field["city"]] == "Berlin"


def test_update_of_a_deleted_record_fails_alone(bench: Bench, adapter: Adapter) -> None:
    ids = [bench.person_adds(email=f"ann{n}@example.com") for n in range(3)]
    bench.person_deletes(ids[1])
    outcomes = adapter.upsert([bench.write(f"key{n}", record_id, city="Berlin") for n, record_id in enumerate(ids)])
    assert [type(outcome) for outcome in outcomes] == [Written, RecordMissing, Written]


def test_updates_and_creates_of_one_call_each_get_their_own_outcome(bench: Bench, adapter: Adapter) -> None:
    record_id = bench.person_adds(email=_EMAIL)
    writes = [bench.write("key1", email="new1@example.com"), bench.write("key2", record_id, city="Rome")]
    first, second = (_written(outcome) for outcome in adapter.upsert([*writes]))
    assert (first.created, second.created) == (True, False)
    assert second.record.id == record_id


def test_one_record_updated_twice_in_a_call_ends_with_the_later_values(bench: Bench, adapter: Adapter) -> None:
    record_id = bench.person_adds(email=_EMAIL)
    before = bench.calls()
    adapter.upsert([bench.write("key1", record_id, city="Rome"), bench.write("key1", record_id, city="Paris")])
    assert bench.calls() - before <= 2 * (1 if "batches" not in bench.case.cannot else 2), (
        "no batch is refused and halved"
    )
    assert _record(adapter.read([record_id])[0]).values[bench.field["city"]] == "Paris"


@able("keys", "claiming")
def test_record_found_by_email_is_found_by_key_once_it_was_written(bench: Bench, adapter: Adapter) -> None:
    record_id = bench.person_adds(email=_EMAIL)
    adapter.find([Lookup("key1", _EMAIL)])
    adapter.upsert([bench.write("key1", record_id, city="Rome")])
    (outcome,) = adapter.find([Lookup("key1")])
    assert _matches(outcome) == [(record_id, "key")]


@able("keys")
def test_key_of_another_client_on_a_record_is_left_there(bench: Bench, adapter: Adapter) -> None:
    record_id = _create(bench, adapter, "key1", email=_EMAIL)
    adapter.find([Lookup("key2", _EMAIL)])
    adapter.upsert([bench.write("key2", record_id, city="Rome")])
    assert [_matches(outcome) for outcome in adapter.find([Lookup("key1"), Lookup("key2")])] == [
        [(record_id, "key")],
        [],
    ]


@able("keys")
def test_key_that_stands_on_another_record_does_not_stop_an_update(bench: Bench, adapter: Adapter) -> None:
    _create(bench, adapter, "key1", email="first@example.com")
    record_id = bench.person_adds(email=_EMAIL)
    adapter.find([Lookup("key9", _EMAIL)])
    outcomes = adapter.upsert([bench.write("key1", record_id, city="Rome")])
    assert _written(outcomes[0]).record.id == record_id
    assert _record(adapter.read([record_id])[0]).values[bench.field["city"]] == "Rome"


@able("unique emails")
def test_email_of_another_record_is_a_duplicate_that_names_it(bench: Bench, adapter: Adapter) -> None:
    taken = bench.person_adds(email=_EMAIL)
    mine = bench.person_adds(email="ben@example.com")
    writes = [
        bench.write("key1", email=_EMAIL),
        bench.write("key2", email="new@example.com"),
        bench.write("key3", mine, email=_EMAIL),
    ]
    created, fine, updated = adapter.upsert(writes)
    assert isinstance(created, Duplicate)
    assert created.existing_id == taken
    assert isinstance(updated, Duplicate)
    _written(fine)


@able("unique emails")
def test_of_ten_creates_with_one_email_the_first_wins_and_the_others_learn_who(bench: Bench, adapter: Adapter) -> None:
    writes = [bench.write(f"key{n}", email=_EMAIL, first_name=f"Ann {n}") for n in range(10)]
    before = bench.calls()
    first, *others = adapter.upsert(writes)
    assert bench.calls() - before == 1
    winner = _written(first).record.id
    assert [getattr(other, "existing_id", None) for other in others] == [winner] * 9
    assert len(bench.records()) == 1


def _one_bad(bench: Bench, adapter: Adapter, bad: int) -> None:
    """Create a hundred records of which one is bad, then update the good ones, of which again one is bad."""
    writes = [
        bench.write(f"key{n}", email=f"ann{n}@example.com", first_name="Spoilt" if n == bad else "Ann")
        for n in range(100)
    ]
    outcomes = adapter.upsert(writes)
    assert [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, Written)] == [bad]
    assert isinstance(outcomes[bad], InvalidRecord)
    assert len(bench.records()) == 99
    ids = [outcome.record.id for outcome in outcomes if isinstance(outcome, Written)]
    updates = [bench.write(f"key{n}", i, last_name="Spoilt" if n == 33 else "Lee") for n, i in enumerate(ids)]
    assert [n for n, outcome in enumerate(adapter.upsert(updates)) if not isinstance(outcome, Written)] == [33]


@pytest.mark.parametrize("bad", [0, 57, 99])
def test_one_bad_record_in_a_hundred_fails_alone(bench: Bench, adapter: Adapter, bad: int) -> None:
    bench.fault("reject_matching", params={"text": "Spoilt"})
    _one_bad(bench, adapter, bad)


@able("whole refusals")
@pytest.mark.parametrize("bad", [0, 57, 99])
def test_one_bad_record_fails_alone_though_the_batch_is_refused_whole(bench: Bench, adapter: Adapter, bad: int) -> None:
    bench.fault("reject_matching", params={"text": "Spoilt", "whole_batch": True})
    _one_bad(bench, adapter, bad)


def _bad(bench: Bench) -> Write:
    name, text = bench.case.bad_value
    return Write("key1", {**bench.write("key1", first_name="Ann").values, bench.field[name]: text})


def test_value_that_the_crm_refuses_touches_nobody_else(bench: Bench, adapter: Adapter) -> None:
    refused, fine = adapter.upsert([_bad(bench), bench.write("key2", email=_EMAIL)])
    assert isinstance(refused, InvalidRecord) or _written(refused).refused
    _written(fine)


@able("named fields")
def test_value_that_the_crm_refuses_is_named_by_its_field(bench: Bench, adapter: Adapter) -> None:
    (outcome,) = adapter.upsert([_bad(bench)])
    if isinstance(outcome, InvalidRecord):
        assert list(outcome.fields) == [bench.case.bad_value[0]], (
            "the host's name, as the page shows it to the person who mends it"
        )
        assert outcome.crm_message
    else:
        assert list(_written(outcome).refused) == [bench.field[bench.case.bad_value[0]]]


def test_record_taken_without_a_refused_value_is_told_as_it_is(bench: Bench, adapter: Adapter) -> None:
    (outcome,) = adapter.upsert([_bad(bench)])
    if isinstance(outcome, Written):
        assert outcome.record.values == _record(adapter.read([outcome.record.id])[0]).values
    else:
        assert bench.records() == []


def test_text_in_any_script_comes_back_as_it_was_sent(bench: Bench, adapter: Adapter) -> None:
    longest = next(spec.max_length for spec in adapter.fields if spec.source == "first_name")
    texts = [
        "Zoë",
        "يوسف",
        "👩🏽‍🚀",
        "李小龙",
        "O'Neil & <b>Söhne</b>",
        '"quoted" \\ \u2028'.strip(),
        "x" * min(longest, bench.case.longest_text),
    ]
    writes = [bench.write(f"key{n}", first_name=text, email=f"a{n}@example.com") for n, text in enumerate(texts)]
    ids = [_written(outcome).record.id for outcome in adapter.upsert(writes)]
    read = [_record(record).values[bench.field["first_name"]] for record in adapter.read(ids)]
    assert read == [write.values[bench.field["first_name"]] for write in writes]
