"""A connection's webhook on its page: an address to register, a secret that is never shown, and an end to both."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from flask_crm_sync.config import Settings
from flask_crm_sync.sync.audit import trail
from flask_crm_sync.sync.webhooks import find_webhook
from flask_crm_sync.vault import Vault
from tests.web.helpdesk import OURS, Helpdesk, open_helpdesk
from tests.web.test_crm_pages import plain, post, read, told

PAGE = "/crm/connections/hubspot/webhook"
SECRET = "canary-of-a-signing-secret-0451"
ORIGIN = "https://helpdesk.example.com"


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    """Return a helpdesk that CRMs reach, with a connection to HubSpot."""
    desk = open_helpdesk(tmp_path, settings=Settings(encryption_keys=(b"k" * 32,), public_url=ORIGIN))
    desk.connect()
    return desk


def address(page: str) -> str:
    found = re.search(rf"{ORIGIN}/crm/hooks/[\w-]{{43}}", page)
    assert found, page
    return found[0]


def test_looking_makes_nothing_and_asking_makes_an_address(desk: Helpdesk) -> None:
    browser = desk.browser("manager")
    assert "Make an address" in read(browser, PAGE)
    assert find_webhook(desk.sync, OURS, "hubspot") is None
    page = told(browser, PAGE)
    assert "No secret is saved yet, so everything that comes is refused." in page
    assert "client secret of the HubSpot app" in page
    assert address(page) == address(told(browser, PAGE))
    assert desk.browser().post(address(page).removeprefix(ORIGIN)).status_code == 401


def test_a_secret_is_taken_and_never_shown(desk: Helpdesk) -> None:
    browser = desk.browser("manager")
    answer = post(browser, f"{PAGE}/secret", secret=SECRET)
    assert SECRET not in answer.text
    page = read(browser, PAGE)
    assert "A secret is saved." in page
    assert SECRET not in page
    assert "The one before it is good for a while yet." in told(browser, f"{PAGE}/secret", secret=SECRET[::-1])
    assert SECRET not in str([deed.after for deed in trail(desk.sync, OURS).deeds])
    assert {"webhook": "key changed"} in [deed.after for deed in trail(desk.sync, OURS).deeds]


@pytest.mark.parametrize("typed", ["", "tiny", "with a blank in the middle of it"])
def test_what_can_be_no_secret_is_said_at_the_field(desk: Helpdesk, typed: str) -> None:
    browser = desk.browser("manager")
    told(browser, PAGE)
    answer = post(browser, f"{PAGE}/secret", secret=typed)
    assert (answer.status_code, 'aria-invalid="true"' in answer.text) == (422, True)
    assert "The secret is" in plain(answer.text)
    assert not typed or typed not in answer.text
    known = find_webhook(desk.sync, OURS, "hubspot")
    assert known is not None
    assert not known.has_secret


def test_a_deleted_address_is_gone_and_the_next_is_another(desk: Helpdesk) -> None:
    browser = desk.browser("manager")
    first = address(told(browser, PAGE))
    assert "Make an address" in told(browser, f"{PAGE}/remove")
    assert desk.browser().post(first.removeprefix(ORIGIN)).status_code == 404
    assert address(told(browser, PAGE)) != first


def test_the_card_leads_there_only_where_the_crm_can(desk: Helpdesk) -> None:
    browser = desk.browser("manager")
    assert f'href="{PAGE}"' in browser.get("/crm/").text
    assert browser.get(PAGE.replace("hubspot", "salesforce")).status_code == 404
    assert desk.browser("viewer").get(PAGE).status_code == 403


def test_without_a_public_address_the_operator_is_told(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    desk = open_helpdesk(tmp_path / "other")
    desk.connect()
    assert "CRM_SYNC_PUBLIC_URL" in read(desk.browser("manager"), PAGE)


def test_a_secret_whose_key_is_lost_is_said_and_can_be_made_anew(desk: Helpdesk) -> None:
    browser = desk.browser("manager")
    told(browser, PAGE)
    lost = dataclasses.replace(desk.sync, vault=Vault([b"z" * 32]))
    desk.app.extensions["crm_sync"].sync = lost
    says = "The stored credentials cannot be opened with the configured encryption keys."
    assert says in read(browser, PAGE)
    assert "edits arrive within seconds" not in read(browser, "/crm/connections/hubspot/two-way")
    assert says in told(browser, PAGE)
    refused = post(browser, f"{PAGE}/secret", secret=SECRET)
    assert (refused.status_code, says in refused.text) == (422, True)
    assert "Make an address" in told(browser, f"{PAGE}/remove")
    assert address(told(browser, PAGE))
