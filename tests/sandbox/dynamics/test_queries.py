"""Queries: the operators of ``$filter``, its traps, order, columns, pages and annotations."""

from __future__ import annotations

import pytest

from .client import API, Client

PEOPLE = (
    {"lastname": "Byron", "emailaddress1": "byron@example.com", "telephone1": "+43 1", "numberofchildren": 1},
    {"lastname": "Lovelace", "emailaddress1": "Ada@Example.com", "mobilephone": "+43 2", "numberofchildren": 3},
    {"lastname": "O'Brien", "emailaddress1": "o'brien@example.com", "jobtitle": "100%_sure [yes]"},
)


@pytest.fixture
def people(client: Client) -> dict[str, str]:
    return {str(columns["lastname"]): client.contact(**columns) for columns in PEOPLE}


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("emailaddress1 eq 'ADA@example.COM'", ["Lovelace"]),
        ("emailaddress1 eq 'o''brien@example.com'", ["O'Brien"]),
        ("emailaddress1 ne 'ada@example.com'", ["Byron", "O'Brien"]),
        ("telephone1 ne '+43 1'", ["Lovelace", "O'Brien"]),
        ("telephone1 eq null", ["Lovelace", "O'Brien"]),
        ("telephone1 ne null", ["Byron"]),
        ("telephone1 eq '+43 1' or mobilephone eq '+43 2'", ["Byron", "Lovelace"]),
        ("statecode eq 0 and (lastname eq 'Byron' or lastname eq 'Nobody')", ["Byron"]),
        ("not (lastname eq 'Byron') and statecode eq 0", ["Lovelace", "O'Brien"]),
        ("numberofchildren gt 1", ["Lovelace"]),
        ("not (numberofchildren gt 1)", ["Byron", "O'Brien"]),
        ("numberofchildren le 3", ["Byron", "Lovelace"]),
        ("donotemail eq false", ["Byron", "Lovelace", "O'Brien"]),
        ("modifiedon ge 2026-09-21T14:13:20Z", ["Byron", "Lovelace", "O'Brien"]),
        ("modifiedon gt 2026-09-21T16:13:20+02:00", []),
        ("contains(lastname,'LOVE')", ["Lovelace"]),
        ("startswith(lastname,'o''b')", ["O'Brien"]),
        ("endswith(emailaddress1,'example.com')", ["Byron", "Lovelace", "O'Brien"]),
        ("contains(jobtitle,'0%s')", ["O'Brien"]),
        ("contains(jobtitle,'0[%][_]s')", ["O'Brien"]),
        ("contains(jobtitle,'0[%][_]x')", []),
        ("contains(lastname,'L_v')", ["Lovelace"]),
        ("lastname gt 'lovelace'", ["O'Brien"]),
        (
            "Microsoft.Dynamics.CRM.In(PropertyName='lastname',PropertyValues=['byron','O''Brien'])",
            ["Byron", "O'Brien"],
        ),
        ('Microsoft.Dynamics.CRM.In(PropertyName=\'lastname\',PropertyValues=["byron","x"])', ["Byron"]),
    ],
)
def test_a_filter_finds(client: Client, condition: str, found: list[str]) -> None:
    assert client.found(condition) == found


@pytest.mark.usefixtures("people")
def test_many_values_are_looked_up_by_aliases(client: Client) -> None:
    condition = "statecode eq @s and Microsoft.Dynamics.CRM.In(PropertyName=@p,PropertyValues=@v)"
    aliases = {"@s": "0", "@p": "'emailaddress1'", "@v": '["o\'brien@example.com","BYRON@example.com"]'}
    assert client.found(condition, **aliases) == ["Byron", "O'Brien"]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    "condition",
    [
        "emailaddress1 eq 'o'brien@example.com'",
        "emailaddress1 eq 'open",
        "emailaddress1 eq",
        "eq 'x'",
        "emailaddress1 = 'x'",
        "emailaddress1 in ('x')",
        "nonsense eq 'x'",
        "EmailAddress1 eq 'x'",
        "parentcustomerid eq null",
        "emailaddress1 eq 5",
        "numberofchildren eq '5'",
        "telephone1 gt null",
        "tolower(lastname) eq 'x'",
        "contains(numberofchildren,'x')",
        "lastname eq @unknown",
        "(lastname eq 'x'",
        "lastname eq 'x' and",
        "(" * 200 + "lastname eq 'x'" + ")" * 200,
        "not " * 200 + "lastname eq 'x'",
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(client: Client, condition: str) -> None:
    answer = client.find(condition)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "0x80060888")


def test_a_plus_sign_in_an_address_is_a_space(client: Client, people: dict[str, str]) -> None:
    assert client.data("GET", "contacts?$filter=telephone1%20eq%20'+43%201'").json()["value"] == []
    assert len(client.data("GET", "contacts?$filter=telephone1%20eq%20'%2B43%201'").json()["value"]) == 1


def test_only_chosen_columns_and_the_id_are_shown(client: Client, people: dict[str, str]) -> None:
    [row] = client.find("lastname eq 'Byron'", **{"$select": "emailaddress1,mobilephone"}).json()["value"]
    tag = row.pop("@odata.etag")
    assert tag.startswith('W/"')
    assert row == {"emailaddress1": "byron@example.com", "mobilephone": None, "contactid": people["Byron"]}
    assert client.data("GET", "contacts?$select=nonsense").status_code == 400


