"""What the pages know of the app they live in: the sync, who is asking, and how to wake the workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from flask import Flask, current_app, g

if TYPE_CHECKING:
    from ..config import Settings
    from ..host.access import Access
    from ..sync.context import Sync


class Bell(Protocol):
    """What tells the workers that there is something to do."""

    def wake(self) -> object:
        """Wake a worker; never raises."""
        ...


class FrontDoor(Protocol):
    """The extension object, as far as the pages use it."""

    @property
    def sync(self) -> Sync:
        """Return the engine's context."""
        ...

    @property
    def access(self) -> Access:
        """Return who is asking."""
        ...

    @property
    def settings(self) -> Settings:
        """Return the extension's settings."""
        ...

    @property
    def queues(self) -> Bell:
        """Return what wakes the workers."""
        ...


def door() -> FrontDoor:
    """Return the current app's extension object."""
    return cast("FrontDoor", current_app.extensions["crm_sync"])


def this_app() -> Flask:
    """Return the current app itself, as signals name their sender."""
    return current_app._get_current_object()  # type: ignore[attr-defined,no-any-return]


def this_sync() -> Sync:
    """Return the current app's sync."""
    return door().sync


def this_account() -> str:
    """Return the account that the guard let in with this request."""
    return cast("str", g.crm_sync_account)
