"""What people did, in the reader's words: for the audit trail and the timelines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..crm import registry
from ..models.operation import CREATE_NEW, USE
from ..sync import audit, choices
from ..sync.audit import Deed
from ..sync.connections import crm_label
from ..sync.follow_up_choice import AUDITED
from ..sync.mapping.store import FILTER
from ..sync.two_way import RULE
from .audited import field_word, value_word
from .field_words import field_word as crm_field_word
from .field_words import is_usual
from .follow_up_words import follow_up_word
from .mapping_told import filter_told, row_told
from .texts import gettext as _
from .texts import said
from .two_way_words import choice_word, rule_text
from .upkeep_words import put_back_words, run_word
from .words import explained, kind_word, status_word

_WORDED: Mapping[str, Callable[[str], str]] = {
    "status": status_word,
    "kind": kind_word,
    "reason": lambda code: explained(code).says,
    "decision": lambda decision: decision_word(decision),
}
_OF_TWO_WAY: Mapping[str, Callable[[str, Any], str]] = {
    "field": lambda crm, name: crm_field_word(crm, str(name)),
    "choice": lambda _crm, choice: choice_word(str(choice)),
}


def deed_word(action: str) -> str:
    """Return the word for what somebody did; an action that came later is shown as it is named."""
    words = {
        audit.CONNECT: _("Connected"),
        audit.DISCONNECT: _("Disconnected"),
        audit.PAUSE: _("Paused"),
        audit.RESUME: _("Resumed"),
        audit.SETTINGS: _("Settings changed"),
        audit.RETRY: _("Retried"),
        audit.RETRY_ALL: _("Retried all with one cause"),
        audit.DISMISS: _("Left as it is"),
        audit.DECIDE: _("Decided"),
        audit.EXPORT: _("Log downloaded"),
        audit.NOTIFY: _("Notifications changed"),
        audit.CRITERIA: _("Criteria changed"),
        audit.ERASE: _("Client erased"),
        audit.LIFT: _("Erasure lifted"),
        audit.PUT_BACK: _("Former values put back"),
        audit.MAPPING: _("Field mapping changed"),
        "override": _("Qualification decided"),
    }
    return words.get(action, action.replace("_", " ").capitalize())


def changes(deed: Deed) -> list[tuple[str, str, str]]:
    """Return what changed: name, before, after; "" where there was nothing."""
    before, after = deed.before or {}, deed.after or {}
    names = dict.fromkeys([*before, *after])
    if deed.action == audit.MAPPING:
        return [_mapping(name, deed.crm, str(before.get(name, "")), str(after.get(name, ""))) for name in names]
    if deed.action == audit.PUT_BACK:
        return [(name, "", text) for name, text in put_back_words(after, deed.crm)]
    return [_change(deed, name, before, after) for name in names]


def _change(deed: Deed, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, str, str]:
    run = run_word(name, after.get(name)) if deed.action == audit.SETTINGS else None
    if run is not None:
        return run[0], "", run[1]
    return _name(name, deed.crm), _text(before, name, deed.crm), _text(after, name, deed.crm)


def decision_word(decision: str) -> str:
    """Return the word for what a person chose of an entry's possibilities."""
    if decision.startswith(USE):
        return _("it is record %(id)s", id=decision.removeprefix(USE))
    words = {CREATE_NEW: _("create a new one"), choices.DISMISS: _("leave it as it is")}
    return words.get(decision, decision)


def _mapping(name: str, crm: str, before: str, after: str) -> tuple[str, str, str]:
    """Return what changed in a mapping: the filter of clients, or how a field of the CRM is filled."""
    if name == FILTER:
        return _("filter of clients"), filter_told(before), filter_told(after)
    return (
        crm_field_word(crm, name),
        row_told(before),
        row_told(after) or (_("as usual") if is_usual(crm, name) else _("not filled")),
    )


def _name(name: str, crm: str) -> str:
    if name.startswith(RULE):
        return crm_field_word(crm, name.removeprefix(RULE))
    if name.startswith(AUDITED):
        return follow_up_word(name.removeprefix(AUDITED))
    words = {
        "enabled": _("switched on"),
        "sync_contacts": _("contacts"),
        "sync_notes": _("notes"),
        "interval_minutes": _("minutes between updates"),
        "qualified_only": _("qualified clients only"),
        "criteria_set": _("set of criteria"),
        "qualification": _("qualification"),
        "set": _("set of criteria"),
        "why": _("reason"),
        "catch_up": _("clients to catch up"),
        "account": _("account"),
        "method": _("way to connect"),
        "status": _("status"),
        "reason": _("reason"),
        "decision": _("decision"),
        "up_to": _("up to entry"),
        "kind": _("type"),
        "client": _("clients searched"),
        "cancelled": _("stopped"),
        "since": _("first day"),
        "until": _("last day"),
        "zone": _("time zone"),
        "wide": _("among all clients"),
        "two_way": _("two-way sync"),
        "status_field": _("field of the status"),
        "tag_field": _("field of the tags"),
        "create_clients": _("makes clients of new contacts"),
        "field": _("field"),
        "choice": _("value that stays"),
        "conflicts": _("conflicts settled"),
    }
    return words.get(name) or field_word(name) or name.replace("_", " ")


def _text(values: Mapping[str, Any], name: str, crm: str) -> str:
    value = values.get(name)
    if value and name in _WORDED:
        return _WORDED[name](str(value))
    if value and name == "method":
        return _way_word(crm, str(value))
    if value and name.startswith(RULE):
        return rule_text(crm_label(crm), str(value))
    if value and name in _OF_TWO_WAY:
        return _OF_TWO_WAY[name](crm, value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if (worded := value_word(name, value)) is not None:
        return worded
    return "" if value is None else str(value)


def _way_word(crm: str, method: str) -> str:
    """Return the label of a way to connect; one that the CRM no longer knows is shown as it is named."""
    adapter = registry.adapters().get(crm)
    ways = adapter.auth_methods if adapter else ()
    return next((said(way.label) for way in ways if way.name == method), method)
