"""Writing to the host's clients through the binding: the one place where a value of a CRM reaches the host.

It happens in a session of the host's kind, joined to our own transaction: the listeners of the host's models and of its
sessions hear of every flush, and its values live and die with our bookkeeping. That transaction is ours, so that no
`after_commit` of the host fires. What cannot be written is known beforehand (`writable_fields`).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Session, sessionmaker

from .attributes import CUSTOM
from .bound import Attribute, BindingFailure, Bound, key_parser, plain_type
from .ledger import APPLYING, Applying
from .reading import Host
from .records import CLIENT_FIELDS, ClientRecord
from .values import split_name

_NAMES = ("first_name", "last_name")
_BINDS = {"bind", "binds", "twophase"}
"""Options of a host's sessions that ours, which joins a transaction, has no use for."""


class HostMoved(Exception):
    """The client is not (any more) what was merged: it has to be looked at again."""


class HostRefused(Exception):
    """The host did not take the values; the text names model and error, never a value."""


def writable_fields(host: Host) -> frozenset[str]:
    """Return which of our client fields can be written: by a text column's name, or a property with a setter."""
    found = host.client.attributes
    own = {name for name in CLIENT_FIELDS if name in found and _is_writable(host.client, found[name])}
    if not own & set(_NAMES) and "name" in found and _is_writable(host.client, found["name"]):
        own |= set(_NAMES)
    return frozenset(own)


def writable_flags(host: Host) -> frozenset[str]:
    """Return which of the client's further attributes can be set to yes or no."""
    found = ((word, one) for word, one in host.client.attributes.items() if word.startswith(CUSTOM))
    return frozenset(word for word, one in found if _is_flag(host.client, one))


def longest(host: Host, field: str) -> int | None:
    """Return how many characters a field's column takes, None where it sets no bound or is no column."""
    column = host.client.column(field)
    kind = plain_type(column.type) if column is not None else None
    return kind.length if isinstance(kind, sa.String) else None


class HostWriter:
    """Writes clients inside a connection's transaction, on behalf of the connection that the values come from."""

    def __init__(self, host: Host, database: sa.Connection, origin: UUID) -> None:
        self._host, self._database, self._origin = host, database, origin
        self._session = _session_like(host.sessions, database)

    def update(self, merged: ClientRecord, values: Mapping[str, str]) -> ClientRecord:
        """Set fields of a client that is still what was merged; return it as the host has it then.

        Raises HostMoved where it is not, HostRefused where the host's own code or the database refuses a value.
        """
        with self._alone():
            instance = self._locked(merged.id)
            if _steady(self._read(merged.id)) != _steady(merged):
                raise HostMoved
            self._apply(instance, merged.id, self._named(merged, values))
            self._session.flush()
            return self._read(merged.id)

    def create(self, account_id: str, values: Mapping[str, str]) -> ClientRecord:
        """Make a client of an account; return it as the host has it.

        Raises HostRefused where the model demands more than a CRM's record tells, or refuses it.
        """
        with self._alone():
            instance = self._host.client.model()
            blank = ClientRecord("", account_id)
            named = {**self._account(account_id), **self._named(blank, {k: v for k, v in values.items() if v})}
            self._session.info[APPLYING] = Applying(self._origin, None, named)
            self._set(instance, named)
            self._session.add(instance)
            self._session.flush()
            id = str(self._host.client.id.read(instance))
            return self._read(id)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one client fail alone: a savepoint takes back what the host's code had done by then."""
        try:
            with self._session.begin_nested():
                yield
        except HostMoved:
            raise
        except HostRefused:
            raise
        except Exception as error:  # whatever a host's validators, events and constraints raise
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            raise HostRefused(f"{self._host.client.name} refused it ({type(error).__name__}).") from error
        finally:
            self._session.info.pop(APPLYING, None)
            self._session.expunge_all()

    def _locked(self, id: str) -> Any:
        bound = self._host.client
        for key in bound.keys(self._database, [id]):
            query = sa.select(bound.model).where(bound.id_column == key).with_for_update(of=bound.model)
            found = self._session.scalars(query).unique().one_or_none()
            if found is not None:
                return found
        raise HostMoved

    def _read(self, id: str) -> ClientRecord:
        found = self._host.load_clients(self._database, [id]).get(id)
        if found is None:
            raise HostMoved
        if isinstance(found, BindingFailure):
            raise HostRefused(found.reason)
        return found

    def _apply(self, instance: Any, id: str, named: Mapping[str, Any]) -> None:
        self._session.info[APPLYING] = Applying(self._origin, id, named)
        self._set(instance, named)

    def _set(self, instance: Any, named: Mapping[str, Any]) -> None:
        for name, value in named.items():
            setattr(instance, name, value)

    def _named(self, client: ClientRecord, values: Mapping[str, str]) -> dict[str, Any]:
        """Return the host's attributes to set, by their names: a full name is put together of its parts."""
        found, named = self._host.client.attributes, dict[str, Any]()
        for field, value in values.items():
            if field.startswith(CUSTOM):
                named[found[field].name] = value == "true"
            elif field in found:
                named[found[field].name] = _stored(found[field], value)
        apart = any(name in found for name in _NAMES)
        if not apart and "name" in found and any(name in values for name in _NAMES):
            first, last = (values.get(name, getattr(client, name)) for name in _NAMES)
            named[found["name"].name] = _stored(found["name"], full_name(first, last))
        return named

    def _account(self, account_id: str) -> dict[str, Any]:
        column = self._host.client.column("account")
        if not self._host.has_accounts:
            return {}
        if column is None:
            raise HostRefused(f"The account of {self._host.client.name} is code and cannot be set.")
        return {
            self._host.client.attributes["account"].name: key_parser(column.type, self._database.dialect)(account_id)
        }


