"""An account's criteria: kept, changed with a version for each change, shown beside those that the host gives in code.

Criteria in code hold for every account and are changed in code alone. Whatever is done names the account; another
account's criterion is not there.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..models import CriterionRow
from ..models.criterion import DEFAULT_SET
from ..sync.audit import CRITERIA, CRITERION, record
from ..sync.context import Sync
from ..sync.deadlock import again_if_deadlocked
from ..sync.refusals import ChoiceNotPossible, NotFound
from .criteria import Criterion, CriterionInvalid, in_order
from .first_look import look_back_for_first

MOST = 200
"""Criteria of an account."""

_log = logging.getLogger(__name__)
_table: sa.Table = sa.inspect(CriterionRow).local_table  # type: ignore[assignment]
_IN_COLUMNS = ("name", "set_name", "enabled", "priority")
_CHANGED_MEANWHILE = "Somebody has changed this criterion meanwhile. Look at it again."
_TAKEN = {"name": "Another criterion of this set has this name."}


@dataclass(frozen=True, slots=True)
class Kept:
    """A criterion and the id by which it is changed, None where it is given in code.

    `looks_back` tells, once it was added or changed, whether the last month is judged by it in the background.
    """

    id: uuid.UUID | None
    criterion: Criterion
    looks_back: bool = field(default=False, compare=False)

    @property
    def is_in_code(self) -> bool:
        """Tell whether it can only be read here."""
        return self.id is None


@dataclass(frozen=True, slots=True)
class SetOfCriteria:
    """A set's name, and how many criteria it has, and how many of them are switched on."""

    name: str
    criteria: int
    enabled: int


def kept_criteria(
    sync: Sync, account_id: str, set_name: str | None = None, in_code: Sequence[Criterion] = ()
) -> list[Kept]:
    """Return an account's criteria, of one set or of all, in the order in which they are asked."""
    query = _table.select().where(_table.c.account_id == account_id)
    if set_name is not None:
        query = query.where(_table.c.set_name == set_name)
    with sync.database.read() as connection:
        rows = connection.execute(query.order_by(_table.c.created_at, _table.c.name)).all()
    stored = [kept for row in rows if (kept := _readable(row))]
    given = [Kept(None, each) for each in in_code if set_name in (None, each.set_name)]
    places = {id(each): place for place, each in enumerate(in_order(kept.criterion for kept in (*given, *stored)))}
    return sorted([*given, *stored], key=lambda kept: places[id(kept.criterion)])


def sets_of(sync: Sync, account_id: str, in_code: Sequence[Criterion] = ()) -> list[SetOfCriteria]:
    """Return an account's sets by name, the default one first, which is always there."""
    found = {DEFAULT_SET: SetOfCriteria(DEFAULT_SET, 0, 0)}
    for kept in kept_criteria(sync, account_id, None, in_code):
        name = kept.criterion.set_name
        so_far = found.get(name, SetOfCriteria(name, 0, 0))
        found[name] = SetOfCriteria(name, so_far.criteria + 1, so_far.enabled + kept.criterion.enabled)
    return [found.pop(DEFAULT_SET), *sorted(found.values(), key=lambda each: each.name)]


def find_criterion(sync: Sync, account_id: str, criterion_id: uuid.UUID | str) -> Kept:
    """Return an account's criterion; raise NotFound where there is none."""
    with sync.database.read() as connection:
        return _found(connection, account_id, criterion_id)


def add_criterion(
    sync: Sync, account_id: str, criterion: Criterion, *, in_code: Sequence[Criterion] = (), by: str = ""
) -> Kept:
    """Keep a new criterion; raise CriterionInvalid where its name is taken in the set, or there are too many.

    With the first one of a set the last month is judged in the background; whoever adds it wakes a worker.
    """
    _refuse_taken(criterion, in_code)
    now, new = sync.clock.now(), uuid.uuid4()
    row = _row(criterion) | {"id": new, "account_id": account_id, "version": 1, "created_at": now, "updated_at": now}

    def add() -> bool:
        with sync.database.write() as connection:
            _refuse_too_many(connection, account_id)
            connection.execute(_table.insert(), row)
            _tell(connection, account_id, new, None, criterion, now, by)
            return look_back_for_first(connection, account_id, new, criterion, in_code=in_code, now=now)

    try:
        back = again_if_deadlocked(add, sync.clock)
    except IntegrityError:
        raise CriterionInvalid(_TAKEN) from None
    return replace(find_criterion(sync, account_id, new), looks_back=back)


