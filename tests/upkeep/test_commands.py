"""`flask crm backfill`, `erase-client` and `agreement`, run in the small host."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from flask_crm_sync import CRMSync
from flask_crm_sync.jobs.running import EXTENSION_KEY, running_of
from flask_crm_sync.models import Base
from flask_crm_sync.sync.connections import connect_account
from flask_crm_sync.testing import FakeCRM
from flask_crm_sync.vault import make_key
from tests.small_host.app import Client, create_app, db

ACCOUNT = ("--account", "1")
FILL = ("backfill", *ACCOUNT, "--crm", "hubspot")


@pytest.fixture
def crm() -> FakeCRM:
    return FakeCRM()


@pytest.fixture
def host(tmp_path: Path, crm: FakeCRM) -> Iterator[Flask]:
    """A host with three clients, connected to a CRM in memory; nobody has told of them."""
    app = create_app(
        {
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/host.sqlite",
            "CRM_SYNC_ENCRYPTION_KEYS": make_key(),
            "CRM_SYNC_REDIS_URL": "redis://127.0.0.1:1/0",
        }
    )
    with app.app_context():
        db.create_all()
        Base.metadata.create_all(db.engine)
        running = running_of(app)
        object.__setattr__(running.sync, "connector", crm.connect)
        running.capture.remove()
        for number in range(1, 4):
            db.session.add(Client(id=number, account_id=1, first_name="Ann", email=f"c{number}@example.com"))
        db.session.commit()
        connect_account(running.sync, "1", "hubspot", "token", {"token": "any"})
        db.session.remove()
    yield app
    with app.app_context():
        db.engine.dispose()


def run(host: Flask, *arguments: str, code: int = 0, **more: Any) -> Any:
    result = host.test_cli_runner().invoke(args=["crm", *arguments], **more)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout) if "--json" in arguments else result.stdout


def test_a_backfill_is_carried_out_and_told(host: Flask, crm: FakeCRM) -> None:
    cost = run(host, *FILL, "--estimate", "--json")
    assert (cost["estimate"]["clients"], cost["progress"]) == (3, None)
    assert "3 of 3 clients: done." in run(host, *FILL)
    assert len(crm.records) == 3


def test_a_backfill_can_be_left_to_jobs_paused_resumed_and_stopped(host: Flask, crm: FakeCRM) -> None:
    told = run(host, *FILL, "--no-wait", "--json")
    assert (told["progress"]["done"], told["progress"]["over"]) == (0, False)
    assert run(host, *FILL, "--pause", "--json")["progress"]["paused"]
    assert crm.records == {}
    assert "stopped" in run(host, *FILL, "--cancel")
    failed = run(host, *FILL, "--resume", "--json", code=1)
    assert failed["error"]["code"] == "no_backfill"


def test_what_rests_goes_on_to_its_end(host: Flask, crm: FakeCRM) -> None:
    run(host, *FILL, "--no-wait")
    run(host, *FILL, "--pause")
    assert "3 of 3 clients: done." in run(host, *FILL, "--resume")
    assert len(crm.records) == 3


def test_on_a_terminal_a_bar_shows_how_far_it_is(host: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("flask_crm_sync.cli.backfill.sys", SimpleNamespace(stderr=terminal))
    assert "3 of 3 clients: done." in run(host, *FILL)
    assert "Backfill of HubSpot" in terminal.getvalue()
    assert "100%" in terminal.getvalue()


def test_an_unknown_connection_is_an_error_that_explains_itself(host: Flask) -> None:
    failed = run(host, "backfill", *ACCOUNT, "--crm", "salesforce", "--json", code=1)
    assert failed["error"]["code"] == "not_found"


def test_a_client_is_erased_with_a_receipt_and_let_back(host: Flask, crm: FakeCRM) -> None:
    run(host, *FILL)
    assert run(host, "erase-client", "2", *ACCOUNT, "--json", code=1)["error"]["code"] == "not_confirmed"
    told = run(host, "erase-client", "2", *ACCOUNT, "--yes", "--json")
    assert told["done"]
    assert [(one["crm"], one["how"]) for one in told["receipts"]] == [("hubspot", "deleted")]
    assert len(crm.records) == 2
    assert run(host, "erase-client", "2", *ACCOUNT, "--lift", "--json")["lifted"] == 1
    assert run(host, "erase-client", "2", *ACCOUNT, "--lift", "--json", code=1)["error"]["code"] == "not_found"
    assert "HubSpot: had no record" in run(host, "erase-client", "2", *ACCOUNT, input="y\n")


def test_the_hosts_own_code_erases_a_client(host: Flask, crm: FakeCRM) -> None:
    run(host, *FILL)
    extension: CRMSync = host.extensions[EXTENSION_KEY]
    with host.app_context():
        view = extension.erase_client(3, by="7")
    assert (view.client_id, view.user_id, len(view.receipts)) == ("3", "7", 1)


def test_agreement_is_compared_and_told(host: Flask, crm: FakeCRM) -> None:
    run(host, *FILL)
    told = run(host, "agreement", "--all", "--json")
    assert told["connections"][0]["checked"] == 3
    assert "3 compared, 0 differ, 0 gone" in run(host, "agreement", *ACCOUNT)
    for record in list(crm.records):
        crm.delete(record)
    assert run(host, "agreement", "--all", "--json")["connections"][0]["gone"] == 3
