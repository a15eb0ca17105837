"""`flask crm ...`: it does what it says, and the exit code is 0 only when it worked."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from flask_crm_sync import migration, signals
from flask_crm_sync.cli import print_key
from flask_crm_sync.config import load_settings
from flask_crm_sync.jobs.heartbeat import beat
from flask_crm_sync.jobs.queue import Queues
from flask_crm_sync.jobs.running import Running
from flask_crm_sync.models import Budget, Connection, Operation
from flask_crm_sync.models.heartbeat import SCHEDULER, WORKER
from flask_crm_sync.models.operation import UPDATE
from flask_crm_sync.sandbox.server import Sandbox
from flask_crm_sync.sync.connections import connections, disconnect, pause
from flask_crm_sync.vault import Place, Vault, make_key
from tests.migrations.test_schema import HEAD
from tests.small_host.clocks import StillClock
from tests.small_host.fixtures import TOKEN, add_clients

operations = Operation.__table__
stored = Connection.__table__


def crm(host: Flask, *arguments: str, stdin: str = "") -> Result:
    return host.test_cli_runner().invoke(args=["crm", *arguments], input=stdin)


def answered(result: Result) -> dict[str, Any]:
    """One JSON object on one line, and nothing else."""
    lines = result.stdout.splitlines()
    assert len(lines) == 1, result.output
    document: dict[str, Any] = json.loads(lines[0])
    return document


def test_upgrade_makes_the_tables_and_runs_again(host: Flask, running: Running) -> None:
    migration.downgrade(running.sync.host.engine)
    for _ in range(2):
        result = crm(host, "upgrade")
        assert (result.exit_code, result.stdout) == (0, f"The tables are at revision {HEAD}.\n")
    assert running.sync.database.is_ready()


def test_upgrade_prints_its_statements_for_a_person_to_run(host: Flask, running: Running) -> None:
    migration.downgrade(running.sync.host.engine)
    result = crm(host, "upgrade", "--sql")
    assert result.exit_code == 0
    assert "CREATE TABLE" in result.stdout
    assert not running.sync.database.is_ready()


@pytest.mark.parametrize("command", ["status", "sync-now", "test-connection", "rotate-keys", "worker", "scheduler"])
def test_before_the_upgrade_every_command_says_to_run_it(host: Flask, running: Running, command: str) -> None:
    migration.downgrade(running.sync.host.engine)
    result = crm(host, command)
    assert result.exit_code == 1
    assert "flask crm upgrade" in result.stderr


def test_connect_reads_the_token_from_standard_input_and_never_prints_it(
    host: Flask, running: Running, sandbox: Sandbox
) -> None:
    heard: list[str] = []

    def listen(sender: Flask, *, connection: Any) -> None:
        heard.append(connection.crm)

    with signals.connection_changed.connected_to(listen, host):
        result = crm(host, "connect", "hubspot", "--account", "7", "--token-stdin", stdin=TOKEN["token"] + "\n")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Connected: account 7 with ")
    assert TOKEN["token"] not in result.output
    assert [view.account_id for view in connections(running.sync)] == ["7"]
    assert heard == ["hubspot"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "exit_code", "code"),
    [
        (["hubspot", "--account", "1", "--token-stdin"], "", 1, "credentials_incomplete"),
        (["hubspot", "--account", "1", "--token-stdin"], "a\nb\n", 1, "credentials_incomplete"),
        (["hubspot", "--account", "1", "--token-stdin"], "pat 1 2 3", 1, "credentials_incomplete"),
        (["hubspot", "--account", "1", "--token-stdin"], "x" * 200_000, 1, "credentials_incomplete"),
        (["hubspot", "--account", "1", "--token-stdin"], "pat-na1-canary-unknown", 1, "credentials_refused"),
        (["hubspot", "--account", "1"], "", 1, "credentials_incomplete"),
        (["nonsense", "--account", "1", "--token-stdin"], "x", 1, "unsupported"),
        (["hubspot", "--account", "1", "--method", "magic", "--token-stdin"], "x", 1, "unsupported"),
    ],
)
def test_connect_refuses_what_cannot_work_with_a_code(
    host: Flask, running: Running, arguments: list[str], stdin: str, exit_code: int, code: str
) -> None:
    result = crm(host, "connect", *arguments, "--json", stdin=stdin)
    assert result.exit_code == exit_code
    error = answered(result)["error"]
    assert error["code"] == code
    assert error["advice"]
    assert "canary" not in result.output
    assert connections(running.sync) == []


@pytest.mark.parametrize("lines", ["https://sandbox.my.salesforce.com\nan-id\na-secret\n", "an-id\n"])
def test_connect_with_lines_in_another_order_is_told_the_right_one(host: Flask, lines: str) -> None:
    result = crm(host, "connect", "salesforce", "--account", "1", "--token-stdin", stdin=lines)
    assert result.exit_code == 1
    assert "in this order: Client ID (consumer key), Client secret" in result.stderr
    assert "marked field" not in result.stderr


def test_connect_without_an_account_is_a_usage_error(host: Flask) -> None:
    assert crm(host, "connect", "hubspot").exit_code == 2


def test_failures_in_words_name_the_code_and_what_to_do(host: Flask) -> None:
    result = crm(host, "connect", "hubspot", "--account", "1", "--token-stdin", stdin="pat-na1-unknown")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error (credentials_refused): ")
    assert "Paste a valid key" in result.stderr


def test_test_connection_tells_for_each_whether_it_works(
    host: Flask, running: Running, connection_id: UUID, sandbox: Sandbox
) -> None:
    crm(host, "connect", "hubspot", "--account", "2", "--token-stdin", stdin=TOKEN["token"])
    assert crm(host, "test-connection").exit_code == 0
    with running.sync.database.write() as database:
        database.execute(stored.update().where(stored.c.account_id == "2").values(credentials="v1.nonsense"))
    result = crm(host, "test-connection", "--json")
    assert result.exit_code == 1
    told = answered(result)
    assert told["ok"] is False
    assert [(one["account"], one["ok"], one["code"]) for one in told["connections"]] == [
        ("1", True, ""),
        ("2", False, "secret_unreadable"),
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--account", "404"], "not_found"),
        (["--account", ""], "not_found"),
        (["--account", "1; DROP TABLE client"], "not_found"),
        (["--crm", "nonsense"], "unsupported"),
        (["--crm", "💥\n"], "unsupported"),
    ],
)
@pytest.mark.parametrize("command", ["test-connection", "sync-now"])
def test_unknown_account_or_crm_is_a_coded_failure(
    host: Flask, connection_id: UUID, command: str, arguments: list[str], code: str
) -> None:
    result = crm(host, command, *arguments, "--json")
    assert result.exit_code == 1
    assert answered(result)["error"]["code"] == code


def test_sync_now_does_the_work_here_and_counts_it(host: Flask, running: Running, connection_id: UUID) -> None:
    add_clients(host, 3)
    result = crm(host, "sync-now", "--json")
    assert result.exit_code == 0, result.output
    assert answered(result) == {"ok": True, "due": 3, "success": 3, "failed": 0, "skipped": 0, "stuck": []}


def test_sync_now_in_words_says_when_no_worker_is_alive(host: Flask, running: Running, connection_id: UUID) -> None:
    add_clients(host, 1)
    result = crm(host, "sync-now", "--account", "1", "--crm", "hubspot")
    assert (result.exit_code, result.stdout) == (0, "1 were due: 1 sent, 0 skipped, 0 failed.\n")
    assert "flask crm worker" in result.stderr


def test_sync_now_leaves_other_accounts_alone(host: Flask, running: Running, connection_id: UUID) -> None:
    crm(host, "connect", "hubspot", "--account", "2", "--token-stdin", stdin=TOKEN["token"])
    add_clients(host, 1, account=1)
    add_clients(host, 1, account=2)
    assert answered(crm(host, "sync-now", "--account", "2", "--json"))["success"] == 1
    with running.sync.database.read() as database:
        rows = database.execute(sa.select(operations.c.account_id, operations.c.status)).all()
    assert sorted(map(tuple, rows)) == [("1", "pending"), ("2", "success")]


def test_sync_now_without_waiting_leaves_it_to_the_workers(host: Flask, running: Running, connection_id: UUID) -> None:
    add_clients(host, 2)
    nobody = crm(host, "sync-now", "--no-wait", "--json")
    assert (nobody.exit_code, answered(nobody)) == (1, {"ok": False, "due": 2, "told": True, "worker": False})
    beat(running.sync.database, running.sync.clock, "worker somewhere", WORKER)
    somebody = crm(host, "sync-now", "--no-wait")
    assert (somebody.exit_code, somebody.stdout) == (0, "2 operations are due; the workers have been told.\n")


def test_sync_now_does_not_say_that_workers_were_told_where_redis_is_away(
    host: Flask, running: Running, connection_id: UUID
) -> None:
    add_clients(host, 1)
    beat(running.sync.database, running.sync.clock, "worker somewhere", WORKER)
    running.queues = _away(running)
    result = crm(host, "sync-now", "--no-wait")
    assert (result.exit_code, result.stdout) == (1, "1 operations are due; nobody could be told.\n")
    assert "Redis does not answer" in result.stderr


def _away(running: Running) -> Queues:
    nowhere = dataclasses.replace(running.settings, redis_url="redis://127.0.0.1:1")
    return Queues(nowhere, running.sync.clock)


def test_sync_now_of_a_connection_that_cannot_work_is_no_success(
    host: Flask, running: Running, connection_id: UUID, sandbox: Sandbox
) -> None:
    add_clients(host, 1)
    crm(host, "sync-now")
    add_clients(host, 1)
    pause(running.sync, "1", "hubspot")
    result = crm(host, "sync-now", "--json")
    assert result.exit_code == 1
    assert answered(result)["stuck"] == [{"account": "1", "crm": "hubspot", "pending": 1}]


def test_sync_now_waits_for_another_worker_that_holds_the_connection(
    host: Flask, running: Running, connection_id: UUID
) -> None:
    add_clients(host, 1)
    clock = running.sync.clock
    slept: list[float] = []

    class Waiting:
        def now(self) -> datetime:
            return clock.now()

        def monotonic(self) -> float:
            return clock.monotonic()

        def sleep(self, seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 3:
                _hold(running, 0.0)

    _hold(running, running.sync.database.now() + 60)
    running.sync = dataclasses.replace(running.sync, clock=Waiting())
    assert answered(crm(host, "sync-now", "--json"))["success"] == 1
    assert len(slept) == 3


def _hold(running: Running, until: float) -> None:
    with running.sync.database.write() as database:
        database.execute(stored.update().values(lease_until=until))


def test_sync_now_says_when_the_days_calls_are_kept_for_new_leads(
    host: Flask, running: Running, connection_id: UUID
) -> None:
    """It neither waits for tomorrow nor pretends that all is done."""
    add_clients(host, 1)
    crm(host, "sync-now")
    with running.sync.database.write() as database:
        said = {"daily_limit": 1000, "daily_remaining": 10, "daily_seen": running.sync.database.now()}
        database.execute(sa.update(Budget).values(said))
        database.execute(operations.update().values(status="pending", due_at=running.sync.clock.now(), lane=UPDATE))
    result = crm(host, "sync-now")
    assert result.exit_code == 1
    assert "1 wait; the day's last calls are kept for new leads." in result.stderr


def test_status_tells_machines_what_waits_and_who_works(host: Flask, running: Running, connection_id: UUID) -> None:
    add_clients(host, 2)
    before = answered(crm(host, "status", "--json"))
    assert (before["ok"], before["pending"], before["changes"]) == (True, 0, 2)
    crm(host, "sync-now")
    after = answered(crm(host, "status", "--json"))
    (connection,) = after["connections"]
    assert (connection["account"], connection["crm"], connection["state"]) == ("1", "hubspot", "connected")
    assert (connection["pending"], connection["failed"], connection["sent_in_24_hours"]) == (0, 0, 2)
    assert after["processes"]["worker"] == {"alive": False, "last_seen_at": None}


def test_status_tells_people_what_to_start(host: Flask, running: Running) -> None:
    empty = crm(host, "status")
    assert empty.exit_code == 0
    assert "flask crm connect" in empty.stdout
    now = running.sync.clock.now()
    beat(running.sync.database, StillClock(now - timedelta(hours=3)), "worker somewhere", WORKER)
    told = crm(host, "status").stdout
    assert f"No worker since {now - timedelta(hours=3):%Y-%m-%d %H:%M} UTC: run `flask crm worker`." in told
    assert "No scheduler yet: run `flask crm scheduler`." in told


def test_status_of_an_unknown_account_is_a_failure(host: Flask, connection_id: UUID) -> None:
    assert crm(host, "status", "--account", "404").exit_code == 1


def test_rotated_keys_open_everything_and_the_old_one_can_go(
    host: Flask, running: Running, connection_id: UUID, environment: dict[str, str]
) -> None:
    identity = running.sync.installation
    old, new = environment["CRM_SYNC_ENCRYPTION_KEYS"], make_key()
    _with_keys(running, new, old)
    first = crm(host, "rotate-keys", "--json")
    assert (first.exit_code, answered(first)) == (0, {"ok": True, "rotated": 2, "current": 0})
    assert crm(host, "rotate-keys").stdout == "0 secrets rotated, 2 had the first key already.\n"
    _with_keys(running, new)
    assert crm(host, "test-connection").exit_code == 0
    assert running.sync.installation == identity


def test_rotation_reports_what_no_key_opens(host: Flask, running: Running, connection_id: UUID) -> None:
    assert running.sync.installation
    _with_keys(running, make_key())
    result = crm(host, "rotate-keys", "--json")
    assert result.exit_code == 1
    assert answered(result)["error"]["code"] == "secret_unreadable"


def test_a_key_that_is_lost_for_good_means_connecting_again(host: Flask, running: Running, connection_id: UUID) -> None:
    identity = running.sync.installation
    _with_keys(running, make_key())
    assert answered(crm(host, "rotate-keys", "--old-key-is-lost", "--json"))["error"]["code"] == "secret_unreadable"
    assert running.sync.installation.id == identity.id
    crm(host, "connect", "hubspot", "--account", "1", "--token-stdin", stdin=TOKEN["token"])
    assert crm(host, "rotate-keys").stdout == "0 secrets rotated, 2 had the first key already.\n"


def test_advice_for_a_key_that_was_away_lets_the_connection_go_on(
    host: Flask, running: Running, connection_id: UUID, environment: dict[str, str]
) -> None:
    """To put the key back is not enough: the connection waits for somebody who says that it works again."""
    add_clients(host, 1)
    _with_keys(running, make_key())
    assert crm(host, "sync-now").exit_code == 1
    assert "and test the connection" in crm(host, "doctor").stdout
    _with_keys(running, environment["CRM_SYNC_ENCRYPTION_KEYS"])
    assert crm(host, "test-connection").exit_code == 0
    assert answered(crm(host, "sync-now", "--json"))["success"] == 1


def _with_keys(running: Running, *keys: str) -> None:
    settings = load_settings({"CRM_SYNC_ENCRYPTION_KEYS": ",".join(keys)}, {})
    sync = running.sync
    kept = dataclasses.replace(sync.settings, encryption_keys=settings.encryption_keys)
    running.sync = dataclasses.replace(sync, vault=Vault(settings.encryption_keys), settings=kept)


def test_token_that_is_refreshed_during_the_rotation_wins(
    host: Flask, running: Running, connection_id: UUID, environment: dict[str, str]
) -> None:
    assert running.sync.installation
    _with_keys(running, make_key(), environment["CRM_SYNC_ENCRYPTION_KEYS"])
    refreshed = running.sync.seal_credentials(connection_id, {"token": "refreshed"})
    running.sync = dataclasses.replace(running.sync, vault=_RefreshedMeanwhile(running, refreshed))
    result = crm(host, "rotate-keys", "--json")
    assert result.exit_code == 1
    assert answered(result)["error"]["code"] == "changed_meanwhile"
    with running.sync.database.read() as database:
        assert database.execute(sa.select(stored.c.credentials)).scalar_one() == refreshed
    assert answered(crm(host, "rotate-keys", "--json")) == {"ok": True, "rotated": 0, "current": 2}


class _RefreshedMeanwhile(Vault):
    """Somebody stores a fresh token after the rotation has read the old one, and before it writes."""

    def __init__(self, running: Running, refreshed: str) -> None:
        super().__init__(running.sync.settings.encryption_keys)
        self._running, self._refreshed = running, refreshed

    def seal(self, plain: str, place: Place) -> str:
        with self._running.sync.database.write() as database:
            database.execute(stored.update().values(credentials=self._refreshed))
        return super().seal(plain, place)


def test_keys_are_made_with_and_without_an_app(host: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    print_key()
    for made in (capsys.readouterr().out, crm(host, "make-key").stdout):
        assert load_settings({"CRM_SYNC_ENCRYPTION_KEYS": made.strip()}, {})


@pytest.mark.parametrize("queues", ["live,nonsense", "", "LIVE"])
def test_unknown_lane_is_a_usage_error(host: Flask, queues: str) -> None:
    result = crm(host, "worker", "--queues", queues)
    assert result.exit_code == 2
    assert "live, update, bulk" in result.stderr


def test_database_that_is_away_is_told_in_words(host: Flask, running: Running) -> None:
    with running.sync.database.write() as database:
        database.exec_driver_sql("DROP TABLE crm_sync_heartbeat")
    result = crm(host, "status", "--json")
    assert result.exit_code == 1
    assert answered(result)["error"]["code"] == "database"


def test_every_command_has_help(host: Flask) -> None:
    listed = crm(host, "--help").stdout
    for command in (
        "upgrade",
        "worker",
        "scheduler",
        "sync-now",
        "status",
        "connect",
        "test-connection",
        "rotate-keys",
    ):
        assert command in listed
        assert crm(host, command, "--help").exit_code == 0


def test_the_doctor_says_what_to_do_and_fails_while_there_is_a_problem(
    host: Flask, running: Running, connection_id: UUID
) -> None:
    result = crm(host, "doctor")
    assert result.exit_code == 1
    assert "Run `flask crm worker`." in result.stdout
    for kind in (WORKER, SCHEDULER):
        beat(running.sync.database, running.sync.clock, f"{kind} test", kind)
    healthy = crm(host, "doctor", "--account", "1", "--crm", "hubspot", "--json")
    told = json.loads(healthy.stdout)
    assert (healthy.exit_code, told["ok"]) == (0, True)
    assert {"level", "about", "says", "advice"} == set(told["connections"][0]["findings"][0])


def test_the_doctor_of_a_revoked_key_names_it(host: Flask, connection_id: UUID, sandbox: Sandbox) -> None:
    sandbox.hubspot.access.revoke(TOKEN["token"])
    result = crm(host, "doctor", "--json")
    findings = json.loads(result.stdout)["connections"][0]["findings"]
    assert result.exit_code == 1
    assert any(one["level"] == "problem" and one["about"] == "Connection" for one in findings)
    assert TOKEN["token"] not in result.stdout


def test_status_tells_of_a_redis_that_is_away(host: Flask, running: Running) -> None:
    assert answered(crm(host, "status", "--json"))["redis"] is True
    running.queues = _away(running)
    assert answered(crm(host, "status", "--json"))["redis"] is False
    assert "Redis does not answer at CRM_SYNC_REDIS_URL" in crm(host, "status").stdout


def test_the_doctor_sees_that_redis_is_away(host: Flask, running: Running, connection_id: UUID) -> None:
    for kind in (WORKER, SCHEDULER):
        beat(running.sync.database, running.sync.clock, f"{kind} test", kind)
    running.queues = _away(running)
    result = crm(host, "doctor")
    assert result.exit_code == 1
    assert "Redis does not answer at CRM_SYNC_REDIS_URL" in result.stdout
    assert answered(crm(host, "doctor", "--json"))["redis"] is False


@pytest.mark.parametrize("command", ["doctor", "agreement"])
def test_looking_at_what_was_disconnected_says_so_and_fails(
    host: Flask, running: Running, connection_id: UUID, command: str
) -> None:
    disconnect(running.sync, "1", "hubspot")
    result = crm(host, command)
    assert result.exit_code == 1
    assert "There is no connection. `flask crm status` lists" in result.stderr


@pytest.mark.parametrize("command", ["doctor", "test-connection", "agreement", "status"])
def test_connection_whose_plug_in_is_gone_keeps_no_command_from_the_others(
    host: Flask, running: Running, connection_id: UUID, command: str
) -> None:
    crm(host, "connect", "hubspot", "--account", "2", "--token-stdin", stdin=TOKEN["token"])
    with running.sync.database.write() as database:
        database.execute(stored.update().where(stored.c.account_id == "1").values(crm="gone"))
    told = answered(crm(host, command, "--json"))
    assert "error" not in told
    assert {one["account"] for one in told["connections"]} == {"1", "2"}


def test_trouble_that_passes_is_not_said_to_be_tried_again_by_itself(host: Flask, sandbox: Sandbox) -> None:
    """Nothing is stored when a connection could not be tested, so nothing tries again."""
    sandbox.stop()
    result = crm(host, "connect", "hubspot", "--account", "1", "--token-stdin", stdin=TOKEN["token"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error (unreachable): ")
    assert "Run the command again" in result.stderr
    assert "by itself" not in result.stderr


def test_connect_by_a_sign_in_points_to_the_page(host: Flask) -> None:
    result = crm(host, "connect", "hubspot", "--account", "1", "--method", "oauth", "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (1, "needs_browser")
