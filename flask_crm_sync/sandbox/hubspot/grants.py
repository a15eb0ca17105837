"""OAuth's rules: apps, codes with PKCE, and what a token endpoint hands out or refuses."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..clock import Clock
from ..guard import is_loopback
from .access import ACCESS_SECONDS, OAUTH, Access, Token
from .dialect import Dialect
from .store import Store

DEFAULT_CLIENT_ID = "sandbox-client-id"
DEFAULT_CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105 - of no use outside this sandbox
CODE_SECONDS = 300


@dataclass(frozen=True)
class App:
    """A registered app. Without redirect addresses of its own it may send people to any loopback address."""

    client_id: str
    client_secret: str
    app_id: int
    name: str
    redirect_uris: tuple[str, ...]

    def may_redirect_to(self, uri: str) -> bool:
        """Say whether people may be sent there with a code."""
        return uri in self.redirect_uris if self.redirect_uris else is_loopback(urlsplit(uri).hostname or "")


class OAuthRefusal(Exception):
    """A refusal in the form of RFC 6749, with HubSpot's own members beside it."""

    def __init__(self, error: str, status_word: str, description: str) -> None:
        super().__init__(description)
        self.body = {"error": error, "error_description": description, "status": status_word, "message": description}


class Grants:
    """Everything the OAuth routes decide."""

    def __init__(self, store: Store, clock: Clock, dialect: Dialect, access: Access) -> None:
        self._store, self._clock, self._dialect, self._access = store, clock, dialect, access
        if self.app(DEFAULT_CLIENT_ID) is None:
            self.add_app(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, name="Sandbox app")

    def app(self, client_id: str) -> App | None:
        """Return an app, or None."""
        with self._store.reading() as db:
            row = db.execute("SELECT * FROM app WHERE client_id = ?", (client_id,)).fetchone()
        if row is None:
            return None
        return App(
            row["client_id"], row["client_secret"], row["app_id"], row["name"], tuple(json.loads(row["redirect_uris"]))
        )

    def add_app(self, client_id: str, client_secret: str, *, name: str = "", redirect_uris: Iterable[str] = ()) -> App:
        """Register an app, or change it."""
        app_id = 1_160_000 + int(hashlib.sha256(client_id.encode()).hexdigest()[:6], 16) % 90_000
        app = App(client_id, client_secret, app_id, name or client_id, tuple(redirect_uris))
        row = (client_id, client_secret, app_id, app.name, json.dumps(app.redirect_uris))
        with self._store.writing() as db:
            db.execute("INSERT OR REPLACE INTO app VALUES (?, ?, ?, ?, ?)", row)
        return app

    def make_code(
        self,
        app: App,
        portal_id: int,
        redirect_uri: str,
        scopes: Iterable[str],
        challenge: str | None,
        method: str | None,
    ) -> str:
        """Return a code that can be traded in once, soon, by this app."""
        code, expires = secrets.token_urlsafe(24), self._clock.now_ms() + CODE_SECONDS * 1000
        row = (
            code,
            app.client_id,
            portal_id,
            redirect_uri,
            json.dumps(sorted({OAUTH, *scopes})),
            challenge,
            method,
            expires,
        )
        with self._store.writing() as db:
            db.execute("INSERT INTO code VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        return code

    def token(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer the token endpoint. Raises OAuthRefusal."""
        app = self._authenticated(form)
        grant_type = form.get("grant_type")
        if grant_type == "authorization_code":
            return self._trade_code(app, form)
        if grant_type == "refresh_token":
            return self._refresh(app, form.get("refresh_token", ""))
        raise OAuthRefusal("unsupported_grant_type", "BAD_GRANT_TYPE", f"grant type {grant_type} is not supported")

    def introspect(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Describe a token to the app that holds it. Raises OAuthRefusal."""
        app = self._authenticated(form)
        text = form.get("token") or form.get("access_token") or form.get("refresh_token") or ""
        token = self._access.token(text)
        if token is None or token.client_id != app.client_id:
            raise OAuthRefusal("invalid_request", "BAD_TOKEN", "token is invalid, expired or revoked")
        return self.described(token, app)

    def revoke(self, form: Mapping[str, str]) -> None:
        """Withdraw a refresh token; access tokens made from it live on. Raises OAuthRefusal."""
        app = self._authenticated(form)
        token = self._access.token(form.get("token", ""))
        if token is not None and token.client_id == app.client_id:
            self._access.revoke(token.token)

    def described(self, token: Token, app: App) -> dict[str, Any]:
        """Return what introspection says of a token."""
        portal = self._access.portal(token.portal_id)
        left = max(0, ((token.expires_ms or 0) - self._clock.now_ms()) // 1000)
        ended = token.revoked or (token.expires_ms is not None and left == 0)
        shown: dict[str, Any] = {
            "token": token.token,
            "active": not ended,
            "token_type": "Bearer",
            "token_use": f"{token.use}_token",
            "hub_id": token.portal_id,
            "user_id": 1,
            "client_id": app.client_id,
            "app_id": app.app_id,
            "user": "admin@example.com",
            "hub_domain": f"{portal.name if portal else token.portal_id}.example.com",
            "scopes": sorted(token.scopes),
        }
        if token.use == "access":
            shown |= {"expires_in": left, "is_private_distribution": True, "signed_access_token": _signed(token, app)}
        return shown

    def _authenticated(self, form: Mapping[str, str]) -> App:
        """Return the app whose id and secret are in the form; Basic authentication is not taken."""
        app = self.app(form.get("client_id", ""))
        if app is None:
            raise OAuthRefusal("invalid_client", "BAD_CLIENT_ID", "missing or unknown client id")
        if not secrets.compare_digest(app.client_secret.encode(), form.get("client_secret", "").encode()):
            raise OAuthRefusal("invalid_client", "BAD_CLIENT_SECRET", "missing or wrong client secret")
        return app

    def _trade_code(self, app: App, form: Mapping[str, str]) -> dict[str, Any]:
        with self._store.writing() as db:
            row = db.execute("SELECT * FROM code WHERE code = ?", (form.get("code", ""),)).fetchone()
            db.execute("DELETE FROM code WHERE code = ?", (form.get("code", ""),))
        if row is None or row["client_id"] != app.client_id or row["expires_ms"] <= self._clock.now_ms():
            raise OAuthRefusal("invalid_grant", "BAD_AUTH_CODE", "missing or unknown auth code")
        if row["redirect_uri"] != form.get("redirect_uri"):
            raise OAuthRefusal("invalid_grant", "MISMATCH_REDIRECT_URI_AUTH_CODE", "redirect uri does not match")
        if row["challenge"] and not _verifies(form.get("code_verifier", ""), row["challenge"], row["method"]):
            raise OAuthRefusal("invalid_grant", "BAD_AUTH_CODE", "code verifier does not match")
        return self._granted(app, row["portal_id"], json.loads(row["scopes"]), None)

    def _refresh(self, app: App, text: str) -> dict[str, Any]:
        token = self._access.token(text)
        if token is None or token.use != "refresh" or token.revoked or token.client_id != app.client_id:
            raise OAuthRefusal("invalid_grant", "BAD_REFRESH_TOKEN", "refresh token is invalid, expired or revoked")
        if not self._dialect.rotate_refresh_tokens:
            return self._granted(app, token.portal_id, token.scopes, text)
        self._access.revoke(text)
        return self._granted(app, token.portal_id, token.scopes, None)

    def _granted(self, app: App, portal_id: int, scopes: Iterable[str], refresh: str | None) -> dict[str, Any]:
        access, refresh = self._access.grant(portal_id, scopes, app.client_id, self._clock.now_ms(), refresh)
        return {
            "token_type": "bearer",
            "access_token": access.token,
            "refresh_token": refresh,
            "expires_in": ACCESS_SECONDS,
            "hub_id": portal_id,
            "scopes": sorted(access.scopes),
        }


def _verifies(verifier: str, challenge: str, method: str | None) -> bool:
    """Check a PKCE verifier (RFC 7636)."""
    if method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return secrets.compare_digest(verifier.encode(), challenge.encode())


def _signed(token: Token, app: App) -> dict[str, Any]:
    """Return the member that only HubSpot's own parts read; ours holds no signature worth the name."""
    return {
        "appId": app.app_id,
        "expiresAt": token.expires_ms or 0,
        "hubId": token.portal_id,
        "hublet": "na1",
        "installingUserId": 1,
        "isPrivateDistribution": True,
        "isServiceAccount": False,
        "isUserLevel": False,
        "newSignature": "",
        "signature": "",
        "scopes": "",
        "scopeToScopeGroupPks": "",
        "trialScopes": "",
        "trialScopeToScopeGroupPks": "",
        "userId": 1,
    }
