"""What a CRM's webhooks are: is a delivery genuine, which records does it speak of. Pure; nothing is stored here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from ..config import Settings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Received:
    """A delivery as it came: the public address that the CRM called, headers by lower-case name, the raw body."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hint:
    """One event that we use: its name, the record it speaks of, the CRM's time where it can be read.

    `digest` (SHA-256 in hexadecimal) is the same whenever the CRM tells the same event again.
    """

    event: str
    record_id: str
    at: datetime | None
    digest: str


class Webhooks(Protocol):
    """How one CRM signs and words its webhooks."""

    @property
    def setting_up(self) -> str:
        """Return where a person finds the secret and registers the address, in plain words."""
        ...

    @property
    def shortest_secret(self) -> int:
        """Return how many characters a secret has at least."""
        ...

    def is_genuine(self, received: Received, secrets: Sequence[str], settings: Settings, now: datetime) -> bool:
        """Tell whether one of the secrets vouches for the raw delivery; without a secret nothing is genuine.

        Compares in constant time, and decides by nothing in the body that it has not verified.
        """
        ...

    def hints(self, received: Received, remote_account_id: str) -> list[Hint]:
        """Return the events that we use, of that account in the CRM; none is no fault.

        To be called for a genuine delivery. Raises ValueError for a body that is not of a webhook's shape.
        """
        ...


def read_json(raw: bytes) -> Any:
    """Return what a JSON body holds; raise ValueError where it is not JSON."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None


def instant_of_milliseconds(told: Any) -> datetime | None:
    """Return the instant of a number of milliseconds since 1970, None for what is none."""
    if not isinstance(told, int) or isinstance(told, bool):
        return None
    try:
        return _EPOCH + timedelta(milliseconds=told)
    except OverflowError:
        return None


def encoded(text: str) -> bytes:
    """Return the bytes of a header or a secret, whatever somebody put into it."""
    return text.encode("utf-8", "surrogatepass")
