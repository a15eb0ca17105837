"""Who was erased: keyed digests of ids and addresses, asked before anybody is sent to a CRM or made a client here."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ..crm.phones import e164
from ..host.records import ClientRecord
from ..models import Connection, Erased
from .context import Sync

table: sa.Table = sa.inspect(Erased).local_table  # type: ignore[assignment]
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


def has_erased(account_id: Any) -> sa.Exists:
    """Return the question whether an account ever erased anybody, as a part of a query."""
    return sa.exists().where(table.c.account_id == account_id)


HAS_ERASED = has_erased(_connections.c.account_id).correlate(_connections).label("has_erased")
"""Beside a connection's row: whether its account ever erased anybody, so that nobody else is asked about."""


@dataclass(frozen=True, slots=True)
class Barred:
    """Clients who were erased themselves, and clients who have an erased person's e-mail or phone."""

    by_id: Collection[str] = frozenset()
    by_address: Collection[str] = frozenset()

    def stops(self, client_id: str, *, has_record: bool) -> bool:
        """Tell whether a client is not sent; whoever merely shares an address keeps the record that is there."""
        return client_id in self.by_id or (client_id in self.by_address and not has_record)


def id_digest(sync: Sync, account_id: str, client_id: str) -> str:
    """Return the digest of a client's id."""
    return own_digest(sync.installation.digest_secret, account_id, client_id)


def own_digest(secret: bytes, account_id: str, client_id: str) -> str:
    """Return the digest of a client's id under a secret of the installation's."""
    return _keyed(secret, account_id, "id", client_id)


def address_digests(sync: Sync, account_id: str, email: str, phone: str) -> list[str]:
    """Return the digests of an e-mail, in lower case, and of a phone, internationally as far as that is certain."""
    digits = "".join(filter(str.isdigit, phone))
    number = e164(phone, sync.settings.phone_region) or digits
    told = (("email", email.strip().casefold()), ("phone", number))
    return [_digest(sync, account_id, kind, value) for kind, value in told if value]


def is_erased(
    sync: Sync, database: sa.Connection, account_id: str, *, client_id: str = "", email: str = "", phone: str = ""
) -> bool:
    """Tell whether any of these is an erased person's, in an account."""
    digests = address_digests(sync, account_id, email, phone)
    if client_id:
        digests.append(id_digest(sync, account_id, client_id))
    return bool(_known(database, account_id, digests))


def erased_among(sync: Sync, database: sa.Connection, client_ids: Mapping[str, str]) -> set[str]:
    """Return who was erased of clients, given with their accounts; one question, whoever shares their addresses."""
    digests = {id_digest(sync, account, id): id for id, account in client_ids.items()}
    accounts = sorted(set(client_ids.values()))
    asked = sa.select(table.c.digest).where(table.c.account_id.in_(accounts), table.c.digest.in_(list(digests)))
    return {digests[digest] for digest in database.execute(asked).scalars()} if digests else set()


def barred_among(sync: Sync, database: sa.Connection, to: Mapping[Any, Any], clients: Iterable[object]) -> Barred:
    """Return which loaded clients are not to be sent on a connection; asks nothing where nobody was ever erased."""
    if not to["has_erased"]:
        return Barred()
    account = to["account_id"]
    people = [client for client in clients if isinstance(client, ClientRecord)]
    ids = {client.id: id_digest(sync, account, client.id) for client in people}
    addresses = {client.id: address_digests(sync, account, client.email, client.phone) for client in people}
    known = _known(database, account, [*ids.values(), *(one for each in addresses.values() for one in each)])
    by_id = {id for id, digest in ids.items() if digest in known}
    return Barred(by_id, {id for id, digests in addresses.items() if known.intersection(digests)})


def _known(database: sa.Connection, account_id: str, digests: Collection[str]) -> set[str]:
    if not digests:
        return set()
    return set(database.execute(_ASK, {"account": account_id, "digests": list(digests)}).scalars())


_ASK = sa.select(table.c.digest).where(
    table.c.account_id == sa.bindparam("account"), table.c.digest.in_(sa.bindparam("digests", expanding=True))
)


def _digest(sync: Sync, account_id: str, kind: str, value: str) -> str:
    return _keyed(sync.installation.digest_secret, account_id, kind, value)


def _keyed(secret: bytes, account_id: str, kind: str, value: str) -> str:
    text = f"erased\0{account_id}\0{kind}\0{value}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, key=secret, digest_size=24).hexdigest()
