"""A small helpdesk that keeps its clients and conversations in step with a CRM: what a host of CRMSync looks like."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask

from flask_crm_sync import CRMSync

from . import commands, pages
from .extensions import csrf, db, login_manager, migrate
from .settings import settings

HERE = Path(__file__).parent


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Return the helpdesk, configured from `config` and then from the environment."""
    app = Flask(__name__)
    app.config.from_mapping(settings(Path(app.instance_path), config or {}))

    db.init_app(app)
    migrate.init_app(app, db, directory=str(HERE / "migrations"))
    login_manager.init_app(app)
    csrf.init_app(app)

    pages.register(app)
    commands.register(app)
    CRMSync(app)
    return app
