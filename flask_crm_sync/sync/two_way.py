"""Both ways, per connection: off by default; which way each field goes, who wins, and whether clients are made."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any, get_args

import sqlalchemy as sa

from ..crm.registry import adapter_class
from ..models import Connection
from .audit import SETTINGS, record
from .conflicts import forget_conflicts
from .context import Sync
from .merge import ConflictRule, Direction, FieldRule
from .refusals import NotFound
from .warm import open_adapter

DIRECTIONS: tuple[str, ...] = get_args(Direction)
CONFLICT_RULES: tuple[str, ...] = get_args(ConflictRule)

RULE = "rule:"
"""How the audit trail names a field's rule: with the field's name behind."""

_table: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class TwoWay:
    """A connection's settings for both ways. `rules` are by the CRM's field; one without a rule goes both ways."""

    on: bool = False
    create_clients: bool = False
    rules: Mapping[str, FieldRule] = field(default_factory=dict)

    def rule(self, name: str) -> FieldRule:
        """Return a field's rule."""
        return self.rules.get(name, FieldRule())


def two_way_of(row: Mapping[Any, Any]) -> TwoWay:
    """Return the settings of a connection's row."""
    rules = {name: FieldRule(**told) for name, told in (row["field_rules"] or {}).items()}
    return TwoWay(bool(row["two_way"]), bool(row["create_clients"]), rules)


def find_two_way(sync: Sync, account_id: str, crm: str) -> TwoWay:
    """Return an account's settings for a CRM; raise NotFound where there is no connection."""
    with sync.database.read() as database:
        return two_way_of(_row(database, account_id, crm))


def save_two_way(
    sync: Sync, account_id: str, crm: str, wanted: TwoWay, *, by: str = "", start: str | None = None
) -> TwoWay:
    """Change them. Switched on, the CRM is looked at from `start` on (else from now on); off, it is looked at no more,
    and nobody is asked to settle anything. The same goes for a single field.

    Raises NotFound where there is no connection, ValueError for a field that the CRM has not or an unknown rule.
    """
    rules = _checked(crm, wanted.rules)
    now = sync.clock.now()
    with sync.database.write() as database:
        row = _row(database, account_id, crm)
        values: dict[str, Any] = {
            "two_way": wanted.on,
            "create_clients": wanted.create_clients,
            "field_rules": rules or None,
            "updated_at": now,
        }
        if wanted.on != bool(row["two_way"]):
            values |= {"pull_at": now if wanted.on else None, "poll_cursor": start, "polled_at": None, "pull_code": ""}
        off = [name for name, rule in wanted.rules.items() if rule.direction == "off"]
        forget_conflicts(database, row["id"], off if wanted.on else None)
        database.execute(_table.update().where(_table.c.id == row["id"]).values(values))
        before, after = _told(row), _told(values)
        changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        if changed:
            was, told = ({name: side[name] for name in changed if name in side} for side in (before, after))
            own: dict[str, Any] = {"subject_id": row["id"], "crm": crm}
            record(database, account_id, SETTINGS, now=now, by=by, **own, before=was, after=told)
    return find_two_way(sync, account_id, crm)


def start_of_changes(sync: Sync, account_id: str, crm: str) -> str:
    """Ask the CRM once from where on its changes can be told; return that place.

    Raises NotFound where there is no connection, UnsupportedFeature for a CRM that cannot tell, and what it answers.
    """
    with sync.database.read() as database:
        row = _row(database, account_id, crm)
    if not row["credentials"]:
        raise NotFound(f"There is no connection to {crm} (any more).")
    adapter = open_adapter(sync, row)
    with closing(adapter.http):
        return adapter.changes_since("").cursor


def _row(database: sa.Connection, account_id: str, crm: str) -> sa.RowMapping:
    own = sa.and_(_table.c.account_id == account_id, _table.c.crm == crm)
    row = database.execute(sa.select(_table).where(own)).mappings().first()
    if row is None:
        raise NotFound(f"There is no connection to {crm}.")
    return row


def _told(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the settings as the audit trail keeps them, a line for each field with a rule of its own."""
    rules = {f"{RULE}{name}": f"{r['direction']} {r['conflict']}" for name, r in (row["field_rules"] or {}).items()}
    return {"two_way": bool(row["two_way"]), "create_clients": bool(row["create_clients"]), **rules}


def _checked(crm: str, rules: Mapping[str, FieldRule]) -> dict[str, Any]:
    known = {spec.name for spec in adapter_class(crm).fields}
    for name, rule in rules.items():
        if name not in known:
            raise ValueError(f"There is no field {name} to sync.")
        if rule.direction not in DIRECTIONS or rule.conflict not in CONFLICT_RULES:
            raise ValueError(f"The field {name} has a direction or a rule that does not exist.")
    return {name: asdict(rule) for name, rule in rules.items() if rule != FieldRule()}
