"""Field mapping, filter and preview as pages: what they show, keep, refuse and try."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.errors import Unreachable
from flask_crm_sync.models import AuditEntry, MappingVersion
from flask_crm_sync.sync.mapping.store import find_mapping
from flask_crm_sync.testing import FakeCRM
from tests.mapping.fields import FIELDS
from tests.web.helpdesk import OURS, Client, Helpdesk
from tests.web.mapped import mapped_desk, send
from tests.web.test_crm_pages import plain
from tests.web.test_page_access import token_of

ROW = "/crm/connections/hubspot/mapping/row"
FILTER = "/crm/connections/hubspot/filter"
PREVIEW = "/crm/connections/hubspot/preview"


@pytest.fixture
def crm() -> FakeCRM:
    return FakeCRM(schema=FIELDS)


@pytest.fixture
def desk(tmp_path: Path, crm: FakeCRM) -> Helpdesk:
    """A helpdesk connected to a CRM in memory, with one client in it."""
    made = mapped_desk(tmp_path, crm)
    made.add_client(1)
    with made.sync.database.engine.begin() as database:
        database.execute(sa.update(Client).values(email="ada@example.com"))
    return made


def post(desk: Helpdesk, url: str, **typed: Any) -> Any:
    browser = desk.browser("manager")
    seen = find_mapping(desk.sync, OURS, "hubspot").version
    given = {"csrf_token": token_of(browser), "seen_version": str(seen), **typed}
    return browser.post(url, data=given)


def add(desk: Helpdesk, **typed: Any) -> Any:
    given = {"field": "plan", "kind": "attribute", "source": "city", "mode": "merge", "do": "save"}
    return post(desk, ROW, **given | typed)


def test_the_usual_fields_are_listed_and_further_ones_can_be_added(desk: Helpdesk) -> None:
    page = desk.browser("manager").get("/crm/connections/hubspot/mapping").text
    assert page.count("as usual") == 10
    assert "Add a field" in page
    assert "crmsync-error" not in desk.browser("manager").get(f"{ROW}?field=rating").text
    choices = desk.browser("manager").get(ROW).text
    assert "Date of birth (born, date)" in choices
    assert "score" not in choices


def test_a_row_is_saved_listed_told_and_taken_out(desk: Helpdesk) -> None:
    assert add(desk).status_code == 303
    page = desk.browser("manager").get("/crm/connections/hubspot/mapping").text
    assert "Version 1" in page
    assert "by user 1" in page
    with desk.sync.database.read() as database:
        told = database.execute(sa.select(AuditEntry.after).where(AuditEntry.action == "mapping")).scalars().all()
    assert told == [{"plan": "city"}]
    assert "Field mapping changed" in desk.browser("manager").get("/crm/audit").text
    assert post(desk, ROW, field="plan", do="remove").status_code == 303
    assert find_mapping(desk.sync, OURS, "hubspot").rows == ()


@pytest.mark.parametrize(
    ("typed", "place", "said"),
    [
        ({"kind": "template", "template": "{{ client.nope }}"}, "template", "A client has no “nope”"),
        ({"field": "born"}, "source", "The field takes a date"),
        ({"field": "rating", "values": "a = warm"}, "values", "has no option “warm”"),
        ({"values": "nonsense"}, "values", "ours = theirs"),
        ({"mode": "append"}, "mode", "several lines"),
        ({"default": "longer than ten"}, "default", "takes 10 characters"),
    ],
)
def test_what_cannot_work_is_said_at_the_input_and_not_saved(
    desk: Helpdesk, typed: dict[str, str], place: str, said: str
) -> None:
    answer = add(desk, **typed)
    assert answer.status_code == 422
    assert said in answer.text
    assert f'id="crmsync-{place}-error"' in answer.text
    with desk.sync.database.read() as database:
        assert database.execute(sa.select(MappingVersion)).all() == []


def test_a_row_is_tried_on_linked_clients_before_it_is_saved(desk: Helpdesk, crm: FakeCRM) -> None:
    send(desk, 1)
    page = add(desk, kind="template", template="{{ client.name }}", do="try").text
    assert "What would change" in page
    assert "Ada Quist" in page
    assert "is written" in page
    assert find_mapping(desk.sync, OURS, "hubspot").version == 0
    assert all(record.values["plan"] == "" for record in crm.records.values())


def test_an_older_version_is_brought_back_and_a_late_form_is_refused(desk: Helpdesk) -> None:
    add(desk)
    add(desk, field="seats", source="custom.none", kind="template", template="7")
    url = "/crm/connections/hubspot/mapping/restore"
    assert post(desk, url, version="1", seen_version="1").status_code == 409
    assert post(desk, url, version="1").status_code == 303
    assert [row.field for row in find_mapping(desk.sync, OURS, "hubspot").rows] == ["plan"]
    assert post(desk, url, version="99").status_code == 404
    assert "brought back version 1" in desk.browser("manager").get("/crm/connections/hubspot/mapping").text


def test_the_list_of_versions_says_what_each_of_them_changed(desk: Helpdesk) -> None:
    add(desk)
    post(desk, FILTER, match="all", about="email", how="is_set", value="", do="save")
    add(desk, field="seats", kind="template", template="7")
    add(desk, do="remove")
    page = plain(desk.browser("viewer").get("/crm/connections/hubspot/mapping").text)
    told = [each.split(" just now")[0].strip() for each in page.partition("Versions ")[2].split("Version ")[1:]]
    assert told == ["4 Plan", "3 Seats", "2 filter of clients", "1 Plan"]


def test_the_trail_says_in_words_how_a_field_is_filled_and_who_goes(desk: Helpdesk) -> None:
    add(desk, field="rating", values="gold = hot", default="cold", mode="if_empty")
    add(desk, field="rating", kind="template", template="{{ client.city }}", default="cold")
    add(desk, field="lastname", kind="off")
    two = {"about": ["city", "qualified"], "how": ["contains", "is_set"], "value": ["all Graz", ""]}
    post(desk, FILTER, match="any", do="save", **two)
    add(desk, field="lastname", do="remove")
    add(desk, field="rating", do="remove")
    shown = plain(desk.browser("manager").get("/crm/audit").text)
    for told in (
        "Rating: after City, If empty, gold=hot, default: cold",
        "Rating: before City, If empty, gold=hot, default: cold → after {{ client.city }}",
        "Last name: after is not sent",
        "Last name: before is not sent → after as usual",
        "Rating: before {{ client.city }}, default: cold → after not filled",
        "filter of clients: after City contains “all Graz” or qualified now",
    ):
        assert told in shown


def test_a_field_that_is_gone_is_said_in_the_list(desk: Helpdesk, crm: FakeCRM) -> None:
    add(desk)
    crm.schema = tuple(field for field in FIELDS if field.name != "plan")
    post(desk, "/crm/connections/hubspot/mapping/refresh")
    assert "no such field (any more)" in desk.browser("viewer").get("/crm/connections/hubspot/mapping").text


def test_a_filter_says_what_it_means_and_is_kept(desk: Helpdesk) -> None:
    desk.add_client(2)
    lines = {"match": "all", "about": ["email", ""], "how": ["contains", "equals"], "value": ["example.com", ""]}
    counted = post(desk, FILTER, **lines, do="count")
    assert "1 of 1 clients would go." in counted.text
    assert find_mapping(desk.sync, OURS, "hubspot").version == 0
    assert post(desk, FILTER, **lines, do="save").status_code == 303
    page = desk.browser("viewer").get("/crm/connections/hubspot/mapping").text
    assert "E-mail contains “example.com”" in page
    wrong = post(desk, FILTER, match="all", about="email", how="equals", value="", do="save")
    assert wrong.status_code == 422
    assert "Say which value." in wrong.text


def test_a_condition_that_is_about_nothing_yet_is_not_taken_for_none(desk: Helpdesk) -> None:
    """Saved as it was typed, every client would go."""
    answer = post(desk, FILTER, match="all", about="", how="equals", value="Graz", do="save")
    assert answer.status_code == 422
    assert "Choose what the condition is about" in answer.text
    assert answer.text.count("autofocus") == 1
    assert 'name="about" aria-invalid="true"' in answer.text
    assert 'value="Graz"' in answer.text
    assert post(desk, FILTER, match="all", about="city", how="equals", value="Graz", do="save").status_code == 303
    assert len(find_mapping(desk.sync, OURS, "hubspot").filter.conditions) == 1
    assert post(desk, FILTER, match="all", about="", how="equals", value="Graz", do="save").status_code == 303
    assert not find_mapping(desk.sync, OURS, "hubspot").filter


def test_what_holds_already_makes_no_version(desk: Helpdesk) -> None:
    for _ in range(2):
        assert add(desk).status_code == 303
        assert post(desk, FILTER, match="all", about="city", how="is_set", value="", do="save").status_code == 303
    assert find_mapping(desk.sync, OURS, "hubspot").version == 2


def test_a_filter_that_is_widened_can_catch_up(desk: Helpdesk) -> None:
    before = desk.wakes.count
    assert post(desk, FILTER, match="all", do="save", catch_up="on").status_code == 303
    assert desk.wakes.count == before + 1


def test_a_preview_finds_the_client_and_shows_both_sides(desk: Helpdesk, crm: FakeCRM) -> None:
    browser = desk.browser("viewer")
    assert "client=1" in browser.get(f"{PREVIEW}?search=Ada").text
    assert "Nobody matches" in browser.get(f"{PREVIEW}?search=Nobody").text
    page = browser.get(f"{PREVIEW}?client=1").text
    assert "A new record would be made." in page
    assert "ada@example.com" in page
    assert crm.records == {}
    assert "There is no such client." in browser.get(f"{PREVIEW}?client=77").text


def test_a_crm_that_does_not_answer_is_no_fault_of_what_was_typed(desk: Helpdesk, crm: FakeCRM) -> None:
    send(desk, 1)
    crm.fail("read", Unreachable("No route."), whole=True, times=None)
    page = desk.browser("viewer").get(f"{PREVIEW}?client=1").text
    assert Unreachable.says in page
    assert "aria-invalid" not in page
    assert 'value="1"' not in page
    assert "aria-invalid" in desk.browser("viewer").get(f"{PREVIEW}?client=77").text
