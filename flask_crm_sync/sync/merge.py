"""The three-way merge: per field, what both sides last agreed on, what we have now, what the CRM has now. Pure."""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Literal
from uuid import UUID

MAX_INTENTS = 8
"""How many unanswered writes of one record are told apart; an older one counts as the CRM's own edit."""


class Left(StrEnum):
    """Why a field that differs was left as the CRM has it."""

    CRM_CHANGED = "changed in the CRM only"
    BOTH_CHANGED = "changed on both sides; the CRM's value stays"
    FILLED_BEFORE = "had a value in the CRM before it was linked"
    NEVER_BLANK = "was cleared here, and the CRM never leaves it blank"
    LACKING = "this record in the CRM has no such field, or it may not be written"
    ONE_WAY_HOME = "changed here, but this field only comes from the CRM"
    ASKED = "changed on both sides; a person decides"
    STOPPED = "went back and forth too often; look at automations in the CRM and here that set it"
    NOT_WRITABLE = "changed in the CRM, but this app has no such field that can be written"
    UNFIT = "changed in the CRM to a value that does not fit here"
    REFUSED_HERE = "changed in the CRM, but this app refused the value"
    REFUSED_THERE = "the CRM does not take this value"
    MOVED = "moved by somebody"
    STRICTER = "the person does not want it, as the CRM knows; that stays"


Direction = Literal["out", "in", "both", "off"]
ConflictRule = Literal["platform", "crm", "newest", "ask"]
Side = Literal["ours", "theirs"]


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Which way a field goes on a two-way connection, and who wins where both sides changed it."""

    direction: Direction = "both"
    conflict: ConflictRule = "crm"


WriteMode = Literal["overwrite", "if_new", "if_empty", "append", "unless_moved", "strictest"]


@dataclass(frozen=True, slots=True)
class Manner:
    """How one field is written that does not simply go by the merge. On a new record each is written at once.

    - `overwrite`: like the merge, but also over what was there before we wrote this field for the first time;
    - `if_new`: never after that; `if_empty`: only where the CRM's is blank, and nobody has cleared it;
    - `append`: ours behind theirs, joined by `between`, once;
    - `unless_moved`: only over what we have put there ourselves, a blank, or the CRM's own `initial` for new records;
    - `strictest`: a consent, of which the value `strict` wins on either side, whoever changed what.
    """

    mode: WriteMode
    between: str = "\n"
    initial: str = ""
    strict: str = ""


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


@dataclass(frozen=True, slots=True)
class Base:
    """What both sides last agreed on: per field the digest of ours as sent and of theirs as returned."""

    version: int
    fields: Mapping[str, tuple[str, str]]

    def to_json(self) -> dict[str, object]:
        """Return the form that is stored; a field on which both sides are the same has one digest instead of two."""
        fields = {name: ours if ours == theirs else [ours, theirs] for name, (ours, theirs) in self.fields.items()}
        return {"v": self.version, "f": fields}

    @classmethod
    def from_json(cls, stored: Mapping[str, object] | None) -> Base | None:
        """Read the stored form; None where nothing was agreed yet."""
        if not stored:
            return None
        fields = stored["f"]
        assert isinstance(fields, Mapping)
        pairs = {name: (kept, kept) if isinstance(kept, str) else (kept[0], kept[1]) for name, kept in fields.items()}
        return cls(int(str(stored["v"])), pairs)


@dataclass(slots=True)
class Digester:
    """Keyed digests of one link's fields, so that the base holds no second copy of personal data."""

    secret: bytes = field(repr=False)
    link_id: UUID
    known: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    """What was digested already: a value is digested when it is proposed, and again when it is settled."""

    def __call__(self, name: str, value: str) -> str:
        """Return the digest of a field's value; a blank is "" and shows as one."""
        if not value:
            return ""
        text = f"{name}\0{value}"
        if text not in self.known:
            self.known[text] = self._digest(text.encode("utf-8", "surrogatepass"))
        return self.known[text]

    def _digest(self, text: bytes) -> str:
        digest = hashlib.blake2b(text, key=self.secret, salt=self.link_id.bytes, digest_size=12).digest()
        return binascii.b2a_base64(digest, newline=False).decode()


