"""The installation's identity, made once and shared by every process."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..models import Database, Installation
from ..vault import Place, Vault

_table: sa.Table = sa.inspect(Installation).local_table  # type: ignore[assignment]
_NUMBER = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """The installation's id, and the secret of its digests."""

    id: uuid.UUID
    digest_secret: bytes = field(repr=False)


def load_installation(database: Database, vault: Vault) -> Identity:
    """Return the installation's identity; the first process to ask makes it."""
    stored = _read(database, vault)
    if stored is None:
        _make(database, vault)
        stored = _read(database, vault)
    assert stored is not None
    return stored


def _read(database: Database, vault: Vault) -> Identity | None:
    with database.read() as connection:
        row = connection.execute(
            sa.select(_table.c.id, _table.c.digest_secret).where(_table.c.number == _NUMBER)
        ).first()
    if row is None:
        return None
    return Identity(row.id, bytes.fromhex(vault.open(row.digest_secret, secret_place(row.id))))


def _make(database: Database, vault: Vault) -> None:
    row_id = uuid.uuid4()
    sealed = vault.seal(new_secret().hex(), secret_place(row_id))
    try:
        with database.write() as connection:
            connection.execute(_table.insert().values(number=_NUMBER, id=row_id, digest_secret=sealed))
    except IntegrityError:
        return  # another process was first; its row is the one that counts


def new_secret() -> bytes:
    """Return a new secret for digests."""
    return secrets.token_bytes(32)


def secret_place(row_id: uuid.UUID) -> Place:
    """Return where the digest secret lives."""
    return Place(Installation.__tablename__, row_id, "digest_secret")
