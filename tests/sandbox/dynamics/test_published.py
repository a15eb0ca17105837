"""What Microsoft publishes: columns with their lengths, and error bodies, against what the sandbox does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from ..contracts import contract_file
from .client import API, Client, part

ID = "3f2b0000-0000-4000-8000-000000000001"
ROW = f"contacts({ID})"
TEXTS = ("String", "Memo")


def published(name: str) -> Any:
    return contract_file(f"../dynamics/{name}")


@pytest.mark.parametrize(("table", "row"), [("contact", ROW), ("annotation", f"annotations({ID})")])
def test_every_published_length_is_kept_to_the_character(client: Client, table: str, row: str) -> None:
    for column in published("contact_columns.json")[table]:
        name, most = column["name"], column.get("maxLength")
        if most is None or column.get("readOnly"):
            continue
        assert client.data("PATCH", row, {name: "x" * most}).status_code == 204, name
        answer = client.data("PATCH", row, {name: "x" * (most + 1)})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "0x80044331"), name
        assert f"'{name}'" in answer.json()["error"]["message"]


@pytest.mark.parametrize("table", ["contact", "annotation"])
def test_every_published_column_can_be_read(client: Client, table: str) -> None:
    base = f"EntityDefinitions(LogicalName='{table}')/Attributes"
    known = {each["LogicalName"]: each for each in client.data("GET", base).json()["value"]}
    for column in published("contact_columns.json")[table]:
        described = known[column["name"]]
        assert described.get("MaxLength") == column.get("maxLength"), column["name"]
        assert described["RequiredLevel"]["Value"] == column.get("requiredLevel", "None")


@pytest.mark.parametrize("table", ["contact", "annotation"])
def test_lengths_agree_with_the_common_data_model(client: Client, table: str) -> None:
    base = f"EntityDefinitions(LogicalName='{table}')/Attributes"
    known = {each["LogicalName"]: each.get("MaxLength") for each in client.data("GET", base).json()["value"]}
    model = {
        each["sourceName"]: each.get("maximumLength") for each in published(f"{table}.cdm.trimmed.json")["attributes"]
    }
    checked = [name for name, length in model.items() if length and name in known]
    assert {name: known[name] for name in checked} == {name: model[name] for name in checked}
    assert len(checked) > (30 if table == "contact" else 3)


def over_limit(code: str) -> Callable[[Client], requests.Response]:
    def call(client: Client) -> requests.Response:
        client.sandbox.faults.add("dynamics", "throttle", params={"policy": code}, times=1)
        return client.data("GET", "WhoAmI")

    return call


def not_a_member(client: Client) -> requests.Response:
    client.sandbox.dynamics.dialect.change({"application_user": False})
    return client.data("GET", "WhoAmI")


def already_there(client: Client) -> requests.Response:
    client.data("PATCH", ROW, {})
    return client.data("PATCH", ROW, {}, If_None_Match="*")


def stale(client: Client) -> requests.Response:
    client.data("PATCH", ROW, {})
    return client.data("PATCH", ROW, {}, If_Match='W/"1"')


def absent(client: Client) -> requests.Response:
    return client.data("PATCH", ROW, {}, If_Match="*")


def duplicate(client: Client) -> requests.Response:
    client.contact(emailaddress1="ada@example.com")
    headers = {"MSCRM.SuppressDuplicateDetection": "false"}
    return client.data("POST", "contacts", {"emailaddress1": "ada@example.com"}, **headers)


def too_long(client: Client) -> requests.Response:
    return client.data("PATCH", f"annotations({ID})", {"subject": "x" * 501})


SITUATIONS: dict[str, Callable[[Client], requests.Response]] = {
    "Number of requests exceeded": over_limit("0x80072322"),
    "Combined execution time": over_limit("0x80072321"),
    "Number of concurrent requests": over_limit("0x80072326"),
    "The user is not a member": not_a_member,
    "A record with matching key values": already_there,
    "The version of the existing record": stale,
    "<table> With Id": absent,
    "A record was not created or updated": duplicate,
    "A validation error occurred": too_long,
}


@pytest.mark.parametrize("beginning", SITUATIONS)
def test_a_published_error_is_met_in_its_situation(client: Client, beginning: str) -> None:
    [case] = [each for each in published("error_bodies.json") if each["body"]["error"]["message"].startswith(beginning)]
    answer = SITUATIONS[beginning](client)
    wanted = case["body"]["error"]
    filled = wanted["message"].replace("<table>", "Contact").replace("<guid>", ID)
    filled = filled.replace("'task'", "'annotation'").replace("'200'", "'500'")
    assert answer.json() == {"error": {"code": wanted["code"], "message": filled}}
    assert answer.status_code in ([case["status"]] if isinstance(case["status"], int) else case["status"])
    assert ("Retry-After" in answer.headers) == ("Retry-After" in case.get("headers", {}))


def test_every_published_error_has_its_situation() -> None:
    messages = [each["body"]["error"]["message"] for each in published("error_bodies.json")]
    assert all(any(message.startswith(beginning) for beginning in SITUATIONS) for message in messages)


def test_a_part_of_a_batch_brings_the_published_error(client: Client) -> None:
    body = '{"subject":"' + "x" * 501 + '"}'
    answer = client.batch([part("PATCH", f"{API}annotations({ID})", body)])
    assert answer.status_code == 400
    assert "A validation error occurred.  The length of the 'subject' attribute" in answer.text
