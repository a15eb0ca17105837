"""A small conventional host, as a module that other processes can load: `tests.small_host.app:create_app`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy

from flask_crm_sync import CRMSync

db = SQLAlchemy()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class Client(db.Model):  # type: ignore[name-defined, misc]
    id = db.Column(db.Integer, primary_key=True)
    account_id = db.Column(db.Integer, nullable=False)
    first_name = db.Column(db.String(100))
    last_name = db.Column(db.String(100))
    email = db.Column(db.String(200))
    phone = db.Column(db.String(50))
    updated_at = db.Column(db.DateTime, default=_now, onupdate=_now)


class Conversation(db.Model):  # type: ignore[name-defined, misc]
    id = db.Column(db.Integer, primary_key=True)
    account_id = db.Column(db.Integer, nullable=False)
    client_id = db.Column(db.Integer, db.ForeignKey("client.id"))
    status = db.Column(db.String(20), default="open")
    updated_at = db.Column(db.DateTime, default=_now, onupdate=_now)


class Message(db.Model):  # type: ignore[name-defined, misc]
    id = db.Column(db.Integer, primary_key=True)
    conversation_id = db.Column(db.Integer, db.ForeignKey("conversation.id"))
    sender = db.Column(db.String(20))
    text = db.Column(db.Text)
    created_at = db.Column(db.DateTime, default=_now)


def create_app(config: dict[str, Any] | None = None) -> Flask:
    """Make the host; other processes say where its database is with HOST_DATABASE_URL."""
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "for tests"
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ.get("HOST_DATABASE_URL", "sqlite://")
    app.config.update(config or {})
    db.init_app(app)
    LoginManager(app)
    CRMSync(app)
    return app
