"""Going on after an encryption key is lost for good: the secret of the digests made anew, and what rests on it.

Without it nobody could even connect again. An operator asks for it by name: a process that merely runs with the wrong
key must not throw away what the right one opens.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from ..errors import SecretUnreadable
from ..models import Erased, Erasure, Installation, Link
from .context import Sync
from .erased import own_digest
from .installation import new_secret, secret_place

_AT_ONCE = 1_000

_installations: sa.Table = sa.inspect(Installation).local_table  # type: ignore[assignment]
_links: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]
_erasures: sa.Table = sa.inspect(Erasure).local_table  # type: ignore[assignment]
_erased: sa.Table = sa.inspect(Erased).local_table  # type: ignore[assignment]


def replace_lost_secret(sync: Sync) -> bool:
    """Give the installation a new secret for its digests where no key opens its own; tell whether it needed one.

    Both sides of each link agree afresh, as at a first meeting: blanks are filled, nothing is overwritten. Erased
    people are known by their ids in the host from then on, and by their addresses no longer.
    """
    with sync.database.read() as database:
        row = database.execute(sa.select(_installations)).first()
    if row is None or _opens(sync, row):
        return False
    plain = new_secret()
    lost = _installations.c.digest_secret == row.digest_secret
    sealed = sync.vault.seal(plain.hex(), secret_place(row.id))
    with sync.database.write() as database:
        if not database.execute(_installations.update().where(lost).values(digest_secret=sealed)).rowcount:
            return False
        database.execute(_links.update().values(base={}, flips=sa.null()))
        database.execute(_erased.delete())
        for rows in _known_by_id(database, plain):
            database.execute(_erased.insert(), rows)
    return True


def _opens(sync: Sync, row: sa.Row[Any]) -> bool:
    try:
        sync.vault.open(row.digest_secret, secret_place(row.id))
    except SecretUnreadable:
        return False
    return True


def _known_by_id(database: sa.Connection, secret: bytes) -> Iterator[list[dict[str, Any]]]:
    """Yield what stops the clients of all erasures that nobody has lifted, a slice at a time."""
    asked = sa.select(_erasures.c.id, _erasures.c.account_id, _erasures.c.client_id)
    rows = database.execute(asked.where(_erasures.c.lifted_at.is_(None))).all()
    made = [
        {"erasure_id": id, "account_id": account, "digest": own_digest(secret, account, client)}
        for id, account, client in rows
    ]
    for first in range(0, len(made), _AT_ONCE):
        yield made[first : first + _AT_ONCE]
