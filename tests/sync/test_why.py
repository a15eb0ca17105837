"""Why a client is in a CRM, or why not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import Change, Connection, Link
from flask_crm_sync.models.connection import NEEDS_ATTENTION
from flask_crm_sync.models.link import ACTIVE, TOMBSTONE
from flask_crm_sync.models.operation import ADD_NOTE, FAILED, PENDING, SKIPPED, SUCCESS, UPDATE_CONTACT
from flask_crm_sync.sync import reasons
from flask_crm_sync.sync.connections import ConnectionView, disconnect, pause
from flask_crm_sync.sync.refusals import NotFound
from flask_crm_sync.sync.why import NOT_SYNCED, SYNCED, WAITS, Standing, explain
from tests.web.helpdesk import OURS, THEIRS, Client, Helpdesk, open_helpdesk


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    desk = open_helpdesk(tmp_path)
    desk.add_client(1)
    desk.change(Client, email="ada.quist@example.com")
    return desk


def standing(desk: Helpdesk, client_id: str = "1") -> Standing:
    (found,) = explain(desk.sync, OURS, client_id).standings
    return found


def told(desk: Helpdesk) -> tuple[str, str]:
    found = standing(desk)
    return found.state, found.reason


def link(desk: Helpdesk, view: ConnectionView, state: str = ACTIVE) -> None:
    now = desk.clock.now()
    row = {"connection_id": view.id, "subject_type": "client", "subject_id": "1", "state": state}
    where = {"remote_type": "contact", "remote_id": "501", "remote_url": "https://crm.example.com/501"}
    with desk.sync.database.write() as database:
        database.execute(sa.insert(Link).values(row | where | {"created_at": now, "updated_at": now}))


def test_a_linked_client_is_synced_as_its_record(desk: Helpdesk) -> None:
    view = desk.connect()
    link(desk, view)
    desk.add_operation(view, status=SUCCESS)
    found = standing(desk)
    assert (found.state, found.reason, found.since) == (SYNCED, "", desk.clock.now())
    assert (found.record_id, found.record_url) == ("501", "https://crm.example.com/501")


def test_a_synced_client_tells_what_its_last_update_came_to(desk: Helpdesk) -> None:
    view = desk.connect()
    link(desk, view)
    desk.add_operation(view, kind=UPDATE_CONTACT, status=FAILED, reason="invalid_record")
    assert told(desk) == (SYNCED, "invalid_record")
    desk.add_operation(view, kind=UPDATE_CONTACT, due_at=desk.clock.now() + timedelta(minutes=5))
    assert told(desk) == (SYNCED, reasons.WAITING_FOR_INTERVAL)


def test_a_record_deleted_in_the_crm_is_told(desk: Helpdesk) -> None:
    link(desk, desk.connect(), TOMBSTONE)
    assert told(desk) == (NOT_SYNCED, reasons.RECORD_DELETED_IN_CRM)


def test_a_client_that_nothing_ever_told_of_is_not_captured(desk: Helpdesk) -> None:
    desk.connect()
    assert told(desk) == (NOT_SYNCED, reasons.NOT_CAPTURED)


def test_a_change_that_nobody_looked_at_yet_waits(desk: Helpdesk) -> None:
    desk.connect()
    row = {"subject_type": "client", "subject_id": "1", "account_id": OURS, "kind": "updated"}
    with desk.sync.database.write() as database:
        database.execute(sa.insert(Change).values(row | {"created_at": desk.clock.now()}))
    assert told(desk) == (WAITS, reasons.NOT_LOOKED_AT)


def test_a_client_without_contact_details_says_so_until_it_has_some(desk: Helpdesk) -> None:
    desk.add_operation(desk.connect(), status=SKIPPED, reason=reasons.NO_CONTACT_DETAILS)
    desk.change(Client, email=" ")
    assert told(desk) == (NOT_SYNCED, reasons.NO_CONTACT_DETAILS)
    assert standing(desk).since == desk.clock.now()
    desk.change(Client, email="ada.quist@example.com")
    assert told(desk) == (NOT_SYNCED, reasons.NOT_CAPTURED)


@pytest.mark.parametrize(
    ("values", "reason"),
    [({"enabled": False}, reasons.CONNECTION_DISABLED), ({"sync_contacts": False}, reasons.CONTACTS_OFF)],
)
def test_what_the_connections_settings_hold_back_is_told(desk: Helpdesk, values: dict[str, Any], reason: str) -> None:
    desk.connect()
    desk.change(Connection, **values)
    assert told(desk) == (NOT_SYNCED, reason)


def test_what_waits_says_for_what(desk: Helpdesk) -> None:
    view = desk.connect()
    desk.add_operation(view)
    assert told(desk) == (WAITS, "")
    later = desk.clock.now() + timedelta(minutes=5)
    desk.change(Connection, blocked_until=later, blocked_code="rate_limited")
    assert told(desk) == (WAITS, "rate_limited")
    pause(desk.sync, OURS, "hubspot")
    assert told(desk) == (WAITS, reasons.CONNECTION_PAUSED)
    desk.change(Connection, state=NEEDS_ATTENTION, state_code="credentials_refused")
    assert told(desk) == (WAITS, "credentials_refused")


def test_what_failed_says_why_and_when(desk: Helpdesk) -> None:
    desk.add_operation(desk.connect(), status=FAILED, reason="already_linked", crm_message="Taken.")
    found = standing(desk)
    assert (found.state, found.reason, found.since) == (NOT_SYNCED, "already_linked", desk.clock.now())


def test_notes_say_nothing_about_the_record(desk: Helpdesk) -> None:
    view = desk.connect()
    desk.add_operation(view, status=FAILED, reason="invalid_record")
    desk.add_operation(view, kind=ADD_NOTE, subject_id="9", status=PENDING)
    assert told(desk) == (NOT_SYNCED, "invalid_record")


def test_a_disconnected_crm_says_so(desk: Helpdesk) -> None:
    desk.connect()
    disconnect(desk.sync, OURS, "hubspot")
    assert told(desk) == (NOT_SYNCED, reasons.NOT_CONNECTED)


def test_a_client_that_was_deleted_is_still_explained(desk: Helpdesk) -> None:
    desk.add_operation(desk.connect(), "77", status=SUCCESS)
    found = explain(desk.sync, OURS, "77")
    assert (found.client_name, found.standings[0].reason) == (None, reasons.CLIENT_DELETED)


def test_another_accounts_client_is_not_there(desk: Helpdesk) -> None:
    desk.add_client(2, 2, "Some Body")
    desk.add_operation(desk.connect(THEIRS), "2")
    for client_id in ("2", "99", "", "no key", "9" * 190):
        with pytest.raises(NotFound):
            explain(desk.sync, OURS, client_id)


def test_the_number_of_queries_does_not_grow_with_the_log(desk: Helpdesk) -> None:
    view = desk.connect()
    for _ in range(30):
        desk.add_operation(view, status=SUCCESS)
    with desk.statements() as sent:
        explain(desk.sync, OURS, "1")
    assert len(sent) <= 6
