"""Connecting, testing, pausing, disconnecting: what is stored, what is refused, what survives."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from flask_crm_sync.crm.base import Identity
from flask_crm_sync.errors import (
    CredentialsIncomplete,
    CredentialsRefused,
    PermissionMissing,
    SecretUnreadable,
    Unreachable,
    UnsupportedFeature,
)
from flask_crm_sync.models import Connection, Link, Operation
from flask_crm_sync.models.connection import CONNECTED, DISCONNECTED, NEEDS_ATTENTION
from flask_crm_sync.models.operation import FAILED
from flask_crm_sync.sync import connections
from flask_crm_sync.sync.refusals import NotFound, OtherRemoteAccount
from flask_crm_sync.vault import Vault
from tests.web.helpdesk import OURS, THEIRS, TOKEN, Helpdesk, open_helpdesk

OTHER_PORTAL = Identity("222", "Portal 222")


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    return open_helpdesk(tmp_path)


def test_connecting_stores_sealed_credentials_and_what_the_crm_said(desk: Helpdesk) -> None:
    desk.portal.answers[TOKEN] = Identity(
        "111", "Portal 111", {"time_zone": "UTC"}, ("Contacts are matched by e-mail.",)
    )
    view = desk.connect()
    row = desk.stored(view.id)
    assert TOKEN not in row.credentials
    assert desk.sync.open_credentials(view.id, row.credentials) == {"token": TOKEN}
    assert row.traits == {"time_zone": "UTC"}
    assert (view.state, view.remote_label, view.has_credentials) == (CONNECTED, "Portal 111", True)
    assert view.findings == ("Contacts are matched by e-mail.",)
    assert view.next_interval_at == desk.clock.now() + timedelta(minutes=60)


def test_no_secret_leaves_in_a_view(desk: Helpdesk) -> None:
    assert TOKEN not in repr(desk.connect())


def test_credentials_that_fail_their_test_are_not_stored(desk: Helpdesk) -> None:
    desk.portal.answers[TOKEN] = CredentialsRefused(crm_message="The key is unknown.")
    with pytest.raises(CredentialsRefused):
        desk.connect()
    assert connections.connections(desk.sync, OURS) == []


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "pat\nna1",
        "pat na1",
        "pat\0na1",
        "pat-\N{GRINNING FACE}",
        "pat-\N{CYRILLIC SMALL LETTER A}",
        "\ud800",
        "x" * 10_000_000,
    ],
    ids=["empty", "blank", "newline", "space", "NUL", "emoji", "look-alike", "lone surrogate", "10 MB"],
)
def test_what_can_be_no_key_is_refused_at_its_field_without_asking_the_crm(desk: Helpdesk, typed: str) -> None:
    with pytest.raises(CredentialsIncomplete) as refused:
        desk.connect(token=typed)
    assert set(refused.value.fields) == {"token"}
    assert len(refused.value.fields["token"]) < 200
    assert desk.portal.asked == []


def test_white_space_around_a_pasted_key_is_forgiven(desk: Helpdesk) -> None:
    desk.connect(token=f"  {TOKEN}\r\n")
    assert desk.portal.asked == [TOKEN]


def test_an_unknown_crm_or_method_is_refused(desk: Helpdesk) -> None:
    with pytest.raises(UnsupportedFeature):
        connections.connect_account(desk.sync, OURS, "nonsense", "token", {"token": TOKEN})
    with pytest.raises(UnsupportedFeature):
        connections.connect_account(desk.sync, OURS, "hubspot", "nonsense", {"token": TOKEN})


def test_connecting_again_keeps_settings_and_lets_waiting_work_go_on(desk: Helpdesk) -> None:
    first = desk.connect()
    later = desk.clock.now() + timedelta(hours=2)
    desk.change(Connection, state=NEEDS_ATTENTION, state_code="credentials_refused", interval_minutes=5, paused=True)
    desk.change(Connection, blocked_until=later, blocked_code="rate_limited", blocked_count=3, sync_notes=False)
    desk.clock.sleep(90)
    again = desk.connect(token="pat-na1-rotated")
    assert again.id == first.id
    assert (again.state, again.state_code, again.blocked_until, again.blocked_code) == (CONNECTED, "", None, "")
    assert (again.settings.interval_minutes, again.settings.sync_notes, again.paused) == (5, False, True)
    assert again.next_interval_at == first.next_interval_at
    assert desk.sync.open_credentials(first.id, desk.stored(first.id).credentials) == {"token": "pat-na1-rotated"}


def test_a_key_of_another_account_in_the_crm_is_refused(desk: Helpdesk) -> None:
    view = desk.connect()
    before = desk.stored(view.id)
    desk.portal.answers["pat-other"] = OTHER_PORTAL
    with pytest.raises(OtherRemoteAccount, match=r"Portal 111.*Portal 222"):
        desk.connect(token="pat-other")
    assert desk.stored(view.id) == before


def test_moving_to_another_account_forgets_links_and_candidates_and_fences_off_the_old_drain(desk: Helpdesk) -> None:
    view = desk.connect()
    now = desk.clock.now()
    with desk.sync.database.write() as database:
        link = {"subject_type": "client", "subject_id": "1", "remote_type": "contact", "remote_id": "77"}
        database.execute(sa.insert(Link).values(connection_id=view.id, created_at=now, updated_at=now, **link))
    failed = desk.add_operation(view, status=FAILED, reason="ambiguous_match", details={"candidates": [{"id": "77"}]})
    waiting = desk.add_operation(view, "2", decision="use:77", unknown=True)
    desk.portal.answers["pat-other"] = OTHER_PORTAL
    fence = desk.stored(view.id).fence
    moved = desk.connect(token="pat-other", replace=True)
    assert (moved.id, moved.remote_account_id) == (view.id, "222")
    assert desk.stored(view.id).fence > fence
    assert desk.operation(failed).details is None
    assert (desk.operation(waiting).decision, desk.operation(waiting).unknown) == (None, False)
    with desk.sync.database.read() as database:
        assert database.execute(sa.select(sa.func.count()).select_from(Link)).scalar() == 0


def test_two_people_who_connect_at_once_make_one_connection(desk: Helpdesk) -> None:
    class Meanwhile:
        def __init__(self, desk: Helpdesk) -> None:
            self.desk, self.first = desk, True

        def __call__(self, *args: object, **more: object) -> object:
            if self.first:
                self.first = False
                open_sync = replace(self.desk.sync, connector=self.desk.portal)
                connections.connect_account(open_sync, OURS, "hubspot", "token", {"token": "pat-other-person"})
            return self.desk.portal(*args, **more)  # type: ignore[arg-type]

    sync = replace(desk.sync, connector=Meanwhile(desk))  # type: ignore[arg-type]
    connections.connect_account(sync, OURS, "hubspot", "token", {"token": TOKEN})
    (view,) = connections.connections(desk.sync, OURS)
    assert desk.sync.open_credentials(view.id, desk.stored(view.id).credentials) == {"token": TOKEN}


def test_who_loses_the_race_for_the_row_changes_the_winners(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What PostgreSQL and MariaDB answer when both inserts run at once; SQLite lets one writer in at a time."""
    store, calls = connections._store, []

    def loses_first(*args: Any) -> None:
        calls.append(args)
        store(*args)
        if len(calls) == 1:
            raise IntegrityError("INSERT", {}, Exception("account_id, crm"))

    monkeypatch.setattr(connections, "_store", loses_first)
    view = desk.connect()
    assert len(calls) == 2
    assert desk.sync.open_credentials(view.id, desk.stored(view.id).credentials) == {"token": TOKEN}


