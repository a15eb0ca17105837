"""The host's clients and conversations as plain records: what the rest of the package knows of the host's models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

CLIENT_FIELDS = (
    "first_name",
    "last_name",
    "email",
    "phone",
    "company",
    "street",
    "city",
    "state",
    "zip",
    "country",
)

LONGEST_NAME = 255
"""Characters of a client's name as people see it."""


@dataclass(frozen=True, slots=True)
class ClientRecord:
    """A client of the host. Texts are as the host has them, "" where it has none; ids are text."""

    id: str
    account_id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    company: str = ""
    street: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    sensitive: bool = False
    version: str = ""
    """The host's `updated_at` as text, for comparing only; "" where the host has none."""
    tags: tuple[str, ...] = ()
    custom: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The host's further attributes by their names: yes and no as "true" and "false", dates in ISO's form."""

    @property
    def full_name(self) -> str:
        """Return the full name, else the e-mail, the phone or the id."""
        full = f"{self.first_name} {self.last_name}".strip()
        return full or self.email or self.phone or self.id

    @property
    def name(self) -> str:
        """Return something to call the client by: of a full name that fills pages, which anybody may give, the head."""
        full = self.full_name
        return full if len(full) <= LONGEST_NAME else f"{full[: LONGEST_NAME - 1]}…"


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """One message of a conversation."""

    from_client: bool
    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConversationRecord:
    """A conversation of the host with its messages, oldest first. Instants are aware, in UTC."""

    id: str
    account_id: str
    client_id: str
    channel: str = ""
    subject: str = ""
    summary: str = ""
    url: str = ""
    closed: bool = False
    test: bool = False
    started_at: datetime | None = None
    last_message_at: datetime | None = None
    messages: tuple[MessageRecord, ...] = ()
    version: str = ""
