"""AutoChat's refusals: a status, a sentence, and a code that clients must not lean on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AutoChatError(Exception):
    """A refusal of a whole call."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, dict(headers or {})

    def body(self) -> dict[str, Any]:
        """Return the error envelope."""
        return {"error": {"message": self.message, "code": self.code}}


def invalid(message: str) -> AutoChatError:
    """Refuse what a call says."""
    return AutoChatError(400, "VALIDATION_ERROR", message)


def invalid_key() -> AutoChatError:
    """Refuse a key that is missing, wrong, revoked or past its end; which of these is not told."""
    return AutoChatError(401, "INVALID_API_KEY", "Invalid API key")


def missing_scope(scope: str) -> AutoChatError:
    """Refuse a key that may not do this."""
    return AutoChatError(403, "INSUFFICIENT_PERMISSIONS", f"Insufficient permissions: {scope} is required")


def not_found(what: str) -> AutoChatError:
    """Say that there is no such thing."""
    return AutoChatError(404, "NOT_FOUND", f"{what} not found")


def not_allowed() -> AutoChatError:
    """Say that this cannot be done here."""
    return AutoChatError(405, "METHOD_NOT_ALLOWED", "Method not allowed")


def conflict(message: str) -> AutoChatError:
    """Refuse what stands against something that is there."""
    return AutoChatError(409, "CONFLICT", message)


def too_many(headers: Mapping[str, str]) -> AutoChatError:
    """Refuse because the minute's calls are used up."""
    return AutoChatError(429, "RATE_LIMIT_EXCEEDED", "Rate limit exceeded", headers)


_FAILURES = {
    500: ("INTERNAL_ERROR", "Internal server error"),
    502: ("BAD_GATEWAY", "Bad gateway"),
    503: ("SERVICE_UNAVAILABLE", "Service is temporarily unavailable"),
    504: ("GATEWAY_TIMEOUT", "Function timed out"),
}


def server_error(status: int, headers: Mapping[str, str] | None = None) -> AutoChatError:
    """Say that the server, not the call, is at fault."""
    code, message = _FAILURES.get(status, _FAILURES[500])
    return AutoChatError(status, code, message, headers)
