"""One record at a time: what is taken, what is refused and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import KEY, SalesforceClient


def test_a_lead_is_created_read_changed_and_deleted(client: SalesforceClient) -> None:
    made = client.call(
        "POST", "/sobjects/Lead/", json={"LastName": "Novak", "Company": "Northwind", "Email": "a@example.com"}
    )
    lead = made.json()["id"]
    assert (made.status_code, made.json()) == (201, {"id": lead, "success": True, "errors": []})
    assert made.headers["Location"] == f"/services/data/v60.0/sobjects/Lead/{lead}"
    changed = client.call("PATCH", f"/sobjects/Lead/{lead}", json={"City": "Graz", "Email": None})
    assert (changed.status_code, changed.text, changed.headers.get("Content-Type")) == (204, "", None)
    shown = client.read("Lead", lead, "City", "Email", "Name", "Status", "IsConverted")
    assert shown == {
        "attributes": {"type": "Lead", "url": f"/services/data/v60.0/sobjects/Lead/{lead}"},
        "Id": lead,
        "City": "Graz",
        "Email": None,
        "Name": "Novak",
        "Status": "Open - Not Contacted",
        "IsConverted": False,
    }
    assert client.call("DELETE", f"/sobjects/Lead/{lead}").status_code == 204
    assert client.error("GET", f"/sobjects/Lead/{lead}")[:2] == (404, "ENTITY_IS_DELETED")


def test_ids_are_eighteen_characters_and_taken_in_fifteen(client: SalesforceClient) -> None:
    made = [client.create() for _ in range(70)]
    assert {len(each) for each in made} == {18}
    assert len({each[:15].casefold() for each in made}) < len(made), "fifteen characters mind upper and lower case"
    assert len({each.casefold() for each in made}) == len(made), "eighteen need not"
    assert client.read("Lead", made[-1][:15])["Id"] == made[-1]
    assert client.read("Lead", made[-1].lower())["Id"] == made[-1]


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"Company": "x"}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]"),
        (
            {"FirstName": "x", "LastName": "  "},
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [LastName, Company]",
        ),
        ({"LastName": "x" * 81, "Company": "x"}, "STRING_TOO_LONG", "(max length=80)"),
        (
            {"LastName": "x", "Company": "x", "Email": "nobody"},
            "INVALID_EMAIL_ADDRESS",
            "Email: invalid email address: nobody",
        ),
        (
            {"LastName": "x", "Company": "x", "Nonsense": 1},
            "INVALID_FIELD",
            "No such column 'Nonsense' on sobject of type Lead",
        ),
        (
            {"LastName": "x", "Company": "x", "Id": "00Q"},
            "INVALID_FIELD",
            "The Id field should not be specified in the sobject data.",
        ),
        (
            {"LastName": "x", "Company": "x", "CreatedDate": "2026-01-01T00:00:00Z"},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "CreatedDate",
        ),
        (
            {"LastName": "x", "Company": 5},
            "JSON_PARSER_ERROR",
            "Cannot deserialize instance of string from VALUE_NUMBER_INT value 5",
        ),
        ({"LastName": "x", "Company": "x", "IsUnreadByOwner": "yes"}, "JSON_PARSER_ERROR", "instance of boolean"),
    ],
)
def test_a_lead_that_does_not_fit_is_refused(client: SalesforceClient, fields: Any, code: str, message: str) -> None:
    status, told, text = client.error("POST", "/sobjects/Lead", json=fields)
    assert (status, told) == (400, code)
    assert message in text
    assert client.query("SELECT COUNT() FROM Lead")["totalSize"] == 0


def test_lengths_count_utf16_units(client: SalesforceClient) -> None:
    assert client.create(Company="\u00e9" * 255)
    assert client.create(Company="\u4e2d" * 255)
    assert (
        client.error("POST", "/sobjects/Lead", json={"LastName": "x", "Company": "\U0001f600" * 128})[1]
        == "STRING_TOO_LONG"
    )


def test_texts_lose_the_blanks_around_them(client: SalesforceClient) -> None:
    lead = client.create(FirstName="  Ada ", City="   ")
    assert (
        client.read("Lead", lead, "FirstName", "City", "Name").items()
        >= {"FirstName": "Ada", "City": None, "Name": "Ada Novak"}.items()
    )


def test_field_and_type_names_mind_no_case(client: SalesforceClient) -> None:
    made = client.call("POST", "/sobjects/lead", json={"lastname": "Novak", "COMPANY": "Northwind"})
    assert client.read("LEAD", made.json()["id"], "company")["Company"] == "Northwind"


def test_a_required_field_cannot_be_cleared(client: SalesforceClient) -> None:
    lead = client.create()
    assert client.error("PATCH", f"/sobjects/Lead/{lead}", json={"Company": None})[1] == "REQUIRED_FIELD_MISSING"
    assert client.read("Lead", lead, "Company")["Company"] == "Northwind"


def test_a_task_belongs_to_a_lead_or_a_contact_that_is_there(client: SalesforceClient) -> None:
    lead, contact = client.create(), client.create("Contact")
    for who in (lead, contact, contact[:15]):
        task = client.create("Task", WhoId=who, Subject="Web chat", ActivityDate="2026-11-22", TaskSubtype="Task")
        assert (
            client.read("Task", task, "WhoId", "Status", "Priority", "IsClosed").items()
            >= {
                "WhoId": who if len(who) == 18 else contact,
                "Status": "Not Started",
                "Priority": "Normal",
                "IsClosed": False,
            }.items()
        )
    assert client.error("POST", "/sobjects/Task", json={"WhoId": "nobody"})[1] == "MALFORMED_ID"
    assert client.error("POST", "/sobjects/Task", json={"WhoId": "00T5g00000AAAAA"})[1] == "MALFORMED_ID"
    assert client.error("POST", "/sobjects/Task", json={"WhoId": "00Q5g00000AAAAA"})[1] == "INVALID_CROSS_REFERENCE_KEY"
    client.call("DELETE", f"/sobjects/Lead/{lead}")
    assert client.error("POST", "/sobjects/Task", json={"WhoId": lead})[1] == "ENTITY_IS_DELETED"


def test_a_tasks_date_is_a_date_and_its_subtype_stays(client: SalesforceClient) -> None:
    wrong = client.error("POST", "/sobjects/Task", json={"ActivityDate": "2026-13-01"})
    assert (wrong[1], "instance of date" in wrong[2]) == ("JSON_PARSER_ERROR", True)
    task = client.create("Task", TaskSubtype="Task")
    refused = client.error("PATCH", f"/sobjects/Task/{task}", json={"TaskSubtype": "Call"})
    assert refused[:2] == (400, "INVALID_FIELD_FOR_INSERT_UPDATE")


def test_what_is_not_there_is_said_in_the_recorded_words(client: SalesforceClient) -> None:
    gone = (404, "NOT_FOUND", "The requested resource does not exist")
    assert client.error("GET", "/sobjects/Foo") == gone
    assert client.error("GET", "/sobjects/Lead/00Q5g00000AAAAA") == gone
    assert client.error("PATCH", "/sobjects/Lead/00Q5g00000AAAAA", json={"City": "x"}) == gone
    assert client.error("GET", "/nothing") == gone
    assert client.error("GET", "/sobjects/Lead/describe", version="99.0") == gone


def test_a_deleted_record_is_told_as_the_switch_says(client: SalesforceClient) -> None:
    lead = client.create()
    client.call("DELETE", f"/sobjects/Lead/{lead}")
    assert client.error("PATCH", f"/sobjects/Lead/{lead}", json={"City": "x"}) == (
        404,
        "ENTITY_IS_DELETED",
        "entity is deleted",
    )
    client.switch(deleted_says="NOT_FOUND")
    assert client.error("PATCH", f"/sobjects/Lead/{lead}", json={"City": "x"})[1] == "NOT_FOUND"


def test_bodies_that_are_no_json_are_refused(client: SalesforceClient) -> None:
    headers = {"Content-Type": "application/json"}
    assert client.error("POST", "/sobjects/Lead", data="{", headers=headers)[:2] == (400, "JSON_PARSER_ERROR")
    assert client.error("POST", "/sobjects/Lead", data='{"LastName": NaN}', headers=headers)[1] == "JSON_PARSER_ERROR"
    assert (
        client.error("POST", "/sobjects/Lead", data='{"LastName": "\\ud800", "Company": "x"}', headers=headers)[1]
        == "JSON_PARSER_ERROR"
    )
    assert client.error("POST", "/sobjects/Lead", json=[1])[1] == "JSON_PARSER_ERROR"
    assert client.error("POST", "/sobjects/Lead", data="LastName=x")[:2] == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_moments_know_whole_seconds_only(client: SalesforceClient) -> None:
    client.sandbox.clock.advance(0.75)
    lead = client.create()
    assert client.read("Lead", lead, "SystemModstamp")["SystemModstamp"] == "2026-09-21T14:13:20.000+0000"


def test_updated_and_deleted_records_are_listed(client: SalesforceClient) -> None:
    kept, gone = client.create(), client.create()
    client.call("DELETE", f"/sobjects/Lead/{gone}")
    client.sandbox.clock.advance(120)
    span = {"start": "2026-09-21T14:00:00+00:00", "end": "2026-09-21T14:15:00Z"}
    assert client.call("GET", "/sobjects/Lead/updated", params=span).json() == {
        "ids": [kept],
        "latestDateCovered": "2026-09-21T14:15:00.000+0000",
    }
    [row] = client.call("GET", "/sobjects/Lead/deleted/", params=span).json()["deletedRecords"]
    assert row == {"id": gone, "deletedDate": "2026-09-21T14:13:20.000+0000"}
    for wrong in (
        {},
        {**span, "start": "2026-01-01T00:00:00Z"},
        {**span, "end": span["start"]},
        {**span, "end": "soon"},
    ):
        assert client.error("GET", "/sobjects/Lead/updated", params=wrong)[:2] == (400, "INVALID_REPLICATION_DATE")


def test_describes_hold_the_lengths_of_a_real_org_and_our_field(client: SalesforceClient) -> None:
    def lengths(kind: str) -> dict[str, int]:
        fields = client.call("GET", f"/sobjects/{kind}/describe").json()["fields"]
        return {field["name"]: field["length"] for field in fields}

    assert (
        lengths("Lead").items() >= {"LastName": 80, "Company": 255, "Email": 80, "Description": 32000, KEY: 255}.items()
    )
    assert lengths("Contact").items() >= {"MailingStreet": 255, "MailingPostalCode": 20, KEY: 255}.items()
    assert lengths("Task").items() >= {"Subject": 255, "Description": 32000, "Status": 255, KEY: 255}.items()
    listed = client.call("GET", "/sobjects").json()["sobjects"]
    assert {each["name"]: each["keyPrefix"] for each in listed} == {
        "Lead": "00Q",
        "Contact": "003",
        "Task": "00T",
        "Account": "001",
    }


def test_versions_and_resources_are_listed(client: SalesforceClient) -> None:
    versions = client.at("GET", "/services/data").json()
    assert {"label": "v60", "url": "/services/data/v60.0", "version": "60.0"} in versions
    assert client.call("GET", "/").json()["query"] == "/services/data/v60.0/query"
