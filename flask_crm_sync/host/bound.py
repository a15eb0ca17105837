"""A binding that has been resolved: which mapped column or code answers for each word, and how rows are read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import InstrumentedAttribute, Mapper, Session, selectinload
from sqlalchemy.types import TypeDecorator

from .binding import Related
from .values import key_text, parse_integer, parse_uuid

log = logging.getLogger(__name__)

Reader = Session | sa.Connection
"""What rows are read through."""

CHUNK = 1000
"""Keys in one query."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BindingFailure:
    """A record that could not be read: the binding's code, or a value in the database, failed.

    `reason` names the model, the attribute and the class of the error, never a value.
    """

    id: str
    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a host's model: a mapped `column`, or code that takes an instance."""

    name: str
    column: InstrumentedAttribute[Any] | None
    read: Callable[[Any], Any]


Values = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Bound:
    """One bound model. `attributes` maps our word to the host's attribute, and lacks what the host has not."""

    model: type[Any]
    mapper: Mapper[Any]
    id: Attribute
    attributes: Mapping[str, Attribute]
    related: tuple[Related, ...] = ()

    @property
    def id_column(self) -> InstrumentedAttribute[Any]:
        """Return the mapped attribute of the key."""
        assert self.id.column is not None
        return self.id.column

    @property
    def name(self) -> str:
        """Return the model's class name."""
        return self.model.__name__

    def column(self, word: str) -> InstrumentedAttribute[Any] | None:
        """Return the mapped attribute that stands for our word, None where it is code or absent."""
        attribute = self.attributes.get(word)
        return attribute.column if attribute else None

    def is_plain(self, words: Iterable[str]) -> bool:
        """Tell whether all these words are mapped columns (or absent), so that no instance is needed."""
        return all(self.attributes[word].column is not None for word in words if word in self.attributes)

    def load(self, on: Reader, words: Sequence[str], ids: Iterable[str]) -> dict[str, Values | BindingFailure]:
        """Return, per id, the raw values of our words (None for absent ones); ids that are not there are left out.

        One query per 1,000 ids, however many words. A record whose values cannot be read becomes a BindingFailure.
        """
        keys = list(dict.fromkeys(self.keys(on, ids)))
        found: dict[str, Values | BindingFailure] = {}
        for some in chunks(keys, CHUNK):
            found.update(self._load_some(on, words, some))
        return found

    def keys(self, on: Reader, ids: Iterable[str]) -> Iterator[Any]:
        """Yield the ids as values of the key's type, without those that no such key can have."""
        parse = key_parser(self.id_column.type, dialect_of(on))
        for given in ids:
            try:
                yield parse(given)
            except (ValueError, TypeError, ArithmeticError):
                log.debug("%r cannot be a key of %s", given, self.name)

    def _load_some(self, on: Reader, words: Sequence[str], keys: list[Any]) -> dict[str, Values | BindingFailure]:
        read = self._from_columns if self.is_plain(words) else self._from_instances
        return bad_rows_apart(self, keys, lambda some: read(connection_of(on), words, some))

    def _from_columns(
        self, connection: sa.Connection, words: Sequence[str], keys: list[Any]
    ) -> dict[str, Values | BindingFailure]:
        columns = [self.column(word) if word in self.attributes else sa.null() for word in words]
        query = sa.select(self.id_column, *columns).where(self.id_column.in_(keys))
        return {key_text(row[0]): tuple(row[1:]) for row in connection.execute(query)}

    def _from_instances(
        self, connection: sa.Connection, words: Sequence[str], keys: list[Any]
    ) -> dict[str, Values | BindingFailure]:
        with reading_session(connection) as session:
            query = sa.select(self.model).where(self.id_column.in_(keys)).options(*self.eager(words))
            instances = session.scalars(query).unique().all()
            return dict(self.read(session, words, instance) for instance in instances)

    def read(self, session: Session, words: Sequence[str], instance: Any) -> tuple[str, Values | BindingFailure]:
        """Return an instance's id and the values of our words, a BindingFailure where the binding's code fails."""
        id, word = key_text(self.id.read(instance)), ""
        values = []
        try:
            with guarded(session):
                for word in words:
                    attribute = self.attributes.get(word)
                    values.append(attribute.read(instance) if attribute else None)
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise  # the database is gone: that is nobody's binding
            return id, failure(self, id, word, error)
        return id, tuple(values)

    def eager(self, words: Sequence[str]) -> Iterator[Any]:
        """Yield the options that load what paths such as "address.city" begin with, for all rows at once."""
        names = {self.attributes[word].name.partition(".") for word in words if word in self.attributes}
        for first, dot, _ in names:
            if dot and first in self.mapper.relationships:
                yield selectinload(getattr(self.model, first))