def test_rows_come_in_the_order_asked_for(client: Client, people: dict[str, str]) -> None:
    answer = client.call("GET", f"{API}contacts", params={"$orderby": "numberofchildren desc,lastname", "$top": "2"})
    assert [row["lastname"] for row in answer.json()["value"]] == ["Lovelace", "Byron"]
    assert "@odata.nextLink" not in answer.json()
    assert client.data("GET", "contacts?$orderby=nonsense").status_code == 400
    assert client.data("GET", "contacts?$orderby=lastname%20up").status_code == 400
    assert client.data("GET", "contacts?$top=0").status_code == 400


@pytest.mark.parametrize("order", ["", "&$orderby=lastname desc"])
def test_pages_lead_to_each_other_and_hold_every_row_once(client: Client, order: str) -> None:
    names = {f"Number {n}" for n in range(7)}
    for name in names:
        client.contact(lastname=name)
    link = f"contacts?$select=lastname&$filter=startswith(lastname,'Number')&$count=true{order}"
    seen: list[str] = []
    pages = 0
    while link:
        page = client.data("GET", link.removeprefix(client.sandbox.url + API), Prefer="odata.maxpagesize=3").json()
        assert page["@odata.count"] == 7
        seen += [row["lastname"] for row in page["value"]]
        link, pages = page.get("@odata.nextLink", ""), pages + 1
        assert not link or link.startswith(client.sandbox.url + API)
    assert (pages, len(seen), set(seen)) == (3, 7, names)


@pytest.mark.parametrize("query", ["$skip=5", "$apply=x", "$expand=Contact_Annotation", "$skiptoken=forged"])
def test_an_option_that_is_not_supported_is_refused(client: Client, query: str) -> None:
    assert client.data("GET", f"contacts?{query}").status_code == 400


def test_an_option_of_ones_own_is_passed_over(client: Client) -> None:
    assert client.data("GET", "contacts?tag=chatsync").status_code == 200


def test_rows_are_counted(client: Client, people: dict[str, str]) -> None:
    answer = client.data("GET", "contacts/$count?$filter=lastname%20ne%20'Byron'")
    assert (answer.text, answer.headers["Content-Type"].split(";")[0]) == ("2", "text/plain")


def test_annotations_come_only_as_asked_for(client: Client, people: dict[str, str]) -> None:
    row = f"contacts({people['Byron']})?$select=statecode,numberofchildren"
    assert not [name for name in client.data("GET", row).json() if "@OData" in name]
    prefer = {"Prefer": 'odata.include-annotations="OData.Community.Display.V1.FormattedValue"'}
    shown = client.data("GET", row, **prefer).json()
    assert shown["statecode@OData.Community.Display.V1.FormattedValue"] == "Active"
    without = {"Prefer": 'odata.include-annotations="*,-OData.Community.Display.V1.FormattedValue"'}
    assert not [name for name in client.data("GET", row, **without).json() if "@OData" in name]


def test_accounts_are_found_by_name_and_state(client: Client) -> None:
    account = client.sandbox.dynamics.add_account("Analytical Engines")
    answer = client.find("name eq 'analytical engines' and statecode eq 0", "accounts", **{"$select": "name"})
    assert [row["accountid"] for row in answer.json()["value"]] == [account]


def test_users_and_organization_can_be_read(client: Client) -> None:
    me = client.data("GET", "WhoAmI").json()
    user = client.data("GET", f"systemusers({me['UserId']})?$select=fullname,applicationid,isdisabled").json()
    assert (user["applicationid"], user["isdisabled"]) == ("11111111-2222-4333-8444-555555555555", False)
    organization = client.data("GET", f"organizations({me['OrganizationId']})").json()
    assert (organization["name"], organization["expirechangetrackingindays"]) == ("sandbox", 7)


def test_tables_say_which_bulk_messages_they_take(client: Client) -> None:
    query = {
        "$select": "sdkmessagefilterid",
        "$filter": "sdkmessageid/name eq @m and primaryobjecttypecode eq @t",
        "@m": "'UpsertMultiple'",
        "@t": "'contact'",
    }
    assert len(client.call("GET", f"{API}sdkmessagefilters", params=query).json()["value"]) == 1
    none = {**query, "@t": "'systemuser'"}
    assert client.call("GET", f"{API}sdkmessagefilters", params=none).json()["value"] == []


def test_columns_are_described_with_lengths_and_choices(client: Client) -> None:
    base = "EntityDefinitions(LogicalName='contact')"
    assert (
        client.data("GET", f"{base}?$select=EntitySetName,ChangeTrackingEnabled").json()["EntitySetName"] == "contacts"
    )
    texts = client.data("GET", f"{base}/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata").json()["value"]
    assert {each["LogicalName"]: each["MaxLength"] for each in texts}["emailaddress1"] == 100
    one = client.data("GET", f"{base}/Attributes(LogicalName='notthere')")
    assert one.status_code == 404
    state = client.data("GET", f"{base}/Attributes(LogicalName='statecode')").json()
    assert [option["Value"] for option in state["OptionSet"]["Options"]] == [0, 1]
    assert client.data("GET", "EntityDefinitions(LogicalName='nothing')").status_code == 404