def test_a_refused_test_needs_attention_and_says_what_the_crm_asked_for(desk: Helpdesk) -> None:
    view = desk.connect()
    desk.portal.answers[TOKEN] = PermissionMissing(
        permissions=["crm.objects.contacts.write"], crm_message="This app hasn't been granted all required scopes."
    )
    with pytest.raises(PermissionMissing):
        connections.test_connection(desk.sync, view.id)
    seen = connections.find_connection(desk.sync, OURS, "hubspot")
    assert (seen.state, seen.state_code) == (NEEDS_ATTENTION, "permission_missing")
    assert "crm.objects.contacts.write" in seen.state_message
    assert seen.tested_at == desk.clock.now()


def test_trouble_that_passes_leaves_the_state(desk: Helpdesk) -> None:
    view = desk.connect()
    desk.portal.answers[TOKEN] = Unreachable()
    with pytest.raises(Unreachable):
        connections.test_connection(desk.sync, view.id)
    assert connections.find_connection(desk.sync, OURS, "hubspot").state == CONNECTED


def test_a_good_test_ends_attention_and_block(desk: Helpdesk) -> None:
    view = desk.connect()
    desk.change(Connection, state=NEEDS_ATTENTION, state_code="credentials_refused", blocked_code="server_fault")
    tested = connections.test_connection(desk.sync, view.id)
    assert (tested.state, tested.state_code, tested.blocked_code) == (CONNECTED, "", "")


