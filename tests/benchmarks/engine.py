"""The engine: API calls and CPU for a thousand new clients with a note each."""

from __future__ import annotations

from contextlib import ExitStack

from flask_crm_sync.vault import make_key

from .figures import Spent, interleaved, middle, tell
from .processes import Elsewhere
from .servers import Servers
from .workers import Worker

CPU_AIM, CALLS_AIM = 3.0, 45
BATCH = 100
"""Records in one call, at most: what the CRM allows."""


def config_of(servers: Servers) -> dict[str, str]:
    """Return a host's settings for a run: the queue, the sandbox, a key."""
    url, ca_file = servers.sandbox.call("address")
    return {
        "SECRET_KEY": "for benchmarks",
        "CRM_SYNC_ENCRYPTION_KEYS": make_key(),
        "CRM_SYNC_REDIS_URL": servers.redis(),
        "CRM_SYNC_SANDBOX_URL": url,
        "CRM_SYNC_SANDBOX_CA": ca_file,
    }


def bench_engine(servers: Servers, database: str, *, quick: bool) -> None:
    """Print API calls and CPU seconds; the sandbox's own CPU is another process's."""
    clients, warm, rounds = (20, 10, 2) if quick else (1000, 100, 7)
    with ExitStack() as stack:
        token = servers.sandbox.call("open_portal")
        urls = servers.database(database), servers.database(database)
        worker = stack.enter_context(Elsewhere(Worker, urls[0], config_of(servers), token, urls[1]))
        worker.call("save", warm)
        worker.call("work", 2 * warm)
        worker.call("save", clients)
        before = servers.sandbox.call("calls")
        worker.call("record", 2 * clients)
        calls = servers.sandbox.call("calls") - before
        least = 2 * -(-clients // BATCH)
        _tell_calls(database, clients, calls, least)

        def ours() -> Spent:
            worker.call("save", clients)
            took: Spent = worker.call("work", 2 * clients)
            return took

        variants = {"us": ours, "floor": lambda: worker.call("reach_floor"), "bare": lambda: worker.call("send")}
        _tell_cpu(database, clients, interleaved(variants, rounds))


def _tell_calls(database: str, clients: int, calls: int, least: int) -> None:
    """The floor is one write for a hundred records; nobody could find out what is there already with that."""
    bench = f"API calls for {clients} + {clients}"
    tell(bench, database, "calls", calls, least, ratio=calls / least, aim=CALLS_AIM / 20)


def _tell_cpu(database: str, clients: int, runs: dict[str, list[Spent]]) -> None:
    cpu = {name: middle(each, "cpu") for name, each in runs.items()}
    wall = {f"wall_{name}": middle(each) for name, each in runs.items()}
    ratio_to_bare = cpu["us"] / cpu["bare"]
    bench = f"CPU for {clients} + {clients}"
    ratio = cpu["us"] / cpu["floor"]
    tell(
        bench,
        database,
        "s",
        cpu["us"],
        cpu["floor"],
        ratio=ratio,
        aim=CPU_AIM,
        bare=cpu["bare"],
        ratio_to_bare=ratio_to_bare,
        **wall,
    )
