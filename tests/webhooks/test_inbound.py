"""Hints on every database: told twice at once, and cleared away in slices."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
import sqlalchemy as sa

from flask_crm_sync import migration
from flask_crm_sync.config import Settings
from flask_crm_sync.crm.webhooks import Received
from flask_crm_sync.models import Connection, Database, Delivery
from flask_crm_sync.sync.context import Sync
from flask_crm_sync.sync.inbound import ACCEPTED, KEPT, SLICE, find_receiver, receive
from flask_crm_sync.sync.webhooks import open_webhook, set_secret
from flask_crm_sync.vault import Vault
from tests.web.helpdesk import OURS, START, SetClock
from tests.webhooks.desk import SECRET, add_connection, autochat_body, autochat_headers, kept

KEY = b"k" * 32


@pytest.fixture
def sync(database_url: str) -> Iterator[Sync]:
    """Our tables on each kind of database; no host is needed here."""
    engine = sa.create_engine(database_url)
    migration.upgrade(engine)
    settings = Settings(encryption_keys=(KEY,))
    yield Sync(Database(engine), cast("Any", None), Vault([KEY]), SetClock(), settings)
    engine.dispose()


def deliver(sync: Sync, body: bytes) -> str:
    receiver = find_receiver(sync, open_webhook(sync, OURS, "autochat").token)
    assert receiver is not None
    headers = {name.lower(): value for name, value in autochat_headers(body).items()}
    return receive(sync, receiver, Received("POST", "", headers, body))


def connect(sync: Sync) -> Any:
    made = add_connection(sync, "autochat")
    set_secret(sync, OURS, "autochat", SECRET)
    return made


def test_delivery_told_by_many_at_once_is_one_hint(sync: Sync) -> None:
    connect(sync)
    verdicts: list[str] = []
    bodies = [autochat_body(id=f"c-{number}") for number in range(3)]

    def tell() -> None:
        verdicts.extend(deliver(sync, body) for body in bodies)

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == [ACCEPTED] * 12
    assert sorted(row.remote_id for row in kept(sync)) == ["c-0", "c-1", "c-2"]


def test_old_hints_go_a_slice_at_a_time_when_new_ones_come(sync: Sync) -> None:
    mine, other = connect(sync), add_connection(sync, "autochat", "2")
    old, young = START - KEPT - timedelta(seconds=1), START - KEPT
    _add(sync, mine, old, SLICE + 1)
    _add(sync, mine, young, 1)
    _add(sync, other, old, 1)
    assert deliver(sync, autochat_body(id="c-1")) == ACCEPTED
    assert _ages(sync, mine) == {old: 1, young: 1, START: 1}
    assert deliver(sync, autochat_body(id="c-2")) == ACCEPTED
    assert deliver(sync, autochat_body(id="c-3")) == ACCEPTED
    assert _ages(sync, mine) == {young: 1, START: 3}
    assert _ages(sync, other) == {old: 1}


def test_a_hint_waits_for_a_two_way_connection_however_long_that_is_held(sync: Sync) -> None:
    mine, old = connect(sync), START - 2 * KEPT
    with sync.database.write() as database:
        database.execute(sa.update(Connection).values(two_way=True, paused=True))
    _add(sync, mine, old, 2)
    with sync.database.write() as database:
        used = sa.select(sa.func.min(Delivery.id)).scalar_subquery()
        database.execute(sa.update(Delivery).where(Delivery.id == used).values(used_at=old))
    assert deliver(sync, autochat_body(id="c-1")) == ACCEPTED
    assert _ages(sync, mine) == {old: 1, START: 1}


def test_case_of_an_id_is_kept_and_told_apart(sync: Sync) -> None:
    connect(sync)
    for record_id in ("Abc", "aBC"):
        deliver(sync, autochat_body(id=record_id))
    assert [row.remote_id for row in kept(sync)] == ["Abc", "aBC"]


def _add(sync: Sync, connection_id: Any, at: Any, count: int) -> None:
    rows = [
        {"connection_id": connection_id, "digest": uuid4().hex, "event": "x", "remote_id": "1", "received_at": at}
        for _ in range(count)
    ]
    with sync.database.write() as database:
        database.execute(sa.insert(Delivery), rows)


def _ages(sync: Sync, connection_id: Any) -> dict[Any, int]:
    counted = sa.select(Delivery.received_at, sa.func.count()).where(Delivery.connection_id == connection_id)
    with sync.database.read() as database:
        return {row[0]: row[1] for row in database.execute(counted.group_by(Delivery.received_at))}
