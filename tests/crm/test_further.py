"""The one form of a value for a field of the CRM, whatever its type."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_crm_sync.crm.base import RemoteField
from flask_crm_sync.crm.further import Unfit, as_told, field_from_json, field_to_json, in_form, on_wire

TEXT = RemoteField("note", "Note", "text", max_length=12)
STAGE = RemoteField("stage", "Stage", "choice", options=(("NEW", "New"), ("OPEN_DEAL", "Open deal")))
TAGS = RemoteField("tags", "Tags", "choices", options=(("a", "Alpha"), ("b", "Beta"), ("c", "Gamma")))


def _of(type_: str) -> RemoteField:
    return replace(TEXT, type=type_, max_length=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "text", "formed"),
    [
        (TEXT, "  a \n b ", "a b"),
        (replace(TEXT, lines=True), "a  b\r\nc", "a b\nc"),
        (TEXT, "e\u0301", "é"),
        (TEXT, "   ", ""),
        (_of("boolean"), "Yes", "true"),
        (_of("boolean"), "0", "false"),
        (_of("number"), "+012.50", "12.5"),
        (_of("number"), "1e3", "1000"),
        (_of("number"), "-0.0", "0"),
        (_of("date"), "2026-01-31", "2026-01-31"),
        (_of("date"), "2026-01-31T23:30:00-02:00", "2026-02-01"),
        (_of("datetime"), "2026-01-31T10:00:00.123+02:00", "2026-01-31T08:00:00Z"),
        (_of("datetime"), "2026-01-31T08:00:00.000+0000", "2026-01-31T08:00:00Z"),
        (STAGE, "OPEN_DEAL", "OPEN_DEAL"),
        (STAGE, "open deal", "OPEN_DEAL"),
        (replace(STAGE, options=()), "whatever", "whatever"),
        (TAGS, "Gamma; a;c", "a;c"),
        (STAGE, "", ""),
    ],
)
def test_each_type_has_one_form(field: RemoteField, text: str, formed: str) -> None:
    assert in_form(field, text) == formed
    assert in_form(field, formed) == formed


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [
        (TEXT, "x" * 13, "12 characters"),
        (TEXT, "a\x00b", "NUL"),
        (_of("boolean"), "perhaps", "yes or no"),
        (_of("number"), "a lot", "a number"),
        (_of("number"), "1e999999999", "a number"),
        (_of("number"), "NaN", "a number"),
        (_of("date"), "31.01.2026", "a date"),
        (_of("datetime"), "noon", "a date and time"),
        (_of("datetime"), "0001-01-01T00:00:00+14:00", "a date and time"),
        (_of("date"), "9999-12-31T23:00:00-14:00", "a date"),
        (STAGE, "Won", "no option"),
        (TAGS, "a;z", "no option"),
        (replace(TEXT, writable=False), "a", "cannot be written"),
        (replace(TEXT, required=True), "", "required"),
    ],
)
def test_value_that_does_not_fit_is_refused_with_a_sentence(field: RemoteField, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        in_form(field, text)


@pytest.mark.parametrize("type_", ["boolean", "number", "date", "datetime", "choice", "choices"])
def test_sentence_that_is_kept_does_not_hold_the_value_and_the_one_for_who_types_it_does(type_: str) -> None:
    field = replace(_of(type_), options=STAGE.options)
    with pytest.raises(Unfit) as refused:
        in_form(field, "Ada Quist")
    assert "Ada" not in str(refused.value)
    assert "“Ada Quist”" in refused.value.quoting


@pytest.mark.parametrize(
    ("field", "held", "told"),
    [
        (_of("boolean"), True, "true"),
        (_of("number"), 12.0, "12"),
        (_of("datetime"), "2026-01-31T08:00:00.000+0000", "2026-01-31T08:00:00Z"),
        (_of("date"), "someday", "someday"),
        (STAGE, "TAKEN_OUT", "TAKEN_OUT"),
        (STAGE, 3, "3"),
        (STAGE, "Open deal", "Open deal"),
        (TAGS, "z;c;a", "a;c;z"),
        (TEXT, "a\r\nb", "a\nb"),
        (TEXT, None, ""),
    ],
)
def test_what_the_crm_holds_is_told_in_that_form_as_far_as_it_fits(field: RemoteField, held: object, told: str) -> None:
    assert as_told(field, held) == told


@settings(max_examples=40)
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=3))
def test_number_comes_back_from_the_wire_as_it_was_sent(number: object) -> None:
    field = _of("number")
    sent = in_form(field, str(number))
    assert as_told(field, on_wire(field, sent)) == sent


@pytest.mark.parametrize("field", [TEXT, STAGE, replace(TAGS, on=("lead",), lines=True, default="a")])
def test_field_is_kept_and_read_as_it_was(field: RemoteField) -> None:
    assert field_from_json(field_to_json(field)) == field
