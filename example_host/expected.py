"""What must be in the CRM once everything has settled, read from the helpdesk's own tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from .extensions import db
from .models import Client, Conversation

FIELDS = ("first_name", "last_name", "email", "phone", "company", "street", "city", "state", "zip", "country")


@dataclass(frozen=True)
class DueClient:
    """A client whom the CRM must hold: final values ("" for none), conversations there are, and notes owed for them."""

    client_id: int
    values: Mapping[str, str]
    conversations: int
    notes: int


@dataclass(frozen=True)
class Expected:
    """How many conversations and clients there are, and who of them must be in the CRM."""

    conversations: int
    clients: int
    due: tuple[DueClient, ...]


def expected_in(account_id: int) -> Expected:
    """Return what an account's CRM must hold: clients with e-mail or phone, a note for each closed conversation.

    Needs an application context. Sensitive clients and test conversations are owed nothing.
    """
    clients = db.session.scalars(select(Client).where(Client.account_id == account_id).order_by(Client.id)).all()
    all_talks, closed_talks = conversation_counts(account_id), conversation_counts(account_id, status="closed")
    due = tuple(
        DueClient(client.id, values_of(client), all_talks[client.id], closed_talks[client.id])
        for client in clients
        if (client.email or client.phone) and not client.is_sensitive
    )
    return Expected(all_talks.total(), len(clients), due)


def conversation_counts(account_id: int, status: str | None = None) -> Counter[int]:
    """Return how many real conversations each client of the account has, in one state or in any."""
    query = select(Conversation.client_id, func.count()).where(Conversation.account_id == account_id)
    query = query.where(Conversation.is_test.is_(False)).group_by(Conversation.client_id)
    if status is not None:
        query = query.where(Conversation.status == status)
    rows = db.session.execute(query).all()
    return Counter({client_id: count for client_id, count in rows})  # noqa: C416 - Row is no tuple to the type checker


def values_of(client: Client) -> dict[str, str]:
    """Return the client's details as text."""
    return {name: getattr(client, name) or "" for name in FIELDS}