@dataclass(slots=True)
class Plan:
    """What the merge found: fields to write, fields left and why, and the base if the write succeeds.

    `agreed` names the fields whose base moves; a field that was left keeps the base it had, so that a value which a
    person set in the CRM is still theirs when ours changes later. Two-way only: `brings` are the CRM's values to take
    home, `asks` the fields that wait for a person, `decided` the winners of fields that both sides changed.
    """

    writes: dict[str, str] = field(default_factory=dict)
    left: dict[str, Left] = field(default_factory=dict)
    agreed: list[str] = field(default_factory=list)
    brings: dict[str, str] = field(default_factory=dict)
    asks: list[str] = field(default_factory=list)
    decided: dict[str, Side] = field(default_factory=dict)

    def leave(self, names: Collection[str], why: Left) -> None:
        """Take fields out of what is written, saying why."""
        for name in names:
            if self.writes.pop(name, None) is not None:
                self.left[name] = why

    def leave_there(self, names: Collection[str], why: Left) -> None:
        """Take fields out of what is brought home, saying why."""
        for name in names:
            if self.brings.pop(name, None) is not None:
                self.left[name] = why


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
        if manner is not None and _by_manner(
            plan, manner, name, mine, other, _Past.of(base, intents, name, mine, other, digest)
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
class _Past:
    """What became of a field before: whether both sides ever agreed on it, and what of now is what was then.

    `ours_was_sent` tells whether our value is the one that was agreed last, `theirs_was_blank` whether the CRM's was
    blank then, `theirs_is_ours` whether the CRM shows what we agreed on or have sent without an answer.
    """

    linked: bool
    agreed: bool
    ours_was_sent: bool
    theirs_was_blank: bool
    theirs_is_ours: bool

    @classmethod
    def of(
        cls,
        base: Base | None,
        intents: Mapping[str, Sequence[str]],
        name: str,
        mine: str,
        other: str,
        digest: Digester,
    ) -> _Past:
        agreed = base.fields.get(name) if base is not None else None
        ours, theirs = agreed or ("", "")
        shown = digest(name, other)
        is_ours = shown in intents.get(name, ()) or (agreed is not None and shown == theirs)
        return cls(base is not None, agreed is not None, digest(name, mine) == ours, not theirs, is_ours)


def _by_manner(plan: Plan, manner: Manner, name: str, mine: str, other: str, past: _Past) -> bool:
    """Decide on a field with a manner of its own; return False where the merge decides after all."""
    if manner.mode == "overwrite":
        if not mine or not past.linked or past.agreed or mine == other:
            return False
        plan.writes[name] = mine
    elif manner.mode == "if_empty" and mine and not other:
        if past.agreed and not past.theirs_was_blank:
            plan.left[name] = Left.CRM_CHANGED
        else:
            plan.writes[name] = mine
    elif manner.mode == "append" and mine and not (past.agreed and past.ours_was_sent):
        _append(plan, name, mine, other, manner.between)
    elif manner.mode == "strictest":
        _strictest(plan, manner.strict, name, mine, other)
    elif manner.mode == "unless_moved" and mine:
        is_first_stage = other == manner.initial and not past.agreed
        if mine == other:
            plan.agreed.append(name)
        elif not other or past.theirs_is_ours or is_first_stage:
            plan.writes[name] = mine
        else:
            plan.left[name] = Left.MOVED
    return True


def _strictest(plan: Plan, strict: str, name: str, mine: str, other: str) -> None:
    """Carry a refusal over to the other side; nothing ever takes one back. Home it goes where that is possible."""
    if mine == other:
        plan.agreed.append(name)
    elif mine == strict or (mine and not other):
        plan.writes[name] = mine
    elif other == strict:
        plan.brings[name] = other


def _append(plan: Plan, name: str, mine: str, other: str, between: str) -> None:
    """Put ours behind theirs, unless it is in there already."""
    if between == "\n":
        missing = [] if mine in other else [mine]
    else:
        there = {part.strip() for part in other.split(between.strip())}
        missing = [part for part in map(str.strip, mine.split(between.strip())) if part not in there]
    if missing:
        plan.writes[name] = between.join([*([other] if other else []), *missing])
    else:
        plan.agreed.append(name)


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


def settled_base(
    base: Base | None,
    plan: Plan,
    ours: Mapping[str, str],
    theirs: Mapping[str, str],
    digest: Digester,
    *,
    version: int,
) -> Base:
    """Return the base after the plan was carried out; `theirs` is the record as the CRM returned it."""
    kept = dict(base.fields) if base is not None and base.version == version else {}
    for name in (*plan.agreed, *plan.writes):
        mine = digest(name, ours[name])
        other = theirs.get(name, ours[name])
        kept[name] = (mine, mine if other == ours[name] else digest(name, other))
    return Base(version, kept)


def with_intent(
    intents: Mapping[str, Sequence[str]], writes: Mapping[str, str], digest: Digester
) -> dict[str, list[str]]:
    """Return the intents with one more write noted, before it is sent."""
    noted = {name: list(digests) for name, digests in intents.items()}
    for name, value in writes.items():
        mine = digest(name, value)
        noted[name] = [*[d for d in noted.get(name, ()) if d != mine][-(MAX_INTENTS - 1) :], mine]
    return noted
