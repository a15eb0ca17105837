"""The words of Dataverse, and of Entra, for the faults that a person or a test asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .aadsts import SignInRefusal
from .errors import DataverseError, locked, missing_privilege, moving, server_error, throttled
from .limits import POLICIES, Limits

USUAL_PRIVILEGE = "prvWriteContact"
SIGN_IN = {"throttle": 90055, "server_error": 90033, "locked": 90024, "moving": 90033, "missing_scopes": 65001}


def dataverse_refusal(kind: str, params: Mapping[str, Any], limits: Limits, user: str) -> DataverseError:
    """Return Dataverse's refusal for a kind of fault; ``user`` is who waits longer with every throttled call."""
    if kind == "throttle":
        wait = params["retry_after"] or limits.refuse(user)
        return throttled(params["policy"] or POLICIES[0], {"Retry-After": str(wait)})
    if kind == "locked":
        return locked()
    if kind == "moving":
        return moving(params["retry_after"])
    if kind == "missing_scopes":
        privilege = params["scope"] or USUAL_PRIVILEGE
        return missing_privilege(user.rpartition(" ")[2], privilege, "contact")
    return server_error(params["status"])


def signin_refusal(kind: str, params: Mapping[str, Any]) -> tuple[int, SignInRefusal]:
    """Return Entra's refusal for a kind of fault, and its status."""
    refusal = SignInRefusal(SIGN_IN[kind])
    return int(params.get("status") or refusal.status(401)), refusal
