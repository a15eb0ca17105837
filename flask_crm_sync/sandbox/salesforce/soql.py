"""SOQL: the statements that fit a client like ours, read strictly; everything else is refused with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .errors import SalesforceError

LONGEST = 100_000
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>'(?:[^'\\]|\\.)*')
    |(?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    |(?P<date>\d{4}-\d\d-\d\d)
    |(?P<number>[+-]?\d+(?:\.\d+)?)
    |(?P<word>[A-Za-z_][\w.]*)
    |(?P<sign><=|>=|!=|<>|[=<>(),])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_COMPARING = ("=", "!=", "<>", "<", "<=", ">", ">=")


@dataclass(frozen=True)
class Token:
    """One word of a statement and where it stands."""

    kind: str
    text: str
    at: int

    def says(self, *words: str) -> bool:
        """Say whether this is one of some key words or signs."""
        return self.kind in ("word", "sign") and self.text.upper() in words


@dataclass(frozen=True)
class Literal:
    """A value as it is written: ``kind`` is string, number, date, datetime, boolean or null."""

    kind: str
    value: Any


@dataclass(frozen=True)
class Comparison:
    """One field against one value, or several for IN and NOT IN."""

    field: str
    operator: str
    literals: tuple[Literal, ...]
    at: int


@dataclass(frozen=True)
class Group:
    """Conditions joined by AND or OR, or one under NOT."""

    word: str
    parts: tuple[Condition, ...]


Condition = Comparison | Group


@dataclass(frozen=True)
class Ordering:
    """One field to sort by."""

    field: str
    descending: bool
    nulls_last: bool
    at: int


@dataclass(frozen=True)
class Statement:
    """A query as it was written; ``fields`` with their places, none for ``COUNT()``."""

    text: str
    fields: tuple[tuple[str, int], ...]
    kind: str
    kind_at: int
    where: Condition | None
    order: tuple[Ordering, ...]
    limit: int | None
    offset: int


def malformed(text: str, at: int, message: str, code: str = "MALFORMED_QUERY") -> SalesforceError:
    """Refuse a statement, with a mark under the place, as Salesforce prints it."""
    start = max(0, at - 30)
    shown = text[start : at + 30].replace("\n", " ")
    place = f"\n{shown}\n{' ' * (at - start)}^\nERROR at Row:1:Column:{at + 1}\n"
    return SalesforceError(400, code, place + message)


def parse(text: str) -> Statement:
    """Read a query. Raises SalesforceError (400 ``MALFORMED_QUERY``)."""
    if len(text) > LONGEST:
        raise SalesforceError(400, "QUERY_TOO_COMPLICATED", "SOQL statements cannot be longer than 100000 characters.")
    return _Reader(text).statement()


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise malformed(text, at, f"unexpected token: '{text[at]}'")
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match[0], at))
        at = match.end()
    return [*found, Token("end", "<EOF>", len(text))]


class _Reader:
    """Go through the tokens of one statement once."""

    def __init__(self, text: str) -> None:
        self._text, self._all, self._next = text, _tokens(text), 0

    def statement(self) -> Statement:
        self._expect("SELECT")
        fields = self._selected()
        self._expect("FROM")
        kind = self._name()
        where = self._condition() if self._take("WHERE") else None
        order = self._order() if self._take("ORDER") else ()
        limit = self._whole() if self._take("LIMIT") else None
        offset = self._whole() if self._take("OFFSET") else 0
        if self._now.kind != "end":
            raise self._unexpected()
        return Statement(self._text, fields, kind.text, kind.at, where, order, limit, offset)

    @property
    def _now(self) -> Token:
        return self._all[self._next]

    def _step(self) -> Token:
        token = self._now
        self._next += 1
        return token

    def _take(self, *words: str) -> Token | None:
        return self._step() if self._now.says(*words) else None

    def _expect(self, word: str) -> Token:
        if not self._now.says(word):
            raise self._unexpected()
        return self._step()

    def _name(self) -> Token:
        if self._now.kind != "word":
            raise self._unexpected()
        return self._step()

    def _unexpected(self) -> SalesforceError:
        return malformed(self._text, self._now.at, f"unexpected token: '{self._now.text}'")

    def _selected(self) -> tuple[tuple[str, int], ...]:
        first = self._name()
        if first.says("COUNT") and self._take("("):
            self._expect(")")
            return ()
        found = [(first.text, first.at)]
        while self._take(","):
            name = self._name()
            found.append((name.text, name.at))
        return tuple(found)

    def _condition(self) -> Condition:
        """Read conditions joined by one word; AND beside OR needs parentheses."""
        parts, word = [self._single()], ""
        while joint := self._take("AND", "OR"):
            if word and joint.text.upper() != word:
                raise malformed(self._text, joint.at, f"unexpected token: '{joint.text}'")
            word = joint.text.upper()
            parts.append(self._single())
        return Group(word, tuple(parts)) if word else parts[0]

    def _single(self) -> Condition:
        if self._take("NOT"):
            return Group("NOT", (self._single(),))
        if self._take("("):
            inner = self._condition()
            self._expect(")")
            return inner
        field = self._name()
        if self._take("NOT"):
            self._expect("IN")
            return Comparison(field.text, "NOT IN", self._list(), field.at)
        if self._take("IN"):
            return Comparison(field.text, "IN", self._list(), field.at)
        is_like = self._now.says("LIKE")
        if not is_like and not self._now.says(*_COMPARING):
            raise self._unexpected()
        operator = self._step().text.upper()
        return Comparison(field.text, "!=" if operator == "<>" else operator, (self._literal(like=is_like),), field.at)

    def _list(self) -> tuple[Literal, ...]:
        self._expect("(")
        found = [self._literal()]
        while self._take(","):
            found.append(self._literal())
        self._expect(")")
        return tuple(found)

    def _literal(self, *, like: bool = False) -> Literal:
        token = self._step()
        if token.kind == "string":
            return Literal("string", self._unescaped(token, like=like))
        if token.kind == "number":
            return Literal("number", float(token.text))
        if token.kind in ("date", "datetime"):
            return Literal(token.kind, token.text)
        if token.says("TRUE", "FALSE"):
            return Literal("boolean", token.text.upper() == "TRUE")
        if token.says("NULL"):
            return Literal("null", None)
        raise malformed(self._text, token.at, f"unexpected token: '{token.text}'")

    def _unescaped(self, token: Token, *, like: bool) -> str:
        """Return what a string says; in LIKE, ``\\%`` and ``\\_`` stay as they are for the pattern."""

        def plain(found: re.Match[str]) -> str:
            sign = found[1]
            if like and sign in "%_":
                return found[0]
            if sign.lower() not in _ESCAPES:
                message = (
                    f"Invalid string literal {token.text}. Illegal character sequence '{found[0]}' in string literal."
                )
                raise malformed(self._text, token.at, message)
            return _ESCAPES[sign.lower()]

        return re.sub(r"\\(.)", plain, token.text[1:-1], flags=re.DOTALL)

    def _order(self) -> tuple[Ordering, ...]:
        self._expect("BY")
        found = [self._ordering()]
        while self._take(","):
            found.append(self._ordering())
        return tuple(found)

    def _ordering(self) -> Ordering:
        name = self._name()
        way = self._take("ASC", "DESC")
        last = self._take("NULLS") is not None and self._nulls_last()
        return Ordering(name.text, way is not None and way.says("DESC"), last, name.at)

    def _nulls_last(self) -> bool:
        word = self._take("FIRST", "LAST")
        if word is None:
            raise self._unexpected()
        return word.says("LAST")

    def _whole(self) -> int:
        if self._now.kind != "number" or not self._now.text.isdigit():
            raise self._unexpected()
        return int(self._step().text)
