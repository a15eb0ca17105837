"""Apps of a tenant, and the tokens that open environments."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from ..clock import Clock
from ..guard import is_loopback
from .environments import DEFAULT_TENANT, Environment
from .store import Store

DEFAULT_CLIENT_ID = "11111111-2222-4333-8444-555555555555"
DEFAULT_CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105 - of no use outside this sandbox
DEFAULT_TOKEN = "dv-sandbox-token"  # noqa: S105 - opens nothing but this sandbox
ACCESS_SECONDS = 3599
REFRESH_SECONDS = 90 * 86_400
STATIC_SECONDS = 10 * 365 * 86_400


@dataclass(frozen=True)
class App:
    """A registered app. Without redirect addresses of its own it may send people to any loopback address."""

    client_id: str
    client_secret: str
    tenant: str
    name: str
    redirect_uris: tuple[str, ...]
    disabled: bool

    def may_redirect_to(self, uri: str) -> bool:
        """Say whether people may be sent there with a code."""
        return uri in self.redirect_uris if self.redirect_uris else is_loopback(urlsplit(uri).hostname or "")


@dataclass(frozen=True)
class Token:
    """An access or refresh token for one environment: of an app by itself, or of a person who let it in."""

    token: str
    use: str
    tenant: str
    client_id: str
    environment: str
    is_app: bool
    scope: str
    expires_ms: int
    revoked: bool


class Access:
    """Look up, hand out and withdraw; tokens are answered from memory."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._tokens = {row["token"]: _token(row) for row in store.db.execute("SELECT * FROM token")}
        if self.app(DEFAULT_CLIENT_ID) is None:
            self.add_app(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, name="Sandbox app")

    def app(self, client_id: str) -> App | None:
        """Return an app, or None."""
        with self._store.reading() as db:
            row = db.execute("SELECT * FROM app WHERE client_id = ?", (client_id.lower(),)).fetchone()
        if row is None:
            return None
        uris = tuple(json.loads(row["redirect_uris"]))
        return App(row["client_id"], row["client_secret"], row["tenant"], row["name"], uris, bool(row["disabled"]))

    def add_app(
        self,
        client_id: str,
        client_secret: str,
        *,
        tenant: str = DEFAULT_TENANT,
        name: str = "",
        redirect_uris: Iterable[str] = (),
        disabled: bool = False,
    ) -> App:
        """Register an app, or change it."""
        app = App(client_id.lower(), client_secret, tenant, name or client_id, tuple(redirect_uris), disabled)
        row = (app.client_id, client_secret, tenant, app.name, json.dumps(app.redirect_uris), disabled)
        with self._store.writing() as db:
            db.execute("INSERT OR REPLACE INTO app VALUES (?, ?, ?, ?, ?, ?)", row)
        return app

    def token(self, text: str) -> Token | None:
        """Return a token, whatever its state, or None."""
        return self._tokens.get(text)

    def add_access(
        self, environment: Environment, client_id: str, scope: str, *, is_app: bool, text: str | None = None
    ) -> Token:
        """Hand out an access token; one whose text is chosen here does not run out."""
        claims = {
            "aud": environment.url,
            "tid": environment.tenant,
            "appid": client_id,
            "oid": environment.application_user_id if is_app else environment.person_id,
            "uti": token_urlsafe(16),
        }
        expires = self._clock.now_ms() + (STATIC_SECONDS if text else ACCESS_SECONDS) * 1000
        token = text or signed({**claims, "exp": expires // 1000})
        return self._keep(
            Token(token, "access", environment.tenant, client_id, environment.name, is_app, scope, expires, False)
        )

    def add_refresh(self, environment: Environment, client_id: str, scope: str) -> Token:
        """Hand out a refresh token."""
        expires = self._clock.now_ms() + REFRESH_SECONDS * 1000
        text = f"0.A{token_urlsafe(120)}"
        return self._keep(
            Token(text, "refresh", environment.tenant, client_id, environment.name, False, scope, expires, False)
        )

    def revoke(self, text: str) -> None:
        """Make a token worthless."""
        if text in self._tokens:
            self._keep(replace(self._tokens[text], revoked=True))

    def expire(self, text: str) -> None:
        """Let a token end a second ago."""
        if text in self._tokens:
            self._keep(replace(self._tokens[text], expires_ms=self._clock.now_ms() - 1000))

    def _keep(self, token: Token) -> Token:
        row = (
            token.token,
            token.use,
            token.tenant,
            token.client_id,
            token.environment,
            token.is_app,
            token.scope,
            token.expires_ms,
            token.revoked,
        )
        with self._store.writing() as db:
            db.execute("INSERT OR REPLACE INTO token VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        self._tokens[token.token] = token
        return token


def signed(claims: Mapping[str, Any]) -> str:
    """Return claims in the form of a JSON web token, with a signature that proves nothing."""
    header = {"typ": "JWT", "alg": "RS256", "kid": "sandbox"}
    return ".".join([*(coded(json.dumps(part).encode()) for part in (header, claims)), coded(uuid4().bytes * 4)])


def coded(raw: bytes) -> str:
    """Return bytes in base64 as addresses and tokens have it."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _token(row: sqlite3.Row) -> Token:
    return Token(**{**dict(row), "is_app": bool(row["is_app"]), "revoked": bool(row["revoked"])})
