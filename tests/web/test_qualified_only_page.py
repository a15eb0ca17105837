"""Qualified only, on the settings page: what it says, what it saves, what it leads to."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from flask_crm_sync.models import Connection, Operation, Qualification, Scan
from flask_crm_sync.qualification.criteria import Criterion
from flask_crm_sync.qualification.store import add_criterion
from flask_crm_sync.sync.catch_up import catch_up
from tests.web.helpdesk import OURS, Client, Helpdesk
from tests.web.test_crm_pages import plain, post, read, told

PAGE = "/crm/connections/hubspot/settings"
ON = {"enabled": "on", "sync_contacts": "on", "sync_notes": "on", "interval": "60"}


def qualify(desk: Helpdesk, client_id: str, *, status: str = "qualified", set_name: str = "default") -> None:
    now = desk.sync.clock.now()
    row: dict[str, Any] = {
        "id": uuid4(),
        "account_id": OURS,
        "conversation_id": f"of {client_id} {set_name}",
        "client_id": client_id,
        "set_name": set_name,
        "status": status,
        "decided_by": "rules",
        "criterion_name": "Wants to buy",
        "criterion_version": 1,
        "ever_qualified_at": now if status == "qualified" else None,
        "created_at": now,
        "updated_at": now,
    }
    with desk.sync.database.write() as database:
        database.execute(sa.insert(Qualification).values(row))


def three_clients(desk: Helpdesk) -> None:
    for client in (1, 2, 3):
        desk.add_client(client)
    desk.change(Client, email="somebody@example.com")


def operations(desk: Helpdesk) -> list[tuple[str, str, str]]:
    table = Operation.__table__
    with desk.sync.database.read() as database:
        rows = database.execute(sa.select(table.c.client_id, table.c.status, table.c.reason).order_by(table.c.id))
        return [tuple(row) for row in rows]


def test_the_page_says_how_many_clients_qualify(desk: Helpdesk) -> None:
    desk.connect()
    three_clients(desk)
    qualify(desk, "1")
    qualify(desk, "2", status="pending")
    assert "1 of your 3 clients qualifies now." in read(desk.browser("viewer"), PAGE)


def test_a_set_without_criteria_is_said_to_qualify_nobody(desk: Helpdesk) -> None:
    desk.connect()
    browser = desk.browser("manager")
    assert "It has no criteria in use yet, so nobody qualifies by itself." in read(browser, PAGE)
    add_criterion(desk.sync, OURS, Criterion("Buys", required=("buy",)))
    assert "It has no criteria in use yet" not in read(browser, PAGE)


def test_switching_it_on_skips_what_waits_for_others(desk: Helpdesk) -> None:
    view = desk.connect()
    three_clients(desk)
    qualify(desk, "1")
    for client in ("1", "2"):
        desk.add_operation(view, client, status="pending", due_at=desk.sync.clock.now())
    assert "Saved." in told(desk.browser("manager"), PAGE, qualified_only="on", **ON)
    assert desk.stored(view.id).qualified_only
    assert operations(desk) == [("1", "pending", ""), ("2", "skipped", "not_qualified")]


def test_switching_it_off_asks_and_catches_up_on_everybody(desk: Helpdesk) -> None:
    view = desk.connect()
    three_clients(desk)
    browser = desk.browser("manager")
    assert "When all clients are to be sent again" not in read(browser, PAGE)
    desk.change(Connection, qualified_only=True)
    assert "When all clients are to be sent again" in read(browser, PAGE)
    assert "are on their way" in told(browser, PAGE, all_start="catch_up", **ON)
    assert not desk.stored(view.id).qualified_only
    catch_up(desk.sync)
    assert sorted(client for client, _, _ in operations(desk)) == ["1", "2", "3"]


def test_switching_it_off_from_now_sets_nothing_going(desk: Helpdesk) -> None:
    desk.connect()
    three_clients(desk)
    desk.change(Connection, qualified_only=True)
    told(desk.browser("manager"), PAGE, all_start="now", **ON)
    assert not catch_up(desk.sync)
    with desk.sync.database.read() as database:
        assert database.execute(sa.select(sa.func.count()).select_from(Scan)).scalar_one() == 0


def test_saving_with_it_left_on_catches_up_on_nobody(desk: Helpdesk) -> None:
    desk.connect()
    three_clients(desk)
    desk.change(Connection, qualified_only=True)
    saved = told(desk.browser("manager"), PAGE, qualified_only="on", all_start="catch_up", **ON)
    assert "are on their way" not in saved


def test_catching_up_takes_the_qualified_ones_alone(desk: Helpdesk) -> None:
    desk.connect()
    three_clients(desk)
    qualify(desk, "2")
    desk.change(Connection, qualified_only=True)
    browser = desk.browser("manager")
    assert "1 of your qualified clients has no record linked in HubSpot" in read(browser, PAGE)
    told(browser, "/crm/connections/hubspot/catch-up")
    catch_up(desk.sync)
    assert [client for client, _, _ in operations(desk)] == ["2"]


def test_a_set_of_its_own_is_chosen_and_an_unknown_one_refused(desk: Helpdesk) -> None:
    view = desk.connect()
    add_criterion(desk.sync, OURS, Criterion("Big", set_name="big deals", required=("million",)))
    browser = desk.browser("manager")
    told(browser, PAGE, criteria_set="big deals", **ON)
    assert desk.stored(view.id).criteria_set == "big deals"
    answer = post(browser, PAGE, criteria_set="<nonsense>", **ON)
    assert answer.status_code == 422
    assert "Choose one of these sets." in plain(answer.text)
    assert desk.stored(view.id).criteria_set == "big deals"


def test_the_audit_trail_tells_of_it(desk: Helpdesk) -> None:
    desk.connect()
    browser = desk.browser("manager")
    told(browser, PAGE, qualified_only="on", **ON)
    assert "qualified clients only" in read(browser, "/crm/audit")
