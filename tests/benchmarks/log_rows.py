"""A long log, made by the database itself: set-based SQL, with the indexes made anew when all rows are there."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from flask_crm_sync.models import Operation

DAYS = 90
"""How far back the oldest entry lies."""
A_CLIENT = 10
"""Operations of each client."""
CRMS = ("salesforce", "hubspot", "dynamics", "autochat")

_operations: Any = sa.inspect(Operation).local_table

_SERIES = {
    "sqlite": "WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < :rows) ",
    "postgresql": "WITH series(n) AS (SELECT n FROM generate_series(1, CAST(:rows AS bigint)) AS n) ",
}
_AT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', {}, 'unixepoch')",
    "postgresql": "(to_timestamp({}) AT TIME ZONE 'UTC')",
}
_JSON = {"sqlite": "'{}'", "postgresql": "CAST('{}' AS json)"}

_CLIENTS = """
INSERT INTO client (id, account_id, first_name, last_name, email, phone, company, city, country, updated_at)
{series} SELECT n, 1, 'Person' || (n % 97), 'Family' || n || 'x', 'person' || n || '@example.com', NULL, 'Example Ltd',
  'Springfield', 'US', {at} FROM series
"""
_OPERATIONS = """
INSERT INTO crm_sync_operation (connection_id, account_id, crm, kind, lane, subject_type, subject_id, client_id, status,
  due_at, attempts, crashes, batch_limit, unknown, retried_seconds, reason, message, crm_message, details, remote_id,
  remote_url, created_at, settled_at)
{series}, mixed AS (SELECT n, (n * 2654435761 % 4294967296) / 64 AS h FROM series),
drawn AS (SELECT n, h % 1000 AS s, h / 1000 % 20 AS k, h / 20000 % 4 AS c, n % {clients} + 1 AS client FROM mixed),
told AS (SELECT drawn.*, {at} AS at,
    CASE WHEN s < 900 THEN 'success' WHEN s < 950 THEN 'skipped' WHEN s < 990 THEN 'failed'
      ELSE 'pending' END AS status,
    CASE WHEN k < 4 THEN 'create_lead' WHEN k < 15 THEN 'update_contact' WHEN k < 19 THEN 'add_note'
      ELSE 'apply_remote' END AS kind
  FROM drawn)
SELECT CASE c {connections} END, :account, CASE c {crms} END, kind, CASE WHEN k < 4 THEN 0 ELSE 1 END,
  CASE kind WHEN 'add_note' THEN 'conversation' ELSE 'client' END, CAST(client AS varchar(20)),
  CAST(client AS varchar(20)), status, CASE status WHEN 'pending' THEN at END, 1, 0, 100, :no, 0.0,
  CASE WHEN status = 'skipped' THEN 'no_contact_details' WHEN status <> 'failed' THEN ''
    WHEN s < 970 THEN 'invalid_record' WHEN s < 980 THEN 'already_linked' WHEN s < 989 THEN 'ambiguous_match'
    WHEN n % 50 = 0 THEN 'permission_missing' ELSE 'duplicate' END,
  '', CASE status WHEN 'failed' THEN 'Property values were not valid' ELSE '' END,
  CASE status WHEN 'success' THEN {written} ELSE {nothing} END,
  CASE status WHEN 'success' THEN 'r' || client END,
  CASE status WHEN 'success' THEN 'https://crm.example.com/contacts/' || client END, at,
  CASE WHEN status <> 'pending' THEN at END
FROM told ORDER BY n
"""
_WRITTEN = '{"written"\\: ["email", "firstname", "lastname", "phone"], "left"\\: {"city"\\: "it was changed there"}}'


def fill(engine: sa.Engine, rows: int, connections: dict[str, UUID]) -> None:
    """Put so many operations of account 1 into the log, with the host's clients that they are of.

    The newest is from now, the oldest `DAYS` old; what became of each is drawn from its number. A tenth as many of
    account 2, which must not be met, lie after them.
    """
    with engine.begin() as database:
        for index in _operations.indexes:
            index.drop(database)
        _insert(database, _CLIENTS, rows // A_CLIENT)
        _insert(database, _operations_of(database.dialect.name, rows, connections), rows, account="1", no=False)
        _insert(database, _operations_of(database.dialect.name, rows, connections), rows // 10, account="2", no=False)
        for index in _operations.indexes:
            index.create(database)
    _look_around(engine)


def _operations_of(dialect: str, rows: int, connections: dict[str, UUID]) -> str:
    texts = {
        "clients": rows // A_CLIENT,
        "connections": " ".join(f"WHEN {n} THEN '{connections[crm].hex}'" for n, crm in enumerate(CRMS)),
        "crms": " ".join(f"WHEN {n} THEN '{crm}'" for n, crm in enumerate(CRMS)),
        "written": _JSON[dialect].format(_WRITTEN),
        "nothing": _JSON[dialect].format("{}"),
    }
    return _OPERATIONS.format(**texts, series="{series}", at="{at}")


def _insert(database: sa.Connection, statement: str, rows: int, **given: Any) -> None:
    dialect, ends = database.dialect.name, time.time()
    begins = ends - DAYS * 86400
    at = _AT[dialect].format(f"{begins:.3f} + n * {(ends - begins) / rows:.9f}")
    text = statement.replace("{series}", _SERIES[dialect]).replace("{at}", at.replace(":", "\\:"))
    database.execute(sa.text(text), {"rows": rows, **given})


def _look_around(engine: sa.Engine) -> None:
    """Let the database learn what it has, as it does by itself after a while."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as database:
        if engine.dialect.name == "postgresql":
            database.execute(sa.text("VACUUM ANALYZE crm_sync_operation"))
            database.execute(sa.text("VACUUM ANALYZE client"))
