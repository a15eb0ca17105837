"""What is noted of each attempt, also of one that failed: ids, codes and names of fields, never a value of a client."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..models.operation import PENDING, USE
from .retry import Verdict

if TYPE_CHECKING:
    from .contact_items import ContactItem

LINK, KEY, EMAIL, PHONE, CHOICE, NAMED = "link", "key", "email", "phone", "choice", "named"
"""How a record was found; `named` by the CRM itself, when it refused to make another one."""
MANY, NOTHING, OF_NOTE = "many", "nothing", "of_note"
"""Several records match, none does, or the record is the one that a note belongs to."""

MAX_HISTORY = 20
_MOST_WORDS = 500


def seen_of(item: ContactItem) -> dict[str, Any]:
    """Return what an attempt read in the CRM, and which fields it meant to write or to leave, with the reason."""
    told: dict[str, Any] = {"by": _found_by(item)} if item.found_by else {}
    if item.record is not None:
        told |= {"record": item.record.id, "url": item.record.url}
    if item.plan.writes:
        told["tried"] = list(item.plan.writes)
    if item.plan.left:
        told["left"] = {name: str(why) for name, why in item.plan.left.items()}
    return told


def with_attempt(details: Mapping[str, Any] | None, verdict: Verdict, now: datetime) -> dict[str, Any]:
    """Return details with the attempt that came to a verdict added to their history."""
    before = (details or {}).get("history", ())
    return {**(details or {}), "history": [*before, _attempt(verdict, now)][-MAX_HISTORY:]}


def _attempt(verdict: Verdict, now: datetime) -> dict[str, Any]:
    noted = {"at": now.isoformat(), "code": verdict.reason, "message": verdict.message}
    words = {"crm": verdict.crm_message[:_MOST_WORDS]} if verdict.crm_message else {}
    end = {"end": verdict.status} if verdict.status != PENDING else {}
    return {**noted, **words, **end, **(verdict.seen or {})}


def _found_by(item: ContactItem) -> str:
    is_chosen = (item.operation.decision or "").startswith(USE)
    return NAMED if item.found_by == CHOICE and not is_chosen else item.found_by
