"""A client in AutoChat CRM's words. Pure; the names on the wire are the installation's to say.

Only `company_name` and `email` are documented. The other names are our proposal, so an operator may rename each or
switch it off. The rest of the package knows one set of names; `Naming` stands between them and the wire.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, TypeAlias

from ...host.records import ClientRecord
from ..base import FieldSpec, RemoteField, Values
from ..further import as_told, on_wire
from ..texts import one_line, translated

Row: TypeAlias = Mapping[str, Any]

LONGEST = 65_536
"""Characters. No length is documented, so this is only what no honest field exceeds; the CRM judges the rest."""

COMPANY = "company_name"

FIELDS = (
    FieldSpec("first_name", "first_name", "First name", LONGEST),
    FieldSpec("last_name", "last_name", "Last name", LONGEST),
    FieldSpec("email", "email", "E-mail", LONGEST),
    FieldSpec("phone", "phone", "Phone", LONGEST),
    # An invoicing CRM tends to demand the company: a new client gets a stand-in, and nobody's is cleared.
    FieldSpec("company", COMPANY, "Company", LONGEST, required=True),
    FieldSpec("street", "street", "Street address", LONGEST),
    FieldSpec("city", "city", "City", LONGEST),
    FieldSpec("state", "state", "State or region", LONGEST),
    FieldSpec("zip", "zip", "Postal code", LONGEST),
    FieldSpec("country", "country", "Country", LONGEST),
)
NAMES = tuple(spec.name for spec in FIELDS)

_EMAIL = re.compile(r"[^\s@<>(),;:\"\\\[\]]+@[^\s@<>(),;:\"\\\[\].]+(\.[^\s@<>(),;:\"\\\[\].]+)+")


def translate(client: ClientRecord) -> Values:
    """Return every field that we own, blanks as ""; raise InvalidRecord naming all fields that cannot be sent."""
    return translated(client, FIELDS, crm="AutoChat CRM", email=_EMAIL, form=one_line)


def stand_in(values: Values) -> str:
    """Return what stands for the company of a client without one: the full name, else the e-mail, else the phone."""
    full = f"{values.get('first_name', '')} {values.get('last_name', '')}".strip()
    return full or values.get("email", "") or values.get("phone", "")


class Naming:
    """Our names and those on the wire. A name with dots, such as `address.street`, lies in an object of its own.

    `pairs` are an operator's renamings by the host's field; an empty name switches the field off.
    """

    def __init__(self, pairs: tuple[tuple[str, str], ...]) -> None:
        told = dict(pairs)
        names = {spec.name: told.get(spec.source, spec.name) for spec in FIELDS}
        self._paths = {name: tuple(wire.split(".")) for name, wire in names.items() if wire}
        self.off = frozenset(names) - frozenset(self._paths)
        self._further: dict[str, RemoteField] = {}

    def also(self, further: Iterable[RemoteField]) -> None:
        """Know more fields, by their names on the wire; nothing but what was typed says that the CRM has them."""
        self._paths = {name: path for name, path in self._paths.items() if name not in self._further}
        self._further = {field.name: field for field in further}
        self._paths |= {name: tuple(name.split(".")) for name in self._further}

    def new(self, values: Values) -> dict[str, Any]:
        """Return the body of a new client: what is not blank, and a stand-in where the company is."""
        filled = {name: value for name, value in values.items() if value}
        return self.merged({}, {COMPANY: stand_in(values), **filled} if stand_in(values) else filled)

    def merged(self, row: Row, values: Values) -> dict[str, Any]:
        """Return a row with our values set, blanks as null, and all else as it is."""
        merged = deepcopy(dict(row))
        for name, value in values.items():
            if name in self._paths:
                _set(merged, self._paths[name], self._sent(name, value))
        return merged

    def _sent(self, name: str, text: str) -> Any:
        more = self._further.get(name)
        if more is None:
            return text or None
        return text.split(";") if more.type == "choices" and text else on_wire(more, text)

    def _held(self, name: str, value: Any) -> str:
        more = self._further.get(name)
        if more is None:
            return _text(value)
        return as_told(more, ";".join(map(str, value)) if isinstance(value, list) else value)

    def standing_in(self, row: Row, values: Values) -> dict[str, str]:
        """Return the company to send beside changed values: a stand-in moves with the name that it was made of."""
        company = _text(_get(row, self._paths[COMPANY])) if COMPANY in self._paths else ""
        now = self.values(row)
        if not company or company != stand_in(now) or values.get(COMPANY):
            return {}
        moved = stand_in({**now, **values})
        return {COMPANY: moved} if moved and moved != company else {}

    def told(self, row: Row) -> dict[str, str]:
        """Return the values that a row tells of, which need not be all; our own stand-in is a blank."""
        found = {name: _get(row, path) for name, path in self._paths.items()}
        values = {name: self._held(name, value) for name, value in found.items() if value is not _ABSENT}
        if values.get(COMPANY) and values[COMPANY] == stand_in(values):
            values[COMPANY] = ""
        return values

    def values(self, row: Row) -> dict[str, str]:
        """Return every value of a row, blanks as ""."""
        return {**self.blanks, **self.told(row)}

    @property
    def blanks(self) -> dict[str, str]:
        """Return every field without a value."""
        return dict.fromkeys((*NAMES, *self._further), "")

    @property
    def texts(self) -> tuple[str, ...]:
        """Return the names of the fields that are sent and hold free text."""
        more = (name for name, field in self._further.items() if field.type == "text")
        return tuple(name for name in (*NAMES, *more) if name not in self.off)

    def is_whole(self, row: Row) -> bool:
        """Tell whether a row speaks of every field that we know, be it with null."""
        return all(_get(row, path) is not _ABSENT for path in self._paths.values())


_ABSENT = object()


def _get(row: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if not isinstance(row, dict) or step not in row:
            return _ABSENT
        row = row[step]
    return row


def _set(row: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *outer, last = path
    for step in outer:
        if not isinstance(row.get(step), dict):
            row[step] = {}
        row = row[step]
    row[last] = value


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, (dict, list, bool)) else str(value)
