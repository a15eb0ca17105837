"""`flask crm preview`: what sending would write and cost, in words and for machines."""

from __future__ import annotations

from uuid import UUID

from flask import Flask

from flask_crm_sync.jobs.running import Running
from flask_crm_sync.sandbox.server import Sandbox
from tests.cli.test_commands import answered, crm
from tests.small_host.fixtures import add_clients


def first_client(running: Running) -> str:
    with running.sync.database.read() as database:
        return str(database.exec_driver_sql("SELECT min(id) FROM client").scalar())


def test_one_client_is_shown_and_nothing_is_written(
    host: Flask, running: Running, connection_id: UUID, sandbox: Sandbox
) -> None:
    add_clients(host, 2)
    crm(host, "sync-now", "--account", "1", "--json")
    client, before = first_client(running), len(sandbox.hubspot.contacts())
    made = answered(crm(host, "preview", "--account", "1", "--crm", "hubspot", "--client", client, "--json"))
    assert made["preview"]["outcome"] == "nothing"
    assert made["preview"]["calls"] == made["preview"]["reads"] == 1
    told = crm(host, "preview", "--account", "1", "--crm", "hubspot", "--client", client)
    assert (told.exit_code, "Nothing would be written." in told.stdout) == (0, True)
    assert len(sandbox.hubspot.contacts()) == before


def test_what_is_not_there_is_a_coded_failure(host: Flask, running: Running, connection_id: UUID) -> None:
    gone = crm(host, "preview", "--account", "1", "--crm", "hubspot", "--client", "999", "--json")
    assert (gone.exit_code, answered(gone)["error"]["code"]) == (1, "not_found")
    nowhere = crm(host, "preview", "--account", "1", "--crm", "dynamics", "--client", "1", "--json")
    assert (nowhere.exit_code, answered(nowhere)["error"]["code"]) == (1, "not_found")
