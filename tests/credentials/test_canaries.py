"""Secrets show up nowhere: canaries are planted, a whole life of a connection is led, and every place is searched."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
import sqlalchemy as sa
from flask import Flask

from flask_crm_sync.config import Settings
from flask_crm_sync.credentials.tokens import fresh
from flask_crm_sync.errors import CRMSyncError
from flask_crm_sync.jobs.running import Running
from flask_crm_sync.models import Base
from flask_crm_sync.sandbox.server import Sandbox
from flask_crm_sync.sync.connections import connect_account, disconnect, find_connection, test_connection
from flask_crm_sync.sync.diagnosis import diagnose
from tests.small_host.fixtures import environment, host, running, server
from tests.web.helpdesk import OURS, Helpdesk
from tests.web.test_page_access import token_of

from .conftest import CALLBACK, SIGN_IN, SignedIn, Traveller, settings_for

__all__ = ["environment", "host", "running", "server"]

APP_SECRET = "canary-app-secret-7d1f0c"


@pytest.fixture
def settings(sandbox: Sandbox) -> Iterator[Settings]:
    """Return the settings of an app whose secret is a canary."""
    sandbox.hubspot.grants.add_app("sandbox-client-id", APP_SECRET, name="Sandbox app")
    yield settings_for(sandbox, hubspot_client_secret=APP_SECRET)
    sandbox.hubspot.grants.add_app("sandbox-client-id", "sandbox-client-secret", name="Sandbox app")


class Hunt:
    """Everything that came out of the installation, and every secret that must not be in it."""

    def __init__(self, desk: Helpdesk, sandbox: Sandbox, portal: int) -> None:
        self.desk, self.sandbox, self.portal = desk, sandbox, portal
        self.found: dict[str, str] = {}
        self.codes: list[str] = []

    def keep(self, where: str, text: str) -> None:
        self.found[where] = self.found.get(where, "") + text

    def error(self, error: BaseException) -> None:
        """Keep an exception with all that hangs on it."""
        self.keep("exceptions", "".join(traceback.format_exception(error)))
        seen: BaseException | None = error
        while seen is not None:
            self.keep("exceptions", f"{seen!r} {vars(seen)!r} {seen.args!r}")
            seen = seen.__cause__ or seen.__context__

    def secrets(self) -> set[str]:
        tokens = {token.token for token in self.sandbox.hubspot.access.tokens(self.portal)}
        assert len(tokens) >= 4
        return {APP_SECRET, (b"k" * 32).decode(), *tokens, *self.codes}

    def dump(self) -> None:
        with self.desk.sync.database.read() as database:
            for table in Base.metadata.sorted_tables:
                self.keep("database", repr(database.execute(sa.select(table)).all()))

    def check(self) -> None:
        assert set(self.found) >= {"pages", "exceptions", "database", "logs", "reprs", "calls"}
        for where, text in self.found.items():
            assert text, where
            leaked = [secret for secret in self.secrets() if secret in text]
            assert not leaked, f"{where}: {leaked}"


def test_no_secret_is_anywhere(
    desk: Helpdesk, traveller: Traveller, sandbox: Sandbox, portal: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hunt = Hunt(desk, sandbox, portal)
    signed_in = lead_a_life(hunt, traveller)
    hunt.keep("logs", "".join(f"{record.getMessage()} {record.__dict__!r}\n" for record in caplog.records))
    warm = desk.sync.warm.get(desk.sync, signed_in.row()._mapping)
    hunt.keep("reprs", f"{desk.sync!r} {warm!r} {warm.adapter!r} {warm.adapter.http!r} {desk.sync.settings!r}")
    hunt.keep("reprs", repr(find_connection(desk.sync, OURS, "hubspot")))
    hunt.keep("calls", repr([call.path for call in sandbox.calls.newest(limit=1000)]))
    warm.adapter.http.close()
    hunt.check()


def lead_a_life(hunt: Hunt, traveller: Traveller) -> SignedIn:
    """Sign in, fail to, renew, fail to, diagnose, go wrong in every way; keep all that shows."""
    desk, sandbox = hunt.desk, hunt.sandbox
    back = traveller.decides(traveller.leaves(), hunt.portal)
    hunt.codes.append(parse_qs(urlsplit(back).query)["code"][0])
    hunt.keep("pages", traveller.returns(back).text)
    hunt.keep("pages", traveller.returns(back).text)
    signed_in = SignedIn(desk, sandbox, hunt.portal, find_connection(desk.sync, OURS, "hubspot").id)
    for fault in ("drop_request", "lose_reply", "malformed_json", "html_error", "truncated", "server_error"):
        sandbox.faults.add("hubspot", fault, path="/oauth/", times=1)
        failed(hunt, signed_in)
    fresh(desk.sync, signed_in.id, signed_in.credentials()["access_token"])
    hunt.keep("pages", traveller.browser.get("/crm/").text)
    hunt.dump()
    diagnosis = diagnose(desk.sync, OURS, "hubspot")
    hunt.keep("reprs", repr(diagnosis))
    token = token_of(traveller.browser)
    hunt.keep("pages", traveller.browser.post("/crm/connections/hubspot/diagnose", data={"csrf_token": token}).text)
    state = parse_qs(urlsplit(traveller.leaves()).query)["state"][0]
    hunt.dump()  # a trip in progress holds its verifier
    sandbox.faults.add("hubspot", "lose_reply", path="/oauth/", times=1)
    hunt.keep("pages", traveller.browser.get(f"{CALLBACK}?state={state}&code=never-given").text)
    sandbox.hubspot.access.revoke(signed_in.credentials()["refresh_token"])
    failed(hunt, signed_in)
    sandbox.hubspot.access.revoke(signed_in.credentials()["access_token"])
    with pytest.raises(CRMSyncError) as refused:
        test_connection(desk.sync, signed_in.id)
    hunt.error(refused.value)
    hunt.keep("pages", traveller.browser.get("/crm/").text)
    traveller.signs_in(hunt.portal)
    hunt.dump()
    return signed_in


def failed(hunt: Hunt, signed_in: SignedIn) -> None:
    with pytest.raises(CRMSyncError) as error:
        fresh(hunt.desk.sync, signed_in.id, signed_in.credentials()["access_token"])
    hunt.error(error.value)


def test_a_disconnected_connection_leaves_no_secret_behind(desk: Helpdesk, signed_in: SignedIn) -> None:
    disconnect(desk.sync, OURS, "hubspot")
    with desk.sync.database.read() as database:
        row = database.execute(sa.text("SELECT credentials FROM crm_sync_connection")).scalar_one()
    assert row == ""


def test_redis_holds_no_secret(host: Flask, running: Running, server: redis.Redis) -> None:
    token = "pat-na1-sandbox"
    connect_account(running.sync, "1", "hubspot", "token", {"token": token})
    with host.app_context():
        running.queues.wake()
        running.queues.ring_bell()
    held = b"".join(repr(server.dump(key)).encode() + key for key in server.scan_iter())
    assert held
    assert token.encode() not in held


def test_a_sign_in_form_never_shows_what_was_typed_as_a_secret(traveller: Traveller) -> None:
    data = {"csrf_token": token_of(traveller.browser), "method": "token", "token": "canary typed with spaces"}
    answer = traveller.browser.post("/crm/connections/hubspot/connect", data=data)
    assert answer.status_code == 422
    assert "canary typed" not in answer.text
    assert traveller.browser.post(SIGN_IN, data={**data, "method": "nonsense"}).status_code == 422
