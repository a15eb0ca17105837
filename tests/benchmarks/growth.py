"""Whether the work becomes dearer as the host grows: the same changes among ten thousand and a million clients."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

import sqlalchemy as sa

from .engine import config_of
from .figures import Spent, interleaved, middle, tell
from .hosts import now
from .processes import Elsewhere
from .servers import Servers
from .workers import Worker

AIM = 1.1
_SEED = 1000

_NEXT_UUID = {
    "sqlite": "lower(hex(randomblob(16)))",
    "postgresql": "replace(gen_random_uuid()::text, '-', '')",
}

_CLIENTS = """
INSERT INTO client (id, account_id, first_name, last_name, email, phone, company, city, country, updated_at)
SELECT id + :there, account_id, first_name, last_name, 'filled' || (id + :there) || '@example.com', phone, company,
  city, country, updated_at
FROM client WHERE id <= :wanted - :there
"""
_OPERATIONS = """
INSERT INTO crm_sync_operation (connection_id, account_id, crm, kind, lane, subject_type, subject_id, client_id, status,
  attempts, crashes, batch_limit, unknown, retried_seconds, reason, message, crm_message, remote_id, remote_url,
  created_at, settled_at)
SELECT connection.id, connection.account_id, connection.crm, 'create_lead', 0, 'client', CAST(client.id AS varchar(20)),
  CAST(client.id AS varchar(20)), 'success', 1, 0, 100, :no, 0.0, '', '', '', 'r' || client.id,
  'https://example.com/contacts/' || client.id, client.updated_at, client.updated_at
FROM client, crm_sync_connection connection
"""
_LINKS = """
INSERT INTO crm_sync_link (id, connection_id, subject_type, subject_id, state, remote_type, remote_id, remote_url, base,
  host_version, created_at, updated_at)
SELECT {uuid}, connection.id, 'client', CAST(client.id AS varchar(20)), 'active', 'contact', 'r' || client.id,
  'https://example.com/contacts/' || client.id, '{{"v": 1, "f": {{}}}}', '', client.updated_at, client.updated_at
FROM client, crm_sync_connection connection
"""
_GO_ON = "SELECT setval(pg_get_serial_sequence('client', 'id'), (SELECT max(id) FROM client))"


class Grown(Worker):
    """A worker whose host has had many clients for long, all of them synced."""

    def fill(self, wanted: int) -> None:
        """Make so many clients, with the operation and the link of each."""
        with self.engine.begin() as connection:
            self._fill_clients(connection, wanted)
            connection.execute(sa.text(_OPERATIONS), {"no": False})
            connection.execute(sa.text(_LINKS.format(uuid=_NEXT_UUID[self.engine.dialect.name])))
            if self.engine.dialect.name == "postgresql":
                connection.execute(sa.text(_GO_ON))
        if self.engine.dialect.name == "postgresql":  # which does so by itself, soon; SQLite does it when it is told to
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(sa.text("ANALYZE"))

    def _fill_clients(self, connection: sa.Connection, wanted: int) -> None:
        named = {"account_id": 1, "first_name": "Person", "last_name": "Example", "phone": None}
        seed = {**named, "company": "Example Ltd", "country": "US", "updated_at": now() - timedelta(days=30)}
        first = [{**seed, "id": n, "email": f"filled{n}@example.com", "city": "Springfield"} for n in _numbers(wanted)]
        connection.execute(self.models.client.__table__.insert(), first)
        there = len(first)
        while there < wanted:
            connection.execute(sa.text(_CLIENTS), {"there": there, "wanted": wanted})
            there = min(2 * there, wanted)


def _numbers(wanted: int) -> range:
    return range(1, min(_SEED, wanted) + 1)


def bench_growth(servers: Servers, database: str, *, quick: bool) -> None:
    """Print CPU and wall seconds of the same changes in a small and in a large database."""
    few, many, changes, rounds = (100, 1000, 20, 2) if quick else (10_000, 1_000_000, 1000, 7)
    with ExitStack() as stack:
        grown = {}
        for name, clients in (("few", few), ("many", many)):
            given = servers.database(database), config_of(servers), servers.sandbox.call("open_portal")
            grown[name] = stack.enter_context(Elsewhere(Grown, *given))
            grown[name].call("fill", clients)
            grown[name].call("save", changes // 2, False)
            grown[name].call("work_now", changes // 2)

        def cost(name: str) -> Spent:
            """Half of the changes are edits of linked clients, half are new ones."""
            grown[name].call("edit", changes // 2)
            grown[name].call("save", changes // 2, False)
            took: Spent = grown[name].call("work_now", changes)
            return took

        runs = interleaved({"few": lambda: cost("few"), "many": lambda: cost("many")}, rounds)
    for of in ("cpu", "wall"):
        small, large = middle(runs["few"], of), middle(runs["many"], of)
        bench = f"{changes} changes among {many} clients, against {few}: {of}"
        tell(bench, database, "s", large, small, ratio=large / small, aim=AIM)
