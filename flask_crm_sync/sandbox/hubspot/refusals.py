"""HubSpot's words for the faults that a person or a test asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .access import Portal
from .errors import HubSpotError, locked, missing_scopes, moving, rate_limited, server_error
from .gate import Office

POLICIES = ("TEN_SECONDLY_ROLLING", "SECONDLY", "DAILY")
_USUAL_SCOPE = "crm.objects.contacts.write"


def refusal(office: Office, kind: str, params: Mapping[str, Any], portal: Portal | None) -> HubSpotError:
    """Return the refusal for a kind of fault."""
    if kind == "throttle":
        return _throttled(office, params["policy"] or POLICIES[0], params["retry_after"], portal)
    if kind == "locked":
        return locked()
    if kind == "moving":
        return moving(params["retry_after"])
    if kind == "missing_scopes":
        return missing_scopes([params["scope"] or _USUAL_SCOPE])
    return server_error(params["status"])


def _throttled(office: Office, policy: str, retry_after: int, portal: Portal | None) -> HubSpotError:
    """Answer 429 as if the limit were really reached; search answers have no limit headers."""
    headers = office.limits.spent(portal) if portal is not None and policy != "SECONDLY" else {}
    if retry_after:
        headers = {**headers, "Retry-After": str(retry_after)}
    portal_id = portal.portal_id if portal is not None else None
    return rate_limited(policy, word=office.dialect.rate_limit_word, portal_id=portal_id, headers=headers)