def test_a_test_of_credentials_replaced_meanwhile_changes_nothing(desk: Helpdesk) -> None:
    view = desk.connect()

    class Slow:
        def __call__(self, *_: object, **__: object) -> object:
            return self

        @property
        def http(self) -> Slow:
            return self

        def close(self) -> None:
            """Have no connection to close."""

        def test(self) -> Identity:
            desk.connect(token="pat-new")
            raise CredentialsRefused

    with pytest.raises(CredentialsRefused):
        connections.test_connection(replace(desk.sync, connector=Slow()), view.id)  # type: ignore[arg-type]
    assert connections.find_connection(desk.sync, OURS, "hubspot").state == CONNECTED


def test_credentials_that_no_key_opens_need_attention(desk: Helpdesk) -> None:
    view = desk.connect()
    locked_out = replace(desk.sync, vault=Vault([b"z" * 32]))
    with pytest.raises(SecretUnreadable):
        connections.test_connection(locked_out, view.id)
    assert connections.find_connection(desk.sync, OURS, "hubspot").state_code == "secret_unreadable"


def test_disconnecting_deletes_the_key_and_keeps_the_rest(desk: Helpdesk) -> None:
    desk.portal.answers[TOKEN] = Identity("111", "Portal 111", user="sync@example.com")
    view = desk.connect()
    assert view.remote_user == "sync@example.com"
    waiting = desk.add_operation(view)
    gone = connections.disconnect(desk.sync, OURS, "hubspot")
    assert (gone.id, gone.state, gone.has_credentials) == (view.id, DISCONNECTED, False)
    assert (desk.stored(view.id).credentials, gone.remote_user, gone.remote_label) == ("", "", "Portal 111")
    assert desk.operation(waiting).status == "pending"
    with pytest.raises(NotFound):
        connections.test_connection(desk.sync, view.id)
    assert desk.connect().state == CONNECTED
    with desk.sync.database.read() as database:
        assert database.execute(sa.select(sa.func.count()).select_from(Operation)).scalar() == 1


def test_what_is_disconnected_cannot_be_paused_nor_come_back_paused(desk: Helpdesk) -> None:
    desk.connect()
    connections.pause(desk.sync, OURS, "hubspot")
    connections.disconnect(desk.sync, OURS, "hubspot")
    with pytest.raises(NotFound):
        connections.pause(desk.sync, OURS, "hubspot")
    assert not desk.connect().paused


def test_pausing_and_resuming(desk: Helpdesk) -> None:
    desk.connect()
    assert connections.pause(desk.sync, OURS, "hubspot").paused
    assert not connections.resume(desk.sync, OURS, "hubspot").paused


@pytest.mark.parametrize(
    "act", [connections.pause, connections.resume, connections.disconnect, connections.find_connection]
)
def test_another_accounts_connection_is_not_there(desk: Helpdesk, act: object) -> None:
    view = desk.connect(THEIRS)
    before = desk.stored(view.id)
    with pytest.raises(NotFound):
        act(desk.sync, OURS, "hubspot")  # type: ignore[operator]
    assert desk.stored(view.id) == before
