"""What a person may do with an operation that did not succeed: retry it, leave it, or decide what the engine must not.

Each choice changes the operation only while it still stands where the person saw it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..errors import AlreadyLinked, AmbiguousMatch, CannotConfirm, RecordMissing
from ..models.operation import CREATE_NEW, FAILED, LIVE, PENDING, PUT_BACK, SKIPPED, USE
from . import audit, reasons
from .context import Sync
from .links import begin_anew
from .log import Entry, find_entry
from .operations import pending_key
from .operations import table as _table
from .refusals import ChoiceNotPossible, NotFound

RETRY, DISMISS = "retry", "leave"

Standing = Entry | sa.Row[Any]
"""What is known of an entry that is to be changed: which it is, and where it stood when somebody looked."""

_CHOICES: Mapping[str, tuple[str, ...]] = {
    AmbiguousMatch.code: (USE, CREATE_NEW, RETRY, DISMISS),
    AlreadyLinked.code: (RETRY, DISMISS),
    CannotConfirm.code: (USE, CREATE_NEW, DISMISS),
    RecordMissing.code: (CREATE_NEW, RETRY, DISMISS),
}


def may_be_retried(reason: str) -> bool:
    """Tell whether entries that failed for this reason can be tried again without a decision on each."""
    return RETRY in _CHOICES.get(reason, (RETRY, DISMISS))


def choices(entry: Entry) -> tuple[str, ...]:
    """Return what may be done with an entry; `use:` stands for each of its candidates.

    An outcome that cannot be confirmed is never simply sent again: that could make a second record.
    """
    if entry.status == FAILED:
        return _CHOICES.get(entry.reason, (RETRY, DISMISS))
    if entry.status == SKIPPED and entry.reason == reasons.RECORD_DELETED_IN_CRM and entry.kind != PUT_BACK:
        return (CREATE_NEW,)
    return ()


def retry(sync: Sync, account_id: str, operation_id: int, *, by: str = "") -> Entry:
    """Try an operation again, at once; raise ChoiceNotPossible where that is not offered."""
    return _resume(sync, _offered(sync, account_id, operation_id, RETRY), None, audit.RETRY, by)


def decide(sync: Sync, account_id: str, operation_id: int, decision: str, *, by: str = "") -> Entry:
    """Carry out a person's decision: `use:<record id>` (one of the candidates), `create_new` or `leave`.

    Raises ChoiceNotPossible for a decision that the entry does not offer.
    """
    if decision == DISMISS:
        return dismiss(sync, account_id, operation_id, by=by)
    if decision.startswith(USE):
        entry = _offered(sync, account_id, operation_id, USE)
        if decision.removeprefix(USE) not in {str(candidate["id"]) for candidate in entry.candidates()}:
            raise ChoiceNotPossible("That record is not among the ones that could be this client.")
        return _resume(sync, entry, decision, audit.DECIDE, by)
    if decision != CREATE_NEW:
        raise ChoiceNotPossible
    return _resume(sync, _offered(sync, account_id, operation_id, CREATE_NEW), decision, audit.DECIDE, by)


def dismiss(sync: Sync, account_id: str, operation_id: int, *, by: str = "") -> Entry:
    """Leave a failed operation as it is: it becomes skipped, and says that a person decided so."""
    entry = _offered(sync, account_id, operation_id, DISMISS)
    now = sync.clock.now()
    left = {"status": SKIPPED, "reason": reasons.LEFT_BY_PERSON, "pending_key": None, "due_at": None}
    with sync.database.write() as database:
        _change(database, entry, left | {"settled_at": now})
        _note(database, entry, audit.DISMISS, by, now, {"status": SKIPPED, "reason": reasons.LEFT_BY_PERSON})
    return find_entry(sync, account_id, operation_id)


def _offered(sync: Sync, account_id: str, operation_id: int, choice: str) -> Entry:
    entry = find_entry(sync, account_id, operation_id)
    if choice not in choices(entry):
        raise ChoiceNotPossible
    return entry


def _resume(sync: Sync, entry: Entry, decision: str | None, action: str = audit.RETRY, by: str = "") -> Entry:
    try:
        waiting = _resume_once(sync, entry, decision, action, by)
    except IntegrityError:  # a newer one began to wait between our look and our write: now it can be seen
        waiting = _resume_once(sync, entry, decision, action, by)
    return find_entry(sync, entry.account_id, waiting)


def _resume_once(sync: Sync, entry: Entry, decision: str | None, action: str, by: str) -> int:
    now = sync.clock.now()
    with sync.database.write() as database:
        waiting = resume_on(database, entry, decision, now)
        if decision == CREATE_NEW:
            begin_anew(database, entry.connection_id, entry.subject_type, entry.subject_id, now)
        _note(database, entry, action, by, now, {"status": PENDING, "decision": decision})
    return waiting


def _note(database: sa.Connection, entry: Entry, action: str, by: str, now: datetime, after: Mapping[str, Any]) -> None:
    before = {"status": entry.status, "reason": entry.reason, "decision": entry.decision}
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    audit.record(
        database,
        entry.account_id,
        action,
        now=now,
        by=by,
        subject_type=audit.OPERATION,
        subject_id=entry.id,
        crm=entry.crm,
        before={name: before[name] for name in changed},
        after=changed,
    )


def resume_on(database: sa.Connection, entry: Standing, decision: str | None, now: datetime) -> int:
    """Make an entry wait again, or hand everything on to a newer one that waits already; return which of them does.

    Raises ChoiceNotPossible where the entry has moved on, IntegrityError where a newer one begins to wait just now.
    """
    key = pending_key(entry.connection_id, entry.kind, entry.subject_id, entry.subject_type)
    newer = database.execute(sa.select(_table.c.id).where(_table.c.pending_key == key)).scalar()
    if newer is None:
        _change(database, entry, _waiting(decision, now) | {"pending_key": key, "settled_at": None})
        return entry.id
    old = _row(database, entry)
    _change(database, entry, {"status": SKIPPED, "reason": reasons.SUPERSEDED, "due_at": None, "settled_at": now})
    handed_on = {"attempts": _table.c.attempts + old.attempts, "unknown": sa.or_(_table.c.unknown, old.unknown)}
    changed = _table.update().where(_table.c.id == newer, _table.c.pending_key == key)
    if not database.execute(changed.values(_waiting(decision, now) | handed_on)).rowcount:
        raise ChoiceNotPossible("The entry is being worked on right now.")
    return int(newer)


def _waiting(decision: str | None, now: datetime) -> dict[str, Any]:
    """Attempts stay: from the second one on, the CRM is asked first whether an earlier one arrived."""
    return {
        "status": PENDING,
        "lane": LIVE,
        "due_at": now,
        "claim": None,
        "decision": decision,
        "reason": "",
        "message": "",
        "crm_message": "",
        "crashes": 0,
        "retried_seconds": 0.0,
    }


def _row(database: sa.Connection, entry: Standing) -> Any:
    found = database.execute(sa.select(_table.c.attempts, _table.c.unknown).where(_table.c.id == entry.id))
    row: Any = found.first()
    if row is None:
        raise NotFound("There is no such entry in the log.")
    return row


def _change(database: sa.Connection, entry: Standing, values: Mapping[str, Any]) -> None:
    """Change an entry only while it stands where the person saw it."""
    still = sa.and_(_table.c.id == entry.id, _table.c.account_id == entry.account_id)
    unmoved = sa.and_(still, _table.c.status == entry.status, _table.c.reason == entry.reason)
    if not database.execute(_table.update().where(unmoved).values(dict(values))).rowcount:
        raise ChoiceNotPossible
