"""What people may want to be told: noted where it happens, in the same transaction, and told once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from ..models import Notice

_table: sa.Table = sa.inspect(Notice).local_table  # type: ignore[assignment]


def note(
    connection: sa.Connection,
    account_id: str,
    event: str,
    once: str,
    *,
    now: datetime,
    crm: str = "",
    client_id: str = "",
    conversation_id: str = "",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Note something for people, in the caller's transaction.

    `once` names the change of state within the account and event (such as a qualification's id and its history's
    number): noted again under the same name, it is the same news. `data` holds ids and codes, no personal data.
    """
    name = f"{account_id}\0{event}\0{once}".encode("utf-8", "surrogatepass")
    row = {
        "account_id": account_id,
        "event": event,
        "digest": hashlib.blake2b(name, digest_size=24).hexdigest(),
        "crm": crm,
        "client_id": client_id,
        "conversation_id": conversation_id,
        "data": dict(data or {}),
        "created_at": now,
    }
    connection.execute(_noting(connection.dialect.name), row)


@cache
def _noting(dialect: str) -> sa.Insert:
    if dialect in {"mysql", "mariadb"}:
        into = mysql.insert(_table)
        return into.on_duplicate_key_update(digest=into.inserted.digest)
    if dialect == "postgresql":
        return postgresql.insert(_table).on_conflict_do_nothing(index_elements=[_table.c.digest])
    return sqlite.insert(_table).on_conflict_do_nothing(index_elements=[_table.c.digest])
