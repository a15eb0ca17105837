"""The sandbox's reviewer as a whole: its parts, and its words for faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Request, Response

from ..calls import CallLog
from ..clock import Clock
from ..faults import FaultBook
from .dialect import Dialect
from .errors import OpenAIError, fault
from .pages import inspection_blueprint, pages_blueprint
from .routes import BASE, bearer, endpoint, refused
from .store import Store


class Reviewer:
    """One OpenAI-compatible endpoint with one model; also the way in for tests that look at it directly."""

    name = "reviewer"
    label = "AI reviewer"
    policies: tuple[str, ...] = ("REQUESTS", "QUOTA")

    def __init__(self, path: Path | None, clock: Clock, calls: CallLog, faults: FaultBook) -> None:
        self.clock, self.calls, self.faults = clock, calls, faults
        self.store, self.dialect = Store(), Dialect()

    def blueprints(self) -> Iterable[Blueprint]:
        """Return the endpoint's routes and our own."""
        return (endpoint(self), inspection_blueprint(self), pages_blueprint(self))

    def owns(self, path: str) -> bool:
        """Say whether a path belongs to the endpoint."""
        return path.startswith(f"{BASE}/")

    def identify(self, request: Request) -> str | None:
        """Say that a good key is for the one model there is."""
        return "default" if self.store.opens(bearer(request)) else None

    def refusal(self, kind: str, params: Mapping[str, Any], request: Request) -> Response:
        """Answer the way OpenAI does for a fault of this kind."""
        return refused(fault(kind, params))

    def http_error(self, status: int, message: str) -> Response:
        """Answer a call that no route takes."""
        return refused(OpenAIError(status, f"Invalid URL or method: {message}"))

    def spoil_token(self, kind: str, request: Request) -> None:
        """Revoke the key that a call carries; keys here have no end of their own."""
        self.store.revoke(bearer(request))

    def overview(self) -> Mapping[str, int]:
        """Return a few numbers."""
        return {"requests": sum(self.store.outcomes().values()), **self.store.outcomes()}

    def figures(self) -> dict[str, Any]:
        """Return ``{"requests", "outcomes", "calls": {"METHOD template": n}}``."""
        outcomes = self.store.outcomes()
        return {"requests": sum(outcomes.values()), "outcomes": outcomes, "calls": self.calls.counts(self.name)}

    def start_afresh(self, portal_id: str | None = None) -> None:
        """Forget what was asked; faults, calls and switches start afresh, and the first key opens again."""
        self.store.clear()
        self.faults.clear(self.name)
        self.calls.clear(self.name)
        self.dialect.reset()

    def close(self) -> None:
        """Forget everything."""
        self.store.clear()
