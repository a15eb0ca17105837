"""Refusals in the form that OpenAI's reference gives them: message, type, param, code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class OpenAIError(Exception):
    """A refusal of a call."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.kind, self.param, self.code = status, message, kind, param, code
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """Return the error object."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}


def no_key() -> OpenAIError:
    """Refuse a call without a key."""
    return OpenAIError(401, "You didn't provide an API key. Send it as Authorization: Bearer YOUR_KEY.")


def wrong_key() -> OpenAIError:
    """Refuse a key that is unknown or revoked; the key is not repeated."""
    return OpenAIError(401, "Incorrect API key provided.", code="invalid_api_key")


def no_model(name: str) -> OpenAIError:
    """Say that there is no such model."""
    message = f"The model `{name}` does not exist or you do not have access to it."
    return OpenAIError(404, message, code="model_not_found")


def unsupported(param: str, instead: str = "") -> OpenAIError:
    """Refuse a parameter that this model does not take."""
    said = f"Unsupported parameter: '{param}' is not supported with this model."
    return OpenAIError(400, f"{said} {instead}".strip(), param=param, code="unsupported_parameter")


def invalid(param: str, message: str) -> OpenAIError:
    """Refuse the value of a parameter."""
    return OpenAIError(400, message, param=param, code="invalid_value")


def too_long(tokens: int, most: int) -> OpenAIError:
    """Refuse more than the model can read."""
    message = f"This model's maximum context length is {most} tokens. However, your messages are {tokens} tokens long."
    return OpenAIError(400, message, param="messages", code="context_length_exceeded")


def fault(kind: str, params: Mapping[str, Any]) -> OpenAIError:
    """Return the refusal for a kind of fault that a person or a test asked for."""
    wait = {"Retry-After": str(params["retry_after"])} if params.get("retry_after") else {}
    if kind == "throttle" and params.get("policy") == "QUOTA":
        message = "You exceeded your current quota, please check your plan and billing details."
        return OpenAIError(429, message, kind="insufficient_quota", code="insufficient_quota")
    if kind == "throttle":
        message = "Rate limit reached for sandbox-reviewer on requests per min (RPM)."
        return OpenAIError(429, message, kind="requests", code="rate_limit_exceeded", headers=wait)
    if kind == "missing_scopes":
        message = "You have insufficient permissions for this operation."
        return OpenAIError(403, message, code="insufficient_permissions")
    message = "The server had an error while processing your request."
    return OpenAIError(int(params.get("status", 503)), message, kind="server_error", headers=wait)
