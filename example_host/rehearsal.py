"""`make demo CHECK=1`: tell the conversations, wait until the work is done, and compare the CRM with the helpdesk."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from .both_ways import BOTH_WAYS, Edit, arrived, edit_in_the_crms, is_well, two_way_figures, with_edits
from .check import Verdict, compare
from .connecting import FIRST, SECOND
from .conversation_file import Told
from .crew import DemoFailed, Interrupted, say
from .crms import CRMS
from .expected import Expected
from .ledger import Ledger
from .qualifying import ever_qualified, qualification_figures
from .replay import replay
from .sandbox_figures import SandboxReader
from .stage import Stage

TOLD_EVERY = 200  # conversations
LOOK_EVERY = 0.5  # seconds
SAY_EVERY = 5.0
STUCK_AFTER = 30.0  # seconds without progress, after which updates are brought forward once more
PROBLEMS_SHOWN = 20
SECOND_ACCOUNTS_SHARE = 10  # every so manieth conversation


def rehearse(stage: Stage, conversations: Callable[[], Iterable[Told]], *, timeout: float, seed: int) -> int:
    """Run the check, print its result as one line of JSON, and return the exit code: 0 when all is well."""
    began = time.monotonic()
    expected = tell(stage, conversations, seed)
    told = sum(one.conversations for one in expected.values())
    if not told:
        raise DemoFailed("There is no usable conversation to tell.")
    say(f"{told} conversations told in {time.monotonic() - began:.1f} s")
    ledger = Ledger(stage.app)
    settle(stage, ledger, began + timeout)
    edits = edit_both_ways(stage, ledger, expected[FIRST], began + timeout)
    expected[FIRST] = with_edits(expected[FIRST], edits)
    return conclude(stage, expected, edits, ledger, time.monotonic() - began)


def edit_both_ways(stage: Stage, ledger: Ledger, expected: Expected, deadline: float) -> list[Edit]:
    """Let people edit in the CRMs, and wait until the helpdesk and every other CRM have it."""
    with readers_both_ways(stage) as readers:
        edits = edit_in_the_crms(stage.app, readers, expected)
    say(f"{len(edits)} clients edited in {', '.join(BOTH_WAYS)}")
    while arrived(stage.app, edits) < len(edits) and time.monotonic() < deadline:
        bring_forward(stage, deadline)
        if stage.crew.stop.wait(LOOK_EVERY):
            raise Interrupted
    settle(stage, ledger, deadline)
    return edits


def tell(stage: Stage, conversations: Callable[[], Iterable[Told]], seed: int) -> dict[str, Expected]:
    """Tell each account its share of the conversations; return by account what its CRMs must hold afterwards."""
    accounts = [int(account) for account in stage.portals]
    return {
        str(account): replay(
            stage.app,
            share(conversations(), first=account == accounts[0]) if len(accounts) > 1 else conversations(),
            seed=seed + account - accounts[0],
            account_id=account,
            progress=lambda told: still_telling(stage, told),
        )
        for account in accounts
    }


def share(conversations: Iterable[Told], *, first: bool) -> Iterator[Told]:
    """Yield the first account's conversations, or the second's: every tenth."""
    for number, told in enumerate(conversations, 1):
        if (number % SECOND_ACCOUNTS_SHARE != 0) is first:
            yield told


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


def conclude(
    stage: Stage, expected: Mapping[str, Expected], edits: Sequence[Edit], ledger: Ledger, seconds: float
) -> int:
    """Compare, explain every difference, and print the result as the last line."""
    expected = {account: due if account != SECOND else qualified_of(stage, due) for account, due in expected.items()}
    found = {crm: [compared(stage, crm, account, due) for account, due in expected.items()] for crm in CRMS}
    problems = [f"{crm}: {problem}" for crm, parts in found.items() for part in parts for problem in part[0].problems]
    for problem in problems[:PROBLEMS_SHOWN]:
        say(problem)
    for what, count in ledger.reasons().items():
        say(f"{count} times {what}")
    crms = {crm: figures(parts) for crm, parts in found.items()}
    result = outcome(list(expected.values()), crms, ledger.operations(), seconds)
    result["qualification"] = qualification_figures(stage.app)
    with readers_both_ways(stage) as readers:
        result["two_way"] = two_way_figures(stage.app, readers, edits)
    result["ok"] = result["ok"] and not ledger.judging() and is_well(result["two_way"])
    print(json.dumps(result), flush=True)
    return 0 if result["ok"] else 1


def qualified_of(stage: Stage, expected: Expected) -> Expected:
    """Return what a CRM must hold that takes only clients who were qualified at some time."""
    qualified = ever_qualified(stage.app, SECOND)
    return replace(expected, due=tuple(client for client in expected.due if client.client_id in qualified))


def compared(stage: Stage, crm: str, account: str, expected: Expected) -> tuple[Verdict, int]:
    """Return how an account's portal in a CRM compares with what it must hold, and the calls that it answered."""
    with reader_of(stage, crm, account) as reader:
        verdict = compare(expected, reader.contacts(), reader.notes(), CRMS[crm].never_blank)
        return verdict, reader.api_calls()


def reader_of(stage: Stage, crm: str, account: str) -> SandboxReader:
    """Return what reads an account's portal in a CRM of the sandbox."""
    return SandboxReader(stage.sandbox_url, stage.sandbox_ca, crm, stage.portals[account].get(crm, ""))


@contextmanager
def readers_both_ways(stage: Stage) -> Iterator[list[SandboxReader]]:
    """Open what reads the first account's portals that are synced both ways."""
    with ExitStack() as opened:
        yield [opened.enter_context(reader_of(stage, crm, FIRST)) for crm in BOTH_WAYS]


def figures(parts: Sequence[tuple[Verdict, int]]) -> dict[str, int]:
    """Return one CRM's figures over all accounts."""
    verdicts = [verdict for verdict, _ in parts]
    names = ("records", "duplicates", "missing", "notes", "notes_duplicated")
    summed = {name: sum(getattr(verdict, name) for verdict in verdicts) for name in names}
    return summed | {"api_calls": sum(calls for _, calls in parts)}


def outcome(
    expected: Sequence[Expected], crms: Mapping[str, Mapping[str, int]], operations: Mapping[str, int], seconds: float
) -> dict[str, Any]:
    """Return the result of a check; `ok` when nothing is missing, doubled, failed or still to be done."""
    wrong = [crm[name] for crm in crms.values() for name in ("missing", "duplicates", "notes_duplicated")]
    return {
        "ok": not any((*wrong, operations["failed"], operations["pending"])),
        "conversations": sum(one.conversations for one in expected),
        "clients": sum(one.clients for one in expected),
        "seconds": round(seconds, 1),
        "crms": {crm: dict(shown) for crm, shown in crms.items()},
        "operations": dict(operations),
    }
