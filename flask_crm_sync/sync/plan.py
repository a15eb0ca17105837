"""What a merge finds: what to write, what to bring home, what is left and why."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Side = Literal["ours", "theirs"]


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
