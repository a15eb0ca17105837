"""Tokens: renewed in time, by one worker at a time, never lost, and told to a person when they end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.credentials import tokens
from flask_crm_sync.credentials.refusals import AppRefused, SignInEnded, SignInLost
from flask_crm_sync.credentials.tokens import SignInReplaced, fresh
from flask_crm_sync.errors import ReconnectRequired, ServerFault, Unreachable
from flask_crm_sync.models import Connection
from flask_crm_sync.models.connection import CONNECTED, NEEDS_ATTENTION
from flask_crm_sync.sync.connections import disconnect, find_connection, test_connection
from flask_crm_sync.sync.push import drain
from flask_crm_sync.sync.secrets import rotate
from flask_crm_sync.sync.warm import open_adapter
from flask_crm_sync.vault import Vault
from tests.web.helpdesk import OURS, Client

from .conftest import SignedIn, Traveller


def renewed(signed_in: SignedIn, refused: str | None = None) -> dict[str, str]:
    return fresh(signed_in.desk.sync, signed_in.id, refused)


def test_a_token_that_lasts_is_used_as_it_is(signed_in: SignedIn) -> None:
    assert renewed(signed_in) == signed_in.credentials()
    assert signed_in.renewals() == 0


def test_a_token_near_its_end_is_renewed_ahead_of_it(signed_in: SignedIn) -> None:
    signed_in.ends_soon(299)
    before = signed_in.credentials()
    after = renewed(signed_in)
    assert after == signed_in.credentials()
    assert after["access_token"] != before["access_token"]
    assert float(after["expires_at"]) > float(before["expires_at"]) + 1000
    assert signed_in.renewals() == 1


def test_a_refused_token_is_renewed_once(signed_in: SignedIn) -> None:
    refused = signed_in.credentials()["access_token"]
    first = renewed(signed_in, refused)
    assert renewed(signed_in, refused) == first
    assert signed_in.renewals() == 1


def test_a_rotated_refresh_token_is_kept(signed_in: SignedIn) -> None:
    signed_in.sandbox.hubspot.dialect.rotate_refresh_tokens = True
    before = signed_in.credentials()["refresh_token"]
    after = renewed(signed_in, signed_in.credentials()["access_token"])
    assert after["refresh_token"] != before
    assert signed_in.credentials() == after
    assert renewed(signed_in, after["access_token"])["access_token"] != after["access_token"]


def test_a_worker_that_dies_before_the_commit_has_used_nothing_and_the_next_tells_why(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CRM has replaced the refresh token, and the process that knew the new one is gone."""

    def dies(*_: Any) -> bool:
        raise KeyboardInterrupt

    signed_in.sandbox.hubspot.dialect.rotate_refresh_tokens = True
    before, refused = signed_in.row().credentials, signed_in.credentials()["access_token"]
    with monkeypatch.context() as patch:
        patch.setattr(tokens, "_store", dies)
        with pytest.raises(KeyboardInterrupt):
            renewed(signed_in, refused)
    assert signed_in.row().credentials == before
    signed_in.desk.change(Connection, renewing_until=signed_in.desk.sync.database.now() - 1)  # the lease runs out
    with pytest.raises(SignInLost):
        renewed(signed_in, refused)


def test_a_hundred_threads_make_one_renewal(signed_in: SignedIn) -> None:
    signed_in.sandbox.hubspot.dialect.rotate_refresh_tokens = True
    refused = signed_in.credentials()["access_token"]
    with ThreadPoolExecutor(100) as pool:
        got = list(pool.map(lambda _: renewed(signed_in, refused)["access_token"], range(100)))
    assert signed_in.renewals() == 1
    assert set(got) == {signed_in.credentials()["access_token"]}
    assert refused not in got


def test_trouble_that_passes_leaves_a_token_that_is_still_good_in_use(signed_in: SignedIn) -> None:
    signed_in.ends_soon(200)
    signed_in.sandbox.faults.add("hubspot", "server_error", path="/oauth/", times=1)
    before = signed_in.credentials()
    assert renewed(signed_in) == before
    assert renewed(signed_in) != before


