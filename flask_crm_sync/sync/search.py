"""Finding clients by what people type: an id, an e-mail address, or the beginnings of a name.

The log holds no copy of clients, so the host's own table is asked, through its binding: where e-mail or name are code
there, or account and key are, only ids are found. The search ends after `MOST` clients.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from ..crm.phones import e164, national
from ..host.bound import Bound, key_parser, plain_type
from ..host.reading import DEFAULT_ACCOUNT, Host
from ..host.values import key_text

MOST = 100
_LONGEST = 191
_NAMES = ("first_name", "last_name", "name", "company")


def matching_clients(
    host: Host, database: sa.Connection, account_id: str, typed: str, *, newest: int | None = None
) -> tuple[str, ...]:
    """Return the ids of an account's clients that match; what was typed is always among them, as an id.

    No index of the host's can serve a search for parts of names, so that it may be held to the account's `newest`
    clients, those with the highest ids.
    """
    wanted = typed.strip()[:_LONGEST]
    if not wanted:
        return ()
    found = dict.fromkeys([wanted])
    query = _query(host, database, account_id, wanted, newest)
    if query is not None:
        found |= dict.fromkeys(key_text(key) for key in database.execute(query).scalars())
    return tuple(found)


def has_older_clients(host: Host, database: sa.Connection, account_id: str, typed: str, newest: int) -> bool:
    """Tell whether a search for a name leaves out clients when it is held to the account's `newest`."""
    own = _own_account(host, database, account_id)
    if own is None or "@" in typed or not _name_columns(host.client, typed.strip()):
        return False
    column = host.client.id_column
    older = sa.select(column).where(own).order_by(column.desc()).offset(newest).limit(1)
    return database.execute(older).first() is not None


def clients_with_emails(
    host: Host, database: sa.Connection, account_id: str, emails: Iterable[str]
) -> dict[str, list[str]]:
    """Return the ids of an account's clients by e-mail in small letters, whatever the letters are on either side.

    No index of the host's serves, so that it is asked for many addresses at once.
    """
    column, own = _text_column(host.client, "email"), _own_account(host, database, account_id)
    wanted = {email.strip().lower() for email in emails if email.strip()}
    found: dict[str, list[str]] = {}
    if column is None or own is None or not wanted:
        return found
    small = sa.func.lower(column)
    query = sa.select(small, host.client.id_column).where(own, small.in_(sorted(wanted))).limit(MOST * len(wanted))
    for email, key in database.execute(query):
        found.setdefault(email, []).append(key_text(key))
    return found


def clients_with_phone(
    host: Host, database: sa.Connection, account_id: str, phone: str, region: str
) -> tuple[str, ...]:
    """Return the ids of an account's clients with a number, as far as the host spells it in one of the usual ways.

    Numbers are compared whole, so that an index of the host's serves; one with blanks of its own is not found.
    """
    column, own = _text_column(host.client, "phone"), _own_account(host, database, account_id)
    number, local = e164(phone, region), national(phone, region)
    if column is None or own is None or not number:
        return ()
    spelled = {phone.strip(), number, number[1:], f"00{number[1:]}", *((local, f"0{local}") if local else ())}
    query = sa.select(host.client.id_column).where(own, column.in_(spelled)).limit(MOST)
    found = [key_text(key) for key in database.execute(query).scalars()]
    clients = host.load_clients(database, found)
    return tuple(id for id in found if e164(getattr(clients.get(id), "phone", ""), region) == number)


def _query(
    host: Host, database: sa.Connection, account_id: str, wanted: str, newest: int | None
) -> sa.Select[Any] | None:
    client, own = host.client, _own_account(host, database, account_id)
    if own is None:
        return None
    if "@" not in wanted:
        return _by_name(client, own, wanted, newest)
    matches = _by_email(client, wanted)
    if database.dialect.name == "sqlite":  # which takes an account for as rare as an address
        own = sa.func.likelihood(own, sa.literal_column("0.9"))
    return None if matches is None else sa.select(client.id_column).where(own, matches).limit(MOST)


def _own_account(host: Host, database: sa.Connection, account_id: str) -> sa.ColumnElement[bool] | None:
    """Hold the search to the account; None where the host's column cannot be asked for it."""
    if not host.has_accounts:
        return sa.true() if account_id == DEFAULT_ACCOUNT else None
    column = host.client.column("account")
    if column is None:
        return None
    try:
        own: sa.ColumnElement[bool] = column == key_parser(column.type, database.dialect)(account_id)
    except (ValueError, TypeError, ArithmeticError):
        return None  # an account id that no row of the host can have
    return own


def _by_email(client: Bound, wanted: str) -> sa.ColumnElement[bool] | None:
    column = _text_column(client, "email")
    if column is None:
        return None
    same: sa.ColumnElement[bool] = column.in_({wanted, wanted.lower()})  # whole, so that an index of the host's serves
    return same


def _by_name(client: Bound, own: sa.ColumnElement[bool], wanted: str, newest: int | None) -> sa.Select[Any] | None:
    columns = _name_columns(client, wanted)
    if not columns:
        return None
    if newest is None:
        return sa.select(client.id_column).where(own, _begins(columns, wanted)).limit(MOST)
    names = [column.label(f"name_{number}") for number, column in enumerate(columns)]
    every = sa.select(client.id_column.label("id"), *names).where(own)
    among = every.order_by(client.id_column.desc()).limit(newest).subquery()
    return sa.select(among.c.id).where(_begins([among.c[name.name] for name in names], wanted)).limit(MOST)


def _name_columns(client: Bound, wanted: str) -> list[Any]:
    """Return the columns in which to look for a name; a number is no name, and costs no search."""
    if wanted.isdigit():
        return []
    return [column for word in _NAMES if (column := _text_column(client, word)) is not None]


def _begins(columns: Sequence[Any], wanted: str) -> sa.ColumnElement[bool]:
    """Every word must begin a word of the names."""
    names: Any = sa.literal("")
    for column in columns:
        names = names + " " + sa.func.coalesce(column, "")
    return sa.and_(*(names.icontains(f" {word}", autoescape=True) for word in wanted.split()))


def _text_column(client: Bound, word: str) -> Any:
    """Return the column for a word where it holds plain text; encrypted and other types cannot be searched."""
    column = client.column(word)
    return column if column is not None and _is_plain_text(column.type) else None


def _is_plain_text(type_: sa.types.TypeEngine[Any]) -> bool:
    return isinstance(type_, sa.String) and not isinstance(type_, sa.Enum) and plain_type(type_) is type_
