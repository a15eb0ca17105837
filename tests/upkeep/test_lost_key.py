"""An encryption key that is lost for good means connecting again, and no more than that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flask_crm_sync.errors import SecretUnreadable
from flask_crm_sync.sync import reasons
from flask_crm_sync.sync.erasure import erase_client
from flask_crm_sync.sync.lost_key import replace_lost_secret
from flask_crm_sync.testing import FakeCRM
from flask_crm_sync.vault import Vault
from tests.sync.world import ACCOUNT, World
from tests.web.helpdesk import TOKEN, Helpdesk
from tests.web.test_page_access import token_of


def lose_the_key(world: World) -> None:
    world.sync = replace(world.sync, vault=Vault([b"z" * 32]))
    with pytest.raises(SecretUnreadable):
        assert world.sync.installation


def connect_again(world: World) -> None:
    world.set_connection(credentials=world.sync.seal_credentials(world.connection_id, {"token": "new"}))


def test_work_goes_on_and_nothing_is_overwritten(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com", city="Linz")
    world.run_until_done()
    (record,) = crm.records.values()
    record.values["city"] = "Wien"  # a person's edit, not seen yet
    lose_the_key(world)
    assert replace_lost_secret(world.sync)
    assert not replace_lost_secret(world.sync)
    connect_again(world)
    world.edit(ada, city="Graz")
    world.run_until_done()
    assert record.values["city"] == "Wien"
    world.edit(ada, phone="+43 1 234567")
    world.client("Bob", email="bob@example.com")
    world.run_until_done()
    assert record.values["phone"]
    assert len(crm.records) == 2
    assert world.pending() == []


def test_who_was_erased_stays_out(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.run_until_done()
    erase_client(world.sync, ACCOUNT, ada)
    world.run_until_done()
    lose_the_key(world)
    replace_lost_secret(world.sync)
    connect_again(world)
    world.edit(ada, city="Linz")
    world.run_until_done()
    assert crm.records == {}
    assert world.last(ada).reason == reasons.ERASED


def test_a_process_without_the_key_says_so_and_changes_nothing(desk: Helpdesk) -> None:
    desk.connect()
    assert not replace_lost_secret(desk.sync)
    assert desk.sync.installation
    desk.app.extensions["crm_sync"].sync = replace(desk.sync, vault=Vault([b"z" * 32]))
    browser = desk.browser("manager")
    data = {"csrf_token": token_of(browser), "method": "token", "token": TOKEN}
    answer = browser.post("/crm/connections/hubspot/connect", data=data)
    assert answer.status_code == 503
    assert "cannot be opened with the configured encryption keys" in answer.text
    replace_lost_secret(desk.app.extensions["crm_sync"].sync)
    assert browser.post("/crm/connections/hubspot/connect", data=data).status_code == 303
