"""Whether the host has an account of some id, as far as its models can tell."""

from __future__ import annotations

import sqlalchemy as sa

from .bound import key_parser
from .reading import DEFAULT_ACCOUNT, Host
from .values import key_text


def knows_account(host: Host, connection: sa.Connection, account_id: str) -> bool | None:
    """Tell whether the host has an account; None where its models do not say.

    They say where the clients' account is a foreign key, and where there are no tenants: then there is one account.
    Another spelling of an account, such as a UUID in capitals, is none: nothing that is kept by it would ever be found.
    """
    if not host.has_accounts:
        return account_id == DEFAULT_ACCOUNT
    accounts = _key_of_accounts(host)
    if accounts is None:
        return None
    try:
        key = key_parser(accounts.type, connection.dialect)(account_id)
    except (ValueError, TypeError, ArithmeticError):
        return False
    found = connection.execute(sa.select(accounts).where(accounts == key).limit(1)).first()
    return found is not None and key_text(found[0]) == account_id


def _key_of_accounts(host: Host) -> sa.Column[object] | None:
    column = host.client.column("account")
    keys = column.property.columns[0].foreign_keys if column is not None else ()
    return next((key.column for key in keys), None)
