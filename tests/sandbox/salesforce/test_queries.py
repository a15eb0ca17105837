"""SOQL: what is found, how it is paged, and what is refused."""

from __future__ import annotations

import pytest

from .conftest import KEY, SalesforceClient


@pytest.fixture
def people(client: SalesforceClient) -> dict[str, str]:
    """Three leads by first name."""
    return {
        "Ada": client.create(FirstName="Ada", Email="Ada@Example.com", Phone="+43 1 5", **{KEY: "k1"}),
        "Bo": client.create(FirstName="Bo", Email="bo@example.com", NumberOfEmployees=5),
        "Cy": client.create(FirstName="Cy", LastName="O'Hara \\ Sons", NumberOfEmployees=50),
    }


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("Email IN ('ada@example.com', 'BO@example.com')", "Ada Bo"),
        ("Email = null", "Cy"),
        ("Email != null", "Ada Bo"),
        ("Email <> 'ada@example.com'", "Bo Cy"),
        ("Email NOT IN ('ada@example.com')", "Bo Cy"),
        (r"LastName = 'o\'hara \\ sons'", "Cy"),
        ("Email LIKE '%@example.com' AND FirstName LIKE 'A__'", "Ada"),
        (r"Email LIKE '\%%'", ""),
        ("(FirstName = 'Ada' OR FirstName = 'Bo') AND IsConverted = false", "Ada Bo"),
        ("NOT FirstName = 'Ada'", "Bo Cy"),
        ("NumberOfEmployees > 5", "Cy"),
        ("NumberOfEmployees >= 5 AND NumberOfEmployees < 50.5", "Bo Cy"),
        ("SystemModstamp >= 2026-09-21T14:13:20Z", "Ada Bo Cy"),
        ("SystemModstamp > 2026-09-21T16:13:20+02:00", ""),
        ("CreatedDate < 2026-09-21T14:13:20.000+0000", ""),
        (f"{KEY} = 'K1'", "Ada"),
        ("Phone IN ('+43 1 5', '0043 1 5')", "Ada"),
        ("Lead.FirstName = 'ADA'", "Ada"),
    ],
)
def test_conditions_find_what_they_say(
    client: SalesforceClient, people: dict[str, str], where: str, names: str
) -> None:
    found = client.ids(f"SELECT Id FROM Lead WHERE {where} ORDER BY FirstName")
    assert found == [people[name] for name in names.split()]


def test_rows_show_the_fields_asked_for_and_their_type(client: SalesforceClient, people: dict[str, str]) -> None:
    body = client.query("select id, email from LEAD where FirstName = 'Ada'")
    url = f"/services/data/v60.0/sobjects/Lead/{people['Ada']}"
    row = {"attributes": {"type": "Lead", "url": url}, "Id": people["Ada"], "Email": "Ada@Example.com"}
    assert body == {"totalSize": 1, "done": True, "records": [row]}


def test_order_limit_and_offset(client: SalesforceClient, people: dict[str, str]) -> None:
    ada, bo, cy = people.values()
    assert client.ids("SELECT Id FROM Lead ORDER BY NumberOfEmployees") == [ada, bo, cy]
    assert client.ids("SELECT Id FROM Lead ORDER BY NumberOfEmployees DESC NULLS LAST") == [cy, bo, ada]
    assert client.ids("SELECT Id FROM Lead ORDER BY NumberOfEmployees DESC") == [ada, cy, bo]
    assert client.ids("SELECT Id FROM Lead ORDER BY SystemModstamp, FirstName DESC LIMIT 1 OFFSET 1") == [bo]


def test_counting_returns_no_records(client: SalesforceClient, people: dict[str, str]) -> None:
    assert client.query("SELECT COUNT() FROM Lead") == {"totalSize": 3, "done": True, "records": []}


def test_pages_follow_each_other_by_address(client: SalesforceClient) -> None:
    made = [client.create(FirstName=f"P{number}") for number in range(5)]
    client.switch(page_size=2)
    page = client.query("SELECT Id FROM Lead ORDER BY Id")
    found, sizes = [row["Id"] for row in page["records"]], [len(page["records"])]
    while not page["done"]:
        assert page["totalSize"] == 5
        page = client.at("GET", page["nextRecordsUrl"]).json()
        found += [row["Id"] for row in page["records"]]
        sizes.append(len(page["records"]))
    assert (sorted(found), sizes, "nextRecordsUrl" in page) == (sorted(made), [2, 2, 1], False)


def test_a_page_has_2000_records_or_as_many_as_asked_within_bounds(client: SalesforceClient) -> None:
    rows = [{"LastName": "x", "Company": "x"}] * 200
    for _ in range(2):
        client.many("POST", "", *rows)
    client.create()
    text = "SELECT Id FROM Lead"
    assert len(client.query(text)["records"]) == 401
    assert len(client.query(text, **{"Sforce-Query-Options": "batchSize=250"})["records"]) == 250
    assert len(client.query(text, **{"Sforce-Query-Options": "batchSize=10"})["records"]) == 200


