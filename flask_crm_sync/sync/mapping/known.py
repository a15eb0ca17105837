"""What filters ask of clients beside their attributes, and what a filter would mean now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ...errors import CRMSyncError
from ...host.bound import CHUNK, chunks
from ...host.reading import Host
from ...host.records import CLIENT_FIELDS, ClientRecord
from ...host.values import key_text, text
from ..context import Sync
from ..qualified import gate_for
from ..reach import count_reachable, own_only, page_of_clients
from .filters import (
    CHANNEL,
    COMPARISONS,
    CUSTOM,
    LONGEST_VALUE,
    MOST_CONDITIONS,
    QUALIFIED,
    TAG,
    Condition,
    Filter,
    Known,
)
from .schema import connection_row

LOOKED_AT = 5_000
"""Clients that are asked for what a filter would mean; of more it is told how many were asked."""

_NEEDS_VALUE = {"equals", "differs", "contains"}


class FilterInvalid(CRMSyncError):
    """Conditions that cannot be asked; `conditions` maps a condition's place to what is wrong with it."""

    code = "filter_invalid"
    says = "The filter cannot work like this."
    advice = "Correct the marked conditions."

    def __init__(self, conditions: Mapping[int, str]) -> None:
        super().__init__(" ".join(conditions.values()))
        self.conditions = dict(conditions)


@dataclass(frozen=True, slots=True)
class Taken:
    """Of `looked` clients with an e-mail address or a phone number, `taken` go; the account has `clients` of them."""

    taken: int
    looked: int
    clients: int

    @property
    def is_whole(self) -> bool:
        """Tell whether every client was asked."""
        return self.looked >= self.clients


def abouts(host: Host) -> tuple[str, ...]:
    """Return what conditions can be about, in this app."""
    custom = (CUSTOM + name for name in host.custom_fields)
    tag = (TAG,) if "tags" in host.client.attributes else ()
    channel = (CHANNEL,) if _channel_columns(host) else ()
    return (*CLIENT_FIELDS, *custom, *tag, *channel, QUALIFIED)


def check_filter(wanted: Filter, host: Host) -> None:
    """Refuse a filter that cannot be asked; raise FilterInvalid."""
    wrong = {place: fault for place, one in enumerate(wanted.conditions) if (fault := _wrong_with(one, host))}
    if len(wanted.conditions) > MOST_CONDITIONS:
        wrong[MOST_CONDITIONS] = f"There are up to {MOST_CONDITIONS} conditions."
    if wanted.match not in ("all", "any"):
        wrong[0] = "Choose one of these."
    if wrong:
        raise FilterInvalid(wrong)


def _wrong_with(condition: Condition, host: Host) -> str:
    if not condition.about:
        return "Choose what the condition is about, or empty its value."
    if condition.about not in abouts(host):
        return "This app has no such attribute of a client (any more)."
    if condition.how not in COMPARISONS or (condition.about == QUALIFIED and condition.how in _NEEDS_VALUE):
        return "Choose one of these."
    if condition.how in _NEEDS_VALUE and not condition.value.strip():
        return "Say which value."
    if len(condition.value) > LONGEST_VALUE:
        return f"A value has up to {LONGEST_VALUE} characters."
    return ""


def known_of(
    sync: Sync, database: sa.Connection, connection: Mapping[Any, Any], wanted: Filter, clients: Iterable[ClientRecord]
) -> dict[str, Known]:
    """Return clients as a connection's filter sees them, by id: one question more for channels, one for standings."""
    found = {client.id: client for client in clients}
    channels = channels_of(sync.host, database, found) if wanted.asks(CHANNEL) else {}
    qualified = _qualified(database, connection, found) if wanted.asks(QUALIFIED) else frozenset()
    return {id: Known(client, frozenset(channels.get(id, ())), id in qualified) for id, client in found.items()}


def channels_of(host: Host, database: sa.Connection, client_ids: Iterable[str]) -> dict[str, set[str]]:
    """Return the channels of clients' conversations; none where the host's channel or client is code."""
    columns = _channel_columns(host)
    found: dict[str, set[str]] = {}
    if columns is None:
        return found
    client, channel = columns
    for keys in chunks(host.client.keys(database, client_ids), CHUNK):
        query = sa.select(client, channel).where(client.in_(keys)).distinct()
        for key, told in database.execute(query):
            if text(told).strip():
                found.setdefault(key_text(key), set()).add(text(told).strip())
    return found


def count_taken(sync: Sync, account_id: str, crm: str, wanted: Filter, *, most: int = LOOKED_AT) -> Taken:
    """Return how many of an account's clients a filter would take now; reads up to `most` of them."""
    taken = looked = 0
    behind = ""
    with sync.database.read() as database:
        connection = connection_row(database, account_id, crm)
        while looked < most:
            page = page_of_clients(sync, database, account_id, behind, min(CHUNK, most - looked))
            if not page:
                break
            behind = page[-1].id
            ids = [key.id for key in own_only(sync, database, account_id, page)]
            seen = known_of(sync, database, connection, wanted, _records(sync.host, database, account_id, ids))
            looked, taken = looked + len(ids), taken + sum(map(wanted.takes, seen.values()))
    clients = count_reachable(sync, account_id) if looked >= most else looked
    return Taken(taken, looked, clients)


def _records(host: Host, database: sa.Connection, account_id: str, ids: Sequence[str]) -> list[ClientRecord]:
    loaded = host.load_clients(database, ids).values()
    return [one for one in loaded if isinstance(one, ClientRecord) and one.account_id == account_id]


def _qualified(database: sa.Connection, connection: Mapping[Any, Any], ids: Iterable[str]) -> frozenset[str]:
    asking = {**{name: connection[name] for name in ("account_id", "criteria_set")}, "qualified_only": True}
    wanted = list(ids)
    gate = gate_for(database, [asking], wanted)
    return frozenset(id for id in wanted if gate.takes(asking, id))


def _channel_columns(host: Host) -> tuple[Any, Any] | None:
    client, channel = host.conversation.column("client"), host.conversation.column("channel")
    return None if client is None or channel is None else (client, channel)
