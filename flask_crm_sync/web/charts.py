"""Small pictures, drawn here as SVG: where each rectangle lies. Colours are the stylesheet's, numbers a table's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..sync.allowance import Used
from ..sync.overview import OUTCOMES, STEPS, Hour, Ways
from .texts import gettext as _

WIDTH, HEIGHT = 480, 96
SCARCE = 80
"""Percent of an allowance from which its use is shown as a warning."""

_GAP = 4


@dataclass(frozen=True, slots=True)
class Block:
    """One rectangle: what it shows, and where it lies."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a distribution: its name, its number, and its share of the largest in percent.

    It `warns` where there is little left of what it measures.
    """

    name: str
    number: int
    percent: int
    warns: bool = False


def columns_of(hours: Sequence[Hour]) -> list[Block]:
    """Return a column for each hour, the outcomes stacked from the bottom; what happened at all is a pixel high."""
    most = max((hour.total for hour in hours), default=0)
    if not most:
        return []
    step = WIDTH / len(hours)
    blocks = []
    for place, hour in enumerate(hours):
        floor = float(HEIGHT)
        for outcome in OUTCOMES:
            if number := hour.counts.get(outcome, 0):
                height = max(1.5, number / most * (HEIGHT - 4))
                floor -= height
                blocks.append(Block(outcome, _at(place * step), _at(floor), _at(step - _GAP), _at(height)))
    return blocks


def bars_of(ways: Ways) -> list[Bin]:
    """Return a bar for each step of time that new leads took."""
    most = max(ways.bins)
    names = [*(_up_to(step) for step in STEPS), _("longer")]
    return [
        Bin(name, number, round(100 * number / most) if most else 0)
        for name, number in zip(names, ways.bins, strict=True)
    ]


def bars_of_budget(used: Used) -> list[Bin]:
    """Return the bars of a CRM's allowance: what is used, what will be by the end of its day, what is left."""
    bars = [Bin(_("used"), used.calls, used.percent, used.percent >= SCARCE)]
    if used.by_end is not None:
        late = used.percent_by_end >= SCARCE
        bars.append(Bin(_("by midnight, at this rate"), used.by_end, used.percent_by_end, late))
    left = max(0, used.limit - used.calls)
    return [*bars, Bin(_("still free"), left, round(100 * left / used.limit) if used.limit else 0)]


def _up_to(seconds: int) -> str:
    if seconds < 120:
        return _("up to %(number)s s", number=seconds)
    return _("up to %(number)s min", number=seconds // 60)


def _at(place: float) -> float:
    return round(place, 1)
