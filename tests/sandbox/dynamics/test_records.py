"""Single rows: preconditions of PATCH, what is checked, what the server adds, what goes with what."""

from __future__ import annotations

from typing import Any

import pytest

from .client import API, Client

ID = "3f2b0000-0000-4000-8000-000000000001"
OTHER = "3f2b0000-0000-4000-8000-000000000002"
ROW = f"contacts({ID})"
BIND = "parentcustomerid_account@odata.bind"


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_who_am_i_names_user_and_organization(client: Client) -> None:
    answer = client.data("GET", "WhoAmI")
    environment = client.sandbox.dynamics.environments.get("sandbox")
    assert environment is not None
    assert answer.json()["UserId"] == environment.application_user_id
    assert answer.json()["OrganizationId"] == environment.organization_id
    assert answer.headers["x-ms-service-request-id"]
    assert answer.headers["OData-Version"] == "4.0"


def test_a_created_row_is_named_by_a_header_and_has_no_body(client: Client) -> None:
    answer = client.data("POST", "contacts", {"lastname": "Lovelace", "contactid": ID})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["OData-EntityId"] == f"{client.sandbox.url}{API}{ROW}"


def test_the_row_itself_is_answered_where_that_is_preferred(client: Client) -> None:
    prefer = {"Prefer": "return=representation"}
    made = client.data("POST", "contacts?$select=lastname", {"lastname": "Lovelace", "contactid": ID}, **prefer)
    assert (made.status_code, made.json()["lastname"], "OData-EntityId" in made.headers) == (201, "Lovelace", False)
    changed = client.data("PATCH", ROW, {"lastname": "King"}, **prefer)
    assert (changed.status_code, changed.json()["fullname"]) == (200, "King")
    assert client.data("PATCH", f"contacts({OTHER})", {"lastname": "New"}, **prefer).status_code == 201


def test_a_plain_patch_creates_and_changes(client: Client) -> None:
    assert client.data("PATCH", ROW, {"lastname": "Lovelace"}).status_code == 204
    assert client.data("PATCH", ROW, {"firstname": "Ada"}).status_code == 204
    assert client.read(ID)["fullname"] == "Ada Lovelace"


def test_a_plain_patch_brings_a_deleted_row_back(client: Client) -> None:
    client.data("PATCH", ROW, {"lastname": "Lovelace", "firstname": "Ada"})
    client.sandbox.dynamics.delete_contact(ID)
    client.data("PATCH", ROW, {"lastname": "Revenant"})
    assert client.read(ID)["fullname"] == "Revenant"


def test_a_patch_for_updates_only_does_not_create(client: Client) -> None:
    answer = client.data("PATCH", ROW, {"lastname": "X"}, If_Match="*")
    assert code(answer) == (404, "")
    assert answer.json()["error"]["message"] == f"Contact With Id = {ID} Does Not Exist"
    assert client.sandbox.dynamics.contacts() == []


def test_a_patch_for_creation_only_does_not_change(client: Client) -> None:
    assert client.data("PATCH", ROW, {"lastname": "First"}, If_None_Match="*").status_code == 204
    again = client.data("PATCH", ROW, {"lastname": "Second"}, If_None_Match="*")
    assert code(again) == (412, "")
    assert again.json()["error"]["message"] == "A record with matching key values already exists."
    assert client.read(ID)["lastname"] == "First"


def test_a_patch_of_another_version_is_refused(client: Client) -> None:
    client.data("PATCH", ROW, {"lastname": "First"})
    tag = client.read(ID)["@odata.etag"]
    assert client.data("PATCH", ROW, {"lastname": "Second"}, If_Match=tag).status_code == 204
    stale = client.data("PATCH", ROW, {"lastname": "Third"}, If_Match=tag)
    assert stale.status_code == 412
    assert "RowVersion" in stale.json()["error"]["message"]
    assert client.read(ID)["lastname"] == "Second"


def test_codes_seen_in_the_field_are_a_switch(client: Client) -> None:
    client.sandbox.dynamics.dialect.change({"precondition_codes": "field"})
    assert code(client.data("PATCH", ROW, {}, If_Match="*")) == (404, "0x80040217")
    client.data("PATCH", ROW, {})
    assert code(client.data("PATCH", ROW, {}, If_None_Match="*")) == (412, "0x80040237")


def test_a_known_version_is_not_sent_again_unless_the_client_says_null(client: Client) -> None:
    client.data("PATCH", ROW, {"lastname": "First"})
    tag = client.read(ID)["@odata.etag"]
    assert client.data("GET", ROW, If_None_Match=tag).status_code == 304
    assert client.data("GET", ROW, If_None_Match="null").status_code == 200


