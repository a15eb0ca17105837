"""How a figure is taken and printed: medians of interleaved rounds, one JSON object a line, always with its floor."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Spent:
    """What something took: seconds by the wall clock, and seconds of this process's CPU."""

    wall: float
    cpu: float


def spent(work: Callable[[], object], *, tidy: bool = True) -> Spent:
    """Do something and return what it took; `tidy` collects what earlier rounds left, so that nobody pays for them."""
    if tidy:
        gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def interleaved(variants: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Run the variants in turns, A B A B, beginning with another one in each round; after one round for warmth."""
    for run in variants.values():
        run()
    found: dict[str, list[T]] = {name: [] for name in variants}
    names = list(variants)
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            found[name].append(variants[name]())
    return found


def middle(runs: list[Spent], of: str = "wall") -> float:
    """Return the median of wall or cpu seconds."""
    return median(getattr(run, of) for run in runs)


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def tell(
    bench: str, database: str, unit: str, value: float, floor: float, *, ratio: float, aim: float | None, **more: Any
) -> None:
    """Print one figure; `aim` is the most that `ratio` may be, None where nothing is aimed at."""
    line = {
        "bench": bench,
        "database": database,
        "unit": unit,
        "value": _rounded(value),
        "floor": _rounded(floor),
        "ratio": _rounded(ratio),
        "aim": aim,
        "reached": None if aim is None else _rounded(ratio) <= aim,
        **{name: _rounded(each) if isinstance(each, float) else each for name, each in more.items()},
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
