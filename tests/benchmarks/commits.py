"""What a host's commit costs: bare, with us, with an outbox written by hand, with a versioning extension."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Any

import redis
import sqlalchemy as sa
from flask import Flask
from rq import Queue
from sqlalchemy.orm import Session

from flask_crm_sync import CRMSync, migration
from flask_crm_sync.host.binding import ClientBinding, ConversationBinding, MessageBinding
from flask_crm_sync.models import Change
from flask_crm_sync.vault import make_key

from .figures import Spent, interleaved, middle, spent, tell
from .hosts import Models, make_engine, make_models, new_clients
from .processes import Elsewhere
from .servers import Servers

AIM = 1.2
_changes: Any = sa.inspect(Change).local_table


class Bare:
    """A host that saves clients, and nothing else."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self.engine, self.redis_url = make_engine(database_url), redis_url
        self.redis = redis.Redis.from_url(redis_url)
        self.models = self.make_models()
        self.models.metadata.create_all(self.engine)
        self.set_up()

    def make_models(self) -> Models:
        """Return the host's models."""
        return make_models()

    def set_up(self) -> None:
        """Make ready; a bare host is."""

    def commit(self, number: int) -> Spent:
        """Commit so many new clients at once; afterwards the queue is emptied, as a worker would."""
        clients = new_clients(self.models, number)
        took = spent(partial(self.save, clients), tidy=number > 1)
        self.redis.flushdb()
        return took

    def save(self, clients: list[Any]) -> None:
        """What is measured."""
        with Session(self.engine) as session:
            session.add_all(clients)
            session.commit()


class WithUs(Bare):
    """The same host after `CRMSync(app)`: capture writes changes, and a wake follows the commit."""

    def set_up(self) -> None:
        migration.upgrade(self.engine)
        self.app = Flask(__name__)
        self.app.config.update(CRM_SYNC_ENCRYPTION_KEYS=make_key(), CRM_SYNC_REDIS_URL=self.redis_url, SECRET_KEY="x")
        client, conversation, message = self.models[1:]
        bound = ConversationBinding(conversation, messages=MessageBinding(message))
        self.crm = CRMSync(self.app, client=ClientBinding(client), conversation=bound, engine=self.engine)


class ByHand(Bare):
    """The floor: the same change rows in one INSERT of the same transaction, one job after it."""

    def set_up(self) -> None:
        migration.upgrade(self.engine)
        self.queue = Queue("outbox", connection=self.redis)

    def save(self, clients: list[Any]) -> None:
        with Session(self.engine) as session:
            session.add_all(clients)
            session.flush()
            now = datetime.now(UTC)
            same = {"subject_type": "client", "account_id": "1", "kind": "created", "created_at": now}
            session.execute(_changes.insert(), [{"subject_id": str(client.id), **same} for client in clients])
            session.commit()
        self.queue.enqueue("outbox.wake")


class WithContinuum(Bare):
    """The same host with SQLAlchemy-Continuum, which keeps a version of every row."""

    def make_models(self) -> Models:
        from sqlalchemy_continuum import make_versioned

        make_versioned(user_cls=None)
        models = make_models(__versioned__={})
        sa.orm.configure_mappers()
        return models


_HOSTS = {"us": WithUs, "by hand": ByHand, "bare": Bare, "continuum": WithContinuum}


def bench_commits(servers: Servers, database: str, *, quick: bool) -> None:
    """Print the commit of one client and of a thousand."""
    with ExitStack() as stack:
        hosts = {
            name: stack.enter_context(Elsewhere(make, servers.database(database), servers.redis()))
            for name, make in _HOSTS.items()
        }
        for number, rounds in ((1, 10), (50, 2)) if quick else ((1, 300), (1000, 15)):
            runs = interleaved({name: partial(host.call, "commit", number) for name, host in hosts.items()}, rounds)
            _tell(database, number, runs)


def _tell(database: str, number: int, runs: dict[str, list[Spent]]) -> None:
    ms = {name: 1000 * middle(each) for name, each in runs.items()}
    cpu = {name: 1000 * middle(each, "cpu") for name, each in runs.items()}
    shared = {"by_hand_to_bare": ms["by hand"] / ms["bare"], "bare": ms["bare"]}
    for name, aim in (("us", AIM), ("continuum", None)):
        tell(
            f"commit of {number} with {name}",
            database,
            "ms",
            ms[name],
            ms["by hand"],
            ratio=ms[name] / ms["by hand"],
            aim=aim,
            ratio_to_bare=ms[name] / ms["bare"],
            cpu_ratio=cpu[name] / cpu["by hand"],
            **shared,
        )