def test_a_posted_id_that_is_taken_is_refused(client: Client) -> None:
    client.data("PATCH", ROW, {"lastname": "First"})
    assert client.data("POST", "contacts", {"contactid": ID}).status_code == 412


def test_a_text_over_its_length_is_refused_in_the_documented_words(client: Client) -> None:
    answer = client.data("PATCH", ROW, {"firstname": "x" * 51})
    assert code(answer) == (400, "0x80044331")
    assert answer.json()["error"]["message"] == (
        "A validation error occurred.  The length of the 'firstname' attribute of the 'contact' entity exceeded the "
        "maximum allowed length of '50'."
    )
    assert client.data("PATCH", ROW, {"firstname": "x" * 50}).status_code == 204


def test_company_is_a_phone_number_of_fifty_characters(client: Client) -> None:
    assert client.data("PATCH", ROW, {"company": "+43 1 234 567"}).status_code == 204
    assert code(client.data("PATCH", ROW, {"company": "x" * 51})) == (400, "0x80044331")
    assert "_parentcustomerid_value" in client.read(ID)
    assert client.read(ID)["_parentcustomerid_value"] is None


def test_a_company_is_bound_by_reference(client: Client) -> None:
    account = client.sandbox.dynamics.add_account("Analytical Engines")
    assert client.data("PATCH", ROW, {BIND: f"/accounts({account})"}).status_code == 204
    read = client.data("GET", f"{ROW}?$select=_parentcustomerid_value", Prefer='odata.include-annotations="*"').json()
    assert read["_parentcustomerid_value"] == account
    assert read["_parentcustomerid_value@OData.Community.Display.V1.FormattedValue"] == "Analytical Engines"
    assert read["_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "account"
    assert client.data("PATCH", ROW, {BIND: None}).status_code == 204
    assert client.read(ID)["_parentcustomerid_value"] is None


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("parentcustomerid@odata.bind", "/accounts({account})", 400),
        ("Parentcustomerid_Account@odata.bind", "/accounts({account})", 400),
        (BIND, "/contacts({account})", 400),
        (BIND, "/accounts(3f2b0000-0000-4000-8000-00000000dead)", 404),
        (BIND, "accounts/{account}", 404),
        ("parentcustomerid", "Analytical Engines", 400),
        ("_parentcustomerid_value", "{account}", 400),
        ("Contact_Annotation", [], 400),
        ("nonsense", "x", 400),
        ("firstname", 5, 400),
        ("donotemail", "yes", 400),
        ("gendercode", 7, 400),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    client: Client, name: str, value: Any, status: int
) -> None:
    account = client.sandbox.dynamics.add_account("Analytical Engines")
    told = value.format(account=account) if isinstance(value, str) else value
    answer = client.data("PATCH", ROW, {"lastname": "X", name: told})
    assert answer.status_code == status, answer.text
    assert client.sandbox.dynamics.contacts() == []


def test_what_only_the_server_sets_is_passed_over(client: Client) -> None:
    sent = {"fullname": "Forged", "createdon": "1999-01-01T00:00:00Z", "merged": True, "statecode": 1, "lastname": "L"}
    assert client.data("PATCH", ROW, sent).status_code == 204
    read = client.read(ID)
    assert (read["fullname"], read["merged"], read["statecode"]) == ("L", False, 0)
    assert read["createdon"] == "2026-09-21T14:13:20Z"


def test_an_empty_text_clears(client: Client) -> None:
    client.data("PATCH", ROW, {"lastname": "L", "telephone1": "1", "mobilephone": "2"})
    client.data("PATCH", ROW, {"telephone1": "", "mobilephone": None})
    read = client.read(ID)
    assert (read["telephone1"], read["mobilephone"]) == (None, None)
    assert client.find("telephone1 eq '1'").json()["value"] == []


def test_an_inactive_contact_is_read_only_until_it_is_activated(client: Client) -> None:
    client.data("PATCH", ROW, {"lastname": "First"})
    client.sandbox.dynamics.edit_contact(ID, {"statecode": 1})
    refused = client.data("PATCH", ROW, {"lastname": "Second"}, If_Match="*")
    assert refused.status_code == 400
    read = client.read(ID)
    assert (read["lastname"], read["statecode"], read["statuscode"]) == ("First", 1, 2)
    assert client.data("PATCH", ROW, {"statecode": 0, "lastname": "Third"}).status_code == 204
    assert client.read(ID)["lastname"] == "Third"


