"""How long a new client takes from the host's commit to the CRM, against an empty job on the same kind of worker."""

from __future__ import annotations

import time
from contextlib import ExitStack

import redis
from rq import Queue

from flask_crm_sync.jobs.queue import LIVE_QUEUE
from flask_crm_sync.jobs.running import running_of
from flask_crm_sync.jobs.worker import run_worker

from .engine import config_of
from .figures import percentile, tell
from .processes import Elsewhere, Running
from .servers import Servers
from .workers import Desk, Worker

AIM = 2.0
_STAMPS = "benchmark-stamps"
_SETTLING_SECONDS = 10.0


def stamp(redis_url: str) -> None:
    """The empty job: say when it ran."""
    ran = time.time()
    with redis.Redis.from_url(redis_url) as client:
        client.rpush(_STAMPS, ran)


class LeadHost(Worker):
    """The host's side, whose worker is another process."""

    def __init__(self, database_url: str, config: dict[str, str], token: str) -> None:
        super().__init__(database_url, config, token)
        self.redis_url = config["CRM_SYNC_REDIS_URL"]
        self.redis = redis.Redis.from_url(self.redis_url)

    def lead(self) -> float:
        """Commit one new client; return when that began."""
        return self.save(1, conversations=False)

    def settle(self) -> None:
        """Wait until the worker has nothing more to do."""
        deadline = time.monotonic() + _SETTLING_SECONDS
        while self.pending() or Queue(LIVE_QUEUE, connection=self.redis).count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the worker did not come to an end: {self._states()}")
            time.sleep(0.01)
        time.sleep(0.02)

    def empty_job(self) -> float:
        """Enqueue a job that does nothing; return the seconds until it ran."""
        began = time.time()
        Queue(LIVE_QUEUE, connection=self.redis).enqueue_call(
            "tests.benchmarks.latency.stamp", args=(self.redis_url,), result_ttl=0
        )
        _, ran = self.redis.blpop([_STAMPS], timeout=30)  # type: ignore[misc]
        time.sleep(0.02)
        return float(ran) - began


def be_worker(database_url: str, config: dict[str, str]) -> None:
    """Be what `flask crm worker` is, until SIGTERM."""
    desk = Desk(database_url, config)
    with desk.app.app_context():
        run_worker(running_of(desk.app))


def bench_latency(servers: Servers, database: str, *, quick: bool) -> None:
    """Print the median and the slowest hundredth."""
    with ExitStack() as stack:
        config, url = config_of(servers), servers.database(database)
        host = stack.enter_context(Elsewhere(LeadHost, url, config, servers.sandbox.call("open_portal")))
        host.call("save", 1, False)
        host.call("record", 1)
        stack.enter_context(Running(be_worker, url, config))
        leads, empty, crm = _rounds(servers, host, 5 if quick else 200)
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        own, value, floor = (1000 * percentile(each, share) for each in (crm, leads, empty))
        aim = AIM if name == "p50" else None
        bench = f"commit to CRM, {name}"
        tell(bench, database, "ms", value, floor, ratio=(value - own) / floor, aim=aim, crm_itself=own)


def _rounds(servers: Servers, host: Elsewhere, number: int) -> tuple[list[float], list[float], list[float]]:
    """Take turns: a lead, an empty job, and the lead's calls sent bare, which is the CRM's own time."""
    leads, empty, crm = [], [], []
    for turn in range(number + 3):
        seen = servers.sandbox.call("calls")
        began = host.call("lead")
        lead = servers.sandbox.call("last_upsert_after", seen) - began
        host.call("settle")
        nothing = host.call("empty_job")
        own = host.call("send").wall
        if turn >= 3:  # the first ones warm connections and caches
            leads.append(lead)
            empty.append(nothing)
            crm.append(own)
    return leads, empty, crm
