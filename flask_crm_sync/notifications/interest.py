"""Which notices concern whoever asked for some events: a lead that a review finds is a lead that qualifies, too."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from ..models import Notice
from ..models.notice import LEAD_QUALIFIED, REVIEW_CHANGED
from ..models.qualification import UPGRADED

_notices: sa.Table = sa.inspect(Notice).local_table  # type: ignore[assignment]


def concerns(notice: sa.Row[Any], events: Collection[str]) -> bool:
    """Tell whether a notice is for somebody who asked for these events.

    It is one notice whichever of its two names was asked for, so that nobody is told twice.
    """
    if notice.event in events:
        return True
    return LEAD_QUALIFIED in events and notice.event == REVIEW_CHANGED and notice.data.get("outcome") == UPGRADED


def of_interest(events: Collection[str]) -> sa.ColumnElement[bool]:
    """Return the condition that picks the notices that `concerns` would."""
    asked = _notices.c.event.in_(list(events))
    if LEAD_QUALIFIED not in events or REVIEW_CHANGED in events:
        return asked
    return sa.or_(asked, sa.and_(_notices.c.event == REVIEW_CHANGED, _IS_UPGRADE))


_IS_UPGRADE = _notices.c.data["outcome"].as_string() == UPGRADED