@pytest.mark.parametrize("fault", ["drop_request", "lose_reply", "malformed_json", "html_error", "server_error"])
def test_trouble_that_passes_is_no_reason_to_connect_again(signed_in: SignedIn, fault: str) -> None:
    refused = signed_in.credentials()["access_token"]
    signed_in.sandbox.faults.add("hubspot", fault, path="/oauth/", times=1)
    with pytest.raises((Unreachable, ServerFault)):
        renewed(signed_in, refused)
    assert renewed(signed_in, refused)["access_token"] != refused
    assert signed_in.row().renewing_until == 0.0


def test_a_lost_answer_is_named_when_the_token_was_replaced_by_it(signed_in: SignedIn) -> None:
    signed_in.sandbox.hubspot.dialect.rotate_refresh_tokens = True
    refused = signed_in.credentials()["access_token"]
    signed_in.sandbox.faults.add("hubspot", "lose_reply", path="/oauth/", times=1)
    with pytest.raises(Unreachable):
        renewed(signed_in, refused)
    with pytest.raises(SignInLost, match="lost"):
        renewed(signed_in, refused)


def test_a_withdrawn_sign_in_says_so_in_the_crms_words(signed_in: SignedIn) -> None:
    signed_in.sandbox.hubspot.access.revoke(signed_in.credentials()["refresh_token"])
    with pytest.raises(SignInEnded) as ended:
        renewed(signed_in, signed_in.credentials()["access_token"])
    assert "invalid, expired or revoked" in ended.value.crm_message
    assert not isinstance(ended.value, SignInLost)


def test_a_refused_app_is_no_ended_sign_in(signed_in: SignedIn) -> None:
    signed_in.sandbox.hubspot.grants.add_app("sandbox-client-id", "another-secret", name="Sandbox app")
    try:
        with pytest.raises(AppRefused, match="not accept the app"):
            renewed(signed_in, signed_in.credentials()["access_token"])
    finally:
        signed_in.sandbox.hubspot.grants.add_app("sandbox-client-id", "sandbox-client-secret", name="Sandbox app")


