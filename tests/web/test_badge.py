"""The badge on the host's own pages: what it says, to whom, and at what cost."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import render_template_string

from flask_crm_sync.models import Qualification
from tests.web.helpdesk import Helpdesk, db
from tests.web.test_qualified_only_page import qualify

KEY = "of 1 default"


@pytest.fixture
def shown(desk: Helpdesk) -> Any:
    """Return what renders a template as a page of the host would, for somebody."""

    def render(template: str, who: str = "viewer", **given: Any) -> str:
        page = f"/host-page-{len(desk.app.view_functions)}"
        desk.app.add_url_rule(page, page, lambda: render_template_string(template, **given))
        return desk.browser(who).get(page).text

    return render


def change(desk: Helpdesk, **values: Any) -> None:
    with desk.sync.database.write() as database:
        database.execute(sa.update(Qualification).values(**values))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "Qualified, provisionally"),
        ({"final": True}, "Qualified"),
        ({"outcome": "not_reviewed"}, "Qualified, not reviewed"),
        ({"status": "pending"}, "Pending"),
        ({"status": "unqualified", "final": True}, "Unqualified"),
    ],
)
def test_the_badge_says_what_the_conversation_was_found_to_be(desk: Helpdesk, shown: Any, values, text) -> None:
    qualify(desk, "1")
    if values:
        change(desk, **values)
    assert f">{text}</span>" in shown("{{ crm_sync_badge(key) }}", key=KEY)


@pytest.mark.parametrize(
    ("who", "key"),
    [("viewer", "of 9 default"), ("foreign manager", KEY), ("homeless", KEY), ("viewer", "\0"), ("viewer", "x" * 300)],
)
def test_nothing_is_shown_of_what_nobody_judged_or_to_who_may_not_see_it(desk: Helpdesk, shown: Any, who, key) -> None:
    qualify(desk, "1")
    assert shown("[{{ crm_sync_badge(key) }}]", who, key=key) == "[]"


def test_a_list_costs_one_query(desk: Helpdesk, shown: Any) -> None:
    for client in range(5):
        qualify(desk, str(client))
    keys = [f"of {client} default" for client in range(6)]
    with desk.statements() as statements:
        text = shown("{% set b = crm_sync_badges(keys) %}{% for k in keys %}{{ b[k] }}|{% endfor %}", keys=keys)
    assert text.count("Qualified") == 5
    assert sum("crm_sync_qualification" in statement for statement in statements) == 1


def test_trouble_with_the_badge_never_breaks_the_hosts_page(desk: Helpdesk, shown: Any, caplog) -> None:
    with desk.app.app_context():
        db.session.execute(sa.text("DROP TABLE crm_sync_qualification"))
        db.session.commit()
    assert shown("[{{ crm_sync_badge(key) }}]", key=KEY) == "[]"
    assert "badges of conversations are not shown" in caplog.text
