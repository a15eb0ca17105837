"""Addresses and secrets: made once, kept when asked again, rotated, removed; by function and by command."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from flask_crm_sync.cli import crm_commands
from flask_crm_sync.config import Settings
from flask_crm_sync.errors import CredentialsIncomplete, UnsupportedFeature
from flask_crm_sync.jobs.running import RUNNING_KEY
from flask_crm_sync.models import Connection
from flask_crm_sync.models.connection import DISCONNECTED
from flask_crm_sync.sync.audit import trail
from flask_crm_sync.sync.inbound import forget_webhook
from flask_crm_sync.sync.refusals import NotFound
from flask_crm_sync.sync.secrets import CURRENT, ROTATED, rotate
from flask_crm_sync.sync.webhooks import open_webhook, remove_webhook, set_secret
from flask_crm_sync.vault import Vault
from tests.web.helpdesk import OURS, THEIRS, Helpdesk, open_helpdesk
from tests.webhooks.desk import ORIGIN, SECRET, HookedDesk, add_connection, autochat_body, autochat_headers, kept


def test_address_stays_when_it_is_asked_for_again(desk: HookedDesk) -> None:
    add_connection(desk.sync, "autochat")
    first, again = (open_webhook(desk.sync, OURS, "autochat") for _ in range(2))
    assert first == again
    assert len(first.token) >= 43
    assert not first.has_secret


def test_only_the_accounts_own_connection_that_can_send_has_a_webhook(desk: HookedDesk) -> None:
    add_connection(desk.sync, "autochat", THEIRS)
    add_connection(desk.sync, "salesforce", OURS)
    with pytest.raises(NotFound):
        open_webhook(desk.sync, OURS, "autochat")
    with pytest.raises(UnsupportedFeature, match="Salesforce does not offer webhooks"):
        open_webhook(desk.sync, OURS, "salesforce")
    desk.desk.change(Connection, state=DISCONNECTED)
    with pytest.raises(NotFound):
        set_secret(desk.sync, THEIRS, "autochat", SECRET)


@pytest.mark.parametrize("secret", ["", "   ", "abc", "with a space in it", "Schlüssel-mit-Umlaut", "two\nlines-of-it"])
def test_what_can_be_no_secret_is_refused_and_not_shown(desk: HookedDesk, secret: str) -> None:
    add_connection(desk.sync, "autochat")
    with pytest.raises(CredentialsIncomplete) as refused:
        set_secret(desk.sync, OURS, "autochat", secret)
    assert not secret.strip() or secret not in str(refused.value)


def test_made_up_secret_for_dynamics_must_be_long(desk: HookedDesk) -> None:
    add_connection(desk.sync, "dynamics")
    with pytest.raises(CredentialsIncomplete, match="24"):
        set_secret(desk.sync, OURS, "dynamics", "x" * 23)
    assert set_secret(desk.sync, OURS, "dynamics", "x" * 24).has_secret


def test_same_secret_again_begins_no_changeover(desk: HookedDesk) -> None:
    desk.hook("autochat")
    assert set_secret(desk.sync, OURS, "autochat", SECRET).previous_until is None


def test_removed_webhook_is_gone_and_the_next_has_another_address(desk: HookedDesk) -> None:
    path, body = desk.hook("autochat"), autochat_body()
    desk.post(path, body, autochat_headers(body))
    remove_webhook(desk.sync, OURS, "autochat")
    assert desk.post(path, body, autochat_headers(body)) == 404
    assert kept(desk.sync) == []
    assert desk.path("autochat") != path
    remove_webhook(desk.sync, OURS, "autochat")
    with pytest.raises(NotFound):
        remove_webhook(desk.sync, OURS, "autochat")


def test_connection_that_ends_takes_its_webhook_along(desk: HookedDesk) -> None:
    path, body = desk.hook("autochat"), autochat_body()
    known = open_webhook(desk.sync, OURS, "autochat").connection_id
    with desk.sync.database.write() as database:
        assert forget_webhook(database, known)
        assert not forget_webhook(database, known)
    assert desk.post(path, body, autochat_headers(body)) == 404


def test_who_changed_what_is_in_the_audit_trail_without_a_secret(desk: HookedDesk) -> None:
    desk.hook("autochat")
    set_secret(desk.sync, OURS, "autochat", "another-canary-secret", by="7")
    deeds = trail(desk.sync, OURS).deeds
    assert [(deed.user_id, deed.after) for deed in deeds] == [
        ("7", {"webhook": "key changed"}),
        ("", {"webhook": "key set"}),
        ("", {"webhook": "address made"}),
    ]


def test_rotation_of_the_encryption_keys_takes_webhooks_along(desk: HookedDesk) -> None:
    path, body = desk.hook("autochat"), autochat_body()
    both = dataclasses.replace(desk.sync, vault=Vault([b"n" * 32, b"k" * 32]))
    assert rotate(both)[ROTATED] >= 1
    assert set(rotate(both)) == {CURRENT}
    desk.app.extensions["crm_sync"].sync = dataclasses.replace(desk.sync, vault=Vault([b"n" * 32]))
    assert desk.post(path, body, autochat_headers(body)) == 204


def test_secret_that_no_key_opens_asks_the_crm_to_come_again(desk: HookedDesk) -> None:
    path, body = desk.hook("autochat"), autochat_body()
    desk.app.extensions["crm_sync"].sync = dataclasses.replace(desk.sync, vault=Vault([b"n" * 32]))
    assert desk.post(path, body, autochat_headers(body)) == 503


@pytest.fixture
def at_the_server(desk: HookedDesk) -> Iterator[Flask]:
    """The helpdesk's app with our commands."""
    desk.app.extensions[RUNNING_KEY] = desk.app.extensions["crm_sync"]
    desk.app.cli.add_command(crm_commands)
    return desk.app


