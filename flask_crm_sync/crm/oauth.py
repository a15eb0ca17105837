"""How a CRM hands out tokens, as data: each adapter fills it in, `credentials/` carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Grant = Literal["", "authorization_code", "client_credentials"]
"""How a way to connect comes to a token; empty where what was typed is the token."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One OAuth 2 grant at one CRM. Addresses are whole and https, and their hosts checked.

    `client_id` and `client_secret` are the operator's app's, or what the person typed in for a grant of its own.
    `refresh_scope` is sent with a refresh, empty for vendors that want none.
    """

    grant: Grant
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    authorize_url: str = ""
    scope: str = ""
    refresh_scope: str = ""
    pkce: bool = True
    authorize_extra: Mapping[str, str] = field(default_factory=dict)
    ahead_seconds: float = 300.0
    """How long before its end a token is renewed; where its end is not told it is renewed when it is refused."""
