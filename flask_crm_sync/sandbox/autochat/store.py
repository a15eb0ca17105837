"""The tables of the AutoChat sandbox."""

from __future__ import annotations

from pathlib import Path

from ..database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS workspace (
    name TEXT PRIMARY KEY, label TEXT NOT NULL, per_minute INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS api_key (
    text TEXT PRIMARY KEY, workspace TEXT NOT NULL, scopes TEXT NOT NULL, expires_ms INTEGER,
    revoked INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS client (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, workspace TEXT NOT NULL,
    email TEXT NOT NULL, phone TEXT NOT NULL, fields TEXT NOT NULL, created INTEGER NOT NULL,
    updated INTEGER NOT NULL, deleted INTEGER);
CREATE INDEX IF NOT EXISTS client_by_workspace ON client (workspace, number);
CREATE INDEX IF NOT EXISTS client_by_address ON client (workspace, deleted, email, phone);
CREATE TABLE IF NOT EXISTS activity (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, workspace TEXT NOT NULL,
    client_id TEXT NOT NULL, fields TEXT NOT NULL, created INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS activity_by_client ON activity (client_id, number);
CREATE INDEX IF NOT EXISTS activity_by_workspace ON activity (workspace, number);
CREATE TABLE IF NOT EXISTS webhook (
    id INTEGER PRIMARY KEY AUTOINCREMENT, workspace TEXT NOT NULL, url TEXT NOT NULL, secret TEXT NOT NULL,
    events TEXT NOT NULL, active INTEGER NOT NULL DEFAULT 1, ca_file TEXT);
"""


class Store(Database):
    """Workspaces, keys, clients, activities and webhooks of one server."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(path, SCHEMA)
