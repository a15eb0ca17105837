"""A connection made in a way that its CRM offers no longer: no page breaks, and all can be mended from them."""

from __future__ import annotations

import pytest

from flask_crm_sync.models import Connection
from flask_crm_sync.models.connection import DISCONNECTED
from tests.web.helpdesk import Helpdesk
from tests.web.test_crm_pages import plain, post, read


@pytest.fixture
def old(desk: Helpdesk) -> Helpdesk:
    desk.connect()
    desk.change(Connection, auth_method="api_key_of_old")
    return desk


def test_the_diagnosis_says_so(old: Helpdesk) -> None:
    answer = post(old.browser("manager"), "/crm/connections/hubspot/diagnose")
    assert answer.status_code == 200
    assert "The way in which this connection was made is offered no longer." in plain(answer.text)
    assert "Connect again, in one of the ways that are offered now." in plain(answer.text)


def test_it_can_be_tested_and_disconnected(old: Helpdesk) -> None:
    browser = old.browser("manager")
    assert read(browser, "/crm/")
    assert post(browser, "/crm/connections/hubspot/test").status_code == 303
    assert "You are about to disconnect" in read(browser, "/crm/connections/hubspot/disconnect")
    assert post(browser, "/crm/connections/hubspot/disconnect").status_code == 303
    with old.sync.database.read() as database:
        assert database.execute(Connection.__table__.select()).one().state == DISCONNECTED