def test_a_note_has_a_chosen_id_and_goes_with_its_contact(client: Client) -> None:
    client.data("PATCH", ROW, {"lastname": "Lovelace"})
    note = f"annotations({OTHER})"
    body = {"subject": "Web chat", "notetext": "x" * 100_000, "objectid_contact@odata.bind": f"/{ROW}"}
    assert client.data("PATCH", note, body, If_None_Match="*").status_code == 204
    assert client.data("PATCH", note, body, If_None_Match="*").status_code == 412
    read = client.data("GET", f"{note}?$select=subject,isdocument,_objectid_value").json()
    assert (read["_objectid_value"], read["isdocument"]) == (ID, False)
    assert code(client.data("PATCH", note, {"subject": "x" * 501}))[1] == "0x80044331"
    assert client.data("DELETE", ROW).status_code == 204
    assert client.data("GET", note).status_code == 404
    assert client.data("DELETE", ROW).status_code == 404


def test_a_deleted_account_leaves_its_contacts(client: Client) -> None:
    account = client.sandbox.dynamics.add_account("Analytical Engines")
    client.data("PATCH", ROW, {BIND: f"/accounts({account})"})
    assert client.data("DELETE", f"accounts({account})").status_code == 204
    assert client.read(ID)["_parentcustomerid_value"] is None


def test_a_merge_moves_notes_and_leaves_the_other_inactive(client: Client) -> None:
    first, other = client.contact(lastname="First"), client.contact(lastname="Other")
    note = client.note(other)
    assert client.sandbox.dynamics.merge_contacts(first, other) == first
    read = client.read(other)
    assert (read["merged"], read["statecode"], read["_masterid_value"]) == (True, 1, first)
    assert client.data("GET", f"annotations({note})").json()["_objectid_value"] == first
    assert client.data("PATCH", f"contacts({other})", {"lastname": "X"}, If_Match="*").status_code == 400
    assert client.sandbox.dynamics.figures()["records"] == 1


def test_an_alternate_key_names_a_row(client: Client) -> None:
    row = "contacts(externaluseridentifier='it''s')"
    assert code(client.data("PATCH", row, {"lastname": "X"})) == (400, "0x8006088a")
    client.api("POST", "keys", {"name": "outside", "columns": ["externaluseridentifier"]})
    prefer = {"Prefer": "return=representation"}
    assert client.data("PATCH", row, {"externaluseridentifier": "it's"}).status_code == 400
    made = client.data("PATCH", row, {"lastname": "New"}, **prefer)
    assert (made.status_code, made.json()["externaluseridentifier"]) == (201, "it's")
    changed = client.data("PATCH", row, {"lastname": "Changed"}, **prefer)
    assert (changed.status_code, changed.json()["contactid"]) == (200, made.json()["contactid"])
    assert client.data("GET", row).json()["lastname"] == "Changed"
    assert client.data("GET", "contacts(externaluseridentifier='other')").status_code == 404
    taken = client.data("PATCH", ROW, {"externaluseridentifier": "IT'S"})
    assert code(taken) == (412, "0x80060892")


@pytest.mark.parametrize("status", ["412", "500"])
def test_a_duplicate_is_detected_only_where_that_is_asked_for(client: Client, status: str) -> None:
    client.sandbox.dynamics.dialect.change({"duplicate_status": status})
    body = {"lastname": "X", "emailaddress1": "ada@example.com"}
    assert client.data("POST", "contacts", body).status_code == 204
    assert client.data("POST", "contacts", body).status_code == 204
    answer = client.data("POST", "contacts", body, **{"MSCRM.SuppressDuplicateDetection": "false"})
    assert code(answer) == (int(status), "0x80040333")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "nothings", 404),
        ("GET", "contacts(not-an-id)", 400),
        ("GET", "contacts()", 400),
        ("PATCH", "contacts", 405),
        ("POST", ROW, 405),
        ("DELETE", "systemusers(3f2b0000-0000-4000-8000-000000000001)", 404),
        ("POST", "systemusers", 404),
        ("GET", f"{ROW}/firstname/$value", 404),
        ("POST", "WhoAmI", 405),
        ("GET", "$batch", 405),
    ],
)
def test_a_call_that_leads_nowhere_is_refused_in_the_envelope(
    client: Client, method: str, path: str, status: int
) -> None:
    answer = client.data(method, path, {"lastname": "X"} if method in ("PATCH", "POST") else None)
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) == {"code", "message"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"lastname": "\\ud800"}', b"[" * 5000])
def test_a_body_that_is_no_object_is_refused(client: Client, body: bytes) -> None:
    answer = client.call("PATCH", API + ROW, data=body, headers={"Content-Type": "application/json"})
    assert code(answer) == (400, "0x80048d19")


def test_a_body_of_another_type_and_another_protocol_are_refused(client: Client) -> None:
    answer = client.call("POST", f"{API}contacts", data=b"{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert client.data("GET", "WhoAmI", OData_Version="3.0").status_code == 400
    assert client.call("GET", "/api/data/v8.0/WhoAmI").status_code == 404