def test_somebody_who_connects_again_meanwhile_wins(
    signed_in: SignedIn, traveller: Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old refresh token is refused; the row, read again, holds newer ones."""
    refused = signed_in.credentials()["access_token"]
    signed_in.sandbox.hubspot.access.revoke(signed_in.credentials()["refresh_token"])
    asked = tokens._asked

    def signs_in_first(*args: Any) -> Any:
        monkeypatch.setattr(tokens, "_asked", asked)
        assert traveller.signs_in(signed_in.portal).status_code == 303
        return asked(*args)

    monkeypatch.setattr(tokens, "_asked", signs_in_first)
    assert renewed(signed_in, refused) == signed_in.credentials()


def test_a_drain_never_goes_on_with_another_sign_in(
    signed_in: SignedIn, traveller: Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another sign-in may lead to another portal: what was begun for the first must not end in the second."""
    row = signed_in.row()
    adapter = open_adapter(signed_in.desk.sync, row._mapping)
    signed_in.sandbox.hubspot.access.revoke(signed_in.credentials()["access_token"])
    traveller.signs_in(signed_in.portal)
    with pytest.raises(SignInReplaced):
        adapter.test()
    adapter.http.close()


def test_a_worker_that_died_while_renewing_holds_nobody_up_for_ever(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = signed_in.desk.sync.database.now()
    signed_in.desk.change(Connection, renewing_until=now - 1)
    assert renewed(signed_in, signed_in.credentials()["access_token"])
    assert signed_in.renewals() == 1


def test_waiting_for_another_worker_ends(signed_in: SignedIn) -> None:
    signed_in.desk.change(Connection, renewing_until=signed_in.desk.sync.database.now() + 3600)
    from dataclasses import replace

    sync = replace(signed_in.desk.sync, clock=signed_in.desk.clock)  # a clock that sleeping moves
    with pytest.raises(Unreachable, match="too long"):
        fresh(sync, signed_in.id, signed_in.credentials()["access_token"])
    assert signed_in.renewals() == 0


def test_a_disconnected_connection_has_no_token(signed_in: SignedIn) -> None:
    disconnect(signed_in.desk.sync, OURS, "hubspot")
    with pytest.raises(ReconnectRequired):
        renewed(signed_in)


def test_a_call_that_is_refused_is_renewed_and_made_again(signed_in: SignedIn) -> None:
    adapter = open_adapter(signed_in.desk.sync, signed_in.row()._mapping)
    first = signed_in.credentials()["access_token"]
    signed_in.sandbox.hubspot.access.expire(first, 0)
    assert adapter.test().remote_account_id == str(signed_in.portal)
    adapter.http.close()
    assert signed_in.renewals() == 1
    assert signed_in.credentials()["access_token"] != first


def test_testing_a_connection_whose_sign_in_ended_flags_it(signed_in: SignedIn) -> None:
    for token in ("access_token", "refresh_token"):
        signed_in.sandbox.hubspot.access.revoke(signed_in.credentials()[token])
    with pytest.raises(SignInEnded):
        test_connection(signed_in.desk.sync, signed_in.id)
    view = find_connection(signed_in.desk.sync, OURS, "hubspot")
    assert (view.state, view.state_code) == (NEEDS_ATTENTION, "sign_in_ended")
    assert view.has_credentials


def test_a_test_that_renews_the_token_counts_all_the_same(signed_in: SignedIn) -> None:
    signed_in.desk.change(Connection, state=NEEDS_ATTENTION, tested_at=None)
    signed_in.sandbox.hubspot.access.expire(signed_in.credentials()["access_token"], 0)
    assert test_connection(signed_in.desk.sync, signed_in.id).state == CONNECTED
    assert signed_in.row().tested_at is not None
    assert signed_in.renewals() == 1


def test_keys_rotate_while_tokens_do(signed_in: SignedIn) -> None:
    signed_in.desk.sync.vault.__init__((b"n" * 32, b"k" * 32))  # type: ignore[misc]
    sealed = signed_in.row().credentials
    assert rotate(signed_in.desk.sync)["rotated"] >= 1
    assert signed_in.row().credentials != sealed
    assert renewed(signed_in, signed_in.credentials()["access_token"]) == signed_in.credentials()
    assert Vault((b"n" * 32,)).is_current(signed_in.row().credentials)


def test_a_drain_renews_before_it_begins_and_flags_what_has_ended(signed_in: SignedIn) -> None:
    desk = signed_in.desk
    desk.add_client(1)
    desk.add_operation(find_connection(desk.sync, OURS, "hubspot"))
    signed_in.ends_soon(10)
    signed_in.sandbox.hubspot.access.revoke(signed_in.credentials()["refresh_token"])
    drain(desk.sync, signed_in.id)
    view = find_connection(desk.sync, OURS, "hubspot")
    assert (view.state, view.state_code) == (NEEDS_ATTENTION, "sign_in_ended")
    with desk.sync.database.read() as database:
        waiting = database.execute(sa.text("SELECT count(*) FROM crm_sync_operation WHERE status = 'pending'"))
        assert waiting.scalar() == 1


def test_a_drain_rests_while_a_token_cannot_be_renewed(signed_in: SignedIn) -> None:
    desk = signed_in.desk
    desk.add_client(1)
    desk.add_operation(find_connection(desk.sync, OURS, "hubspot"))
    signed_in.ends_soon(10)
    signed_in.sandbox.faults.add("hubspot", "server_error", path="/oauth/", times=1)
    assert drain(desk.sync, signed_in.id).blocked_until is not None
    view = find_connection(desk.sync, OURS, "hubspot")
    assert (view.state, view.blocked_code) == ("connected", "server_fault")


def test_a_key_that_is_out_of_use_stops_a_drain_without_harm_to_its_work(signed_in: SignedIn) -> None:
    desk = signed_in.desk
    desk.add_client(1)
    with desk.sync.database.engine.begin() as host:
        host.execute(sa.update(Client).values(email="ada@example.com"))
    desk.add_operation(find_connection(desk.sync, OURS, "hubspot"))
    desk.sync.warm.get(desk.sync, signed_in.row()._mapping)
    signed_in.sandbox.hubspot.access.expire(signed_in.credentials()["access_token"], 0)
    desk.sync.vault.__init__((b"n" * 32,))  # type: ignore[misc]
    drain(desk.sync, signed_in.id)
    view = find_connection(desk.sync, OURS, "hubspot")
    assert view.state == NEEDS_ATTENTION
    assert "CRM_SYNC_ENCRYPTION_KEYS" in view.state_message
    with desk.sync.database.read() as database:
        waiting = database.execute(sa.text("SELECT status, claim, crashes, attempts FROM crm_sync_operation")).all()
    assert waiting == [("pending", None, 0, 0)]
