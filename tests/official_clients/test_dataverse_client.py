"""The scenario through Microsoft's own ``PowerPlatform-Dataverse-Client``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from flask_crm_sync.sandbox import Sandbox

dataverse = pytest.importorskip(
    "PowerPlatform.Dataverse.client", reason="PowerPlatform-Dataverse-Client is not installed"
)

TENANT = "99999999-8888-4777-8666-555555555555"
FORMATTED = "OData.Community.Display.V1.FormattedValue"


class AppCredential:
    """Client credentials as azure-identity would bring them, for whatever scope the client asks."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.scopes = sandbox, list[str]()

    def get_token(self, *scopes: str, **_options: Any) -> Any:
        from azure.core.credentials import AccessToken

        self.scopes += scopes
        form = {
            "grant_type": "client_credentials",
            "client_id": "11111111-2222-4333-8444-555555555555",
            "client_secret": "sandbox-client-secret",
            "scope": scopes[0],
        }
        url = f"{self.sandbox.url}/{TENANT}/oauth2/v2.0/token"
        answer = requests.post(url, data=form, verify=str(self.sandbox.ca_file), timeout=10).json()
        return AccessToken(answer["access_token"], int(time.time()) + answer["expires_in"])


@pytest.fixture
def credential(sandbox: Sandbox) -> AppCredential:
    sandbox.dynamics.start_afresh()
    return AppCredential(sandbox)


@pytest.fixture
def client(sandbox: Sandbox, credential: AppCredential) -> Iterator[Any]:
    with dataverse.DataverseClient(sandbox.url, credential) as opened:
        yield opened


def contact(client: Any, **columns: Any) -> str:
    return str(client.records.create("contact", columns))


def test_a_token_is_asked_for_the_sandbox_itself(client: Any, credential: AppCredential, sandbox: Sandbox) -> None:
    contact(client, lastname="Lovelace")
    assert set(credential.scopes) == {f"{sandbox.url}/.default"}


def test_a_contact_is_created_read_and_updated(client: Any) -> None:
    made = contact(client, FirstName="Ada", lastname="Lovelace", emailaddress1="ada@example.com", gendercode="Female")
    client.records.update("contact", made, {"telephone1": "+43 1 234"})
    read = client.records.retrieve(
        "contact", made, select=["fullname", "telephone1", "gendercode"], include_annotations="*"
    )
    assert (read["fullname"], read["telephone1"], read["gendercode"]) == ("Ada Lovelace", "+43 1 234", 2)
    assert read[f"gendercode@{FORMATTED}"] == "Female"


def test_a_contact_is_found_by_its_address(client: Any) -> None:
    from PowerPlatform.Dataverse.models.filters import col

    contact(client, lastname="O'Brien", emailaddress1="o'brien@example.com")
    contact(client, lastname="Nobody", emailaddress1="nobody@example.com")
    found = client.records.list("contact", filter=col("emailaddress1") == "O'Brien@example.com", select=["lastname"])
    assert [row["lastname"] for row in found] == ["O'Brien"]
    several = client.records.list(
        "contact", filter=col("emailaddress1").in_(["nobody@example.com", "x@example.com"]), select=["lastname"]
    )
    assert [row["lastname"] for row in several] == ["Nobody"]


def test_many_contacts_come_in_pages(client: Any) -> None:
    ids = client.records.create("contact", [{"lastname": f"Number {n}"} for n in range(7)])
    assert len(set(ids)) == 7
    pages = list(client.records.list_pages("contact", select=["lastname"], orderby=["lastname desc"], page_size=3))
    assert [len(page) for page in pages] == [3, 3, 1]
    names = [row["lastname"] for page in pages for row in page]
    assert names == [f"Number {n}" for n in reversed(range(7))]


