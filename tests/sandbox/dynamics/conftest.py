"""Clients of a sandbox that is as if it were new."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from flask_crm_sync.sandbox import Sandbox

from .client import TOKEN, Client


@pytest.fixture
def client_for(sandbox: Sandbox) -> Iterator[Callable[..., Client]]:
    """Make clients by token."""
    made: list[Client] = []

    def make(token: str | None = TOKEN) -> Client:
        made.append(Client(sandbox, token))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def client(client_for: Callable[..., Client]) -> Client:
    """A client with the application user's token."""
    return client_for()
