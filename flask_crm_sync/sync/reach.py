"""Whom a connection could reach: the account's clients in the host, counted cheaply and read page by page of keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..host.bound import Bound, key_parser, plain_type
from ..host.newest import newest
from ..host.reading import Host
from ..models import Link
from ..models.change import CLIENT
from ..models.criterion import DEFAULT_SET
from ..models.link import ACTIVE, TOMBSTONE
from ..models.qualification import QUALIFIED
from .context import Sync
from .qualified import table as _standings
from .status import COUNT_TO

_links: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Reach:
    """An account's clients in numbers, each counted up to `COUNT_TO`; None where the host's account is code.

    `reachable` have an e-mail address or a phone number, as far as the host has columns for them; `linked` stand for
    a record in the CRM; `qualified` qualify under the connection's set of criteria. `unsent` are those of them without
    a record, where the connection takes no others.
    """

    clients: int | None
    reachable: int | None
    linked: int
    qualified: int = 0
    unsent: int | None = None

    @property
    def missing(self) -> int:
        """Return how many could be caught up on; at the bound it is the bound."""
        if self.unsent is not None:
            return self.unsent
        if self.reachable is None:
            return 0
        return self.reachable if self.reachable >= COUNT_TO else max(0, self.reachable - self.linked)


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A client's id, the version of its record ("" where the host keeps none), and its place among the newest."""

    id: str
    version: str
    place: str


def reach(
    sync: Sync, account_id: str, connection_id: UUID, *, set_name: str = DEFAULT_SET, qualified_only: bool = False
) -> Reach:
    """Return whom a connection could reach and whom it has; reads at most `COUNT_TO` rows for each number.

    `set_name` and `qualified_only` are the connection's settings, or what they might become.
    """
    linked = sa.select(_links.c.id).where(
        _links.c.connection_id == connection_id, _links.c.subject_type == CLIENT, _links.c.state == ACTIVE
    )
    client, qualified = sync.host.client, _qualified(account_id, set_name)
    with sync.database.read() as database:
        have = _counted(database, linked)
        qualify = _counted(database, qualified)
        unsent = _counted(database, qualified.where(_unlinked(connection_id))) if qualified_only else None
        own = _of_account(sync.host, database.dialect, account_id)
        if own is None:
            return Reach(None, None, have, qualify, unsent)
        everyone = sa.select(client.id_column).where(own)
        addressed = everyone.where(*_has_address(client))
        return Reach(_counted(database, everyone), _counted(database, addressed), have, qualify, unsent)


def _qualified(account_id: str, set_name: str) -> sa.Select[Any]:
    """Return the query for the clients of whom a conversation qualifies now, each once."""
    own = sa.and_(_standings.c.account_id == account_id, _standings.c.set_name == set_name)
    is_qualified = sa.and_(_standings.c.status == QUALIFIED, _standings.c.client_id != "")
    return sa.select(_standings.c.client_id).where(own, is_qualified).distinct()


def _unlinked(connection_id: UUID) -> sa.ColumnElement[bool]:
    """Hold to clients that no record stands for; one whose record was deleted in the CRM is not made again."""
    known = sa.and_(_links.c.connection_id == connection_id, _links.c.subject_type == CLIENT)
    decided = _links.c.state.in_((ACTIVE, TOMBSTONE))
    return ~sa.exists().where(known, decided, _links.c.subject_id == _standings.c.client_id)


def count_reachable(sync: Sync, account_id: str) -> int:
    """Return how many clients there are to look at, in full: asked for once, when catching up begins."""
    client = sync.host.client
    with sync.database.read() as database:
        own = _of_account(sync.host, database.dialect, account_id)
        wanted = sa.select(sa.func.count(client.id_column)).where(*_has_address(client))
        return database.execute(wanted if own is None else wanted.where(own)).scalar_one()


def page_of_clients(sync: Sync, database: sa.Connection, account_id: str, behind: str, size: int) -> list[ClientKey]:
    """Return the next clients behind a place ("" begins), the newest first, those of other accounts left out before or
    (where the account is code) to be left out by the caller.
    """
    own = _of_account(sync.host, database.dialect, account_id)
    held = [*_has_address(sync.host.client), *([] if own is None else [own])]
    return [ClientKey(*each) for each in newest(sync.host.client, database, held, behind, size)]


def own_only(sync: Sync, database: sa.Connection, account_id: str, clients: Sequence[ClientKey]) -> Sequence[ClientKey]:
    """Leave out clients of other accounts, where the query could not."""
    if not clients or _of_account(sync.host, database.dialect, account_id) is not None:
        return clients
    accounts = sync.host.client_accounts(database, [client.id for client in clients])
    return [client for client in clients if accounts.get(client.id) == account_id]


def _of_account(host: Host, dialect: sa.Dialect, account_id: str) -> sa.ColumnElement[bool] | None:
    """Hold a query to an account; None where the host's account is code."""
    if not host.has_accounts:
        return sa.true()
    column = host.client.column("account")
    if column is None:
        return None
    try:
        own: sa.ColumnElement[bool] = column == key_parser(column.type, dialect)(account_id)
    except (ValueError, TypeError, ArithmeticError):
        return sa.false()  # an account id that no row of the host can have
    return own


def _has_address(client: Bound) -> list[sa.ColumnElement[bool]]:
    """Ask for an e-mail address or a phone number, where both are plain texts (a host may encrypt its columns)."""
    given = []
    for word in ("email", "phone"):
        column: Any = client.column(word)
        if column is None and word in client.attributes:
            return []
        if column is None:
            continue
        if not isinstance(column.type, sa.String) or not isinstance(plain_type(column.type), sa.String):
            return []
        given.append(sa.and_(column.is_not(None), column != ""))
    return [sa.or_(*given)] if given else []


def _counted(database: sa.Connection, query: sa.Select[Any]) -> int:
    bounded = query.limit(COUNT_TO).subquery()
    return database.execute(sa.select(sa.func.count()).select_from(bounded)).scalar_one()
