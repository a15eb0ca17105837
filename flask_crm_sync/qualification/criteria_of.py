"""The criteria that hold for accounts: those that are stored, and beside them those that the host gives in code."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from ..models import CriterionRow
from .criteria import Criterion, CriterionInvalid

CriteriaBySet = Mapping[tuple[str, str], tuple[Criterion, ...]]
"""By account and set."""

_log = logging.getLogger(__name__)
_table: sa.Table = sa.inspect(CriterionRow).local_table  # type: ignore[assignment]


def criteria_of(connection: sa.Connection, accounts: Iterable[str], in_code: Sequence[Criterion]) -> CriteriaBySet:
    """Return the enabled criteria of accounts in one question, those in code for each of them.

    One that this version cannot read is logged and left out: it must not stand in the way of the others.
    """
    wanted = sorted(accounts)
    found: dict[tuple[str, str], list[Criterion]] = defaultdict(list)
    for account in wanted:
        for criterion in in_code:
            found[account, criterion.set_name].append(criterion)
    for row in connection.execute(_ENABLED, {"accounts": wanted}) if wanted else ():
        try:
            given = {**row.definition, "name": row.name, "set_name": row.set_name, "priority": row.priority}
            criterion = Criterion.from_json(given, version=row.version, created_at=row.created_at)
        except CriterionInvalid:
            _log.warning("The criterion %s cannot be read and is left out.", row.id)
            continue
        found[row.account_id, row.set_name].append(criterion)
    return {key: tuple(criterion for criterion in criteria if criterion.enabled) for key, criteria in found.items()}


_ENABLED = (
    sa.select(_table)
    .where(_table.c.account_id.in_(sa.bindparam("accounts", expanding=True)), _table.c.enabled)
    .order_by(_table.c.account_id, _table.c.set_name, _table.c.created_at, _table.c.name)
)
