"""Clients on their way to the CRM: what each is before a step of the push, and what it has come to after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from ..crm.base import RemoteRecord, Values
from ..host.records import ClientRecord
from ..models.operation import CREATE_NEW
from .agreed import Digester
from .claim import Claimed
from .links import LinkState
from .plan import Plan
from .retry import Verdict


@dataclass(slots=True)
class ContactItem:
    """One client on its way to the CRM."""

    operation: Claimed
    client: ClientRecord
    link: LinkState
    ours: Values
    digest: Digester
    record: RemoteRecord | None = None
    plan: Plan = field(default_factory=Plan)
    found_by: str = ""
    created: bool = False
    strayed: bool = False
    """Whether the CRM wrote another record than the one that was meant: it was there already, or a merge's survivor."""
    takes_over: bool = False
    """Whether the record stood for a client who is there no more."""
    behind: ContactItem | None = field(default=None, repr=False)
    """The client of this batch that goes first, as both have one e-mail or phone."""
    refused: Mapping[str, str] = field(default_factory=dict)
    verdict: Verdict | None = None
    touches_link: bool = False
    standing: Mapping[str, sa.Row[Any]] = field(default_factory=dict)
    """Conflicts of the client that are not settled yet, by field."""
    merged: Values = field(default_factory=dict)
    """Ours as they were merged, before anything came home."""
    brought: list[str] = field(default_factory=list)
    flipping: list[str] = field(default_factory=list)
    follows: Values = field(default_factory=dict)
    """What the client's qualification writes in the CRM."""
    overwritten: list[str] = field(default_factory=list)
    """Fields of which the former value was kept, to be put back on demand."""
    unanswered: dict[str, list[str]] = field(default_factory=dict)
    """The intents of earlier attempts, without this one's."""

    @property
    def was_linked(self) -> bool:
        """Tell whether a record stood for the client before this attempt."""
        return self.link.is_active

    @property
    def makes_new(self) -> bool:
        """Tell whether a person has decided that none of the records that match is the client's."""
        return self.operation.decision == CREATE_NEW

    @property
    def maybe_created(self) -> bool:
        """Tell whether an unanswered attempt may have made a record; what came before a decision is settled by it."""
        return not self.was_linked and (self.operation.unknown or (bool(self.link.intents) and not self.makes_new))


def still_open(items: Iterable[ContactItem]) -> list[ContactItem]:
    """Return the items that have no verdict yet."""
    return [item for item in items if item.verdict is None]
