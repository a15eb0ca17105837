"""`make demo CHECK=1`: tell the conversations, wait until the work is done, and compare the CRM with the helpdesk."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .check import Verdict, compare
from .conversation_file import Told
from .crew import DemoFailed, Interrupted, say
from .expected import Expected
from .ledger import Ledger
from .replay import replay
from .sandbox_figures import SandboxReader
from .stage import Stage

TOLD_EVERY = 200  # conversations
LOOK_EVERY = 0.5  # seconds
SAY_EVERY = 5.0
STUCK_AFTER = 30.0  # seconds without progress, after which updates are brought forward once more
PROBLEMS_SHOWN = 20


def rehearse(stage: Stage, conversations: Iterable[Told], *, timeout: float, seed: int) -> int:
    """Run the check, print its result as one line of JSON, and return the exit code: 0 when all is well."""
    began = time.monotonic()
    expected = replay(stage.app, conversations, seed=seed, progress=lambda told: still_telling(stage, told))
    if not expected.conversations:
        raise DemoFailed("There is no usable conversation to tell.")
    say(f"{expected.conversations} conversations told in {time.monotonic() - began:.1f} s")
    ledger = Ledger(stage.app)
    settle(stage, ledger, began + timeout)
    return conclude(stage, expected, ledger, time.monotonic() - began)


def still_telling(stage: Stage, told: int) -> None:
    """Say from time to time how far the telling is. Raises Interrupted when somebody asked to stop."""
    if stage.crew.stop.requested:
        raise Interrupted
    if told % TOLD_EVERY == 0:
        stage.crew.expect_alive()
        say(f"{told} conversations told")


def settle(stage: Stage, ledger: Ledger, deadline: float) -> None:
    """Wait until nothing moves any more or the deadline (monotonic seconds) has come.

    Updates wait for their interval of an hour: as an operator would, bring them forward once all changes are seen.
    """
    wait_while(stage, ledger.changes, deadline)
    while ledger.moving() and time.monotonic() < deadline:
        bring_forward(stage, deadline)
        wait_while(stage, ledger.moving, deadline)


def wait_while(stage: Stage, left: Callable[[], int], deadline: float) -> None:
    """Wait until nothing is left, nothing has moved for a while, or the deadline has come."""
    before, moved, said = left(), time.monotonic(), 0.0
    while before and time.monotonic() < min(deadline, moved + STUCK_AFTER):
        if stage.crew.stop.wait(LOOK_EVERY):
            raise Interrupted
        stage.crew.expect_alive()
        if (now_left := left()) != before:
            before, moved = now_left, time.monotonic()
        if time.monotonic() > said + SAY_EVERY:
            said = time.monotonic()
            say(f"{before} left to do")


def bring_forward(stage: Stage, deadline: float) -> None:
    """Run Sync Now; that it reports failures is no reason to stop before they have been counted."""
    try:
        stage.crew.run("sync-now", "crm", "sync-now", seconds=max(1.0, deadline - time.monotonic()))
    except DemoFailed as failure:
        say(str(failure))


def conclude(stage: Stage, expected: Expected, ledger: Ledger, seconds: float) -> int:
    """Compare, explain every difference, and print the result as the last line."""
    with SandboxReader(stage.sandbox_url, stage.sandbox_ca) as reader:
        verdict, api_calls = compare(expected, reader.contacts(), reader.notes()), reader.api_calls()
    for problem in verdict.problems[:PROBLEMS_SHOWN]:
        say(problem)
    for what, count in ledger.reasons().items():
        say(f"{count} times {what}")
    result = outcome(expected, verdict, api_calls, ledger.operations(), seconds)
    print(json.dumps(result), flush=True)
    return 0 if result["ok"] else 1


def outcome(
    expected: Expected, verdict: Verdict, api_calls: int, operations: Mapping[str, int], seconds: float
) -> dict[str, Any]:
    """Return the result of a check; `ok` when nothing is missing, doubled, failed or still to be done."""
    wrong = verdict.missing, verdict.duplicates, verdict.notes_duplicated, operations["failed"], operations["pending"]
    hubspot = {
        "records": verdict.records,
        "duplicates": verdict.duplicates,
        "missing": verdict.missing,
        "notes": verdict.notes,
        "notes_duplicated": verdict.notes_duplicated,
        "api_calls": api_calls,
    }
    return {
        "ok": not any(wrong),
        "conversations": expected.conversations,
        "clients": expected.clients,
        "seconds": round(seconds, 1),
        "crms": {"hubspot": hubspot},
        "operations": dict(operations),
    }