def run(app: Flask, *arguments: str, stdin: str = "") -> Result:
    return app.test_cli_runner().invoke(args=["crm", "webhook", "--account", OURS, *arguments], input=stdin)


def test_command_shows_the_address_and_how_to_go_on(desk: HookedDesk, at_the_server: Flask) -> None:
    add_connection(desk.sync, "dynamics")
    result = run(at_the_server, "--crm", "dynamics")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == ORIGIN + desk.path("dynamics")
    assert "--new-secret-stdin" in result.stdout
    assert "X-CRM-Sync-Secret" in result.stdout


def test_command_takes_the_secret_from_standard_input_and_never_prints_it(
    desk: HookedDesk, at_the_server: Flask
) -> None:
    add_connection(desk.sync, "autochat")
    result = run(at_the_server, "--crm", "autochat", "--new-secret-stdin", "--json", stdin=SECRET + "\n")
    told = json.loads(result.stdout)
    assert (told["ok"], told["has_secret"], told["last_received_at"]) == (True, True, None)
    body = autochat_body()
    assert desk.post(told["url"].removeprefix(ORIGIN), body, autochat_headers(body)) == 204
    again = run(at_the_server, "--crm", "autochat")
    assert "Something came at 2026-11-22 14:00 UTC last." in again.stdout
    assert SECRET not in result.output + again.output


def test_command_does_not_remove_what_a_new_secret_is_given_for(desk: HookedDesk, at_the_server: Flask) -> None:
    path = desk.hook("autochat")
    refused = run(at_the_server, "--crm", "autochat", "--remove", "--new-secret-stdin", stdin=SECRET)
    assert refused.exit_code == 2
    body = autochat_body()
    assert desk.post(path, body, autochat_headers(body)) == 204


def test_command_says_what_to_do_with_a_secret_that_can_be_none(desk: HookedDesk, at_the_server: Flask) -> None:
    add_connection(desk.sync, "autochat")
    refused = run(at_the_server, "--crm", "autochat", "--new-secret-stdin", stdin="tiny")
    assert refused.exit_code == 1
    assert refused.stderr.endswith("Correct it, then run the command again.\n")


def test_command_removes(desk: HookedDesk, at_the_server: Flask) -> None:
    desk.hook("autochat")
    assert run(at_the_server, "--crm", "autochat", "--remove").exit_code == 0
    failed = run(at_the_server, "--crm", "autochat", "--remove", "--json")
    assert failed.exit_code == 1
    assert json.loads(failed.stdout)["error"]["code"] == "not_found"


@pytest.mark.parametrize(("crm", "code"), [("salesforce", "unsupported"), ("nonsense", "unsupported")])
def test_command_says_what_a_crm_does_not_offer(at_the_server: Flask, crm: str, code: str) -> None:
    failed = run(at_the_server, "--crm", crm, "--json")
    assert failed.exit_code == 1
    assert json.loads(failed.stdout)["error"]["code"] == code


def test_without_a_public_address_the_command_says_what_to_set(tmp_path: Path) -> None:
    desk = HookedDesk(open_helpdesk(tmp_path, settings=Settings(encryption_keys=(b"k" * 32,))))
    desk.app.extensions[RUNNING_KEY] = desk.app.extensions["crm_sync"]
    desk.app.cli.add_command(crm_commands)
    add_connection(desk.sync, "autochat")
    failed = run(desk.app, "--crm", "autochat")
    assert failed.exit_code == 1
    assert "CRM_SYNC_PUBLIC_URL" in failed.stderr


def test_pages_and_entrance_are_two(desk: HookedDesk) -> None:
    """A host that guards the pages' blueprint does not lock the CRMs out."""
    helpdesk: Helpdesk = desk.desk
    assert {"crm_sync", "crm_sync_webhooks"} <= set(helpdesk.app.blueprints)