def _steady(client: ClientRecord) -> ClientRecord:
    """Return a client without what is sent only: code of the host's may make that up anew each time it is asked."""
    return replace(client, tags=(), custom={})


def _session_like(sessions: sessionmaker[Any] | None, database: sa.Connection) -> Session:
    """Return a session as the host makes its own, in our transaction: class, options and listeners are the host's."""
    given = {} if sessions is None else {k: v for k, v in sessions.kw.items() if k not in _BINDS}
    joined = {"bind": database, "autoflush": False, "join_transaction_mode": "rollback_only"}
    kind: Any = Session if sessions is None else sessions.class_
    session: Session = _joined(kind)(**(given | joined))
    return session


@functools.cache
def _joined(kind: Any) -> Any:
    """Return a kind of session that stays on the connection that it was given, wherever a model is bound."""

    def get_bind(self: Session, *_: Any, **__: Any) -> Any:
        return self.bind

    return type(f"Joined{kind.__name__}", (kind,), {"get_bind": get_bind})


def full_name(first: str, last: str) -> str:
    """Return a name that is split into the same two parts again, in the usual order where that is possible."""
    usual = f"{first} {last}".strip()
    turned = f"{last}, {first}"
    return turned if split_name(usual) != (first, last) and split_name(turned) == (first, last) else usual


def _is_writable(client: Bound, attribute: Attribute) -> bool:
    if attribute.column is None:
        return _has_setter(client.model, attribute.name)
    column = client.mapper.columns[attribute.name]
    kind = plain_type(attribute.column.type)
    is_text = isinstance(kind, sa.String) and not isinstance(kind, sa.Enum)
    return is_text and not column.primary_key and not column.foreign_keys and column.computed is None


def _is_flag(client: Bound, attribute: Attribute) -> bool:
    if attribute.column is None:
        return _has_setter(client.model, attribute.name)
    return isinstance(plain_type(attribute.column.type), sa.Boolean)


def _has_setter(model: type[Any], name: str) -> bool:
    found = inspect.getattr_static(model, name, None)
    return isinstance(found, (property, hybrid_property)) and found.fset is not None


def _stored(attribute: Attribute, value: str) -> str | None:
    """A blank is NULL where the column takes it."""
    column = attribute.column
    nullable = column is not None and bool(getattr(column.property.columns[0], "nullable", False))
    return None if not value and nullable else value
