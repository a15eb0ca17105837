"""A client in AutoChat CRM's words, without any HTTP."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.crm.autochat.fields import FIELDS, LONGEST, NAMES, Naming, stand_in, translate
from flask_crm_sync.errors import InvalidRecord
from flask_crm_sync.host.records import CLIENT_FIELDS, ClientRecord

_ANN = {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.com"}
_DEFAULT = Naming(())


def test_documented_names_are_the_default_and_every_host_field_has_one() -> None:
    names = {spec.source: spec.name for spec in FIELDS}
    assert set(names) == set(CLIENT_FIELDS)
    assert (names["company"], names["email"]) == ("company_name", "email")


@given(st.fixed_dictionaries({field: st.text(max_size=30) for field in CLIENT_FIELDS if field != "email"}))
def test_translation_is_stable(texts: dict[str, str]) -> None:
    """What was translated once, and came back so, translates to itself."""
    try:
        values = translate(ClientRecord("1", "1", **texts))
    except InvalidRecord:
        return
    again = {spec.source: values[spec.name] for spec in FIELDS}
    assert translate(ClientRecord("1", "1", **again)) == values


@pytest.mark.parametrize(
    ("field", "text", "fault"),
    [
        ("email", "not-an-address", "e-mail"),
        ("email", "a@b@example.com", "e-mail"),
        ("email", "ann@localhost", "e-mail"),
        ("city", "Rome\x00", "NUL"),
        ("city", "half \ud800", "surrogate"),
        ("company", "x" * (LONGEST + 1), "65,537 characters"),
    ],
)
def test_text_that_cannot_be_sent_is_named_by_its_field(field: str, text: str, fault: str) -> None:
    with pytest.raises(InvalidRecord) as refused:
        translate(ClientRecord("1", "1", **{field: text}))
    assert list(refused.value.fields) == [field]
    assert fault in refused.value.fields[field]


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(InvalidRecord) as refused:
        translate(ClientRecord("1", "1", email="x", city="\x00"))
    assert set(refused.value.fields) == {"email", "city"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"first_name": "Ann", "last_name": "Lee", "email": "ann@example.com"}, "Ann Lee"),
        ({"first_name": "Ann", "email": "ann@example.com"}, "Ann"),
        ({"email": "ann@example.com"}, "ann@example.com"),
        ({"phone": "+1 202-555-0123"}, "+1 202-555-0123"),
        ({"city": "Rome"}, ""),
    ],
)
def test_stand_in_is_the_full_name_else_the_email_else_the_phone(values: dict[str, str], expected: str) -> None:
    assert stand_in(values) == expected


def test_new_client_without_a_company_gets_the_stand_in_and_blanks_are_not_sent() -> None:
    assert _DEFAULT.new({**_ANN, "phone": ""}) == {**_ANN, "company_name": "Ann Lee"}


def test_real_company_is_never_replaced_by_the_stand_in() -> None:
    assert _DEFAULT.new({**_ANN, "company_name": "Example Ltd"})["company_name"] == "Example Ltd"


@pytest.mark.parametrize("company", ["Ann Lee", None, ""])
def test_stand_in_never_comes_back_as_data(company: str | None) -> None:
    assert _DEFAULT.values({**_ANN, "company_name": company})["company_name"] == ""


def test_company_of_another_name_comes_back() -> None:
    assert _DEFAULT.values({**_ANN, "company_name": "Lee & Sons"})["company_name"] == "Lee & Sons"


def test_update_without_a_company_sets_no_stand_in() -> None:
    assert _DEFAULT.merged({"id": "1"}, {"city": "Rome"}) == {"id": "1", "city": "Rome"}


def test_merging_keeps_what_is_not_ours_and_clears_with_null() -> None:
    row = {"id": "1", "city": "Rome", "status": "active", "tags": ["a"]}
    merged = _DEFAULT.merged(row, {"city": "", "zip": "00184"})
    assert merged == {"id": "1", "city": None, "zip": "00184", "status": "active", "tags": ["a"]}
    assert row["city"] == "Rome"


def test_renamed_nested_and_switched_off_fields_go_both_ways() -> None:
    naming = Naming((("company", "organisation"), ("street", "address.line1"), ("city", "address.town"), ("phone", "")))
    sent = naming.new({**_ANN, "company_name": "Example Ltd", "street": "1 Way", "city": "Rome", "phone": "123"})
    assert sent == {**_ANN, "organisation": "Example Ltd", "address": {"line1": "1 Way", "town": "Rome"}}
    values = naming.values({**sent, "address": {"line1": "2 Way", "other": "kept"}, "phone": "999"})
    assert (values["street"], values["city"], values["company_name"], values["phone"]) == (
        "2 Way",
        "",
        "Example Ltd",
        "",
    )
    assert naming.off == {"phone"}
    assert naming.merged({"address": {"other": "kept"}}, {"city": "Oslo"}) == {
        "address": {"other": "kept", "town": "Oslo"}
    }


def test_values_of_odd_types_do_no_harm() -> None:
    values = _DEFAULT.values({"zip": 10115, "city": {"a": 1}, "state": [1], "phone": None, "country": True})
    assert {name: text for name, text in values.items() if text} == {"zip": "10115"}
    assert set(values) == set(NAMES)
