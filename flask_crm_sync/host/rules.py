"""Which rows of the host make which changes: one rule for each model that is, or belongs to, a subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstanceState, InstrumentedAttribute, Mapper, PassiveFlag

from ..models.change import CLIENT, CONVERSATION, UPDATED
from .bound import Bound
from .reading import Host
from .values import key_text


@dataclass(frozen=True, eq=False)
class Rule:
    """Rows of `model` are (`is_subject`) or belong to a subject, whose key is their attribute `key`.

    `watched` are the attributes whose edit counts; None where the binding has code and any edit may matter.
    """

    subject: str
    model: type[Any]
    mapper: Mapper[Any]
    key: str
    is_subject: bool
    account: str | None
    watched: frozenset[str] | None

    @property
    def key_column(self) -> InstrumentedAttribute[Any]:
        """Return the mapped attribute of the subject's key."""
        column: InstrumentedAttribute[Any] = getattr(self.model, self.key)
        return column

    def kind(self, happened: str) -> str:
        """Return what the event on the row means for the subject: whatever happens to a part updates the whole."""
        return happened if self.is_subject else UPDATED

    def is_edited(self, state: InstanceState[Any]) -> bool:
        """Tell whether a watched attribute differs from what the database is known to have."""
        touched = set(state.manager if self.watched is None else self.watched)
        touched -= state.unmodified_intersection(touched)
        return any(state.get_history(name, PassiveFlag.PASSIVE_NO_INITIALIZE).has_changes() for name in touched)

    def subject_key(self, connection: sa.Connection, state: InstanceState[Any]) -> Any:
        """Return the subject's key from the loaded row, asking the database only where it is not loaded."""
        return state.dict[self.key] if self.key in state.dict else self._stored_key(connection, state)

    def former_key(self, connection: sa.Connection, state: InstanceState[Any]) -> Any:
        """Return the key of the subject that a row is about to leave; None where it stays with its subject.

        SQLAlchemy forgets the former value of a row that was not loaded, so that the database has to be asked.
        """
        if state.unmodified_intersection((self.key,)):
            return None
        history = state.get_history(self.key, PassiveFlag.PASSIVE_NO_INITIALIZE)
        former = history.deleted[0] if history.deleted else self._stored_key(connection, state)
        return None if former == state.dict.get(self.key) else former

    def _stored_key(self, connection: sa.Connection, state: InstanceState[Any]) -> Any:
        identity = state.identity or tuple(self.mapper.primary_key_from_instance(state.obj()))
        own = [column == value for column, value in zip(self.mapper.primary_key, identity, strict=True)]
        return connection.execute(sa.select(self.key_column).where(*own)).scalar()

    def account_of(self, state: InstanceState[Any]) -> str | None:
        """Return the row's account as text where it is loaded."""
        value = state.dict.get(self.account) if self.account else None
        return None if value is None else key_text(value)


def rules_of(host: Host) -> tuple[Rule, ...]:
    """Return the rules of a host: its clients, conversations, messages and all related models."""
    rules = [_subject(CLIENT, host.client), _subject(CONVERSATION, host.conversation)]
    if host.message:
        message = host.message
        key = message.attributes["conversation"].name
        rules.append(_part(CONVERSATION, message.model, key, _watched(message)))
    for subject, bound in ((CLIENT, host.client), (CONVERSATION, host.conversation)):
        rules += [_part(subject, related.model, related.foreign_key, None) for related in bound.related]
    return tuple(rules)


def _subject(subject: str, bound: Bound) -> Rule:
    account = bound.attributes.get("account")
    account_name = account.name if account and account.column is not None else None
    return Rule(subject, bound.model, bound.mapper, bound.id.name, True, account_name, _watched(bound))


def _part(subject: str, model: type[Any], key: str, watched: frozenset[str] | None) -> Rule:
    mapper: Mapper[Any] = sa.inspect(model)
    return Rule(subject, model, mapper, key, False, None, watched)


def _watched(bound: Bound) -> frozenset[str] | None:
    """A touched `updated_at` alone is no news; a new key is."""
    counting = [attribute for word, attribute in bound.attributes.items() if word != "updated_at"]
    if any(attribute.column is None for attribute in counting):
        return None
    return frozenset({bound.id.name, *(attribute.name for attribute in counting)})
