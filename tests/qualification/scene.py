"""A host whose conversations are judged: the engine's world, criteria, a reviewer that says what it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from flask_crm_sync.models import Change, Connection, CriterionRow, Judgement, Notice, Qualification
from flask_crm_sync.models.criterion import DEFAULT_SET
from flask_crm_sync.qualification.criteria import Criterion
from flask_crm_sync.qualification.judging import Judgings, judge
from flask_crm_sync.qualification.override import override
from flask_crm_sync.qualification.reviewers.base import Case, ReviewFailed, Verdict
from flask_crm_sync.qualification.reviewing import Made, make_next_review
from tests.sync.world import ACCOUNT, World

BUYS = Criterion("Wants to buy", required=("buy", "book"), excluded=("cancel",))
SAID = "I want to buy the blue one"


@dataclass
class Oracle:
    """A reviewer that says what it is told, and quotes what the client did say."""

    says: str = "qualified"
    score: int = 90
    fails: list[ReviewFailed] = field(default_factory=list)
    asked: list[Case] = field(default_factory=list)

    def review(self, case: Case) -> Verdict | ReviewFailed:
        self.asked.append(case)
        if self.fails:
            return self.fails.pop(0)
        score = self.score if self.says == "qualified" else 10
        quotes = tuple(line.text for line in case.transcript.lines if line.sender == "client")[:1]
        return Verdict(self.says, score, "Because of what was said.", quotes, "oracle", "1")


@dataclass
class Scene:
    """The world, and what judges in it."""

    world: World
    oracle: Oracle = field(default_factory=Oracle)
    in_code: tuple[Criterion, ...] = ()

    def criterion(self, criterion: Criterion = BUYS, account: str = ACCOUNT) -> None:
        now = self.world.clock.now()
        row = {
            "id": uuid4(),
            "account_id": account,
            "set_name": criterion.set_name,
            "name": criterion.name,
            "enabled": criterion.enabled,
            "priority": criterion.priority,
            "version": criterion.version,
            "definition": criterion.to_json(),
            "created_at": now,
            "updated_at": now,
        }
        with self.world.engine.begin() as connection:
            connection.execute(sa.insert(CriterionRow).values(row))

    def give_in_code(self, *criteria: Criterion) -> None:
        self.in_code = criteria
        sets = frozenset(criterion.set_name for criterion in criteria)
        self.world.sync = replace(self.world.sync, code_sets=sets)

    def look(self) -> Judgings:
        """Do what a wake does with fresh changes, without speaking to a CRM."""
        self.world.fan_out()
        found = judge(self.world.sync, self.in_code)
        self.world.fan_out()
        return found

    def run(self) -> None:
        self.look()
        self.world.drain()

    def review(self) -> Made | None:
        made = make_next_review(self.world.sync, self.oracle, self.in_code)
        self.world.fan_out()
        return made

    def review_all(self) -> int:
        """Let two days pass and make every review."""
        self.world.clock.advance(hours=49)
        number = 0
        while self.review() is not None:
            number += 1
        return number

    def override(self, conversation_id: str, status: str, *, by: str = "7") -> None:
        override(self.world.sync, ACCOUNT, conversation_id, DEFAULT_SET, status, "I know them", by)
        self.world.fan_out()

    def talk(self, *said: str, client: str | None = None, **values: Any) -> tuple[str, str]:
        """Add a client (or take one) and a conversation that goes on; return both ids."""
        client_id = client or self.world.client("Ada", email=f"{uuid4().hex}@example.com")
        return client_id, self.world.conversation(client_id, *(said or (SAID,)), **{"status": "open", **values})

    def row(self, conversation_id: str, set_name: str = DEFAULT_SET) -> Any:
        where = (Qualification.conversation_id == conversation_id, Qualification.set_name == set_name)
        (row,) = self.world.rows(Qualification, *where)
        return row

    def row_count(self, set_name: str) -> int:
        return len(self.world.rows(Qualification, Qualification.set_name == set_name))

    def status(self, conversation_id: str) -> tuple[str, bool, str]:
        row = self.row(conversation_id)
        return row.status, row.final, row.decided_by

    def history(self, conversation_id: str) -> list[tuple[str, str, str]]:
        rows = self.world.rows(Judgement, Judgement.conversation_id == conversation_id)
        return [(row.decided_by, row.before, row.after) for row in rows]

    def news(self) -> list[tuple[str, str]]:
        return [(row.event, row.conversation_id) for row in self.world.rows(Notice)]

    def waiting_changes(self) -> Sequence[Any]:
        return self.world.rows(Change)

    def connection(self, **values: Any) -> None:
        self.world.set_connection(**values)

    def connections(self) -> Sequence[Any]:
        return self.world.rows(Connection)

    def due(self, conversation_id: str) -> datetime | None:
        found: datetime | None = self.row(conversation_id).review_at
        return found
