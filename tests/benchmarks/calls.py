"""API calls: what a thousand new clients with a note each cost in each CRM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .engine import config_of
from .figures import tell
from .processes import Elsewhere
from .servers import Servers
from .workers import Account, Worker


@dataclass(frozen=True)
class Counted:
    """One CRM: the keys of its sandbox, the records that a call takes, and the most calls for 1,000 + 1,000."""

    method: str
    credentials: Mapping[str, str]
    batch: int
    aim: int
    settings: Mapping[str, str] = field(default_factory=dict)


APP = {"client_id": "sandbox-client-id", "client_secret": "sandbox-client-secret"}
CRMS = {
    "hubspot": Counted("token", {"token": "pat-na1-sandbox"}, 100, 45),
    "salesforce": Counted("client_credentials", {**APP, "instance_url": "https://sandbox.my.salesforce.com"}, 200, 35),
    "dynamics": Counted(
        "client_credentials",
        {
            **APP,
            "client_id": "11111111-2222-4333-8444-555555555555",
            "tenant_id": "99999999-8888-4777-8666-555555555555",
            "instance_url": "https://sandbox.crm.dynamics.com",
        },
        100,
        35,
    ),
    "autochat": Counted(
        "api_key",
        {"api_key": "ac-sandbox-key"},
        1,
        4000,
        {
            "CRM_SYNC_AUTOCHAT_BASE_URL": "https://sandbox.supabase.co/functions/v1/crm-api/v1",
            "CRM_SYNC_AUTOCHAT_SEARCH": "email",
        },
    ),
}


def bench_calls(servers: Servers, database: str, *, quick: bool) -> None:
    """Print each CRM's calls beside the least that could write as much, and could find nobody who is there already."""
    clients = 20 if quick else 1000
    for crm, counted in CRMS.items():
        account = Account(crm, counted.method, counted.credentials)
        config = config_of(servers) | counted.settings
        servers.sandbox.call("empty", crm)
        with Elsewhere(Worker, servers.database(database), config, account) as worker:
            worker.call("save", clients)
            before = sum(servers.sandbox.call("calls_to", crm).values())
            worker.call("work", 2 * clients)
            calls = sum(servers.sandbox.call("calls_to", crm).values()) - before
        bench, least = f"API calls to {crm} for {clients} + {clients}", 2 * -(-clients // counted.batch)
        aim = counted.aim / (2 * -(-1000 // counted.batch))
        tell(bench, database, "calls", calls, least, ratio=calls / least, aim=aim)
