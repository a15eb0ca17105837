"""A host's own `flask db migrate` never offers to drop our tables, whatever order things came in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
import sqlalchemy as sa

from flask_crm_sync.migration import beside, include_name, include_object
from flask_crm_sync.vault import make_key

ROOT = Path(__file__).parents[2]

HOST = """
from flask import Flask
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_crm_sync import CRMSync

db = SQLAlchemy()

class Client(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    email = db.Column(db.String(200))

class Conversation(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    client_id = db.Column(db.Integer, db.ForeignKey("client.id"))

class Draft(db.Model):
    id = db.Column(db.Integer, primary_key=True)

def keep(item, name, type_, reflected, compare_to):
    return name != "draft"

def create_app():
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "for tests"
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///{folder}/host.sqlite"
    db.init_app(app)
    LoginManager(app)
    {wiring}
    return app
"""

ORDERS = {
    "migrate first": "Migrate(app, db{own}); CRMSync(app)",
    "extension first": "CRMSync(app); Migrate(app, db{own})",
}


class Host:
    """A host in a folder of its own, handled from the command line like any other."""

    def __init__(self, folder: Path, wiring: str) -> None:
        (folder / "host.py").write_text(dedent(HOST).format(folder=folder, wiring=wiring))
        self.folder = folder
        self._environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "FLASK_APP": "host:create_app",
            "CRM_SYNC_ENCRYPTION_KEYS": make_key(),
            "CRM_SYNC_REDIS_URL": "redis://127.0.0.1:1",
        }

    def flask(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "flask", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def revision(self) -> str:
        """Make our tables first, then let the host write its revision; return the revision's text."""
        self.flask("crm", "upgrade")
        self.flask("db", "init")
        self.flask("db", "migrate", "-m", "hosts own")
        (written,) = (self.folder / "migrations" / "versions").glob("*.py")
        return written.read_text()


@pytest.mark.parametrize("order", ORDERS)
def test_host_revision_has_its_own_tables_and_none_of_ours(tmp_path: Path, order: str) -> None:
    host = Host(tmp_path, ORDERS[order].format(own=""))
    revision = host.revision()
    assert "create_table('client'" in revision
    assert "create_table('draft'" in revision
    assert "crm_sync" not in revision
    host.flask("db", "upgrade")
    assert "No changes in schema detected" in host.flask("db", "migrate")


@pytest.mark.parametrize("order", ORDERS)
def test_hosts_own_filter_is_kept(tmp_path: Path, order: str) -> None:
    revision = Host(tmp_path, ORDERS[order].format(own=", include_object=keep")).revision()
    assert "create_table('client'" in revision
    assert "draft" not in revision
    assert "crm_sync" not in revision


def test_filter_hides_our_tables_in_the_database_only() -> None:
    table = sa.Table("crm_sync_link", sa.MetaData())
    assert not include_object(table, "crm_sync_link", "table", True, None)
    assert not include_object(table, "crm_sync_alembic_version", "table", True, None)
    assert include_object(table, "client", "table", True, None)
    assert include_object(table, "crm_sync_of_the_host", "table", False, None)
    assert include_object(table, "crm_sync_of_the_host", "table", True, table)
    assert include_object(table, "crm_sync_id", "column", True, None)


def test_name_filter_hides_our_tables() -> None:
    assert not include_name("crm_sync_link", "table", {})
    assert include_name("client", "table", {})
    assert include_name(None, "schema", {})
    assert include_name("crm_sync_id", "column", {})


def test_filter_beside_the_hosts_own_asks_both() -> None:
    table = sa.Table("client", sa.MetaData())
    nothing = beside(lambda *_: False)
    assert not nothing(table, "client", "table", True, None)
    everything = beside(lambda *_: True)
    assert everything(table, "client", "table", True, None)
    assert not everything(table, "crm_sync_link", "table", True, None)
    assert beside(None) is include_object
