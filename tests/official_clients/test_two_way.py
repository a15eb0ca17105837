"""What two-way sync asks of HubSpot and Salesforce, asked by the vendors' and the community's own clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flask_crm_sync.sandbox import Sandbox
from tests.sandbox.autochat.conftest import Receiver

hubspot = pytest.importorskip("hubspot", reason="hubspot-api-client is not installed")
salesforce = pytest.importorskip("simple_salesforce", reason="simple-salesforce is not installed")

NEW = {"LastName": "Novak", "Company": "Northwind"}


@pytest.fixture
def contacts(sandbox: Sandbox) -> Any:
    client = hubspot.HubSpot(access_token="pat-na1-sandbox", host=sandbox.url, ssl_ca_cert=str(sandbox.ca_file))
    return client.crm.contacts


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def test_hubspots_own_library_believes_the_webhooks(sandbox: Sandbox, receiver: Receiver) -> None:
    from hubspot.utils.signature import Signature

    listener = sandbox.hubspot.listeners.add(1234567, receiver.url, secret="a-client-secret-0451")
    sandbox.hubspot.edit_contact(sandbox.hubspot.add_contact({"firstname": "Zoë"}), {"city": "Łódź"})
    sandbox.hubspot.sender.settle()
    assert len(receiver.got) == 2
    for headers, body in receiver.got:
        told = {
            "request_body": body.decode(),
            "client_secret": listener.secret,
            "http_uri": receiver.url,
            "http_method": "POST",
        }
        stamp, signature = headers["X-HubSpot-Request-Timestamp"], headers["X-HubSpot-Signature-v3"]
        assert Signature.is_valid(signature=signature, signature_version="v3", timestamp=stamp, **told)
        assert Signature.is_valid(signature=headers["X-HubSpot-Signature"], signature_version="v1", **told)
        assert json.loads(body)[0]["portalId"] == 1234567


def test_hubspots_search_tells_the_newest_first_and_how_many_there_are(contacts: Any, sandbox: Sandbox) -> None:
    from hubspot.crm.contacts import PublicObjectSearchRequest

    sandbox.hubspot.dialect.change({"search_lag_ms": 0})
    ids = [sandbox.hubspot.add_contact({"firstname": name}) for name in ("Ada", "Ben", "Cat")]
    sandbox.clock.advance(1)
    sandbox.hubspot.edit_contact(ids[0], {"city": "Graz"})
    newest = [{"propertyName": "lastmodifieddate", "direction": "DESCENDING"}]
    found = contacts.search_api.do_search(PublicObjectSearchRequest(sorts=newest, limit=2, properties=["createdate"]))
    assert (found.total, found.results[0].id) == (3, ids[0])


def test_hubspots_bin_is_listed_and_a_person_removed_for_good(contacts: Any, sandbox: Sandbox) -> None:
    from hubspot.crm.contacts import PublicGdprDeleteInput

    ids = [sandbox.hubspot.add_contact({"firstname": name}) for name in ("Ada", "Ben")]
    contacts.basic_api.archive(ids[0])
    (gone,) = contacts.basic_api.get_page(archived=True, limit=100).results
    assert (gone.id, gone.archived) == (ids[0], True)
    assert gone.archived_at is not None
    contacts.basic_api.purge(PublicGdprDeleteInput(object_id=ids[1]))
    assert [contact["id"] for contact in sandbox.hubspot.contacts()] == [ids[0]]


def test_salesforce_tells_deleted_and_restored_records_by_their_time(sandbox: Sandbox) -> None:
    sandbox.salesforce.start_afresh()
    sandbox.salesforce.add_portal(token="session-of-two-way")
    client = salesforce.Salesforce(instance_url=sandbox.url, session_id="session-of-two-way", version="60.0")
    kept, gone = (client.Lead.create(NEW)["id"] for _lead in range(2))
    client.Lead.delete(gone)
    since = salesforce.format_soql("{}", datetime.now(UTC) - timedelta(minutes=11))
    fields = "SELECT Id, IsDeleted, MasterRecordId, SystemModstamp FROM Lead"
    statement = f"{fields} WHERE SystemModstamp >= {since} ORDER BY SystemModstamp DESC, Id DESC LIMIT 200"
    told = {row["Id"]: row["IsDeleted"] for row in client.query_all(statement, include_deleted=True)["records"]}
    assert told == {kept: False, gone: True}
    assert [row["Id"] for row in client.query(statement)["records"]] == [kept]
    sandbox.salesforce.restore_contact(gone)
    assert client.Lead.get(gone)["IsDeleted"] is False
    answer = client.restful(f"composite/sobjects?ids={kept},{gone}&allOrNone=false", method="DELETE")
    assert [item["success"] for item in answer] == [True, True]
