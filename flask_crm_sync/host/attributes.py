"""From a binding to a `Bound`: each word's attribute as the host says it, or by its usual names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapper, RelationshipProperty

from .aliases import Aliases, fits
from .binding import BY_CONVENTION, ClientBinding, ConversationBinding, MessageBinding, Related, Source
from .bound import Attribute, Bound

Binding = ClientBinding | ConversationBinding | MessageBinding

CUSTOM = "custom."
"""What the words of a client's further attributes begin with."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


class Resolver:
    """Resolves bindings and keeps every problem it meets, so that the host developer hears of all at once."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def bind(self, binding: Binding, aliases: Aliases) -> Bound | None:
        """Return the binding with every word resolved; None, and a problem, where the model has no usable key."""
        mapper = self._mapper(binding.model)
        if mapper is None:
            return None
        key = self._key(binding, mapper)
        if key is None:
            return None
        found = {word: self._attribute(binding, mapper, word, names) for word, names in aliases.items()}
        attributes = {word: attribute for word, attribute in found.items() if attribute is not None}
        attributes |= self._custom(mapper, getattr(binding, "custom", {}))
        related = tuple(one for one in getattr(binding, "related", ()) if self._is_related(one))
        return Bound(binding.model, mapper, key, attributes, related)

    def lacks(self, bound: Bound, what: str, looked_for: Mapping[str, tuple[str, ...]]) -> None:
        """Note that a bound model lacks something that we cannot do without, and how to say where it is."""
        names = "; ".join(f"{word}: {', '.join(names)}" for word, names in looked_for.items())
        say = f'{what}Binding({bound.name}, {next(iter(looked_for))}="...")'
        self.problems.append(
            f"{bound.name} has none of the attributes that we looked for ({names}). Name it: {say}. "
            f"{bound.name} has: {', '.join(bound.mapper.columns.keys())}."
        )

    def _mapper(self, model: Any) -> Mapper[Any] | None:
        mapper = sa.inspect(model, raiseerr=False)
        if isinstance(mapper, Mapper):
            return mapper
        self.problems.append(f"{model!r} is not a mapped class.")
        return None

    def _key(self, binding: Binding, mapper: Mapper[Any]) -> Attribute | None:
        name = getattr(binding, "id", None)
        if name is not None:
            key = column_attribute(mapper, name)
            if key is None:
                self.problems.append(_no_such(mapper, name, "id", "a mapped column"))
            return key
        if len(mapper.primary_key) > 1 and not isinstance(binding, MessageBinding):
            kind = type(binding).__name__
            self.problems.append(
                f"The primary key of {binding.model.__name__} has several columns. Name the one that other models' "
                f'foreign keys point to: {kind}({binding.model.__name__}, id="...").'
            )
            return None
        return column_attribute(mapper, mapper.get_property_by_column(mapper.primary_key[0]).key)

    def _attribute(self, binding: Binding, mapper: Mapper[Any], word: str, names: tuple[str, ...]) -> Attribute | None:
        given: Source = getattr(binding, word)
        if given is None:
            return None
        if given is BY_CONVENTION:
            return next((column_attribute(mapper, n) for n in names if _has_fitting(mapper, n, word)), None)
        if isinstance(given, str):
            return self._named(mapper, given, word)
        return Attribute(f"<{word}>", None, given)

    def _custom(self, mapper: Mapper[Any], given: Mapping[str, Source]) -> dict[str, Attribute]:
        """Resolve a client's further attributes; a name must be one that templates can write."""
        found: dict[str, Attribute] = {}
        for name, source in given.items():
            if not _NAME.fullmatch(name):
                self.problems.append(f"{name!r} is no name for a custom attribute: use small letters, digits and _.")
            elif isinstance(source, str):
                attribute = self._named(mapper, source, f"custom {name}")
                found |= {} if attribute is None else {CUSTOM + name: attribute}
            elif callable(source):
                found[CUSTOM + name] = Attribute(f"<{CUSTOM}{name}>", None, source)
            else:
                self.problems.append(f"The custom attribute {name!r} must be an attribute's name or a function.")
        return found

    def _named(self, mapper: Mapper[Any], name: str, word: str) -> Attribute | None:
        column = column_attribute(mapper, name)
        if column is not None:
            return column
        broken = _broken_at(mapper, name)
        if broken is not None:
            self.problems.append(_no_such(broken, name, word, "an attribute"))
            return None
        if _leads_through_many(mapper, name):
            self.problems.append(
                f"{mapper.class_.__name__}: {name!r} (given as {word}) leads through a list: give a function that "
                "chooses from it."
            )
            return None
        if "." not in name and isinstance(mapper.attrs.get(name), RelationshipProperty):
            self.problems.append(
                f"{mapper.class_.__name__}.{name} (given as {word}) is a relationship: name its foreign key's column, "
                f'or a path such as "{name}.id".'
            )
            return None
        return Attribute(name, None, _path(name))

    def _is_related(self, related: Related) -> bool:
        mapper = self._mapper(related.model)
        if mapper is None:
            return False
        if column_attribute(mapper, related.foreign_key) is None:
            self.problems.append(_no_such(mapper, related.foreign_key, "Related", "a mapped column"))
            return False
        return True


