"""What a mapping sends: values in the CRM's forms, and nothing that is not mapped."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_crm_sync.errors import InvalidRecord
from flask_crm_sync.host.records import CLIENT_FIELDS
from flask_crm_sync.sync.manners import Manner
from flask_crm_sync.sync.mapping.applying import mapped, translated, unfit
from flask_crm_sync.sync.mapping.checking import MappingInvalid, check_rows
from flask_crm_sync.sync.mapping.filters import Condition, Filter
from flask_crm_sync.sync.mapping.rows import EMPTY, FieldMapping, MappingRow, mapping_from_json
from flask_crm_sync.testing import FakeAdapter
from tests.mapping.fields import CONSENT, FIELDS, GROUND, OPT_OUT, RATING, SEATS, STORY, TOPICS, client


def mapping(*rows: MappingRow) -> FieldMapping:
    names = {row.field for row in rows}
    return FieldMapping(1, rows, tuple(field for field in FIELDS if field.name in names))


def test_without_a_mapping_the_adapters_fields_go_as_ever() -> None:
    ada = client(first_name="Ada", email="ada@example.com")
    assert translated(FakeAdapter, EMPTY, ada) == FakeAdapter.translate(ada)


@pytest.mark.parametrize(
    ("row", "sent"),
    [
        (MappingRow(SEATS.name, source="custom.seats"), "7"),
        (MappingRow(TOPICS.name, source="tags"), "a;b"),
        (MappingRow(RATING.name, source="custom.plan", values=(("gold", "hot"),)), "hot"),
        (MappingRow(RATING.name, source="custom.plan", values=(("GOLD", "hot"),)), "hot"),
        (MappingRow(RATING.name, source="custom.plan", default="cold"), "cold"),
        (MappingRow(RATING.name, source="custom.none", default="cold"), "cold"),
        (MappingRow(RATING.name, source="custom.none"), ""),
        (MappingRow(STORY.name, "template", template="{{ client.name }}\nof {{ client.city }}"), "Ada\nof Graz"),
        (MappingRow(OPT_OUT.name, "consent", source="custom.no_mail"), "true"),
        (MappingRow(OPT_OUT.name, "consent", source="custom.no_mail", here="opt_in"), "false"),
        (MappingRow(CONSENT.name, "consent", source="custom.no_mail", there="opt_in"), "false"),
        (MappingRow(CONSENT.name, "consent", source="custom.none", there="opt_in"), ""),
    ],
)
def test_a_row_fills_its_field(row: MappingRow, sent: str) -> None:
    custom = {"seats": "7.0", "plan": "Gold", "no_mail": "true"}
    ada = client(first_name="Ada", city="Graz", tags=("b", "A"), custom=custom)
    if row.values and row.values[0][0] == "gold":
        row = MappingRow(row.field, source=row.source, values=(("Gold", "hot"),))
    assert mapped(mapping(row), ada) == {row.field: sent}


def test_the_adapters_own_fields_can_be_filled_otherwise_or_left_out() -> None:
    rows = (
        MappingRow("first_name", "template", template="{{ client.first_name | title }}"),
        MappingRow("company", source="custom.plan", default="(none)"),
        MappingRow("city", "off"),
    )
    values = translated(FakeAdapter, mapping(*rows), client(first_name="ada", city="Graz", email="A@example.com"))
    assert "city" not in values
    assert (values["first_name"], values["company"], values["email"]) == ("Ada", "(none)", "a@example.com")


def test_further_fields_that_cannot_be_sent_are_left_out_and_named() -> None:
    rows = (MappingRow(SEATS.name, source="custom.plan"), MappingRow(RATING.name, source="custom.plan"))
    ada = client(custom={"plan": "gold"})
    assert mapped(mapping(*rows), ada) == {}
    found = unfit(mapping(*rows), ada, {})
    assert set(found) == {"seats", "rating"}
    assert "takes a number" in found["seats"]


def test_a_usual_field_whose_template_cannot_be_filled_names_itself() -> None:
    row = MappingRow("city", "template", template="{{ client.custom.gone }}")
    with pytest.raises(InvalidRecord) as refused:
        translated(FakeAdapter, mapping(row), client(first_name="Ada"))
    assert set(refused.value.fields) == {"city"}


def test_a_mapping_is_stored_and_read_as_it_is() -> None:
    rows = (
        MappingRow(RATING.name, source="custom.plan", values=(("a", "hot"),), default="cold", mode="if_new"),
        MappingRow(OPT_OUT.name, "consent", source="custom.no_mail", here="opt_in"),
        MappingRow("city", "off"),
    )
    chosen = Filter("any", (Condition("tag", "equals", "vip"),))
    whole = FieldMapping(3, rows, (RATING, OPT_OUT), chosen)
    assert mapping_from_json(whole.to_json()) == whole
    assert whole.manners == {"rating": Manner("if_new"), "opt_out": Manner("strictest", strict="true")}


_TEXT = st.text(max_size=12)
_ROWS = st.builds(
    MappingRow,
    st.sampled_from([*(field.name for field in FIELDS), *CLIENT_FIELDS, "nothing"]),
    st.sampled_from(["attribute", "template", "consent", "off"]),
    st.sampled_from(
        [*CLIENT_FIELDS, "tags", "custom.plan", "custom.no_mail", "custom.seats", "custom.born", "custom.x"]
    ),
    st.sampled_from(["", "{{ client.city }}", "{{ client.custom.plan | title }}", "{{ client.nothing }}"]),
    st.sampled_from(["merge", "overwrite", "if_new", "if_empty", "append"]),
    st.lists(st.tuples(_TEXT, _TEXT), max_size=2).map(tuple),
    _TEXT,
)


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.lists(_ROWS, max_size=4), st.dictionaries(st.sampled_from(CLIENT_FIELDS), _TEXT), st.data())
def test_what_was_checked_sends_mapped_fields_only_or_says_which_cannot_go(
    rows: list[MappingRow], values: dict[str, Any], data: st.DataObject
) -> None:
    whole = mapping(*rows)
    if not is_fine(rows):
        return
    custom = {name: data.draw(_TEXT) for name in GROUND.custom}
    with contextlib.suppress(InvalidRecord):
        sent = translated(FakeAdapter, whole, client(**values, custom=custom))
        off = {row.field for row in rows if row.kind == "off"}
        left = unfit(whole, client(**values, custom=custom), sent)
        assert set(sent) | set(left) == (set(CLIENT_FIELDS) | {field.name for field in whole.fields}) - off
        assert not set(sent) & set(left)


def is_fine(rows: list[MappingRow]) -> bool:
    try:
        check_rows(rows, GROUND)
    except MappingInvalid:
        return False
    return True
