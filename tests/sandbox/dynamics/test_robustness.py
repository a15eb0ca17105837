"""Nothing that a client sends makes the server fall over: odd numbers, forged tokens, hostile texts."""

from __future__ import annotations

import pytest

from .client import API, Client, in_batch, part

ODD = ("", "'", "((", "\x00", "\ud7ff", "𝔘𝔫𝔦", "%", "1e999", "-", "null", "@a", "[", '["', "$", "eq" * 1000)


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("option", ["$filter", "$select", "$orderby", "$top", "$skiptoken", "$deltatoken", "$count"])
def test_no_option_of_a_query_is_a_server_error(client: Client, option: str, text: str) -> None:
    assert client.call("GET", f"{API}contacts", params={option: text}).status_code in (200, 400)


@pytest.mark.parametrize(
    "query",
    [
        {"$filter": "numberofchildren eq 999999999999999999999999"},
        {"$top": "9" * 40},
        {"$filter": "modifiedon ge 9999-99-99T00:00:00Z"},
        {"$filter": "birthdate eq 2026-13-45"},
        {"$deltatoken": "1!99/99/9999 00:00:00"},
        {"$deltatoken": f"{'9' * 40}!08/22/2026 08:21:20"},
        {"$skiptoken": '<cookie pagenumber="2" pagingcookie="a/b" istracking="True" />'},
        {"$skiptoken": f'<cookie pagenumber="{"9" * 40}" pagingcookie="{"9" * 40}" istracking="False" />'},
        {
            "$orderby": "lastname",
            "$skiptoken": f'<cookie pagenumber="2" pagingcookie="{"9" * 40}" istracking="False" />',
        },
    ],
)
def test_no_number_or_date_is_a_server_error(client: Client, query: dict[str, str]) -> None:
    assert client.call("GET", f"{API}contacts", params=query).status_code in (200, 400)


@pytest.mark.parametrize("value", [10**30, -1.5, [], {}, True, "\x00", "𝔘" * 60, {"a": [1]}, "\u2028"])
@pytest.mark.parametrize("name", ["firstname", "numberofchildren", "birthdate", "gendercode", "contactid", "donotfax"])
def test_no_value_is_a_server_error(client: Client, name: str, value: object) -> None:
    assert client.data("POST", "contacts", {name: value}).status_code in (204, 400)


@pytest.mark.parametrize("key", ["(", "')", "a='", "a='b',,", "'", "a=b=c", "externaluseridentifier='%00'", "x" * 9000])
def test_no_key_is_a_server_error(client: Client, key: str) -> None:
    assert client.data("GET", f"contacts({key})").status_code in (400, 404)


@pytest.mark.parametrize("cut", range(0, 200, 13))
def test_a_batch_cut_anywhere_is_refused_or_done(client: Client, cut: int) -> None:
    whole = in_batch([part("POST", f"{API}contacts", '{"lastname":"X"}')])
    assert client.raw_batch(whole[:cut]).status_code == 400
    assert client.sandbox.dynamics.contacts() == []


@pytest.mark.parametrize("bytes_between", [b"\xff\xfe", b"\x00", b"--batch_test", b"\r\n\r\n"])
def test_odd_bytes_in_a_batch_are_no_server_error(client: Client, bytes_between: bytes) -> None:
    whole = in_batch([part("POST", f"{API}contacts", '{"lastname":"X"}')])
    for place in range(0, len(whole), 29):
        answer = client.raw_batch(whole[:place] + bytes_between + whole[place:])
        assert answer.status_code in (200, 400), answer.text
