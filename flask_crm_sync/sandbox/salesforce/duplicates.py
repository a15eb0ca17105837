"""The org's duplicate rule: who has this e-mail address already."""

from __future__ import annotations

from typing import Any

from .desk import Desk
from .errors import SalesforceError
from .records import Record

MESSAGE = "Use one of these records?"


def check(desk: Desk, kind: str, values: dict[str, Any], itself: Record | None) -> None:
    """Stop a lead or contact whose address others have. Raises SalesforceError (400)."""
    rule, address = desk.dialect.duplicate_rule, values.get("Email")
    if rule == "off" or not address or kind not in ("Lead", "Contact"):
        return
    if rule == "alert" and desk.saves_duplicates:
        return
    found = [
        record
        for each in ("Lead", "Contact")
        for record in desk.records(each).having("Email", [address])
        if not record.is_converted and (itself is None or record.id != itself.id)
    ]
    if found:
        raise _refusal(desk, kind, found)


def _refusal(desk: Desk, kind: str, found: list[Record]) -> SalesforceError:
    key = "duplicateResut" if desk.dialect.misspelt_duplicate_key else "duplicateResult"
    result = {
        "allowSave": desk.dialect.duplicate_rule == "alert",
        "duplicateRule": f"Standard_{kind}_Duplicate_Rule",
        "duplicateRuleEntityType": kind,
        "errorMessage": MESSAGE,
        "matchResults": [_matches(desk, each, found) for each in ("Lead", "Contact")],
    }
    return SalesforceError(400, "DUPLICATES_DETECTED", MESSAGE, more={key: result})


def _matches(desk: Desk, kind: str, found: list[Record]) -> dict[str, Any]:
    matches = [_match(desk, record) for record in found if record.kind == kind]
    return {
        "entityType": kind,
        "errors": [],
        "matchEngine": "FuzzyMatchEngine",
        "matchRecords": matches,
        "rule": f"Standard_{kind}_Match_Rule_v1_0",
        "size": len(matches),
        "success": True,
    }


def _match(desk: Desk, record: Record) -> dict[str, Any]:
    attributes = {"type": record.kind, "url": desk.url(record.kind, record.id)}
    return {
        "additionalInformation": [],
        "fieldDiffs": [],
        "matchConfidence": 100.0,
        "record": {"attributes": attributes, "Id": record.id},
    }
