"""AutoChat's words for the faults that a person or a test asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .access import WRITE_CLIENTS, Workspace
from .errors import AutoChatError, conflict, missing_scope, server_error, too_many
from .gate import Office

POLICIES = ("MINUTE",)


def refusal(office: Office, kind: str, params: Mapping[str, Any], workspace: Workspace | None) -> AutoChatError:
    """Return the refusal for a kind of fault."""
    if kind == "throttle":
        return too_many({**_spent(office, workspace), **_wait(params)})
    if kind == "locked":
        return conflict("The client is being changed by somebody else")
    if kind == "missing_scopes":
        return missing_scope(params["scope"] or WRITE_CLIENTS)
    if kind == "moving":
        return server_error(503, _wait(params))
    return server_error(params["status"])


def _spent(office: Office, workspace: Workspace | None) -> dict[str, str]:
    return office.limits.spent(workspace).headers if workspace is not None else {}


def _wait(params: Mapping[str, Any]) -> dict[str, str]:
    return {"Retry-After": str(params["retry_after"])} if params["retry_after"] else {}