def test_many_contacts_are_updated_and_upserted_in_one_call(client: Any, sandbox: Sandbox) -> None:
    from PowerPlatform.Dataverse.models.upsert import UpsertItem

    ids = client.records.create("contact", [{"lastname": "One"}, {"lastname": "Two"}])
    client.records.update("contact", ids, {"jobtitle": "Engineer"})
    client.tables.create_alternate_key("contact", "autochat_key", ["externaluseridentifier"])
    assert [key.key_attributes for key in client.tables.get_alternate_keys("contact")] == [["externaluseridentifier"]]
    items = [UpsertItem({"externaluseridentifier": key}, {"lastname": key}) for key in ("a", "b")]
    client.records.upsert("contact", items)
    client.records.upsert("contact", [UpsertItem({"externaluseridentifier": "a"}, {"lastname": "A"})])
    rows = [row["properties"] for row in sandbox.dynamics.contacts()]
    assert {(row["lastname"], row.get("jobtitle"), row.get("externaluseridentifier")) for row in rows} == {
        ("One", "Engineer", None),
        ("Two", "Engineer", None),
        ("A", None, "a"),
        ("b", None, "b"),
    }


def test_a_note_is_added_and_goes_with_its_contact(client: Any, sandbox: Sandbox) -> None:
    made = contact(client, lastname="Lovelace")
    note = {"subject": "Web chat", "notetext": "Wants a quote", "objectid_contact@odata.bind": f"/contacts({made})"}
    client.records.create("annotation", note)
    [kept] = sandbox.dynamics.notes()
    assert (kept["contacts"], kept["properties"]["notetext"]) == ([made], "Wants a quote")
    client.records.delete("contact", made)
    assert sandbox.dynamics.notes() == []
    assert client.records.retrieve("contact", made) is None


def test_a_batch_goes_on_after_an_error_and_a_change_set_is_undone(client: Any, sandbox: Sandbox) -> None:
    batch = client.batch.new()
    batch.records.create("contact", {"lastname": "First"})
    batch.records.update("contact", "3f2b0000-0000-4000-8000-000000000000", {"lastname": "Nobody"})
    with batch.changeset() as together:
        together.records.create("contact", {"lastname": "Undone"})
        together.records.create("contact", {"lastname": "x" * 51})
    batch.records.list("contact", select=["lastname"])
    result = batch.execute(continue_on_error=True)
    assert [each.status_code for each in result.responses] == [204, 404, 400, 200]
    assert result.responses[2].error_code == "0x80044331"
    assert [row["properties"]["lastname"] for row in sandbox.dynamics.contacts()] == ["First"]


def test_a_change_set_refers_to_what_it_made(client: Any, sandbox: Sandbox) -> None:
    batch = client.batch.new()
    with batch.changeset() as together:
        account = together.records.create("account", {"name": "Analytical Engines"})
        together.records.create("contact", {"lastname": "Lovelace", "parentcustomerid_account@odata.bind": account})
        person = together.records.create("contact", {"lastname": "Babbage"})
        together.records.update("contact", person, {"jobtitle": "Inventor"})
    assert not batch.execute().has_errors
    rows = {row["properties"]["lastname"]: row["properties"] for row in sandbox.dynamics.contacts()}
    assert rows["Lovelace"]["parentcustomerid"] == "Analytical Engines"
    assert rows["Babbage"]["jobtitle"] == "Inventor"


def test_a_limit_is_told_with_the_time_to_wait(client: Any, sandbox: Sandbox) -> None:
    from PowerPlatform.Dataverse.core.errors import HttpError

    contact(client, lastname="Lovelace")
    sandbox.faults.add("dynamics", "throttle", params={"retry_after": 17}, times=1, path="/api/data")
    with pytest.raises(HttpError) as caught:
        contact(client, lastname="Babbage")
    error = caught.value
    assert (error.status_code, error.details["service_error_code"], error.details["retry_after"]) == (
        429,
        "0x80072322",
        17,
    )
    assert error.is_transient
    assert error.details["service_request_id"]


def test_tables_and_columns_are_described(client: Any) -> None:
    table = client.tables.get("Contact")
    assert (table.entity_set_name, table.primary_id_attribute) == ("contacts", "contactid")
    assert "annotation" in {each["LogicalName"] for each in client.tables.list()}
    columns = {each["LogicalName"]: each["AttributeType"] for each in client.tables.list_columns("contact")}
    assert (columns["emailaddress1"], columns["parentcustomerid"], columns["statecode"]) == (
        "String",
        "Lookup",
        "State",
    )