def test_a_page_of_another_org_or_of_nobody_is_refused(client: SalesforceClient, other: SalesforceClient) -> None:
    client.switch(page_size=1)
    client.create()
    client.create()
    address = client.query("SELECT Id FROM Lead")["nextRecordsUrl"]
    assert other.at("GET", address).json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
    assert client.error("GET", "/query/01g5g00000AAAAAAAA-2")[:2] == (400, "INVALID_QUERY_LOCATOR")


def test_deleted_records_are_in_query_all_only(client: SalesforceClient) -> None:
    lead = client.create(Email="a@example.com")
    client.call("DELETE", f"/sobjects/Lead/{lead}")
    text = "SELECT Id, IsDeleted FROM Lead WHERE Email = 'a@example.com'"
    assert client.query(text)["records"] == []
    [row] = client.query(text, everything=True)["records"]
    assert (row["Id"], row["IsDeleted"]) == (lead, True)
    assert client.ids(f"SELECT Id FROM Lead WHERE Id = '{lead}'", everything=True) == [lead]


def test_ids_are_compared_in_either_length(client: SalesforceClient) -> None:
    lead = client.create()
    task = client.create("Task", WhoId=lead)
    assert client.ids(f"SELECT Id FROM Lead WHERE Id IN ('{lead[:15]}')") == [lead]
    assert client.ids(f"SELECT Id FROM Task WHERE WhoId = '{lead[:15]}'") == [task]


def test_a_contacts_account_is_reached_over_its_name(client: SalesforceClient) -> None:
    contact = client.salesforce.convert_lead(client.create(Company="Northwind"))
    alone = client.create("Contact")
    rows = client.query("SELECT Id, Account.Name FROM Contact")["records"]
    names = {row["Id"]: row["Account"] and row["Account"]["Name"] for row in rows}
    assert names == {contact: "Northwind", alone: None}


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("SELECT Id FROM XYZZY", "INVALID_TYPE", "sObject type 'XYZZY' is not supported."),
        ("SELECT Foo FROM Lead", "INVALID_FIELD", "No such column 'Foo' on entity 'Lead'"),
        ("SELECT Id FROM Lead WHERE Foo = 'x'", "INVALID_FIELD", "No such column 'Foo'"),
        ("SELECT Id FROM Lead ORDER BY Foo", "INVALID_FIELD", "No such column 'Foo'"),
        ("SELECT Id FROM Lead WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered"),
        ("SELECT Id FROM Lead ORDER BY Description", "INVALID_FIELD", "can not be sorted"),
        ("SELECT Id FROM Lead WHERE Email = 5", "INVALID_FIELD", "should be enclosed in quotes"),
        ("SELECT Id FROM Lead WHERE IsConverted = 'false'", "INVALID_FIELD", "should not be enclosed in quotes"),
        ("SELECT Id FROM Lead WHERE CreatedDate > 2026-01-01", "INVALID_FIELD", "must be of type datetime"),
        ("SELECT Id FROM Lead WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: x"),
        ("SELECT Id FROM Lead WHERE Email = 'a", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Id FROM Lead WHERE Email = 'O'Hara'", "MALFORMED_QUERY", "unexpected token"),
        (r"SELECT Id FROM Lead WHERE Email = 'a\x'", "MALFORMED_QUERY", r"Illegal character sequence '\x'"),
        (r"SELECT Id FROM Lead WHERE Email = 'a\_'", "MALFORMED_QUERY", r"Illegal character sequence '\_'"),
        ("SELECT Id FROM Lead WHERE Email IN ()", "MALFORMED_QUERY", "unexpected token"),
        (
            "SELECT Id FROM Lead WHERE FirstName = 'a' AND City = 'b' OR City = 'c'",
            "MALFORMED_QUERY",
            "unexpected token: 'OR'",
        ),
        ("SELECT * FROM Lead", "MALFORMED_QUERY", "unexpected token: '*'"),
        ("SELECT Id FROM Lead LIMIT x", "MALFORMED_QUERY", "unexpected token: 'x'"),
        ("SELECT Id FROM Lead;", "MALFORMED_QUERY", "unexpected token: ';'"),
        ("DELETE FROM Lead", "MALFORMED_QUERY", "unexpected token: 'DELETE'"),
        ("", "MALFORMED_QUERY", "query string"),
    ],
)
def test_a_wrong_statement_is_refused(client: SalesforceClient, text: str, code: str, message: str) -> None:
    status, told, said = client.error("GET", "/query", params={"q": text})
    assert (status, told) == (400, code)
    assert message in said


def test_an_address_has_an_end(client: SalesforceClient) -> None:
    text = "SELECT Id FROM Lead WHERE Email IN ('" + "','".join(f"p{n}@example.com" for n in range(1000)) + "')"
    assert client.error("GET", "/query", params={"q": text})[:2] == (414, "URI_TOO_LONG")
    headers = {f"X-Long-{number}": "x" * 4000 for number in range(5)}
    assert client.error("GET", "/limits", headers=headers)[0] == 431
