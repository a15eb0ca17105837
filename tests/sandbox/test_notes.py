"""Notes and their associations."""

from __future__ import annotations

from typing import Any

import pytest

from .client import STAMP, Client, note_of, row

SPEC = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]


def contacts_of(client: Client, note: str) -> list[str]:
    listed = client.record_links("GET", f"notes/{note}/associations/contacts").json()["results"]
    return [each["toObjectId"] for each in listed]


def test_a_note_is_written_with_its_contact(any_client: Client) -> None:
    contact = any_client.contact(firstname="A")
    answer = any_client.objects(
        "POST",
        "notes",
        json={
            "properties": {"hs_timestamp": STAMP, "hs_note_body": "<p>Hello</p>"},
            "associations": [note_of(contact)],
        },
    )
    shown = answer.json()["properties"]
    assert shown["hs_timestamp"] == "2023-11-14T22:13:20.000Z"
    assert set(shown) >= {"hs_createdate", "hs_lastmodifieddate", "hs_object_id"}
    rows = any_client.record_links("GET", f"contacts/{contact}/associations/notes").json()["results"]
    assert rows == [
        {"toObjectId": answer.json()["id"], "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 201}]}
    ]


@pytest.mark.parametrize("stamp", ["2023-11-14T22:13:20Z", "2023-11-14T22:13:20.000Z", STAMP])
def test_a_moment_is_taken_in_milliseconds_and_in_iso(client: Client, stamp: str) -> None:
    client.note(stamp=stamp)
    assert client.sandbox.hubspot.notes()[0]["properties"]["hs_timestamp"] == "2023-11-14T22:13:20.000Z"


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"hs_note_body": "x"}, "Some required properties were not set"),
        ({"hs_note_body": "x", "hs_timestamp": "soon"}, "INVALID_LONG"),
        ({"hs_note_body": "x", "hs_timestamp": "9" * 40}, "INVALID_LONG"),
        ({"hs_note_body": "x" * 65_537, "hs_timestamp": STAMP}, "PROPERTY_VALUE_TOO_LONG"),
    ],
)
def test_a_note_without_moment_or_too_long_is_refused(client: Client, properties: dict[str, str], said: str) -> None:
    answer = client.objects("POST", "notes", json={"properties": properties})
    assert answer.status_code == 400
    assert said in answer.text


def test_the_longest_note_fits(client: Client) -> None:
    client.note(body="ü" * 65_536)
    assert len(client.sandbox.hubspot.notes()[0]["properties"]["hs_note_body"]) == 65_536


def test_a_wrong_contact_fails_that_row_alone(any_client: Client) -> None:
    contact = any_client.contact(firstname="A")
    rows = [
        {**row(f"t{number}", hs_timestamp=STAMP, hs_note_body=str(number)), "associations": [note_of(each)]}
        for number, each in enumerate([contact, "999", contact])
    ]
    answer = any_client.batch("notes", "create", rows)
    assert (answer.status_code, len(answer.json()["results"])) == (207, 2)
    [error] = answer.json()["errors"]
    assert (error["category"], error["context"]["objectWriteTraceId"]) == ("VALIDATION_ERROR", ["t1"])
    assert len(any_client.sandbox.hubspot.notes()) == 2


@pytest.mark.parametrize(
    "association",
    [
        note_of("33001", type_id=201),
        note_of("33001", type_id=190),
        {"to": {"id": "33001"}, "types": []},
        {"to": {"id": "33001"}},
        {"to": {"id": "33001"}, "types": [{"associationCategory": "USER_DEFINED", "associationTypeId": 202}]},
        "nonsense",
    ],
)
def test_a_wrong_association_type_is_refused(client: Client, association: Any) -> None:
    properties = {"hs_timestamp": STAMP}
    answer = client.objects("POST", "notes", json={"properties": properties, "associations": [association]})
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert client.sandbox.hubspot.notes() == []


def test_linking_later_works_in_both_forms_and_is_idempotent(any_client: Client) -> None:
    first, second = any_client.contact(firstname="A"), any_client.contact(firstname="B")
    note = any_client.note()
    for _ in range(2):
        labelled = any_client.record_links("PUT", f"notes/{note}/associations/contacts/{first}", json=SPEC)
        assert labelled.json() == {
            "fromObjectTypeId": "0-46",
            "fromObjectId": note,
            "toObjectTypeId": "0-1",
            "toObjectId": first,
            "labels": [],
        }
        default = any_client.record_links("PUT", f"notes/{note}/associations/default/contacts/{second}")
        assert [each["associationSpec"]["associationTypeId"] for each in default.json()["results"]] == [202, 201]
    assert contacts_of(any_client, note) == [first, second]


