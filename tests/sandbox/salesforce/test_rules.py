"""What an org's administrator decides: duplicate rules, pick-lists, rights, our field, assignment, API access."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import KEY, SalesforceClient

NEW = {"LastName": "Novak", "Company": "Northwind", "Email": "a@example.com"}
ALLOW = {"Sforce-Duplicate-Rule-Header": "allowSave=true; includeRecordDetails=false; runAsCurrentUser=true"}


def test_a_duplicate_is_refused_with_the_misspelt_key(client: SalesforceClient) -> None:
    client.switch(duplicate_rule="alert")
    known = client.create("Contact", Email="A@example.com")
    answer = client.call("POST", "/sobjects/Lead", json=NEW)
    [error] = answer.json()
    assert (answer.status_code, error["errorCode"]) == (400, "DUPLICATES_DETECTED")
    result = error["duplicateResut"]
    assert (result["allowSave"], result["duplicateRule"]) == (True, "Standard_Lead_Duplicate_Rule")
    leads, contacts = result["matchResults"]
    assert (leads["size"], contacts["size"]) == (0, 1)
    assert contacts["matchRecords"][0]["record"]["Id"] == known
    client.switch(misspelt_duplicate_key=False)
    assert "duplicateResult" in client.call("POST", "/sobjects/Lead", json=NEW).json()[0]


@pytest.mark.parametrize(("rule", "status"), [("alert", 201), ("block", 400)])
def test_only_alerts_can_be_overridden(client: SalesforceClient, rule: str, status: int) -> None:
    client.create(Email="a@example.com")
    client.switch(duplicate_rule=rule)
    assert client.call("POST", "/sobjects/Lead", json=NEW, headers=ALLOW).status_code == status


def test_in_a_collection_a_duplicate_names_no_match(client: SalesforceClient) -> None:
    client.create(Email="a@example.com")
    client.switch(duplicate_rule="block")
    refused, fine = client.many("POST", "", NEW, {**NEW, "Email": "b@example.com"})
    assert refused["errors"] == [
        {"statusCode": "DUPLICATES_DETECTED", "message": "Use one of these records?", "fields": []}
    ]
    assert fine["success"] is True


def test_a_record_is_no_duplicate_of_itself_nor_of_a_converted_lead(client: SalesforceClient) -> None:
    lead = client.create(Email="a@example.com")
    client.switch(duplicate_rule="block")
    assert client.call("PATCH", f"/sobjects/Lead/{lead}", json={"Email": "A@example.com"}).status_code == 204
    client.salesforce.delete_contact(client.salesforce.convert_lead(lead))
    assert client.create(Email="a@example.com")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"Country": "Austria"}, None),
        ({"Country": "United States", "State": "Texas"}, None),
        ({"Country": "Österreich"}, "Country"),
        ({"Country": "Austria", "State": "Wien"}, "State"),
        ({"State": "Texas"}, "State"),
    ],
)
def test_states_and_countries_may_be_held_to_lists(client: SalesforceClient, fields: Any, wrong: str | None) -> None:
    client.switch(restricted_places=True)
    answer = client.call("POST", "/sobjects/Lead", json={**NEW, **fields})
    if wrong is None:
        assert answer.status_code == 201
    else:
        assert (answer.json()[0]["errorCode"], answer.json()[0]["fields"]) == ("FIELD_INTEGRITY_EXCEPTION", [wrong])


def test_a_contacts_mailing_address_is_held_to_the_same_lists(client: SalesforceClient) -> None:
    client.switch(restricted_places=True)
    contact = client.create("Contact")
    told = client.error("PATCH", f"/sobjects/Contact/{contact}", json={"MailingCountry": "Nowhere"})
    assert told[:2] == (400, "FIELD_INTEGRITY_EXCEPTION")
    assert told[2].endswith("Mailing Country")


def test_task_picklists_may_be_renamed_and_restricted(client: SalesforceClient) -> None:
    client.switch(restricted_task_picklists=True)
    fields = {each["name"]: each for each in client.call("GET", "/sobjects/Task/describe").json()["fields"]}
    assert [each["value"] for each in fields["Status"]["picklistValues"]] == ["Offen", "Erledigt"]
    refused = client.error("POST", "/sobjects/Task", json={"Status": "Completed"})
    assert refused[1] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    task = client.create("Task", Status="Erledigt")
    assert client.read("Task", task, "IsClosed", "Priority").items() >= {"IsClosed": True, "Priority": "Normal"}.items()


def test_a_field_may_be_read_only_or_hidden(client: SalesforceClient) -> None:
    lead = client.create(Phone="1", Title="Dr")
    answer = client.own("PATCH", "org", json={"rights": {"Lead.Phone": "read", "Lead.Title": "none"}})
    assert answer.status_code == 200
    fields = {each["name"]: each for each in client.call("GET", "/sobjects/Lead/describe").json()["fields"]}
    assert (fields["Phone"]["createable"], "Title" in fields) == (False, False)
    refused = client.error("PATCH", f"/sobjects/Lead/{lead}", json={"Phone": "2"})
    assert refused[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert client.error("PATCH", f"/sobjects/Lead/{lead}", json={"Title": "x"})[1] == "INVALID_FIELD"
    assert client.read("Lead", lead, "Phone")["Phone"] == "1"
    client.settle(rights={})
    assert client.read("Lead", lead, "Title")["Title"] == "Dr"


def test_a_record_type_may_be_read_only_or_hidden(client: SalesforceClient) -> None:
    client.settle(rights={"Task": "none", "Contact": "read"})
    assert client.error("GET", "/sobjects/Task/describe")[:2] == (404, "NOT_FOUND")
    assert client.error("GET", "/query", params={"q": "SELECT Id FROM Task"})[1] == "INVALID_TYPE"
    refused = client.error("POST", "/sobjects/Contact", json={"LastName": "x"})
    assert refused[1] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    assert "Task" not in [each["name"] for each in client.call("GET", "/sobjects").json()["sobjects"]]


def test_our_field_is_there_as_the_administrator_made_it(client: SalesforceClient) -> None:
    client.own("PATCH", "org", json={"key_field_on": ["Lead"], "key_field": "Chat_Id__c"})
    assert client.create(Chat_Id__c="k1")
    assert client.error("POST", "/sobjects/Lead", json={**NEW, KEY: "k1"})[1] == "INVALID_FIELD"
    assert client.error("POST", "/sobjects/Contact", json={"LastName": "x", "Chat_Id__c": "k1"})[1] == "INVALID_FIELD"


def test_a_field_that_comes_back_knows_what_it_knew(client: SalesforceClient) -> None:
    lead = client.create(**{KEY: "k1"})
    client.settle(key_field_on=[])
    client.call("PATCH", f"/sobjects/Lead/{lead}", json={"City": "Graz"})
    client.settle(key_field_on=["Lead"])
    assert client.call("GET", f"/sobjects/Lead/{KEY}/k1").json()["Id"] == lead


@pytest.mark.parametrize(
    "settings",
    [{"colour": "red"}, {"key_field_on": ["Account"]}, {"key_field_on": "Lead"}, {"rights": {"Lead.Phone": "maybe"}}],
)
def test_settings_that_cannot_be_are_refused(client: SalesforceClient, settings: Any) -> None:
    assert client.own("PATCH", "org", json=settings).status_code == 400


def test_new_leads_may_go_to_a_queue(client: SalesforceClient) -> None:
    client.switch(assignment_rule=True)
    owner = client.read("Lead", client.create(), "OwnerId")["OwnerId"]
    assert owner.startswith("00G")
    made = client.call("POST", "/sobjects/Lead", json=NEW, headers={"Sforce-Auto-Assign": "FALSE"}).json()["id"]
    assert client.read("Lead", made, "OwnerId")["OwnerId"].startswith("005")


def test_an_org_may_have_no_api(client: SalesforceClient) -> None:
    client.settle(api_enabled=False)
    assert client.error("GET", "/limits")[:2] == (403, "API_DISABLED_FOR_ORG")


def test_orgs_know_nothing_of_each_other(client: SalesforceClient, other: SalesforceClient) -> None:
    lead = client.create(**{KEY: "k1"})
    assert other.error("GET", f"/sobjects/Lead/{lead}")[0] == 404
    assert other.query("SELECT COUNT() FROM Lead")["totalSize"] == 0
    assert other.create(**{KEY: "k1"}) != lead
