"""Merging: new ids, old ids that still lead somewhere, addresses, notes."""

from __future__ import annotations

import pytest

from .client import KEY, Client, row

MERGED = ("email", "hs_additional_emails", "hs_merged_object_ids", "hs_calculated_merged_vids", "phone", "city")


def merge(client: Client, primary: str, other: str) -> str:
    answer = client.objects("POST", "contacts/merge", json={"primaryObjectId": primary, "objectIdToMerge": other})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def test_the_survivor_has_a_new_id_and_both_old_ones_lead_to_it(any_client: Client) -> None:
    first = any_client.contact(email="a@example.com", phone="1")
    second = any_client.contact(email="b@example.com", phone="2", city="Graz")
    survivor = merge(any_client, first, second)
    assert survivor not in (first, second)
    for old in (first, second):
        found = any_client.read(old, *MERGED)
        assert found["id"] == survivor
        assert found["properties"]["phone"] == "1"
        assert found["properties"]["city"] == "Graz", "blanks are filled"
        assert found["properties"]["hs_additional_emails"] == "b@example.com"
        assert found["properties"]["hs_merged_object_ids"] == f"{first};{second}"
        assert found["properties"]["hs_calculated_merged_vids"] == f"{first}:1790000000000;{second}:1790000000000"
    assert [each["id"] for each in any_client.sandbox.hubspot.contacts()] == [survivor]


def test_the_beta_keeps_the_primarys_id(client: Client) -> None:
    client.sandbox.hubspot.dialect.change({"merge_keeps_primary_id": True})
    first, second = client.contact(email="a@example.com"), client.contact(email="b@example.com")
    assert merge(client, first, second) == first
    found = client.read(second, *MERGED)
    assert (found["id"], found["properties"]["hs_merged_object_ids"]) == (first, second)


def test_a_chain_of_merges_leads_every_id_to_the_last(client: Client) -> None:
    ids = [client.contact(email=f"p{number}@example.com") for number in range(3)]
    once = merge(client, ids[0], ids[1])
    twice = merge(client, once, ids[2])
    for old in (*ids, once):
        assert client.read(old)["id"] == twice
    found = client.read(twice, *MERGED)["properties"]
    assert found["hs_merged_object_ids"].split(";") == [ids[0], ids[1], once, ids[2]]
    assert ids[0] not in found["hs_calculated_merged_vids"], "this one misses chained merges"
    assert found["hs_additional_emails"] == "p1@example.com;p2@example.com"


def test_every_address_of_a_merged_contact_stays_taken(client: Client) -> None:
    first, second = client.contact(email="a@example.com"), client.contact(email="b@example.com")
    survivor = merge(client, first, second)
    for address in ("a@example.com", "b@example.com"):
        answer = client.objects("POST", "contacts", json={"properties": {"email": address}})
        assert answer.json()["message"].endswith(f"Existing ID: {survivor}")


def test_notes_of_both_belong_to_the_survivor(client: Client) -> None:
    first, second = client.contact(email="a@example.com"), client.contact(email="b@example.com")
    notes = {client.note(first), client.note(second), client.note(first, second)}
    survivor = merge(client, first, second)
    listed = client.record_links("GET", f"contacts/{survivor}/associations/notes").json()["results"]
    assert {each["toObjectId"] for each in listed} == notes
    assert all(each["contacts"] == [survivor] for each in client.sandbox.hubspot.notes())


def test_a_note_may_still_be_written_to_an_old_id(client: Client) -> None:
    first, second = client.contact(email="a@example.com"), client.contact(email="b@example.com")
    survivor = merge(client, first, second)
    client.note(second)
    assert client.sandbox.hubspot.notes()[0]["contacts"] == [survivor]


@pytest.mark.parametrize(("way", "status"), [("resolve", 200), ("missing", 207)])
def test_old_ids_in_batches_follow_the_switch(client: Client, way: str, status: int) -> None:
    client.sandbox.hubspot.dialect.change({"merged_ids_in_batches": way})
    first, second = client.contact(email="a@example.com"), client.contact(email="b@example.com")
    survivor = merge(client, first, second)
    read = client.batch("contacts", "read", [{"id": first}], properties=[])
    update = client.batch("contacts", "update", [{"id": second, **row(city="X")}])
    assert (read.status_code, update.status_code) == (status, status)
    if way == "resolve":
        assert read.json()["results"][0]["id"] == update.json()["results"][0]["id"] == survivor


def test_the_primarys_key_wins_and_the_others_is_free(client: Client) -> None:
    client.make_key()
    first = client.contact(email="a@example.com", **{KEY: "k1"})
    second = client.contact(email="b@example.com", **{KEY: "k2"})
    survivor = merge(client, first, second)
    assert client.objects("GET", "contacts/k1", params={"idProperty": KEY}).json()["id"] == survivor
    assert client.objects("GET", "contacts/k2", params={"idProperty": KEY}).status_code == 404


def test_merging_is_refused_with_itself_the_unknown_and_beyond_250_identities(client: Client) -> None:
    first = client.contact(firstname="A")
    for other, status in ((first, 400), ("999", 404)):
        body = {"primaryObjectId": first, "objectIdToMerge": other}
        assert client.objects("POST", "contacts/merge", json=body).status_code == status
    for number in range(125):
        first = client.sandbox.hubspot.merge_contacts(first, client.contact(firstname=str(number)))
    body = {"primaryObjectId": first, "objectIdToMerge": client.contact(firstname="last")}
    assert client.objects("POST", "contacts/merge", json=body).status_code == 414


def test_notes_cannot_be_merged(client: Client) -> None:
    body = {"primaryObjectId": "1", "objectIdToMerge": "2"}
    assert client.objects("POST", "notes/merge", json=body).status_code == 404
