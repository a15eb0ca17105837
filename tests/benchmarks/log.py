"""The pages of a long log: ten million operations against ten thousand, in the same run, page by page.

`BENCH_LOG_ROWS` names another number of rows. The ratio is that of the medians; p95 stands beside it with its own
aim, and so do the CPU seconds (which tell more than the clock where the machine has other work too), the statements of
a request, which may not be more, and the packed bytes of the page with all it loads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from statistics import median

from .engine import config_of
from .figures import interleaved, percentile, tell
from .log_desk import Answer, LogDesk
from .log_rows import A_CLIENT
from .processes import Elsewhere
from .servers import Servers

AIM, P95_AIM_MS = 1.5, 50.0
ROWS = 10_000_000

Pages = Mapping[str, Callable[[Elsewhere], str]]

PAGES: Pages = {
    "newest": lambda desk: "/crm/log",
    "list alone": lambda desk: "/crm/log/rows",
    "success": lambda desk: "/crm/log?status=success",
    "failed": lambda desk: "/crm/log?status=failed",
    "pending": lambda desk: "/crm/log?status=pending",
    "skipped": lambda desk: "/crm/log?status=skipped",
    "one CRM": lambda desk: "/crm/log?crm=salesforce",
    "one type": lambda desk: "/crm/log?kind=apply_remote",
    "failed updates in one CRM": lambda desk: "/crm/log?status=failed&crm=dynamics&kind=update_contact",
    "common cause": lambda desk: "/crm/log?reason=invalid_record&status=failed",
    "a cause that nothing has": lambda desk: "/crm/log?reason=unsupported_feature&crm=hubspot",
    "search by number": lambda desk: "/crm/log?client=77",
    "search by e-mail": lambda desk: "/crm/log?client=person77@example.com",
    "search by common name": lambda desk: "/crm/log?client=person1",
    "search by rare name": lambda desk: f"/crm/log?client=family{desk.call('number') // A_CLIENT}x",
    "deep page": lambda desk: f"/crm/log?before={desk.call('number', '', 0.5)}",
    "deep page of failed": lambda desk: f"/crm/log?status=failed&before={desk.call('number', 'failed', 0.5)}",
    "deep page towards newer": lambda desk: f"/crm/log?crm=autochat&after={desk.call('number', '', 0.3)}",
    "last page": lambda desk: "/crm/log?before=30",
    "entry that failed": lambda desk: f"/crm/log/{desk.call('number', 'failed', 0.7)}",
    "entry that succeeded": lambda desk: f"/crm/log/{desk.call('number', 'success', 0.7)}",
    "client": lambda desk: "/crm/clients/77",
    "overview": lambda desk: "/crm/overview",
    "cards": lambda desk: "/crm/",
}


def bench_log(servers: Servers, database: str, *, quick: bool) -> None:
    """Print what each page of the log takes in a short and in a long log."""
    rows = int(os.environ.get("BENCH_LOG_ROWS") or ROWS)
    few, many, rounds = (1000, 5000, 1) if quick else (10_000, rows, 40)
    with ExitStack() as stack:
        desks = {}
        for name, number in (("few", few), ("many", many)):
            given = servers.database(database), config_of(servers), servers.sandbox.call("open_portal"), number
            desks[name] = stack.enter_context(Elsewhere(LogDesk, *given))
        for page, path_on in PAGES.items():
            paths = {name: path_on(desk) for name, desk in desks.items()}
            runs = interleaved({name: _asking(desk, paths[name]) for name, desk in desks.items()}, rounds)
            bench = f"log of {many} operations, against {few}: {page}"
            _tell(bench, database, runs["few"], runs["many"], desks["many"].call("assets", paths["many"]))


def _asking(desk: Elsewhere, path: str) -> Callable[[], Answer]:
    return lambda: desk.call("ask", path)


def _tell(bench: str, database: str, few: list[Answer], many: list[Answer], assets: int) -> None:
    """Print one page's figures; `p95_few` tells how much of a p95 is the machine's own unrest."""
    short, long = ([1000 * answer.seconds for answer in answers] for answers in (few, many))
    p95 = percentile(long, 0.95)
    cpu_few, cpu = ([1000 * answer.cpu for answer in answers] for answers in (few, many))
    tell(
        bench,
        database,
        "ms",
        median(long),
        median(short),
        ratio=median(long) / median(short),
        aim=AIM,
        p95=p95,
        p95_few=percentile(short, 0.95),
        p95_aim=P95_AIM_MS,
        p95_reached=p95 <= P95_AIM_MS,
        cpu=median(cpu),
        cpu_few=median(cpu_few),
        cpu_p95=percentile(cpu, 0.95),
        statements=max(answer.statements for answer in many),
        statements_few=max(answer.statements for answer in few),
        page_bytes=max(answer.size for answer in many),
        asset_bytes=assets,
    )
