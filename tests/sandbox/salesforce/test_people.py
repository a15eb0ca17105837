"""What people do in the CRM: converting, merging and deleting, and what the API says afterwards."""

from __future__ import annotations

from .conftest import KEY, SalesforceClient


def test_a_converted_lead_stays_and_is_read_only(client: SalesforceClient) -> None:
    lead = client.create(FirstName="Ada", Email="a@example.com", Street="Ring 1", State="Wien", **{KEY: "k1"})
    contact = client.own("POST", f"contacts/{lead}/convert").json()["id"]
    shown = client.read("Lead", lead, "IsConverted", "ConvertedContactId", "ConvertedDate", "Status")
    assert (shown["IsConverted"], shown["ConvertedContactId"]) == (True, contact)
    assert (shown["ConvertedDate"], shown["Status"]) == ("2026-09-21", "Closed - Converted")
    told = client.error("PATCH", f"/sobjects/Lead/{lead}", json={"City": "Graz"})
    assert told == (400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    [row] = client.many("PATCH", "", {"Id": lead, "City": "Graz"})
    assert row["errors"][0]["statusCode"] == "CANNOT_UPDATE_CONVERTED_LEAD"
    copied = client.read("Contact", contact, "FirstName", "Email", "MailingStreet", "MailingState", KEY, "AccountId")
    assert (copied["FirstName"], copied["Email"], copied["MailingStreet"]) == ("Ada", "a@example.com", "Ring 1")
    assert (copied["MailingState"], copied[KEY]) == ("Wien", None)
    assert client.read("Account", copied["AccountId"], "Name")["Name"] == "Northwind"


def test_our_key_reaches_the_contact_only_where_it_is_mapped(client: SalesforceClient) -> None:
    client.switch(convert_maps_key=True)
    contact = client.salesforce.convert_lead(client.create(**{KEY: "k1"}))
    assert client.call("GET", f"/sobjects/Contact/{KEY}/k1").json()["Id"] == contact


def test_tasks_follow_a_converted_lead_and_new_ones_need_the_contact(client: SalesforceClient) -> None:
    lead = client.create()
    task = client.create("Task", WhoId=lead)
    contact = client.salesforce.convert_lead(lead)
    assert client.read("Task", task, "WhoId")["WhoId"] == contact
    refused = client.error("POST", "/sobjects/Task", json={"WhoId": lead})
    assert refused[1] == "CANNOT_UPDATE_CONVERTED_LEAD"
    assert client.create("Task", WhoId=contact)


def test_a_lead_is_converted_once(client: SalesforceClient) -> None:
    lead = client.create()
    assert client.own("POST", f"contacts/{lead}/convert").status_code == 200
    assert client.own("POST", f"contacts/{lead}/convert").json()[0]["errorCode"] == "CANNOT_UPDATE_CONVERTED_LEAD"
    assert client.own("POST", f"contacts/{client.create('Contact')}/convert").status_code == 400


def test_the_loser_of_a_merge_is_deleted_and_names_the_winner(client: SalesforceClient) -> None:
    winner, loser = client.create("Contact", Phone="1"), client.create("Contact", Phone="2", **{KEY: "k2"})
    task = client.create("Task", WhoId=loser)
    merged = client.own("POST", "contacts/merge", json={"primary": winner, "other": loser}).json()["id"]
    assert merged == winner
    [row] = client.query(f"SELECT Id, MasterRecordId FROM Contact WHERE Id = '{loser}'", everything=True)["records"]
    assert row["MasterRecordId"] == winner
    assert client.read("Task", task, "WhoId")["WhoId"] == winner
    assert client.read("Contact", winner, "Phone", KEY).items() >= {"Phone": "1", KEY: None}.items()
    retrieved = client.call("POST", "/composite/sobjects/Contact", json={"ids": [loser], "fields": ["Id"]})
    assert retrieved.json() == [None]


def test_only_records_of_one_type_are_merged(client: SalesforceClient) -> None:
    body = {"primary": client.create(), "other": client.create("Contact")}
    assert client.own("POST", "contacts/merge", json=body).json()[0]["errorCode"] == "MERGE_FAILED"


def test_deleting_a_lead_deletes_its_tasks(client: SalesforceClient) -> None:
    lead = client.create()
    client.create("Task", WhoId=lead)
    client.own("DELETE", f"contacts/{lead}")
    assert [row["archived"] for row in client.salesforce.notes()] == [True]
    assert client.salesforce.figures()["notes"] == 0


def test_a_person_is_another_user_than_the_app(client: SalesforceClient) -> None:
    lead = client.create()
    ours = client.read("Lead", lead, "LastModifiedById")["LastModifiedById"]
    client.sandbox.clock.advance(5)
    client.own("PATCH", f"contacts/{lead}", json={"properties": {"City": "Graz"}})
    shown = client.read("Lead", lead, "LastModifiedById", "CreatedById", "SystemModstamp")
    assert shown["CreatedById"] == ours
    assert shown["LastModifiedById"] not in ("", ours)
    assert shown["SystemModstamp"] == "2026-09-21T14:13:25.000+0000"
