"""Reading ``$filter``: the operators and functions of OData that clients use, read to the letter."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import DataverseError, bad_query

COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le")
TEXT_FUNCTIONS = ("contains", "startswith", "endswith")
IN = "Microsoft.Dynamics.CRM.In"
DEEPEST = 100

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')"
    r"|(?P<list>\[\s*(?:\"(?:[^\"\\]|\\.)*\"\s*,?\s*)+\])"
    r"|(?P<bare>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?)"
    r"|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<alias>@\w+)"
    r"|(?P<word>[A-Za-z_][\w.]*(?:/\w+)*)"
    r"|(?P<mark>[(),=\[\]]))"
)


class Bare(str):
    """An id or a moment: written without quotes."""

    __slots__ = ()


@dataclass(frozen=True)
class Compare:
    """``name op value``."""

    name: str
    operator: str
    value: Any


@dataclass(frozen=True)
class TextTest:
    """``function(name,'text')``."""

    function: str
    name: str
    text: str


@dataclass(frozen=True)
class Among:
    """``In``: the value is one of several."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Both:
    """``left and right``, or ``left or right``."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Negated:
    """``not inner``."""

    inner: Expression


Expression = Compare | TextTest | Among | Both | Negated


def read_filter(text: str, aliases: Mapping[str, str]) -> Expression:
    """Read a filter; ``aliases`` are the query's ``@name`` members. Raises DataverseError (400) where it cannot."""
    reader = _Reader(text, aliases)
    expression = reader.alternatives(0)
    reader.expect_end()
    return expression


class _Reader:
    def __init__(self, text: str, aliases: Mapping[str, str]) -> None:
        self._text, self._aliases = text, aliases
        self._tokens = list(_tokens(text))
        self._next = 0

    def alternatives(self, depth: int) -> Expression:
        if depth > DEEPEST:
            raise bad_query("The recursion limit has been exceeded.")
        left = self._conjunction(depth)
        while self._takes("word", "or"):
            left = Both("or", left, self._conjunction(depth))
        return left

    def expect_end(self) -> None:
        if self._next < len(self._tokens):
            raise self._wrong()

    def _conjunction(self, depth: int) -> Expression:
        left = self._factor(depth)
        while self._takes("word", "and"):
            left = Both("and", left, self._factor(depth))
        return left

    def _factor(self, depth: int) -> Expression:
        if self._takes("word", "not"):
            return Negated(self._factor(depth + 1) if depth < DEEPEST else self.alternatives(depth + 1))
        if self._takes("mark", "("):
            inner = self.alternatives(depth + 1)
            self._expect(")")
            return inner
        word = self._word()
        if self._takes("mark", "("):
            return self._function(word)
        return self._comparison(word)

    def _comparison(self, name: str) -> Expression:
        operator = self._word()
        if operator not in COMPARISONS:
            raise self._wrong()
        return Compare(name, operator, self._value())

    def _function(self, name: str) -> Expression:
        if name == IN:
            return self._membership()
        if name not in TEXT_FUNCTIONS:
            raise bad_query(f"An unknown function with name '{name}' was found.")
        column = self._word()
        self._expect(",")
        text = self._value()
        self._expect(")")
        if type(text) is not str:
            raise bad_query(f"The arguments of function '{name}' do not match its signature.")
        return TextTest(name, column, text)

    def _membership(self) -> Expression:
        self._expect("PropertyName", "word")
        self._expect("=")
        name = self._value()
        self._expect(",")
        self._expect("PropertyValues", "word")
        self._expect("=")
        values = self._value()
        self._expect(")")
        if not isinstance(name, str) or not isinstance(values, list):
            raise bad_query("The parameters of 'Microsoft.Dynamics.CRM.In' are a property name and a list of texts.")
        return Among(name, tuple(values))

    def _list(self) -> list[str]:
        values: list[str] = []
        while not self._takes("mark", "]"):
            if values:
                self._expect(",")
            values.append(str(self._value()))
        return values

    def _value(self) -> Any:
        kind, text = self._take()
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "list":
            return _strings(text)
        if (kind, text) == ("mark", "["):
            return self._list()
        if kind == "bare":
            return Bare(text)
        if kind == "number":
            return float(text) if "." in text else int(text)
        if kind == "alias":
            return self._aliased(text)
        if kind == "word" and text in ("null", "true", "false"):
            return {"null": None, "true": True, "false": False}[text]
        raise self._wrong()

    def _aliased(self, name: str) -> Any:
        if name not in self._aliases:
            raise bad_query(f"The parameter alias '{name}' has no value.")
        return _Reader(self._aliases[name], {}).single()

    def single(self) -> Any:
        value = self._value()
        self.expect_end()
        return value

    def _word(self) -> str:
        kind, text = self._take()
        if kind != "word":
            raise self._wrong()
        return text

    def _take(self) -> tuple[str, str]:
        if self._next >= len(self._tokens):
            raise self._wrong()
        self._next += 1
        return self._tokens[self._next - 1]

    def _takes(self, kind: str, text: str) -> bool:
        if self._next < len(self._tokens) and self._tokens[self._next] == (kind, text):
            self._next += 1
            return True
        return False

    def _expect(self, text: str, kind: str = "mark") -> None:
        if not self._takes(kind, text):
            raise self._wrong()

    def _wrong(self) -> DataverseError:
        return bad_query(f"Syntax error at position {self._next} in '{self._text}'.")


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position, end = [], 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise bad_query(f"There is an unterminated or unknown literal at position {position} in '{text}'.")
        found.append((str(match.lastgroup), match[str(match.lastgroup)]))
        position = match.end()
    return found


def _strings(text: str) -> list[str]:
    try:
        return [str(value) for value in json.loads(text)]
    except ValueError:
        raise bad_query(f"'{text}' is no list of texts.") from None
