"""Who gets through the webhooks' entrance: nobody, whoever is logged in, without the CRM's own signature."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from werkzeug.routing import Rule

from flask_crm_sync.models import Delivery
from flask_crm_sync.sync.webhooks import open_webhook
from tests.web.helpdesk import OURS, THEIRS, Helpdesk
from tests.web.test_page_access import token_of

WHO = [None, "viewer", "manager", "foreign manager"]


def rules(desk: Helpdesk) -> Iterator[Rule]:
    return (rule for rule in desk.app.url_map.iter_rules() if rule.endpoint.startswith("crm_sync_webhooks."))


@pytest.fixture
def addresses(desk: Helpdesk) -> dict[str, int]:
    """Return the address of each account's webhook and one that nobody has, and what each answers."""
    tokens = {}
    for account_id in (OURS, THEIRS):
        desk.connect(account_id)
        tokens[open_webhook(desk.sync, account_id, "hubspot").token] = 401
    tokens["made-up"] = 404
    told: dict[str, int] = {}
    for rule in rules(desk):
        assert rule.arguments == {"token"}, "say what else an address of a webhook may hold"
        told |= {str(rule.rule).replace("<token>", token): status for token, status in tokens.items()}
    assert len(told) == 3
    return told


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("with_token", [False, True])
def test_nobody_gets_through_without_a_signature(
    desk: Helpdesk, addresses: dict[str, int], who: str | None, with_token: bool
) -> None:
    browser = desk.browser(who)
    data = {"csrf_token": token_of(browser)} if with_token else {}
    assert {url: browser.post(url, data=data).status_code for url in addresses} == addresses
    with desk.sync.database.read() as database:
        assert database.execute(sa.select(sa.func.count()).select_from(Delivery)).scalar() == 0


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_it_takes_nothing_but_posts(desk: Helpdesk, addresses: dict[str, int], method: str) -> None:
    assert {desk.browser("manager").open(url, method=method).status_code for url in addresses} == {405}


def test_every_route_of_ours_is_in_one_of_the_two_blueprints(desk: Helpdesk) -> None:
    ours = {rule.endpoint.partition(".")[0] for rule in desk.app.url_map.iter_rules() if "/crm/" in str(rule.rule)}
    assert ours == {"crm_sync", "crm_sync_webhooks"}
