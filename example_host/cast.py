"""Who appears in a replay: a new invented person for each conversation, now and then one who was there before."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from random import Random

from .extensions import db
from .models import Client
from .people import edited, person

COMES_BACK = 0.10


@dataclass
class Cast:
    """The clients of one replay. Person number n of the world `seed` is the n-th client to appear."""

    account_id: int
    seed: int
    client_ids: list[int] = field(default_factory=list)
    newcomers: list[Client] = field(default_factory=list)

    def appear(self, rng: Random) -> Client:
        """Return the client of the next conversation: one who is known already, or a new one added to the session."""
        comes_back = bool(self.client_ids) and rng.random() < COMES_BACK
        if comes_back and (known := db.session.get(Client, rng.choice(self.client_ids))) is not None:
            return known
        told = person(self.seed, len(self.client_ids) + len(self.newcomers))
        client = Client(account_id=self.account_id, **asdict(told))
        db.session.add(client)
        self.newcomers.append(client)
        return client

    def settle_in(self) -> range:
        """Remember the newcomers, who must have been flushed; return their numbers."""
        first = len(self.client_ids)
        self.client_ids += [client.id for client in self.newcomers]
        self.newcomers.clear()
        return range(first, len(self.client_ids))

    def edit(self, number: int) -> None:
        """Change the details of the client who is person `number`."""
        client = db.session.get(Client, self.client_ids[number])
        if client is None:
            return  # deleted meanwhile by whoever looks at the demonstration
        for name, value in asdict(edited(self.seed, number, person(self.seed, number))).items():
            setattr(client, name, value)
