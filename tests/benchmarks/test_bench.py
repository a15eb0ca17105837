"""The command prints what it promises; how fast anything is, is for people to read."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
BENCHES = {
    "commits": ["commit of 1 with us", "commit of 1 with continuum", "commit of 50 with us"],
    "calls": [f"API calls to {crm} for 20 + 20" for crm in ("salesforce", "hubspot", "dynamics", "autochat")],
    "engine": ["API calls for 20 + 20", "CPU for 20 + 20"],
    "latency": ["commit to CRM, p50", "commit to CRM, p99"],
    "growth": ["20 changes among 1000 clients, against 100: cpu", "20 changes among 1000 clients, against 100: wall"],
    "rules": ["template: wants to buy", "rules: one conversation"],
    "backfill": [
        "backfill of 500 clients",
        "memory of a backfill of 500",
        *(f"looking at an unchanged {crm}" for crm in ("hubspot", "salesforce", "dynamics")),
    ],
    "log": [f"log of 5000 operations, against 1000: {page}" for page in ("newest", "search by e-mail", "overview")],
}


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    """What one quick run of everything prints."""
    return _printed("--quick", "--database", "sqlite")


@pytest.mark.parametrize("bench", BENCHES)
def test_each_benchmark_prints_its_figures(bench: str, lines: list[dict[str, Any]]) -> None:
    assert {line["bench"] for line in lines} >= set(BENCHES[bench])


def test_every_line_is_json_with_a_floor_and_a_ratio(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        assert line["database"] == "sqlite"
        assert line["unit"] in {"ms", "s", "calls", "f1", "records/s", "MB"}
        assert all(math.isfinite(line[name]) for name in ("value", "floor", "ratio"))
        assert line["value"] > 0
        assert line["floor"] > 0
        assert line["reached"] == (None if line["aim"] is None else line["ratio"] <= line["aim"])


def _printed(*arguments: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.benchmarks", *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]
