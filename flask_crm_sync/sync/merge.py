"""The three-way merge: per field, what both sides last agreed on, what we have now, what the CRM has now. Pure."""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
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
    person set in the CRM is still theirs when ours changes later.
    """

    writes: dict[str, str] = field(default_factory=dict)
    left: dict[str, Left] = field(default_factory=dict)
    agreed: list[str] = field(default_factory=list)

    def leave(self, names: Collection[str], why: Left) -> None:
        """Take fields out of what is written, saying why."""
        for name in names:
            if self.writes.pop(name, None) is not None:
                self.left[name] = why


def merge(
    base: Base | None,
    intents: Mapping[str, Sequence[str]],
    ours: Mapping[str, str],
    theirs: Mapping[str, str],
    digest: Digester,
    *,
    version: int,
) -> Plan:
    """Decide field by field what to write.

    `intents` are digests of what earlier, unanswered writes sent: a CRM value that equals one of them is ours, not a
    person's edit. A base of another translation `version` is not compared: sides that differ stay until one moves.
    """
    plan = Plan()
    for name, mine in ours.items():
        other = theirs.get(name, "")
        if mine == other:
            plan.agreed.append(name)
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
