"""The three-way merge: per field, what both sides last agreed on, what we have now, what the CRM has now. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from .agreed import Base, Digester
from .manners import Manner, Past, by_manner
from .plan import Left, Plan, Side

Direction = Literal["out", "in", "both", "off"]
ConflictRule = Literal["platform", "crm", "newest", "ask"]


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Which way a field goes on a two-way connection, and who wins where both sides changed it."""

    direction: Direction = "both"
    conflict: ConflictRule = "crm"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a two-way merge goes by: each field's rule, which side is newer, what people chose, what is stopped.

    `newer` is None where the two times are not both known, or equal: then a person is asked.
    """

    rules: Mapping[str, FieldRule] = field(default_factory=dict)
    newer: Side | None = None
    choices: Mapping[str, Side] = field(default_factory=dict)
    stopped: Collection[str] = ()

    def rule(self, name: str) -> FieldRule:
        """Return a field's rule."""
        return self.rules.get(name, FieldRule())

    def winner(self, name: str) -> Side | None:
        """Return whose value stays where both sides changed, None where a person decides."""
        sides: Mapping[ConflictRule, Side | None] = {"platform": "ours", "crm": "theirs", "newest": self.newer}
        return sides.get(self.rule(name).conflict)


def merge(
    base: Base | None,
    intents: Mapping[str, Sequence[str]],
    ours: Mapping[str, str],
    theirs: Mapping[str, str],
    digest: Digester,
    *,
    version: int,
    terms: Terms | None = None,
    manners: Mapping[str, Manner] = MappingProxyType({}),
) -> Plan:
    """Decide field by field what to write and, with `terms`, what to bring home.

    Fields with a manner of their own go by that instead. `intents` are digests of what earlier, unanswered writes sent:
    a CRM value that equals one of them is ours, not a person's edit. A base of another translation `version` is not
    compared: sides that differ stay until one moves.
    """
    plan = Plan()
    for name, mine in ours.items():
        other = theirs.get(name, "")
        if terms is not None and _is_kept_out(plan, terms, name, differs=mine != other):
            continue
        manner = None if _only_comes_home(terms, name) else manners.get(name)
        if manner is not None and by_manner(
            plan, manner, name, mine, other, Past.of(base, intents, name, mine, other, digest)
        ):
            continue
        if mine == other:
            plan.agreed.append(name)
        elif terms is not None and (moved := _moved(base, intents, name, mine, other, digest, version=version)):
            _both_ways(plan, terms, name, mine, other, moved)
        elif base is None or name not in base.fields:
            _first_meeting(plan, name, mine, other, theirs_is_ours=digest(name, other) in intents.get(name, ()))
        elif base.version != version:
            plan.agreed.append(name)
        else:
            sent = (base.fields[name][1], *intents.get(name, ()))
            _since_base(
                plan,
                name,
                mine,
                we_moved=digest(name, mine) != base.fields[name][0],
                they_moved=digest(name, other) not in sent,
                we_are_behind=digest(name, other) != base.fields[name][1],
            )
    return plan


def _first_meeting(plan: Plan, name: str, mine: str, other: str, *, theirs_is_ours: bool) -> None:
    """A record that was there before us: fill its blanks, change nothing else. What we sent ourselves is not before."""
    if theirs_is_ours or (mine and not other):
        plan.writes[name] = mine
    elif mine:
        plan.left[name] = Left.FILLED_BEFORE
        plan.agreed.append(name)
    else:
        plan.agreed.append(name)


def _since_base(plan: Plan, name: str, mine: str, *, we_moved: bool, they_moved: bool, we_are_behind: bool) -> None:
    if they_moved:
        plan.left[name] = Left.BOTH_CHANGED if we_moved else Left.CRM_CHANGED
    elif we_moved or we_are_behind:
        plan.writes[name] = mine


@dataclass(frozen=True, slots=True)
class _Moved:
    """Who moved since both sides last agreed; `behind` where an older write of ours is what the CRM shows."""

    ours: bool
    theirs: bool
    behind: bool
    first: bool


def _moved(
    base: Base | None,
    intents: Mapping[str, Sequence[str]],
    name: str,
    mine: str,
    other: str,
    digest: Digester,
    *,
    version: int,
) -> _Moved | None:
    """Tell who moved; None where the base is another translation's. What was never agreed moved where it is filled."""
    shown, sent = digest(name, other), intents.get(name, ())
    if base is None or name not in base.fields:
        theirs_is_ours = shown in sent
        return _Moved(bool(mine) or theirs_is_ours, bool(other) and not theirs_is_ours, theirs_is_ours, True)
    if base.version != version:
        return None
    was_ours, was_theirs = base.fields[name]
    moved_there = shown != was_theirs and shown not in sent
    return _Moved(digest(name, mine) != was_ours, moved_there, shown != was_theirs, False)


def _is_kept_out(plan: Plan, terms: Terms, name: str, *, differs: bool) -> bool:
    """Leave a field on both sides that is switched off, or that went back and forth too often."""
    if name in terms.stopped and differs:
        plan.left[name] = Left.STOPPED
        return True
    return terms.rule(name).direction == "off"


def _only_comes_home(terms: Terms | None, name: str) -> bool:
    """Tell whether a field is never written in the CRM, so that no manner of writing it counts."""
    return terms is not None and terms.rule(name).direction == "in"


def _both_ways(plan: Plan, terms: Terms, name: str, mine: str, other: str, moved: _Moved) -> None:
    direction, chosen = terms.rule(name).direction, terms.choices.get(name)
    if (moved.ours and moved.theirs) or chosen is not None:
        if direction == "out" and moved.first and chosen is None:
            plan.left[name] = Left.FILLED_BEFORE
            plan.agreed.append(name)
            return
        winner = chosen or terms.winner(name)
        if winner is None:
            plan.asks.append(name)
            plan.left[name] = Left.ASKED
            return
        plan.decided[name] = winner
        _carry(plan, direction, name, mine, other, winner, contested=True)
    elif moved.theirs:
        _carry(plan, direction, name, mine, other, "theirs", contested=False)
    elif moved.ours or moved.behind:
        _carry(plan, direction, name, mine, other, "ours", contested=False)
    else:
        return  # both are as they were agreed, in two forms


def _carry(
    plan: Plan, direction: Direction, name: str, mine: str, other: str, winner: Side, *, contested: bool
) -> None:
    """Carry the winner's value over where the field goes that way; else it stays, and the log says why."""
    if winner == "ours" and direction != "in":
        plan.writes[name] = mine
    elif winner == "theirs" and direction != "out":
        plan.brings[name] = other
    elif winner == "ours":
        plan.left[name] = Left.ONE_WAY_HOME
        if contested:
            plan.agreed.append(name)
    else:
        plan.left[name] = Left.BOTH_CHANGED if contested else Left.CRM_CHANGED
