"""An erasure on a connection that does nothing says what it waits for; none walks through an account's rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import Notice
from flask_crm_sync.sync import reasons
from flask_crm_sync.sync.erasure import erase_client, find_erasure
from flask_crm_sync.testing import FakeCRM
from tests.sync.world import ACCOUNT, World


@pytest.fixture
def ada(world: World) -> str:
    client = world.client("Ada", email="ada@example.com")
    world.run_until_done()
    return client


@pytest.mark.parametrize(
    ("held", "reason", "advice"),
    [
        ({"enabled": False}, reasons.CONNECTION_DISABLED, "Switch it on in the connection's settings."),
        ({"paused": True}, reasons.CONNECTION_PAUSED, "Resume the connection when it should go on."),
        ({"state": "needs_attention", "state_code": "reconnect"}, "reconnect", ""),
        ({"state": "disconnected"}, reasons.NOT_CONNECTED, "Connect it on the page CRM Connection."),
    ],
)
def test_its_receipt_says_what_holds_the_connection_and_what_to_do(
    world: World, crm: FakeCRM, ada: str, held: dict[str, Any], reason: str, advice: str
) -> None:
    id = erase_client(world.sync, ACCOUNT, ada).id
    world.set_connection(**held)
    world.run()
    (receipt,) = find_erasure(world.sync, ACCOUNT, id).receipts
    assert (receipt.how, receipt.reason) == ("", reason)
    assert receipt.outlook.says == reasons.explain(reason).says
    assert advice in receipt.outlook.advice
    world.set_connection(state="connected", state_code="", enabled=True, paused=False)
    world.run_until_done()
    (receipt,) = find_erasure(world.sync, ACCOUNT, id).receipts
    assert (receipt.how, receipt.reason, receipt.outlook.says) == ("deleted", "", "")
    assert crm.records == {}


def test_one_that_nothing_holds_waits_for_its_turn(world: World, ada: str) -> None:
    (receipt,) = erase_client(world.sync, ACCOUNT, ada).receipts
    assert (receipt.reason, receipt.outlook.says) == ("", "It waits for its turn.")


def test_it_finds_what_it_takes_away_by_the_client(world: World, crm: FakeCRM, ada: str) -> None:
    now, of = world.clock.now(), {"account_id": ACCOUNT}
    notice = {**of, "id": 5, "event": "x", "digest": "d", "client_id": ada, "data": {}, "created_at": now}
    with world.sync.database.write() as database:
        database.execute(sa.insert(Notice).values(notice))

    def act() -> None:
        erase_client(world.sync, ACCOUNT, ada)
        world.run_until_done()

    plans = _plans(world, act)
    for table in _TABLES:
        found = [plan for plan in plans if f" crm_sync_{table} " in plan]
        assert found, table
        assert [plan for plan in found if not _BY_CLIENT.search(plan)] == []


_ASKED = ("DELETE", "FROM crm_sync_notice", "crm_sync_operation.client_id = ?")
"""What tells the statements of an erasure from those of the drain that follows."""
_TABLES = (
    *("conflict", "delivery", "judgement", "link", "notice", "notification", "operation", "overwritten"),
    "qualification",
)
_BY_CLIENT = re.compile(r"(client|notice|remote|subject)_id=\?|merged_into=\?|\(id=\?\)|rowid=\?")


def _plans(world: World, act: Callable[[], None]) -> list[str]:
    """Return how SQLite finds the rows that an act takes away, or asks for in order to take them away."""
    sent: list[tuple[str, Any]] = []
    note = lambda _c, _r, text, given, *_: sent.append((text, given))  # noqa: E731
    sa.event.listen(world.engine, "before_cursor_execute", note)
    act()
    sa.event.remove(world.engine, "before_cursor_execute", note)
    asked = [one for one in sent if any(words in one[0] for words in _ASKED)]
    with world.engine.connect() as database:
        found = [database.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", given).all() for text, given in asked]
    return [f"{row[3]} " for rows in found for row in rows]
