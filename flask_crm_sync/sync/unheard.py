"""What has happened to subjects that the fan-out has not looked at yet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import sqlalchemy as sa

from ..models import Change
from ..models.change import CREATED, DELETED
from . import reasons
from .drain import Drain
from .retry import Verdict, waits

_MOMENT = timedelta(seconds=1)

_changes: sa.Table = sa.inspect(Change).local_table  # type: ignore[assignment]
_COMING_OR_GOING = sa.select(_changes.c.subject_id).where(
    _changes.c.subject_type == sa.bindparam("kind"),
    _changes.c.subject_id.in_(sa.bindparam("ids", expanding=True)),
    _changes.c.kind.in_((CREATED, DELETED)),
)


def changing_hands(connection: sa.Connection, subject_type: str, subject_ids: Iterable[str]) -> set[str]:
    """Return the subjects whose key in the host may stand for somebody else than their links do.

    To be asked after the subjects were loaded and before their links are: then what was loaded is the links' own, or
    its change is seen here.
    """
    wanted = {"kind": subject_type, "ids": list(subject_ids)}
    return set(connection.execute(_COMING_OR_GOING, wanted).scalars())


def until_heard(drain: Drain) -> Verdict:
    """Return the verdict of an operation whose subject changes hands: it waits for the fan-out to look at that."""
    return waits(reasons.WAITING_FOR_RETRY, drain.now() + _MOMENT, "It has only just been created or deleted here.")
