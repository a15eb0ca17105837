"""The translation of a client, without any HTTP."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.crm.hubspot import HubSpotAdapter
from flask_crm_sync.crm.hubspot.fields import NAMES, TEXT_LIMIT
from flask_crm_sync.errors import InvalidRecord
from flask_crm_sync.host.records import CLIENT_FIELDS, ClientRecord

translate = HubSpotAdapter.translate


def _client(**values: str) -> ClientRecord:
    return ClientRecord("7", "1", **dict[str, Any](values))


def test_every_field_of_a_client_has_its_property() -> None:
    values = translate(_client(**{name: f"{name}@example.com" for name in CLIENT_FIELDS}))
    assert dict(values) == {
        "firstname": "first_name@example.com",
        "lastname": "last_name@example.com",
        "email": "email@example.com",
        "phone": "phone@example.com",
        "company": "company@example.com",
        "address": "street@example.com",
        "city": "city@example.com",
        "state": "state@example.com",
        "zip": "zip@example.com",
        "country": "country@example.com",
    }


def test_what_the_host_does_not_have_is_a_blank() -> None:
    assert translate(_client()) == dict.fromkeys(NAMES, "")
    assert translate(_client(first_name=None)) == dict.fromkeys(NAMES, "")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "given_text", "name", "sent"),
    [
        ("email", "  Zoe@Example.COM \n", "email", "zoe@example.com"),
        ("first_name", "  Zoe\u0308 ", "firstname", "Zo\u00eb"),
        ("last_name", "van\tder\r\n  Berg", "lastname", "van der Berg"),
        ("last_name", "O\x07Neil", "lastname", "O Neil"),
        ("street", "1 Main St\nApt 4\r\n", "address", "1 Main St, Apt 4"),
        ("first_name", "يوسف", "firstname", "يوسف"),
        ("company", "Café 👩🏽‍🚀 & Söhne", "company", "Café 👩🏽‍🚀 & Söhne"),
        ("phone", " +49 (30) 123-45 ", "phone", "+49 (30) 123-45"),
        ("email", "jürgen@exämple.example", "email", "jürgen@exämple.example"),
        ("email", "a.b+tag@sub.example.co", "email", "a.b+tag@sub.example.co"),
    ],
)
def test_text_is_sent_as_hubspot_would_return_it(field: str, given_text: str, name: str, sent: str) -> None:
    assert translate(_client(**{field: given_text}))[name] == sent


@pytest.mark.parametrize(
    "email",
    [
        "zoe",
        "zoe@",
        "@example.com",
        "zoe@example",
        "zoe@example.com\nBcc: x@example.com",
        "zoe@exam\x00ple.com",
        "zoe @example.com",
        "zoe@example..com",
        ".zoe@example.com",
        "zoe.@example.com",
        "a@b@example.com",
        "Zoe <zoe@example.com>",
        "zoe@example.com, ann@example.com",
        "zoe\u200b@example.com",
        "zoe@127.0.0.1",
    ],
)
def test_impossible_email_is_refused_by_name(email: str) -> None:
    with pytest.raises(InvalidRecord) as refused:
        translate(_client(email=email))
    assert list(refused.value.fields) == ["email"]


@pytest.mark.parametrize(("text", "word"), [("a\x00b", "NUL"), ("a\ud800b", "surrogate"), ("\udfff", "surrogate")])
def test_text_that_cannot_be_sent_is_refused_by_name(text: str, word: str) -> None:
    with pytest.raises(InvalidRecord) as refused:
        translate(_client(last_name=text, city=text))
    assert set(refused.value.fields) == {"last_name", "city"}
    assert word in refused.value.fields["city"]
    json.dumps(refused.value.fields, ensure_ascii=False).encode()


def test_too_long_text_is_refused_with_both_numbers() -> None:
    assert len(translate(_client(first_name="x" * TEXT_LIMIT))["firstname"]) == TEXT_LIMIT
    with pytest.raises(InvalidRecord) as refused:
        translate(_client(first_name="x" * 10_000_000))
    assert refused.value.fields == {"first_name": "10,000,000 characters; HubSpot takes 65,536"}
    assert len(str(refused.value)) < 100


@given(st.builds(ClientRecord, st.just("7"), st.just("1"), **{name: st.text(max_size=40) for name in CLIENT_FIELDS}))
def test_translation_is_total_stable_and_sendable(client: ClientRecord) -> None:
    try:
        values = translate(client)
    except InvalidRecord:
        return
    assert set(values) == set(NAMES)
    for text in values.values():
        assert text == text.strip()
        assert unicodedata.is_normalized("NFC", text)
        assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)
    sources = dict(zip(NAMES, CLIENT_FIELDS, strict=True))
    again = _client(**{sources[name]: text for name, text in values.items()})
    assert translate(again) == values


@given(st.emails())
def test_ordinary_email_addresses_are_accepted(email: str) -> None:
    local, _at, domain = email.rpartition("@")
    if set(local) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-") and domain[-1].isalpha():
        assert translate(_client(email=email))["email"] == email.lower()


def test_lookup_carries_the_translated_email_and_phone() -> None:
    lookup = HubSpotAdapter.lookup("k", translate(_client(email="A@example.com", phone="123 4567")), by_key=False)
    assert (lookup.key, lookup.email, lookup.phone, lookup.by_key) == ("k", "a@example.com", "123 4567", False)
