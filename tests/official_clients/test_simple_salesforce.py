"""The Salesforce scenario through the community's ``simple-salesforce``."""

from __future__ import annotations

from typing import Any

import pytest

from flask_crm_sync.sandbox import Sandbox

library = pytest.importorskip("simple_salesforce", reason="simple-salesforce is not installed")

KEY = "CRM_Sync_Id__c"
SESSION = "session-of-simple-salesforce"
NEW = {"LastName": "Novak", "Company": "Northwind"}


@pytest.fixture
def client(sandbox: Sandbox) -> Any:
    """A connected client; its own login cannot be led to another host, so it gets a session."""
    sandbox.salesforce.start_afresh()
    sandbox.salesforce.add_portal(token=SESSION)
    return library.Salesforce(instance_url=sandbox.url, session_id=SESSION, version="60.0")


def test_a_lead_is_created_read_changed_and_deleted(client: Any) -> None:
    made = client.Lead.create({**NEW, "Email": "ada@example.com"})
    assert made == {"id": made["id"], "success": True, "errors": []}
    assert client.Lead.update(made["id"], {"City": "Graz"}) == 204
    read = client.Lead.get(made["id"])
    assert (read["City"], read["Email"], read["IsConverted"]) == ("Graz", "ada@example.com", False)
    assert client.Lead.delete(made["id"]) == 204
    with pytest.raises(library.SalesforceResourceNotFound):
        client.Lead.get(made["id"])


def test_a_lead_is_found_by_soql_whose_values_the_client_quotes(client: Any) -> None:
    lead = client.Lead.create({**NEW, "LastName": "O'Hara \\ 100%", "Email": "o'hara@example.com"})["id"]
    text = library.format_soql(
        "SELECT Id FROM Lead WHERE Email IN {} AND LastName = {}", ["o'hara@example.com"], "O'Hara \\ 100%"
    )
    assert [row["Id"] for row in client.query(text)["records"]] == [lead]
    like = library.format_soql("SELECT Id FROM Lead WHERE LastName LIKE '%{:like}'", "100%")
    assert client.query(like)["totalSize"] == 1


def test_an_upsert_twice_leaves_one_lead(client: Any, sandbox: Sandbox) -> None:
    assert client.Lead.upsert(f"{KEY}/client-1", NEW) == 201
    assert client.Lead.upsert(f"{KEY}/client-1", {"City": "Graz"}) == 200
    assert client.Lead.get_by_custom_id(KEY, "client-1")["City"] == "Graz"
    assert len(sandbox.salesforce.contacts()) == 1


def test_a_collection_keeps_its_rows_apart(client: Any) -> None:
    rows = [{"attributes": {"type": "Lead"}, KEY: "a", **NEW}, {"attributes": {"type": "Lead"}, KEY: "b"}]
    body = {"allOrNone": False, "records": rows}
    good, bad = client.restful(f"composite/sobjects/Lead/{KEY}", method="PATCH", json=body)
    assert good["created"] is True
    assert bad["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"


def test_a_task_is_written_on_a_lead(client: Any, sandbox: Sandbox) -> None:
    lead = client.Lead.create(NEW)["id"]
    task = client.Task.create({"WhoId": lead, "Subject": "Web chat", "Status": "Completed", KEY: "note-1"})["id"]
    assert [(each["id"], each["contacts"]) for each in sandbox.salesforce.notes()] == [(task, [lead])]


def test_all_pages_are_read(client: Any, sandbox: Sandbox) -> None:
    made = [client.Lead.create(NEW)["id"] for _ in range(5)]
    sandbox.salesforce.dialect.change({"page_size": 2})
    assert sorted(row["Id"] for row in client.query_all_iter("SELECT Id FROM Lead")) == sorted(made)
    client.Lead.delete(made[0])
    assert client.query_all("SELECT Id FROM Lead")["totalSize"] == 4
    assert client.query_all("SELECT Id FROM Lead", include_deleted=True)["totalSize"] == 5


def test_updated_and_deleted_leads_are_listed(client: Any, sandbox: Sandbox) -> None:
    from datetime import UTC, datetime, timedelta

    kept, gone = client.Lead.create(NEW)["id"], client.Lead.create(NEW)["id"]
    client.Lead.delete(gone)
    now = datetime.fromtimestamp(sandbox.clock.now(), UTC)
    span = (now - timedelta(hours=1), now + timedelta(minutes=2))
    assert client.Lead.updated(*span)["ids"] == [kept]
    assert [row["id"] for row in client.Lead.deleted(*span)["deletedRecords"]] == [gone]


def test_describes_and_limits_are_told(client: Any) -> None:
    fields = {field["name"]: field["length"] for field in client.Lead.describe()["fields"]}
    assert (fields["LastName"], fields["Company"]) == (80, 255)
    assert {"Lead", "Contact", "Task"} <= {each["name"] for each in client.describe()["sobjects"]}
    assert client.limits()["DailyApiRequests"]["Max"] == 100_000
    usage = client.api_usage["api-usage"]
    assert (usage.used, usage.total) == (3, 100_000)


def test_errors_surface_as_their_kinds(client: Any, sandbox: Sandbox) -> None:
    with pytest.raises(library.SalesforceMalformedRequest) as refused:
        client.Lead.create({"Company": "x"})
    assert refused.value.content[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    sandbox.faults.add("salesforce", "throttle", times=1)
    with pytest.raises(library.SalesforceRefusedRequest):
        client.limits()
    sandbox.faults.add("salesforce", "expire_token", times=1)
    with pytest.raises(library.SalesforceExpiredSession):
        client.limits()


def test_two_matches_surface_as_more_than_one_record(client: Any) -> None:
    for _ in range(2):
        client.Lead.create({**NEW, "Email": "twin@example.com"})
    with pytest.raises(library.SalesforceMoreThanOneRecord):
        client.Lead.get_by_custom_id("Email", "twin@example.com")
