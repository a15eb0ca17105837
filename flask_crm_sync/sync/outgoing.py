"""What goes out to a CRM for a client: the adapter's own fields and those that a connection writes beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..crm.base import RemoteField, Values
from ..host.records import ClientRecord
from .follow_ups import read_follow_ups
from .manners import Manner
from .mapping.applying import translated
from .mapping.rows import read_mapping
from .merge import FieldRule

if TYPE_CHECKING:
    from .drain import Drain

Row = Mapping[Any, Any]
"""A connection's row: column name -> value."""


def further_of(row: Row) -> tuple[RemoteField, ...]:
    """Return the fields that a connection reads and writes beside those of every client, each once."""
    found = {field.name: field for field in (*read_mapping(row).fields, *read_follow_ups(row).fields)}
    return tuple(found.values())


def manners_of(row: Row) -> dict[str, Manner]:
    """Return how each field is written that does not simply go by the three-way merge."""
    return {**read_mapping(row).manners, **read_follow_ups(row).manners}


def rules_of(row: Row, rules: Mapping[str, FieldRule]) -> dict[str, FieldRule]:
    """Return the rules of a two-way connection: a further field only goes out, unless its own rule says otherwise.

    A consent goes both ways, whatever anybody chose: a refusal in the CRM is news.
    """
    consents = {name for name, manner in manners_of(row).items() if manner.mode == "strictest"}
    out = {field.name: FieldRule("out") for field in further_of(row)}
    return {**out, **rules, **dict.fromkeys(consents, FieldRule("both"))}


def outgoing(drain: Drain, client: ClientRecord, follows: Values) -> Values:
    """Return every value of a client by the CRM's names; `follows` is what its qualification leads to.

    Raises InvalidRecord naming all fields that cannot be sent.
    """
    return {**translated(drain.adapter, read_mapping(drain.connection), client), **follows}
