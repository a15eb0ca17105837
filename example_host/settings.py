"""The helpdesk's configuration."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Seconds a web request or a replay waits for another process to finish writing to the SQLite file.
SQLITE_PATIENCE = 30


def settings(instance: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Flask configuration: `config`, then DATABASE_URL and SECRET_KEY of the environment, then defaults.

    REDIS_URL and the CRM_SYNC_ keys are not copied: CRMSync reads them from the environment itself.
    """
    url = config.get("SQLALCHEMY_DATABASE_URI") or os.environ.get("DATABASE_URL")
    url = url or f"sqlite:///{instance / 'helpdesk.sqlite'}"
    return {
        "SQLALCHEMY_DATABASE_URI": url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(url),
        "SECRET_KEY": config.get("SECRET_KEY") or os.environ.get("SECRET_KEY") or kept_secret(instance / "secret_key"),
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PUBLIC_URL": os.environ.get("CRM_SYNC_PUBLIC_URL", ""),
        **config,
    }


def engine_options(url: str) -> dict[str, Any]:
    """Return how the engine for `url` is made: SQLite waits for other writers, servers are pinged before use."""
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": SQLITE_PATIENCE}}
    return {"pool_pre_ping": True}


def kept_secret(path: Path) -> str:
    """Return the secret in the file, made on first use, so that logins survive a restart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        made = path.with_name(f"{path.name}.{os.getpid()}")
        made.touch(mode=0o600)
        made.write_text(secrets.token_hex(32), encoding="ascii")
        made.replace(path)  # whole or not at all, should another process read it this moment
    return path.read_text(encoding="ascii")