def test_unlinking_takes_both_directions_away(client: Client) -> None:
    contact = client.contact(firstname="A")
    note = client.note(contact)
    assert client.record_links("DELETE", f"contacts/{contact}/associations/notes/{note}").status_code == 204
    assert contacts_of(client, note) == []


def test_a_batch_of_links_says_where_a_long_list_goes_on(any_client: Client) -> None:
    contact, other = any_client.contact(firstname="A"), any_client.contact(firstname="B")
    notes: list[str] = []
    for _ in range(6):
        rows = [{**row(hs_timestamp=STAMP), "associations": [note_of(contact)]} for _ in range(100)]
        made = any_client.batch("notes", "create", rows).json()["results"]
        notes += [each["id"] for each in made]
    any_client.note(other)
    inputs: list[dict[str, str]] = [{"id": contact}, {"id": other}]
    pages = []
    while inputs:
        read = any_client.links("POST", "contacts/notes/batch/read", json={"inputs": inputs}).json()["results"]
        [page] = [each for each in read if each["from"]["id"] == contact]
        assert all("paging" not in each for each in read if each is not page)
        pages.append([each["toObjectId"] for each in page["to"]])
        after = page.get("paging", {}).get("next", {}).get("after")
        inputs = [{"id": contact, "after": after}] if after else []
    assert [len(page) for page in pages] == [500, 100]
    assert sorted(pages[0] + pages[1]) == sorted(notes)


def test_links_in_batches(any_client: Client) -> None:
    contact, other = any_client.contact(firstname="A"), any_client.contact(firstname="B")
    notes = [any_client.note() for _ in range(3)]
    pairs = [{"from": {"id": each}, "to": {"id": contact}, "types": SPEC} for each in notes]
    made = any_client.links("POST", "notes/contacts/batch/create", json={"inputs": pairs})
    assert (made.status_code, len(made.json()["results"])) == (201, 3)
    wrong = {"from": {"id": notes[0]}, "to": {"id": "999"}}
    fine = {"from": {"id": notes[0]}, "to": {"id": other}}
    mixed = any_client.links("POST", "notes/contacts/batch/associate/default", json={"inputs": [wrong, fine]})
    assert (mixed.status_code, mixed.json()["numErrors"]) == (207, 1)
    read = any_client.links("POST", "contacts/notes/batch/read", json={"inputs": [{"id": contact}, {"id": "999"}]})
    assert read.status_code == 207
    assert read.json()["errors"][0]["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert [each["toObjectId"] for each in read.json()["results"][0]["to"]] == notes
    unlink = {"inputs": [{"from": {"id": contact}, "to": [{"id": each} for each in notes]}]}
    assert any_client.links("POST", "contacts/notes/batch/archive", json=unlink).status_code == 204
    assert contacts_of(any_client, notes[1]) == []
    assert contacts_of(any_client, notes[0]) == [other]


def test_the_type_between_notes_and_contacts_is_told(any_client: Client) -> None:
    labels = any_client.links("GET", "notes/contacts/labels").json()["results"]
    assert labels == [{"category": "HUBSPOT_DEFINED", "typeId": 202, "label": None}]


def test_links_are_paged(client: Client) -> None:
    contact = client.contact(firstname="A")
    notes = [client.note(contact) for _ in range(5)]
    path = f"contacts/{contact}/associations/notes"
    first = client.record_links("GET", path, params={"limit": "3"}).json()
    rest = client.record_links("GET", path, params={"limit": "3", "after": first["paging"]["next"]["after"]}).json()
    assert [each["toObjectId"] for each in (*first["results"], *rest["results"])] == notes
    assert "paging" not in rest


def test_a_contact_shows_its_notes_when_asked(client: Client) -> None:
    contact = client.contact(firstname="A")
    note = client.note(contact)
    shown = client.objects("GET", f"contacts/{contact}", params={"associations": "notes"}).json()
    assert shown["associations"] == {"notes": {"results": [{"id": note, "type": "contact_to_note"}]}}


def test_logging_a_note_moves_the_contacts_modification_time(client: Client) -> None:
    contact = client.contact(firstname="A")
    client.sandbox.clock.advance(90)
    client.note(contact)
    assert client.read(contact)["properties"]["lastmodifieddate"] == "2026-09-21T14:14:50.000Z"


def test_an_archived_note_is_no_longer_listed(client: Client) -> None:
    contact = client.contact(firstname="A")
    note = client.note(contact)
    client.objects("DELETE", f"notes/{note}")
    assert client.record_links("GET", f"contacts/{contact}/associations/notes").json()["results"] == []


def test_only_notes_and_contacts_can_be_linked(client: Client) -> None:
    contact = client.contact(firstname="A")
    assert client.record_links("GET", f"contacts/{contact}/associations/contacts").status_code == 400
    assert client.record_links("GET", "contacts/999/associations/notes").status_code == 404
