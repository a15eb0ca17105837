"""Whether the host has an account of some id, as far as its models can tell."""

from __future__ import annotations

import sqlalchemy as sa

from .bound import key_parser
from .reading import DEFAULT_ACCOUNT, Host


def knows_account(host: Host, connection: sa.Connection, account_id: str) -> bool | None:
    """Tell whether the host has an account; None where its models do not say.

    They say where the clients' account is a foreign key, and where there are no tenants: then there is one account.
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
    return connection.execute(sa.select(sa.literal(1)).where(accounts == key).limit(1)).first() is not None


def _key_of_accounts(host: Host) -> sa.Column[object] | None:
    column = host.client.column("account")
    keys = column.property.columns[0].foreign_keys if column is not None else ()
    return next((key.column for key in keys), None)
