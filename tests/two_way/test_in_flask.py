"""In a Flask app with Flask-SQLAlchemy: the host's own session hears what comes home, and tells of merged clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from flask_crm_sync import migration
from flask_crm_sync.host.records import ClientRecord
from flask_crm_sync.host.writing import HostWriter
from flask_crm_sync.jobs.running import Running, running_of
from flask_crm_sync.models import Change
from flask_crm_sync.vault import make_key
from tests.small_host.app import Client, create_app, db

ORIGIN = uuid4()


@pytest.fixture
def host(tmp_path: Any) -> Iterator[Flask]:
    app = create_app(
        {
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path / 'host.sqlite'}",
            "CRM_SYNC_ENCRYPTION_KEYS": make_key(),
            "CRM_SYNC_REDIS_URL": "redis://127.0.0.1:1/0",
        }
    )
    with app.app_context():
        db.create_all()
        migration.upgrade(db.engine)
        db.session.add_all([Client(account_id=1, email=f"{name}@example.com") for name in ("ada", "eve")])
        db.session.commit()
        yield app
        db.session.remove()
        app.extensions["crm_sync"].release(app)
        db.engine.dispose()


@pytest.fixture
def running(host: Flask) -> Running:
    return running_of(host)


def changes(running: Running) -> list[Any]:
    with running.sync.database.read() as database:
        told = sa.select(Change.subject_id, Change.kind, Change.origin).order_by(Change.id)
        return [tuple(row) for row in database.execute(told)]


def bring(running: Running, *, fails: bool = False) -> None:
    """Bring a first name home, in a transaction of ours."""
    with running.sync.database.write() as database:
        merged = running.sync.host.load_clients(database, ["1"])["1"]
        assert isinstance(merged, ClientRecord)
        HostWriter(running.sync.host, database, ORIGIN).update(merged, {"first_name": "Ada"})
        if fails:
            raise RuntimeError


def first_name() -> Any:
    return db.session.execute(sa.select(Client.first_name).where(Client.id == 1)).scalar()


def test_listeners_of_the_hosts_own_session_hear_what_comes_home(host: Flask, running: Running) -> None:
    heard: list[str] = []

    def listen(session: Any, *_: Any) -> None:
        heard.extend(client.first_name for client in session.dirty)

    sa.event.listen(db.session, "before_flush", listen)
    bring(running)
    sa.event.remove(db.session, "before_flush", listen)
    assert (first_name(), heard) == ("Ada", ["Ada"])
    assert changes(running)[-1] == ("1", "updated", ORIGIN)


def test_what_comes_home_is_taken_back_with_our_own_transaction(host: Flask, running: Running) -> None:
    with pytest.raises(RuntimeError):
        bring(running, fails=True)
    assert first_name() is None


@pytest.mark.parametrize("commits", [True, False])
def test_merged_clients_are_told_in_the_hosts_own_transaction(host: Flask, running: Running, commits: bool) -> None:
    before = changes(running)
    db.session.delete(db.session.get(Client, 2))
    host.extensions["crm_sync"].clients_merged(1, 2)
    if commits:
        db.session.commit()
    else:
        db.session.rollback()
    told = changes(running)[len(before) :]
    assert told == ([("2", "deleted", None), ("1", "updated", None)] if commits else [])
