"""A desk with a long log, and a browser that asks for its pages."""

from __future__ import annotations

import gzip
import re
import time
import uuid
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from flask_crm_sync.jobs.running import running_of
from flask_crm_sync.models import Connection
from flask_crm_sync.sync.connections import connect_account

from .log_rows import CRMS, fill
from .workers import Desk

_connections: Any = sa.inspect(Connection).local_table
_ASSET = re.compile(r'(?:src|href)="(/crm/static/[^"]+)"')


class Manager:
    """Who asks: somebody who may see and change everything of account 1."""

    def account_id(self) -> str:
        """Return the account."""
        return "1"

    def user_id(self) -> str:
        """Return the user."""
        return "1"

    def can_view(self) -> bool:
        """Tell that they may see it."""
        return True

    def can_manage(self) -> bool:
        """Tell that they may change it."""
        return True


@dataclass(frozen=True)
class Answer:
    """What one request took in the server: seconds, statements, and bytes packed as web servers send them.

    `cpu` is the seconds of the app's own process, which SQLite is a part of; they hardly depend on what else runs.
    """

    seconds: float
    cpu: float
    statements: int
    size: int


class LogDesk(Desk):
    """An account with four connections and a log of so many operations, and a browser."""

    def __init__(self, database_url: str, config: dict[str, str], token: str, rows: int) -> None:
        super().__init__(database_url, config)
        running_of(self.app).access = Manager()
        ids = {"hubspot": connect_account(self.crm.sync, "1", "hubspot", "token", {"token": token}).id}
        ids |= {crm: self._beside(crm) for crm in CRMS if crm != "hubspot"}
        fill(self.engine, rows, ids)
        self.browser = self.app.test_client()
        self._statements = 0
        sa.event.listen(self.engine, "before_cursor_execute", self._count)

    def ask(self, path: str) -> Answer:
        """Open a page; raise RuntimeError where it is not there."""
        self._statements = 0
        began, cpu_began = time.perf_counter(), time.process_time()
        answer = self.browser.get(path)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")
        return Answer(seconds, cpu, self._statements, len(gzip.compress(answer.data, 6)))

    def assets(self, path: str) -> int:
        """Return the packed bytes of the stylesheets and scripts that a page asks for."""
        found = set(_ASSET.findall(self.browser.get(path).text))
        return sum(len(gzip.compress(self.browser.get(one).data, 6)) for one in found)

    def number(self, status: str = "", share: float = 1.0) -> int:
        """Return the number of the account's newest entry with a status up to a share of the log."""
        query = "SELECT max(id) FROM crm_sync_operation WHERE account_id = '1'"
        with self.engine.connect() as database:
            newest: int = database.execute(sa.text(query)).scalar_one()
            if not status:
                return int(newest * share)
            with_status = sa.text(f"{query} AND status = :status AND id <= :most")
            return int(database.execute(with_status, {"status": status, "most": int(newest * share)}).scalar_one())

    def _beside(self, crm: str) -> uuid.UUID:
        """Put a connection to another CRM beside HubSpot's."""
        with self.engine.begin() as database:
            row = dict(database.execute(sa.select(_connections)).mappings().first() or {})
            row |= {"id": uuid.uuid4(), "crm": crm}
            database.execute(_connections.insert().values(row))
            made: uuid.UUID = row["id"]
        return made

    def _count(self, *_: Any) -> None:
        self._statements += 1