def change_criterion(
    sync: Sync,
    account_id: str,
    criterion_id: uuid.UUID | str,
    wanted: Criterion,
    *,
    seen_version: int | None = None,
    in_code: Sequence[Criterion] = (),
    by: str = "",
) -> Kept:
    """Change a criterion, which gets the next version; where nothing is different, nothing happens.

    Raises NotFound; CriterionInvalid where its name is taken; ChoiceNotPossible where somebody has changed it since the
    version that was seen.
    """
    now = sync.clock.now()

    def change() -> bool:
        with sync.database.write() as connection:
            kept = _found(connection, account_id, criterion_id)
            before = kept.criterion
            if seen_version not in (None, before.version):
                raise ChoiceNotPossible(_CHANGED_MEANWHILE)
            if wanted.to_json() == before.to_json():
                return False
            if (wanted.set_name, wanted.name) != (before.set_name, before.name):
                _refuse_taken(wanted, in_code)
            _replace(connection, kept, wanted, now)
            _tell(connection, account_id, kept.id, before, wanted, now, by)
            return look_back_for_first(connection, account_id, kept.id, wanted, in_code=in_code, now=now)

    try:
        back = again_if_deadlocked(change, sync.clock)
    except IntegrityError:
        raise CriterionInvalid(_TAKEN) from None
    return replace(find_criterion(sync, account_id, criterion_id), looks_back=back)


def remove_criterion(sync: Sync, account_id: str, criterion_id: uuid.UUID | str, *, by: str = "") -> None:
    """Remove a criterion; what was judged by it stays in the history. Raises NotFound."""
    with sync.database.write() as connection:
        kept = _found(connection, account_id, criterion_id)
        connection.execute(_table.delete().where(_table.c.id == kept.id))
        _tell(connection, account_id, kept.id, kept.criterion, None, sync.clock.now(), by)


def _replace(connection: sa.Connection, kept: Kept, wanted: Criterion, now: datetime) -> None:
    version = kept.criterion.version
    values = _row(wanted) | {"version": version + 1, "updated_at": now}
    still = sa.and_(_table.c.id == kept.id, _table.c.version == version)
    if not connection.execute(_table.update().where(still).values(values)).rowcount:
        raise ChoiceNotPossible(_CHANGED_MEANWHILE)


def _found(connection: sa.Connection, account_id: str, criterion_id: uuid.UUID | str) -> Kept:
    try:
        id = criterion_id if isinstance(criterion_id, uuid.UUID) else uuid.UUID(criterion_id)
    except ValueError:
        raise NotFound("There is no such criterion.") from None
    own = sa.and_(_table.c.id == id, _table.c.account_id == account_id)
    row = connection.execute(_table.select().where(own)).first()
    if row is None:
        raise NotFound("There is no such criterion.")
    return _kept(row)


def _readable(row: sa.Row[Any]) -> Kept | None:
    """One that this version cannot read must not hide the others; the engine leaves it out as well."""
    try:
        return _kept(row)
    except CriterionInvalid:
        _log.warning("The criterion %s cannot be read and is left out.", row.id)
        return None


def _kept(row: sa.Row[Any]) -> Kept:
    in_columns = {name: getattr(row, name) for name in _IN_COLUMNS}
    given = {**row.definition, **in_columns}
    return Kept(row.id, Criterion.from_json(given, version=row.version, created_at=row.created_at))


def _row(criterion: Criterion) -> dict[str, Any]:
    """Return the columns of a criterion; what has a column of its own is not kept twice."""
    whole = criterion.to_json()
    return {name: whole.pop(name) for name in _IN_COLUMNS} | {"definition": whole}


def _refuse_taken(criterion: Criterion, in_code: Sequence[Criterion]) -> None:
    if (criterion.set_name, criterion.name) in {(each.set_name, each.name) for each in in_code}:
        raise CriterionInvalid(_TAKEN)


def _refuse_too_many(connection: sa.Connection, account_id: str) -> None:
    query = sa.select(sa.func.count()).select_from(_table).where(_table.c.account_id == account_id)
    if connection.execute(query).scalar_one() >= MOST:
        raise CriterionInvalid({"name": "There are 200 criteria already; remove one first."})


def _tell(
    connection: sa.Connection,
    account_id: str,
    id: uuid.UUID | None,
    before: Criterion | None,
    after: Criterion | None,
    now: datetime,
    by: str,
) -> None:
    """Add to the audit trail what is different, and the criterion's name where that is not."""
    was, becomes = _shown(before), _shown(after)
    different = [name for name in {**was, **becomes} if was.get(name) != becomes.get(name)]
    named = dict.fromkeys(["criterion", *different])
    record(
        connection,
        account_id,
        CRITERIA,
        now=now,
        by=by,
        subject_type=CRITERION,
        subject_id=id,
        before={name: was[name] for name in named if name in was} if before else None,
        after={name: becomes[name] for name in named if name in becomes} if after else None,
    )


def _shown(criterion: Criterion | None) -> Mapping[str, Any]:
    """Return what is set in a criterion, lists as texts; what is as usual is left out."""
    if criterion is None:
        return {}
    values = criterion.to_json()
    shown = {"criterion": values.pop("name"), "set": values.pop("set_name"), "enabled": values.pop("enabled")}
    return shown | {name: _text(value) for name, value in values.items() if value and value != _USUAL[name]}


_USUAL = {each.name: each.default for each in fields(Criterion)}


def _text(value: Any) -> Any:
    if isinstance(value, dict):
        return ", ".join(f"{keyword} = {weight}" for keyword, weight in value.items())
    return ", ".join(value) if isinstance(value, tuple | list) else value
