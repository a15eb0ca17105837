"""The pages of two-way sync: its settings, its check of the CRM, and the inbox of conflicts with both values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.crm.base import RemoteChanges, RemoteRecord
from flask_crm_sync.errors import CRMError, PermissionMissing, Unreachable
from flask_crm_sync.models import Conflict, Link, Operation
from flask_crm_sync.models.conflict import DECIDED, OPEN
from flask_crm_sync.models.operation import FAILED
from flask_crm_sync.sync.audit import trail
from flask_crm_sync.sync.connections import pause
from flask_crm_sync.sync.mapping.rows import MappingRow
from flask_crm_sync.sync.mapping.schema import ground_of, schema_of
from flask_crm_sync.sync.mapping.store import save_rows
from flask_crm_sync.sync.merge import FieldRule
from flask_crm_sync.sync.two_way import find_two_way
from tests.web import helpdesk
from tests.web.helpdesk import OURS, Client, Helpdesk
from tests.web.test_crm_pages import plain, post, read, told

PAGE = "/crm/connections/hubspot/two-way"
RECORDS = {"77": {"city": "Wien", "email": "ada@example.com", "lastname": "King"}}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[CRMError]:
    """Let the CRM tell of its changes and show its records, unless an error is put into the list."""
    errors: list[CRMError] = []

    def or_error(answer: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
        def call(_: Any, asked: Any) -> Any:
            if errors:
                raise errors[0]
            return answer(asked)

        return call

    def records(ids: Sequence[str]) -> list[RemoteRecord]:
        return [RemoteRecord(id, RECORDS[id], f"https://crm.example.com/{id}") for id in ids]

    told_of: Mapping[str, Callable[[Any], Any]] = {
        "changes_since": lambda _: RemoteChanges((), "here"),
        "read": records,
    }
    for name, answer in told_of.items():
        monkeypatch.setattr(helpdesk._Caller, name, or_error(answer), raising=False)
    monkeypatch.setattr(helpdesk._Caller, "batch_size", 100, raising=False)
    return errors


@pytest.fixture
def contested(desk: Helpdesk, answers: list[CRMError]) -> Helpdesk:
    """Return a helpdesk with a linked client, whose last name both sides changed."""
    view, now = desk.connect(), desk.clock.now()
    desk.add_client(1, name="Ada Quist")
    link = {"subject_type": "client", "subject_id": "1", "state": "active", "remote_type": "contact", "remote_id": "77"}
    about = {"account_id": OURS, "crm": "hubspot", "client_id": "1", "field": "lastname", "open_key": "key"}
    with desk.sync.database.write() as database:
        database.execute(sa.insert(Link).values(connection_id=view.id, created_at=now, updated_at=now, **link))
        database.execute(sa.insert(Conflict).values(connection_id=view.id, created_at=now, **about))
    return desk


def conflict(desk: Helpdesk) -> tuple[str, str]:
    with desk.sync.database.read() as database:
        row = database.execute(sa.select(Conflict.state, Conflict.choice)).one()
    return row.state, row.choice


def test_it_is_off_until_somebody_switches_it_on(desk: Helpdesk, answers: list[CRMError]) -> None:
    view = desk.connect()
    browser = desk.browser("manager")
    assert "Bring edits from HubSpot here" in read(browser, PAGE)
    assert not find_two_way(desk.sync, OURS, "hubspot").on
    rules = {"direction-lastname": "in", "conflict-lastname": "ask"}
    assert "Saved." in told(browser, PAGE, on="on", create_clients="on", **rules)
    kept = find_two_way(desk.sync, OURS, "hubspot")
    assert (kept.on, kept.create_clients, kept.rule("lastname")) == (True, True, FieldRule("in", "ask"))
    assert desk.stored(view.id).poll_cursor == "here"
    assert desk.wakes.count == 1
    assert "Last name: after only from HubSpot, a person decides" in read(browser, "/crm/audit")


def test_a_crm_that_does_not_tell_its_changes_is_not_switched_on(desk: Helpdesk, answers: list[CRMError]) -> None:
    desk.connect()
    answers.append(PermissionMissing(crm_message="This app needs crm.objects.contacts.read"))
    answer = post(desk.browser("manager"), PAGE, on="on")
    assert answer.status_code == 422
    assert "It was not switched on" in answer.text
    assert "crm.objects.contacts.read" in answer.text
    assert not find_two_way(desk.sync, OURS, "hubspot").on


def test_what_the_host_cannot_write_is_offered_outwards_only(desk: Helpdesk, answers: list[CRMError]) -> None:
    desk.connect()
    browser = desk.browser("manager")
    page = browser.get(PAGE).text
    assert 'aria-describedby="crmsync-why-phone"' in page
    assert 'aria-describedby="crmsync-why-lastname"' not in page
    assert post(browser, PAGE, **{"direction-phone": "in"}).status_code == 422
    assert post(browser, PAGE, **{"direction-lastname": "sideways"}).status_code == 422


def test_a_field_that_the_mapping_fills_otherwise_says_that_it_does_not_come_here(
    desk: Helpdesk, answers: list[CRMError]
) -> None:
    desk.connect()
    ground = ground_of(desk.sync, "hubspot", schema_of(desk.sync, OURS, "hubspot"))
    rows = [MappingRow("firstname", source="company"), MappingRow("lastname", "off")]
    save_rows(desk.sync, OURS, "hubspot", rows, ground, seen_version=0)
    page = desk.browser("manager").get(PAGE).text
    assert page.count("The field mapping fills it in another way") == 2
    for name, is_said in (("firstname", True), ("lastname", True), ("email", False)):
        assert (f'aria-describedby="crmsync-why-{name}"' in page) == is_said


def test_both_values_stand_side_by_side_and_one_is_chosen(contested: Helpdesk) -> None:
    browser = contested.browser("manager")
    page = read(browser, "/crm/conflicts")
    assert "Here Quist" in page
    assert "In HubSpot King" in page
    assert 'href="https://crm.example.com/77"' in browser.get("/crm/conflicts").text
    assert "1 conflict waits for your decision." in read(browser, "/crm/")
    assert "1 conflict waits for your decision." in read(browser, "/crm/overview")
    assert "It is carried out now." in told(browser, "/crm/conflicts/1", choice="theirs")
    assert conflict(contested) == (DECIDED, "theirs")
    assert contested.wakes.count == 1
    (deed,) = [deed for deed in trail(contested.sync, OURS).deeds if deed.action == "decide"]
    assert (deed.user_id, deed.after) == ("1", {"field": "lastname", "choice": "theirs"})
    assert "Nothing waits for a decision." in read(browser, "/crm/conflicts")


def test_a_silent_crm_leaves_its_value_out_and_says_so(contested: Helpdesk, answers: list[CRMError]) -> None:
    answers.append(Unreachable())
    page = read(contested.browser("viewer"), "/crm/conflicts")
    assert "Here Quist" in page
    assert "cannot be read now" in page
    assert Unreachable.says in page


def test_a_typed_value_is_written_here_and_a_wrong_one_said_at_its_field(contested: Helpdesk) -> None:
    browser = contested.browser("manager")
    contested.change(Conflict, field="email")
    answer = post(browser, "/crm/conflicts/1", choice="typed", value="no address")
    assert (answer.status_code, 'value="no address"' in answer.text) == (422, True)
    assert "not a valid" in plain(answer.text)
    assert conflict(contested) == (OPEN, "")
    contested.change(Conflict, field="lastname")
    told(browser, "/crm/conflicts/1", choice="typed", value="Queen")
    assert conflict(contested) == (DECIDED, "typed")
    with contested.sync.database.read() as database:
        assert database.execute(sa.select(Client.last_name)).scalar() == "Queen"


def test_a_decision_that_waits_says_for_what(contested: Helpdesk) -> None:
    pause(contested.sync, OURS, "hubspot")
    shown = told(contested.browser("manager"), "/crm/conflicts/1", choice="ours")
    assert "The decision is kept. The connection is paused" in shown
    assert conflict(contested) == (DECIDED, "ours")


def test_choosing_nothing_changes_nothing(contested: Helpdesk) -> None:
    browser = contested.browser("manager")
    assert "Choose one of the values first." in told(browser, "/crm/conflicts/1")
    assert "Choose one of the sides first." in told(browser, "/crm/conflicts/field", crm="hubspot", field="lastname")
    assert conflict(contested) == (OPEN, "")


def test_all_of_one_field_go_at_once(contested: Helpdesk) -> None:
    given = {"crm": "hubspot", "field": "lastname", "choice": "ours"}
    assert "1 conflict is settled." in told(contested.browser("manager"), "/crm/conflicts/field", **given)
    assert conflict(contested) == (DECIDED, "ours")
    with contested.sync.database.read() as database:
        assert database.execute(sa.select(Operation.kind)).scalars().all() == ["apply_remote"]


def test_clients_with_several_matches_lead_to_their_entries(contested: Helpdesk) -> None:
    candidates = [{"id": "7"}, {"id": "8"}]
    view = contested.connect()
    contested.add_operation(view, status=FAILED, reason="ambiguous_match", details={"candidates": candidates})
    page = contested.browser("viewer").get("/crm/conflicts").text
    assert 'href="/crm/log/1"' in page
    assert "2 records to choose from" in page


def test_a_text_of_megabytes_is_shown_in_part(contested: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = "Q" * 3_000_000
    with contested.sync.database.write() as database:
        database.execute(sa.update(Client).values(last_name=endless))
    monkeypatch.setitem(RECORDS, "77", {**RECORDS["77"], "lastname": "K" * 2_001})
    browser = contested.browser("manager")
    for page in ("/crm/conflicts", "/crm/clients/1", "/crm/clients/1/erase", "/crm/log"):
        shown = browser.get(page).text
        assert len(shown) < 40_000, page
    assert "(3,000,000 characters)" in browser.get("/crm/conflicts").text
    assert f"{'K' * 2_000}… (2,001 characters)" in browser.get("/crm/conflicts").text
