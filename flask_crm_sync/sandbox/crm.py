"""What a sandboxed CRM offers to the parts that all of them share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from flask import Blueprint, Request, Response


class SandboxCRM(Protocol):
    """One vendor's server: its routes, who is calling, and its own words for going wrong."""

    name: str
    label: str
    policies: tuple[str, ...]
    """The names of its limits, the usual one first."""

    def blueprints(self) -> Iterable[Blueprint]:
        """Return its routes: the vendor's paths, and its own pages and JSON under ``/_sandbox/``."""

    def owns(self, path: str) -> bool:
        """Say whether a path belongs to the vendor's interface; only these are logged and struck by faults."""

    def identify(self, request: Request) -> str | None:
        """Say which portal (or org, environment, workspace) a call is for, by its token alone, refusing nothing."""

    def refusal(self, kind: str, params: Mapping[str, Any], request: Request) -> Response:
        """Answer the way the vendor does for a fault of this kind."""

    def http_error(self, status: int, message: str) -> Response:
        """Answer the way the vendor does when no route takes a call."""

    def spoil_token(self, kind: str, request: Request) -> None:
        """Revoke or expire the token that a call carries."""

    def overview(self) -> Mapping[str, int]:
        """Return a few numbers for the overview page, by label."""

    def start_afresh(self, portal_id: str | None = None) -> None:
        """Empty one portal or all; faults, calls and switches start afresh too."""

    def close(self) -> None:
        """Let go of files."""
