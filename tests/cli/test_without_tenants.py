"""The commands in a host that has no tenants: it is one account, and says by which name."""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy

from flask_crm_sync import CRMSync
from flask_crm_sync.sandbox.server import Sandbox
from tests.cli.test_commands import crm
from tests.small_host.fixtures import TOKEN


def _host(folder: Path, sandbox: Sandbox) -> Flask:
    db = SQLAlchemy()

    class Client(db.Model):  # type: ignore[name-defined, misc]
        id = db.Column(db.Integer, primary_key=True)
        email = db.Column(db.String(200))

    class Conversation(db.Model):  # type: ignore[name-defined, misc]
        id = db.Column(db.Integer, primary_key=True)
        client_id = db.Column(db.Integer, db.ForeignKey("client.id"))

    app = Flask("without tenants")
    app.config.update(SECRET_KEY="for tests", SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder / 'host.sqlite'}")
    app.config.update(CRM_SYNC_ENCRYPTION_KEYS="k" * 43, CRM_SYNC_REDIS_URL="redis://127.0.0.1:1")
    app.config.update(CRM_SYNC_SANDBOX_URL=sandbox.url, CRM_SYNC_SANDBOX_CA=str(sandbox.ca_file))
    app.config["kept"] = (db, Client, Conversation, LoginManager(app))
    db.init_app(app)
    CRMSync(app)
    with app.app_context():
        db.create_all()
    return app


def test_account_that_a_host_without_tenants_has_is_named(tmp_path: Path, sandbox: Sandbox) -> None:
    host = _host(tmp_path, sandbox)
    assert crm(host, "upgrade").exit_code == 0
    stdin = TOKEN["token"]
    refused = crm(host, "connect", "hubspot", "--account", "1", "--token-stdin", stdin=stdin)
    assert refused.exit_code == 1
    assert "its one account is called 'default'" in refused.stderr
    assert crm(host, "connect", "hubspot", "--account", "default", "--token-stdin", stdin=stdin).exit_code == 0
    with host.app_context():
        host.extensions["sqlalchemy"].engine.dispose()
