"""Why a client is not in a CRM that takes qualified ones only."""

from __future__ import annotations

import pytest

from flask_crm_sync.models import Connection
from flask_crm_sync.models.operation import SKIPPED
from tests.sync.test_why import link, told
from tests.web.helpdesk import Client, Helpdesk
from tests.web.test_badge import change
from tests.web.test_crm_pages import read
from tests.web.test_qualified_only_page import qualify


@pytest.fixture
def choosy(desk: Helpdesk) -> Helpdesk:
    desk.add_client(1)
    desk.change(Client, email="ada.quist@example.com")
    desk.view = desk.connect()  # type: ignore[attr-defined]
    desk.change(Connection, qualified_only=True)
    return desk


def test_a_client_nobody_qualified_is_told_so(choosy: Helpdesk) -> None:
    assert told(choosy) == ("not_synced", "not_qualified")
    page = read(choosy.browser("viewer"), "/crm/clients/1")
    assert "no conversation of this client is qualified." in page


def test_by_which_criterion_and_when_it_was_judged_is_told(choosy: Helpdesk) -> None:
    qualify(choosy, "1", status="unqualified")
    choosy.clock.at = choosy.clock.at.replace(hour=choosy.clock.at.hour + 2)
    page = read(choosy.browser("viewer"), "/crm/clients/1")
    assert "Its last conversation: Unqualified, by the criterion “Wants to buy”, 2 hours ago" in page


def test_a_qualified_client_is_not_held_back(choosy: Helpdesk) -> None:
    qualify(choosy, "1")
    assert told(choosy) == ("not_synced", "not_captured")
    link(choosy, choosy.view)  # type: ignore[attr-defined]
    assert told(choosy) == ("synced", "")


def test_one_that_qualifies_no_more_keeps_its_record_and_says_that_updates_rest(choosy: Helpdesk) -> None:
    qualify(choosy, "1")
    change(choosy, status="unqualified", final=True)
    link(choosy, choosy.view)  # type: ignore[attr-defined]
    choosy.add_operation(choosy.view, status=SKIPPED, reason="no_longer_qualified")  # type: ignore[attr-defined]
    assert told(choosy) == ("synced", "no_longer_qualified")
    assert "An update waits" not in read(choosy.browser("viewer"), "/crm/clients/1")


def test_a_connection_that_takes_everybody_says_nothing_of_it(choosy: Helpdesk) -> None:
    choosy.change(Connection, qualified_only=False)
    qualify(choosy, "1", status="unqualified")
    assert told(choosy) == ("not_synced", "not_captured")
