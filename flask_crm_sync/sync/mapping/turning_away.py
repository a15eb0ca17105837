"""What is owed for clients whom a connection's filter does not take: left out at the claim, with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from ...host.records import ClientRecord
from ...models.change import CLIENT
from ...models.operation import ADD_NOTE, APPLY_REMOTE
from .. import reasons
from ..claim import Claimed
from ..context import Sync
from ..drain import Drain
from ..operations import CONTACT_KINDS
from ..retry import Verdict, skipped
from .filters import CHANNEL, Filter
from .known import known_of
from .rows import read_mapping


def filtered_out(drain: Drain, batch: Sequence[Claimed]) -> dict[int, Verdict]:
    """Return the verdicts of claimed operations whose clients the filter does not take, by the operation's id.

    Asks nothing where there is no filter. A write without an answer is brought to its end, whoever it concerns.
    """
    wanted = read_mapping(drain.connection).filter
    chosen = [one for one in batch if is_about_a_client(one) and not one.unknown] if wanted else []
    if not chosen:
        return {}
    with drain.sync.database.read() as database:
        ids = {one.client_id for one in chosen}
        gone = turned_away(drain.sync, database, drain.connection, wanted, ids)
    return {one.id: skipped(reasons.FILTERED_OUT) for one in chosen if one.client_id in gone}


def turned_away(
    sync: Sync, database: sa.Connection, connection: Mapping[Any, Any], wanted: Filter, client_ids: Iterable[str]
) -> set[str]:
    """Return those of the clients whom a connection's filter does not take; what cannot be read is not decided here."""
    loaded = sync.host.load_clients(database, client_ids).values()
    clients = (one for one in loaded if isinstance(one, ClientRecord))
    seen = known_of(sync, database, connection, wanted, clients)
    return {id for id, known in seen.items() if not wanted.takes(known)}


def follows_conversations(connection: Mapping[Any, Any]) -> bool:
    """Tell whether a new conversation may change whether a client is taken."""
    return bool(connection["mapping"]) and read_mapping(connection).filter.asks(CHANNEL)


def is_about_a_client(operation: Claimed) -> bool:
    """Tell whether the filter is asked: also for a change that comes home, as what differs then would be sent."""
    own = operation.kind in (*CONTACT_KINDS, ADD_NOTE)
    return bool(operation.client_id) and (own or (operation.kind == APPLY_REMOTE and operation.subject_type == CLIENT))