def failure(bound: Bound, id: str, word: str, error: Exception) -> BindingFailure:
    """Log that a record cannot be read and return what stands for it."""
    log.exception("%s %s is left out: its %s cannot be read", bound.name, id, word, exc_info=error)
    return BindingFailure(id, f"{bound.name}: {word} cannot be read ({type(error).__name__})")


def dialect_of(on: Reader) -> sa.Dialect:
    """Return the dialect that rows are read with."""
    return on.get_bind().dialect if isinstance(on, Session) else on.dialect


def connection_of(on: Reader) -> sa.Connection:
    """Return the connection of a session's transaction, or the connection itself."""
    return on.connection() if isinstance(on, Session) else on


def bad_rows_apart(bound: Bound, keys: list[Any], load: Callable[[list[Any]], dict[str, T]]) -> dict[str, Any]:
    """Load the keys in one go; where a stored value cannot be read by its column's type, each of them alone."""
    try:
        return load(keys)
    except (LookupError, ValueError, TypeError, ArithmeticError) as error:
        if len(keys) == 1:
            id = key_text(keys[0])
            return {id: failure(bound, id, "a stored value", error)}
    return {id: values for key in keys for id, values in bad_rows_apart(bound, [key], load).items()}


def reading_session(connection: sa.Connection) -> Session:
    """Return a session for instances inside the connection's transaction, which it never commits nor rolls back."""
    return Session(connection, autoflush=False, join_transaction_mode="rollback_only")


def guarded(session: Session) -> AbstractContextManager[Any]:
    """Keep a binding's failing query from spoiling the transaction; SQLite undoes a failed statement by itself."""
    return nullcontext() if dialect_of(session).name == "sqlite" else session.begin_nested()


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most that size."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def plain_type(type_: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """Return the database's own type below a decorated one."""
    return plain_type(type_.impl_instance) if isinstance(type_, TypeDecorator) else type_


def key_parser(type_: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Callable[[str], Any]:
    """Return what turns the text of a key into a value that the column's type takes; it raises for other texts."""
    if isinstance(type_, TypeDecorator):
        return _decorated_parser(type_, dialect)
    if isinstance(type_, sa.Uuid):
        return parse_uuid if type_.as_uuid else lambda key: str(parse_uuid(key))
    if isinstance(type_, sa.Integer):
        bits = _integer_bits(type_, dialect)
        return lambda key: parse_integer(key, bits)
    if isinstance(type_, sa.LargeBinary):
        return bytes.fromhex
    if isinstance(type_, sa.Numeric):
        return Decimal
    return str


def _integer_bits(type_: sa.Integer, dialect: sa.Dialect) -> int:
    """PostgreSQL casts a key to its column's type and refuses a larger one; the others merely find nothing."""
    if dialect.name != "postgresql" or isinstance(type_, sa.BigInteger):
        return 63
    return 15 if isinstance(type_, sa.SmallInteger) else 31


def _decorated_parser(type_: TypeDecorator[Any], dialect: sa.Dialect) -> Callable[[str], Any]:
    """A decorated type (many hosts have a GUID of their own) says itself whether it takes a text or a UUID."""
    bind: Callable[[Any], Any] = type_.bind_processor(dialect) or str
    plain = key_parser(type_.impl_instance, dialect)

    def parse(key: str) -> Any:
        for reading in (plain, UUID):
            try:
                value = reading(key)
                bind(value)
            except Exception:  # the host's own code, and each has its own way to refuse
                log.debug("%r is no %s", key, type(type_).__name__)
            else:
                return value
        raise ValueError("not a key of this type")

    return parse
