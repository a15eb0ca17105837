"""How a field is written that does not simply go by the merge: once, into blanks only, behind what is there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .agreed import Base, Digester
from .plan import Left, Plan

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
class Past:
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
    ) -> Past:
        """Look back at a field from its base and what was sent without an answer."""
        agreed = base.fields.get(name) if base is not None else None
        ours, theirs = agreed or ("", "")
        shown = digest(name, other)
        is_ours = shown in intents.get(name, ()) or (agreed is not None and shown == theirs)
        return cls(base is not None, agreed is not None, digest(name, mine) == ours, not theirs, is_ours)


def by_manner(plan: Plan, manner: Manner, name: str, mine: str, other: str, past: Past) -> bool:
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
    """Put ours behind theirs, unless it is in there already, as whole parts: "Ann" is no part of "Annabel"."""
    if between == "\n":
        missing = [] if _stands_in(mine, other) else [mine]
    else:
        there = {part.strip() for part in other.split(between.strip())}
        missing = [part for part in map(str.strip, mine.split(between.strip())) if part not in there]
    if missing:
        plan.writes[name] = between.join([*([other] if other else []), *missing])
    else:
        plan.agreed.append(name)


def _stands_in(mine: str, other: str) -> bool:
    """Tell whether all lines of ours stand in theirs, one behind the other; a CRM may end lines in its own way."""
    ours, theirs = ("\n".join(map(str.strip, text.splitlines())) for text in (mine, other))
    return f"\n{ours}\n" in f"\n{theirs}\n"
