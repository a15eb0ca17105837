"""The comparison of a CRM with what it must hold: each kind of difference is noticed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from example_host.check import Contact, Note, Verdict, compare
from example_host.conversation_file import Told
from example_host.crms import CRMS
from example_host.expected import FIELDS, DueClient, Expected
from example_host.rehearsal import figures, outcome, share


def values(**given: str) -> dict[str, str]:
    return dict.fromkeys(FIELDS, "") | given


ANNA = values(first_name="Anna", email="Anna@Example.com", city="Köln")
PHONE_ONLY = values(first_name="Bo", phone="0113 496 0005")

EXPECTED = Expected(3, 2, (DueClient(1, ANNA, 2, 2), DueClient(2, PHONE_ONLY, 1, 1)))
CONTACTS = (Contact("11", ANNA | {"email": "anna@example.com"}), Contact("12", PHONE_ONLY))
NOTES = (
    Note("21", ("11",), "<p>First</p><p>ref: k1</p>"),
    Note("22", ("11",), "<p>First</p><p>ref: k2</p>"),
    Note("23", ("12",), "Hello"),
)


def test_a_crm_that_holds_everything_once_is_fine() -> None:
    assert compare(EXPECTED, CONTACTS, NOTES) == Verdict(2, 0, 0, 3, 0, ())


def test_a_missing_client_is_noticed() -> None:
    verdict = compare(EXPECTED, CONTACTS[1:], NOTES[2:])
    assert (verdict.records, verdict.missing, verdict.duplicates) == (1, 1, 0)
    assert verdict.problems == ("client 1 is missing",)


def test_a_doubled_client_is_noticed_by_email_and_by_phone() -> None:
    twins = (*CONTACTS, replace(CONTACTS[0], id="13"), replace(CONTACTS[1], id="14"))
    verdict = compare(EXPECTED, twins, NOTES)
    assert (verdict.missing, verdict.duplicates) == (0, 2)


def test_a_contact_that_nobody_is_owed_is_noticed() -> None:
    stranger = Contact("13", values(email="nobody@example.com"))
    assert compare(EXPECTED, (*CONTACTS, stranger), NOTES).duplicates == 1


@pytest.mark.parametrize("change", [{"city": "Bonn"}, {"city": ""}, {"company": "left over"}, {"first_name": "anna"}])
def test_a_stale_field_counts_as_missing(change: dict[str, str]) -> None:
    stale = replace(CONTACTS[0], values={**CONTACTS[0].values, **change})
    verdict = compare(EXPECTED, (stale, CONTACTS[1]), NOTES)
    assert (verdict.missing, verdict.duplicates) == (1, 0)
    assert next(iter(change)) in verdict.problems[0]


def test_an_old_email_is_one_missing_client_and_no_duplicate() -> None:
    stale = replace(CONTACTS[0], values={**CONTACTS[0].values, "email": "old@example.com"})
    verdict = compare(EXPECTED, (stale, CONTACTS[1]), NOTES)
    assert (verdict.missing, verdict.duplicates) == (1, 0)


def test_a_cleared_value_may_stay_where_the_crm_leaves_no_blank() -> None:
    kept = replace(CONTACTS[0], values={**CONTACTS[0].values, "company": "left over"})
    assert compare(EXPECTED, (kept, CONTACTS[1]), NOTES, {"company"}).missing == 0
    changed = replace(CONTACTS[0], values={**CONTACTS[0].values, "city": ""})
    assert compare(EXPECTED, (changed, CONTACTS[1]), NOTES, {"city"}).missing == 1


def test_a_missing_note_counts_as_missing() -> None:
    verdict = compare(EXPECTED, CONTACTS, NOTES[1:])
    assert (verdict.missing, verdict.notes) == (1, 2)


@pytest.mark.parametrize("twin", [NOTES[0], NOTES[2]], ids=["by reference", "by text"])
def test_a_doubled_note_is_noticed(twin: Note) -> None:
    verdict = compare(EXPECTED, CONTACTS, (*NOTES, replace(twin, id="24")))
    assert (verdict.notes, verdict.notes_duplicated, verdict.missing) == (4, 1, 0)


def test_a_doubled_note_does_not_stand_in_for_a_missing_one() -> None:
    verdict = compare(EXPECTED, CONTACTS, (NOTES[0], replace(NOTES[0], id="24"), NOTES[2]))
    assert (verdict.notes_duplicated, verdict.missing) == (1, 1)


def test_a_note_beyond_the_clients_conversations_is_noticed_whatever_it_says() -> None:
    verdict = compare(EXPECTED, CONTACTS, (*NOTES, Note("24", ("12",), "Something else")))
    assert verdict.notes_duplicated == 1


def test_a_note_that_belongs_to_nobody_is_noticed() -> None:
    verdict = compare(EXPECTED, CONTACTS, (*NOTES, Note("24", (), "ref: k9")))
    assert verdict.notes_duplicated == 1


def test_contacts_and_notes_are_read_under_the_helpdesks_names() -> None:
    contact = CRMS["hubspot"].contact(
        {"id": 5, "properties": {"firstname": "Anna", "address": "Ring 1", "email": None}}
    )
    assert contact == Contact("5", values(first_name="Anna", street="Ring 1"))
    note = CRMS["hubspot"].note({"id": 6, "properties": {"hs_note_body": "Hi"}, "contacts": ["5"]})
    assert note == Note("6", ("5",), "Hi")


FINE = Verdict(2, 0, 0, 3, 0, ())
SETTLED = {"success": 5, "failed": 0, "pending": 0, "skipped": 1}


def test_the_result_has_the_promised_form() -> None:
    hubspot = {"records": 4, "duplicates": 0, "missing": 0, "notes": 6, "notes_duplicated": 0, "api_calls": 15}
    crms = {"hubspot": figures([(FINE, 7), (FINE, 8)])}
    assert outcome([EXPECTED, EXPECTED], crms, SETTLED, 1.26) == {
        "ok": True,
        "conversations": 6,
        "clients": 4,
        "seconds": 1.3,
        "crms": {"hubspot": hubspot},
        "operations": SETTLED,
    }


@pytest.mark.parametrize(
    ("verdict", "operations"),
    [
        (replace(FINE, missing=1), SETTLED),
        (replace(FINE, duplicates=1), SETTLED),
        (replace(FINE, notes_duplicated=1), SETTLED),
        (FINE, SETTLED | {"failed": 1}),
        (FINE, SETTLED | {"pending": 1}),
    ],
)
def test_anything_wrong_is_not_ok(verdict: Verdict, operations: dict[str, int]) -> None:
    crms = {"salesforce": figures([(FINE, 7)]), "hubspot": figures([(FINE, 7), (verdict, 7)])}
    assert outcome([EXPECTED], crms, operations, 1.0)["ok"] is False


def test_the_accounts_share_the_conversations_without_losing_one() -> None:
    told = [Told("chat", (), str(number)) for number in range(25)]
    first, second = list(share(told, first=True)), list(share(told, first=False))
    assert len(second) == 2
    assert sorted((*first, *second), key=told.index) == told


@pytest.mark.parametrize(
    ("crm", "shown", "meant"),
    [
        ("salesforce", {"LastName": "Unknown", "Company": "[not provided]"}, {}),
        ("salesforce", {"LastName": "Bo", "Company": "Acme"}, {"last_name": "Bo", "company": "Acme"}),
        ("autochat", {"first_name": "Bo", "company_name": "Bo"}, {"first_name": "Bo"}),
        ("autochat", {"email": "bo@example.com", "company_name": "bo@example.com"}, {"email": "bo@example.com"}),
        ("autochat", {"first_name": "Bo", "company_name": "Acme"}, {"first_name": "Bo", "company": "Acme"}),
    ],
)
def test_what_stands_in_for_a_blank_is_read_as_one(crm: str, shown: dict[str, str], meant: dict[str, str]) -> None:
    assert CRMS[crm].contact({"id": "1", "properties": shown}).values == values(**meant)
