"""What a host developer says about models that convention cannot read: which class, which attribute is what.

Each attribute is one of

- not given: found by its usual names (`convention.py` lists them);
- a text: the name of a mapped attribute, of a property, or a path such as "address.city";
- a function that takes the instance and returns the value;
- None: the host has no such thing.

Mapped attributes are read without making instances; functions, properties and paths need one each, and any change of
their row counts as a change, because nobody can tell what they look at. What they read in *other* tables is said with
`related`, so that an edited address counts as a change of its client.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum
from typing import Any, Final


class Unsaid(Enum):
    """The type of BY_CONVENTION."""

    BY_CONVENTION = "by convention"


BY_CONVENTION: Final = Unsaid.BY_CONVENTION
"""Stands for "not given": the attribute is found by its usual names."""

Source = str | Callable[[Any], Any] | Unsaid | None


@dataclass(frozen=True)
class Related:
    """Another model whose rows belong to a client or conversation: a change there is a change of it.

    `foreign_key` is the mapped attribute of `model` that holds the key of the client or conversation.
    """

    model: type[Any]
    foreign_key: str


@dataclass(frozen=True)
class ClientBinding:
    """Which model is the client, and which of its attributes is what."""

    model: type[Any]
    _: KW_ONLY
    id: str | None = None
    """The mapped attribute that foreign keys point to; the primary key where it is not given."""
    account: Source = BY_CONVENTION
    name: Source = BY_CONVENTION
    """The full name, split into two, where first and last name are not kept apart."""
    first_name: Source = BY_CONVENTION
    last_name: Source = BY_CONVENTION
    email: Source = BY_CONVENTION
    phone: Source = BY_CONVENTION
    company: Source = BY_CONVENTION
    street: Source = BY_CONVENTION
    city: Source = BY_CONVENTION
    state: Source = BY_CONVENTION
    zip: Source = BY_CONVENTION
    country: Source = BY_CONVENTION
    sensitive: Source = BY_CONVENTION
    """True for clients that must never be sent anywhere."""
    tags: Source = BY_CONVENTION
    """A list, or a text with commas between the tags."""
    custom: Mapping[str, Source] = field(default_factory=dict, hash=False)
    """Further attributes, by a name of your own: accounts can map them to fields of their CRMs and filter by them."""
    updated_at: Source = BY_CONVENTION
    related: tuple[Related, ...] = ()


@dataclass(frozen=True)
class MessageBinding:
    """Which model is the message, and which of its attributes is what."""

    model: type[Any]
    _: KW_ONLY
    conversation: Source = BY_CONVENTION
    """The mapped attribute with the conversation's key; no function."""
    text: Source = BY_CONVENTION
    from_client: Source = BY_CONVENTION
    """A flag, a direction or a sender's kind; None says that clients wrote all messages."""
    at: Source = BY_CONVENTION


@dataclass(frozen=True)
class ConversationBinding:
    """Which model is the conversation, and which of its attributes is what."""

    model: type[Any]
    _: KW_ONLY
    id: str | None = None
    client: Source = BY_CONVENTION
    """The key of the client."""
    account: Source = BY_CONVENTION
    """The account; that of the client where the conversation has none of its own."""
    channel: Source = BY_CONVENTION
    subject: Source = BY_CONVENTION
    summary: Source = BY_CONVENTION
    url: Source = BY_CONVENTION
    closed: Source = BY_CONVENTION
    """A flag, a state's word or the instant of closing."""
    test: Source = BY_CONVENTION
    """True for conversations that are to be ignored."""
    started_at: Source = BY_CONVENTION
    last_message_at: Source = BY_CONVENTION
    updated_at: Source = BY_CONVENTION
    messages: MessageBinding | Unsaid | None = BY_CONVENTION
    related: tuple[Related, ...] = ()
