"""Templates: what they can do, and that nothing else comes out of them than a text or one clear error."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flask_crm_sync.sync.mapping.templates import FILTERS, LONGEST_RESULT, TemplateWrong, check_template, template
from tests.mapping.fields import client

ADA = client(
    first_name="ada", last_name="O'NEIL", email="ada@example.com", tags=("vip", "trade"), custom={"plan": "gold"}
)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{ client.first_name | title }}", "Ada"),
        ("{{ client.last_name | title }}", "O'neil"),
        ("{{ client.tags | join(' / ') }}", "vip / trade"),
        ("{{ client.tags }}", "vip, trade"),
        ("{{ client.city | default('Graz') }}", "Graz"),
        ("{{ client.custom.plan | upper }}", "GOLD"),
        ("{% if client.custom.plan == 'gold' %}A{% elif client.city %}B{% else %}C{% endif %}", "A"),
        ("{{ 'yes' if 'vip' in client.tags else 'no' }}", "yes"),
        ("{{ client.first_name ~ ' ' ~ client.last_name | lower }}", "ada o'neil"),
        ("{{ client.name | first }}, {{ client.name | last }}", "ada, O'NEIL"),
        ("{{ client.email | replace('@', ' at ') | truncate(6) }}", "ada at"),
        ("plain text, 50 %", "plain text, 50 %"),
    ],
)
def test_templates_fill_values(text: str, filled: str) -> None:
    assert template(text).render(ADA) == filled


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{% for tag in client.tags %}{{ tag }}{% endfor %}", "cannot use “For”"),
        ("{% macro x() %}{% endmacro %}", "cannot use “Macro”"),
        ("{% include 'crm_sync/base.html' %}", "cannot use “Include”"),
        ("{{ client.email.upper() }}", "cannot use “Call”"),
        ("{{ 'x' * 999999999 }}", "cannot use “Mul”"),
        ("{{ client['email'] }}", "cannot use “Getitem”"),
        ("{{ client.__class__ }}", "A client has no “__class__”"),
        ("{{ client.custom.__class__ }}", "cannot be asked for there"),
        ("{{ client.frist_name }}", "A client has no “frist_name”"),
        ("{{ config }}", "There is no “config”"),
        ("{{ client.email | xmlattr }}", "There is no filter “xmlattr”"),
        ("{{ client", "cannot be read"),
        ("{{ 1 < 2 }}", "compared with"),
        ("x" * 501, "up to 500 characters"),
    ],
)
def test_what_a_template_cannot_do_is_said(text: str, said: str) -> None:
    with pytest.raises(TemplateWrong) as refused:
        template(text)
    assert said in str(refused.value)


def test_an_attribute_that_the_app_has_not_is_said_before_saving_and_when_filling() -> None:
    with pytest.raises(TemplateWrong, match="no custom attribute “orders”"):
        check_template("{{ client.custom.orders }}", ["plan"])
    with pytest.raises(TemplateWrong, match="does not have"):
        template("{{ client.custom.orders }}").render(ADA)


def test_a_result_stays_short() -> None:
    grows = "{{ client.first_name" + " | replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaa')" * 9 + " }}"
    with pytest.raises(TemplateWrong, match="more than 10,000"):
        template(grows).render(ADA)
    with pytest.raises(TemplateWrong, match="more than 10,000"):
        template("{{ client.city }}").render(client(city="x" * (LONGEST_RESULT + 1)))


_PIECES = st.sampled_from(
    [
        *("{{", "}}", "{%", "%}", "{#", "client", ".", "custom", "tags", "email", "|", "(", ")", "'", '"', "~", "%"),
        *(
            "if ",
            "endif",
            "else",
            "in",
            "not",
            "set x=",
            "for x in ",
            "raw",
            "block",
            "==",
            "<",
            "[",
            "]",
            "*",
            "9" * 40,
        ),
        *(" ", "\n", "\x00", "\ud800", "ß", "x", "self", "__init__", "true", "none", *FILTERS),
    ]
)


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=25).map("".join)), st.text(max_size=20))
@example("{{" + "(" * 200 + "1" + ")" * 200 + "}}", "")
@example("{{" + "not " * 120 + "1 }}", "")
def test_whatever_is_typed_comes_to_a_text_or_a_clear_error(text: str, value: str) -> None:
    filled = ""
    with contextlib.suppress(TemplateWrong):
        filled = template(text).render(client(first_name=value, email=value, tags=(value,), custom={"plan": value}))
    assert len(filled) <= LONGEST_RESULT


@settings(max_examples=30, derandomize=True, deadline=None)
@given(st.text(max_size=40), st.sampled_from(sorted(FILTERS)))
def test_every_filter_takes_every_value(value: str, name: str) -> None:
    given = {"replace": "('a', 'b')"}.get(name, "")
    assert isinstance(template(f"{{{{ client.city | {name}{given} }}}}").render(client(city=value)), str)


def test_a_name_is_sent_whole_however_long_it_is() -> None:
    long = "x" * 400
    assert template("{{ client.name }}").render(client(first_name="Ada", last_name=long)) == f"Ada {long}"