def column_attribute(mapper: Mapper[Any], name: str) -> Attribute | None:
    """Return the mapped column with this attribute name, None where there is none."""
    if not isinstance(mapper.columns.get(name), sa.Column):
        return None
    return Attribute(name, getattr(mapper.class_, name), lambda instance: getattr(instance, name))


def foreign_key_to(mapper: Mapper[Any], target: Mapper[Any]) -> Attribute | None:
    """Return the one attribute whose foreign key points to the target's table, None where it is not just one."""
    tables = {getattr(table, "fullname", "") for table in target.tables}
    pointing = [
        name
        for name, column in mapper.columns.items()
        if any(key.target_fullname.rpartition(".")[0] in tables for key in column.foreign_keys)
    ]
    return column_attribute(mapper, pointing[0]) if len(pointing) == 1 else None


def _has_fitting(mapper: Mapper[Any], name: str, word: str) -> bool:
    column = mapper.columns.get(name)
    return isinstance(column, sa.Column) and fits(word, column)


def _path(name: str) -> Callable[[Any], Any]:
    """Read "address.city" from an instance; nothing along the way means nothing at its end."""
    parts = name.split(".")

    def read(instance: Any) -> Any:
        value = instance
        for part in parts:
            value = None if value is None else getattr(value, part)
        return value

    return read


def _steps(mapper: Mapper[Any], name: str) -> Iterator[tuple[Mapper[Any], str, RelationshipProperty[Any] | None]]:
    """Yield each step of a path with the model that it starts from, as far as relationships tell where it leads."""
    for part in name.split("."):
        relationship = mapper.relationships.get(part)
        yield mapper, part, relationship
        if relationship is None:
            return
        mapper = relationship.mapper


def _broken_at(mapper: Mapper[Any], name: str) -> Mapper[Any] | None:
    """Return the model at which a path ends too early, None where it leads on."""
    return next((model for model, part, _ in _steps(mapper, name) if not hasattr(model.class_, part)), None)


def _leads_through_many(mapper: Mapper[Any], name: str) -> bool:
    """Tell whether a path asks a list for an attribute, which no list has."""
    *on_the_way, _ = name.split(".")
    steps = list(_steps(mapper, name))[: len(on_the_way)]
    return any(relationship is not None and relationship.uselist for _, _, relationship in steps)


def _no_such(mapper: Mapper[Any], name: str, word: str, what: str) -> str:
    return (
        f"{mapper.class_.__name__} has no attribute {name!r} (given as {word}, wanted: {what}). "
        f"It has: {', '.join(mapper.columns.keys())}."
    )
