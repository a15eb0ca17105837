"""A mapping that cannot work says so at the row, before it is saved."""

from __future__ import annotations

import pytest

from flask_crm_sync.sync.mapping.checking import MappingInvalid, check_rows, hints, wrong_with
from flask_crm_sync.sync.mapping.rows import MappingRow
from tests.mapping.fields import GROUND

ONE_OF = "{{% if client.city == 'Graz' %}}{}{{% else %}}{}{{% endif %}}"


@pytest.mark.parametrize(
    ("row", "place", "said"),
    [
        (MappingRow("no_such", source="city"), "field", "no such field"),
        (MappingRow("score", source="custom.seats"), "field", "does not let this field be written"),
        (MappingRow("seats", source="custom.born"), "source", "takes a number"),
        (MappingRow("born", source="city"), "source", "takes a date"),
        (MappingRow("opt_out", source="custom.seats"), "source", "takes yes or no"),
        (MappingRow("plan", source="custom.gone"), "source", "no such attribute"),
        (MappingRow("plan", source="id"), "source", "no such attribute"),
        (MappingRow("plan", source="custom.plan", default="more than ten"), "default", "takes 10 characters"),
        (MappingRow("rating", source="custom.plan", values=(("a", "warm"),)), "values", "no option “warm”"),
        (MappingRow("rating", source="custom.plan", values=(("a", "hot"), ("a", "cold"))), "values", "stands once"),
        (MappingRow("rating", source="custom.plan", default="warm"), "default", "no option “warm”"),
        (MappingRow("source", source="custom.plan"), "default", "requires a value"),
        (MappingRow("plan", "template"), "template", "Write a template"),
        (MappingRow("plan", "template", template="{{ client.x }}"), "template", "A client has no “x”"),
        (MappingRow("plan", "template", template="{{ client.custom.x }}"), "template", "no custom attribute “x”"),
        (MappingRow("plan", "template", template="more than ten"), "template", "takes 10 characters"),
        (MappingRow("born", "template", template="yesterday"), "template", "takes a date"),
        (MappingRow("rating", "template", template=ONE_OF.format("warm", "cool")), "template", "no option “cool”"),
        (MappingRow("plan"), "source", "Choose an attribute."),
        (MappingRow("opt_out", "consent"), "source", "Choose an attribute."),
        (MappingRow("plan", source="custom.plan", mode="append"), "mode", "several lines"),
        (MappingRow("rating", "consent", source="custom.no_mail"), "field", "yes or no"),
        (MappingRow("opt_out", "consent", source="custom.plan"), "source", "yes or no"),
        (MappingRow("plan", "off"), "kind", "delete the row"),
        (MappingRow("email", "off"), "kind", "matched by this field"),
        (MappingRow("phone", source="custom.plan"), "kind", "matched by this field"),
        (MappingRow("plan", "else"), "kind", "Choose one"),  # type: ignore[arg-type]
    ],
)
def test_what_is_wrong_is_said_at_the_row(row: MappingRow, place: str, said: str) -> None:
    with pytest.raises(MappingInvalid) as refused:
        check_rows([row], GROUND)
    assert said in refused.value.rows[row.field][place]


def test_two_rows_cannot_fill_one_field() -> None:
    with pytest.raises(MappingInvalid, match="fills this field already"):
        check_rows([MappingRow("plan", source="city"), MappingRow("plan", source="state")], GROUND)


@pytest.mark.parametrize(
    "row",
    [
        MappingRow("plan", source="custom.plan"),
        MappingRow("seats", source="custom.plan"),
        MappingRow("born", source="custom.born"),
        MappingRow("rating", source="custom.seats", values=(("1", "Hot"),)),
        MappingRow("opt_out", "consent", source="custom.no_mail", there="opt_in"),
        MappingRow("story", "template", template="{{ client.name }}", mode="append"),
        MappingRow("rating", "template", template=ONE_OF.format("hot", "whatever")),
        MappingRow("rating", "template", template="warm", values=(("Warm", "hot"),)),
        MappingRow("rating", "template", template="warm", default="cold"),
        MappingRow("plan", "template", template="{{ client.city }} or more than ten"),
        MappingRow("source", source="custom.plan", default="Helpdesk"),
        MappingRow("city", "off"),
        MappingRow("company", source="custom.plan", mode="if_empty"),
        MappingRow("email", source="email", mode="if_new"),
        MappingRow("topics", source="tags", mode="append"),
    ],
)
def test_what_can_work_is_taken(row: MappingRow) -> None:
    assert list(wrong_with(row, GROUND)) == []


def test_what_may_not_fit_for_some_is_said_beforehand() -> None:
    assert "more than 10 characters" in next(hints(MappingRow("plan", source="custom.plan"), GROUND))
    assert "does not fit" in next(hints(MappingRow("seats", source="custom.plan"), GROUND))
    assert "does not fit" in next(hints(MappingRow("rating", source="city"), GROUND))
    assert list(hints(MappingRow("rating", source="city", default="cold"), GROUND)) == []
    assert list(hints(MappingRow("seats", source="custom.seats"), GROUND)) == []
    assert "more than 10 characters" in next(
        hints(MappingRow("plan", "template", template="{{ client.city }}"), GROUND)
    )
    assert "does not fit" in next(hints(MappingRow("born", "template", template="{{ client.city }}"), GROUND))
    assert list(hints(MappingRow("story", "template", template="{{ client.city }}"), GROUND)) == []


def test_what_was_there_before_stops_no_other_row() -> None:
    gone, new = MappingRow("no_such", source="city"), MappingRow("plan", source="city")
    check_rows([gone, new], GROUND, kept=[gone])
    with pytest.raises(MappingInvalid):
        check_rows([gone, new], GROUND, kept=[new])
