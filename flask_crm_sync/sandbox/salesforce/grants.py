"""OAuth's rules: codes with PKCE, refresh tokens that may rotate, client credentials, and what ends them."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from ..clock import Clock
from .access import ALL_SCOPES, Access, App, Token, new_consent
from .dialect import Dialect
from .orgs import Org, Orgs
from .store import Store

CODE_SECONDS = 900
LOGIN = "https://login.salesforce.com"


class OAuthRefusal(Exception):
    """A refusal in the form of RFC 6749; Salesforce answers all of them with 400."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.body = {"error": error, "error_description": description}


class Grants:
    """Everything the OAuth routes decide. An ``origin`` is the sandbox's own, for answers that name it."""

    def __init__(self, store: Store, clock: Clock, dialect: Dialect, orgs: Orgs, access: Access) -> None:
        self._store, self._clock, self._dialect, self._orgs, self._access = store, clock, dialect, orgs, access

    def make_code(self, app: App, org: Org, redirect_uri: str, scopes: Iterable[str], challenge: str | None) -> str:
        """Return a code that can be traded in once, soon, by this app."""
        code, expires = f"aPrx{secrets.token_urlsafe(48)}", self._clock.now_ms() + CODE_SECONDS * 1000
        row = (code, app.client_id, org.org_id, redirect_uri, json.dumps(list(scopes)), challenge, expires)
        with self._store.writing() as db:
            db.execute("INSERT INTO code VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return code

    def token(self, form: Mapping[str, str], origin: str) -> dict[str, Any]:
        """Answer the token endpoint. Raises OAuthRefusal."""
        works = {
            "authorization_code": self._trade_code,
            "refresh_token": self._refresh,
            "client_credentials": self._client_credentials,
        }
        work = works.get(form.get("grant_type", ""))
        if work is None:
            raise OAuthRefusal("unsupported_grant_type", "grant type not supported")
        if work == self._client_credentials and self._dialect.plays_login_host:
            raise OAuthRefusal("invalid_grant", "request not supported on this domain")
        return work(self._authenticated(form), form, origin)

    def introspect(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Describe a token to an app. Raises OAuthRefusal."""
        app = self._authenticated(form)
        token = self._access.token(form.get("token", ""))
        org = self._orgs.get(token.org_id) if token else None
        if token is None or org is None or token.client_id != app.client_id or not self._is_live(token):
            return {"active": False}
        shown: dict[str, Any] = {
            "active": True,
            "scope": " ".join(sorted(token.scopes)),
            "client_id": app.client_id,
            "username": f"integration@{org.org_id[:15].lower()}.example.com",
            "sub": self.identity(org, LOGIN),
            "token_type": f"{token.use}_token",
            "iat": token.issued_ms // 1000,
            "nbf": token.issued_ms // 1000,
        }
        return shown if token.expires_ms is None else {**shown, "exp": token.expires_ms // 1000}

    def revoke(self, text: str) -> None:
        """Withdraw a token; a refresh token takes its sessions with it. Raises OAuthRefusal for one that is gone."""
        token = self._access.token(text)
        if token is None:
            raise OAuthRefusal("unsupported_token_type", "this token type is not supported")
        if not self._is_live(token):
            raise OAuthRefusal("invalid_token", "invalid token")
        if token.use == "refresh":
            self._access.revoke_consent(token.consent)
        else:
            self._access.revoke(text)

    @staticmethod
    def identity(org: Org, origin: str) -> str:
        """Return the address that tells org and user."""
        return f"{origin}/id/{org.org_id}/{org.user_id}"

    def _is_live(self, token: Token) -> bool:
        return token.is_live(self._clock.now_ms())

    def _authenticated(self, form: Mapping[str, str]) -> App:
        """Return the app whose id and secret came along. Raises OAuthRefusal."""
        app = self._access.app(form.get("client_id", ""))
        if app is None:
            raise OAuthRefusal("invalid_client_id", "client identifier invalid")
        if not secrets.compare_digest(app.client_secret.encode(), form.get("client_secret", "").encode()):
            raise OAuthRefusal("invalid_client", "invalid client credentials")
        return app

    def _trade_code(self, app: App, form: Mapping[str, str], origin: str) -> dict[str, Any]:
        with self._store.writing() as db:
            row = db.execute("SELECT * FROM code WHERE code = ?", (form.get("code", ""),)).fetchone()
            db.execute("DELETE FROM code WHERE code = ?", (form.get("code", ""),))
        if row is None or row["client_id"] != app.client_id:
            raise OAuthRefusal("invalid_grant", "invalid authorization code")
        if row["expires_ms"] <= self._clock.now_ms():
            raise OAuthRefusal("invalid_grant", "expired authorization code")
        if row["redirect_uri"] != form.get("redirect_uri"):
            raise OAuthRefusal("redirect_uri_mismatch", "redirect_uri must match configuration")
        _check_verifier(row["challenge"], form.get("code_verifier", ""))
        org = self._orgs.get(row["org_id"])
        if org is None:
            raise OAuthRefusal("invalid_grant", "invalid authorization code")
        scopes, consent = frozenset(json.loads(row["scopes"])), new_consent()
        answer = self._session(app, org, scopes, consent, origin)
        if scopes & {"refresh_token", "offline_access"}:
            answer["refresh_token"] = self._access.add_refresh_token(org, scopes, app.client_id, consent).token
        return answer

    def _refresh(self, app: App, form: Mapping[str, str], origin: str) -> dict[str, Any]:
        if form.get("scope") and self._dialect.scope_on_refresh == "refuse":
            raise OAuthRefusal("invalid_request", "scope parameter not supported")
        with self._store.lock:
            return self._refreshed(app, form.get("refresh_token", ""), origin)

    def _refreshed(self, app: App, text: str, origin: str) -> dict[str, Any]:
        """Open a new session, with a new refresh token where they rotate. A used one ends everything."""
        token = self._access.token(text)
        org = self._orgs.get(token.org_id) if token else None
        if token is None or org is None or token.use != "refresh" or token.client_id != app.client_id:
            raise OAuthRefusal("invalid_grant", "expired access/refresh token")
        if token.revoked:
            self._access.revoke_consent(token.consent)
            raise OAuthRefusal("invalid_grant", "expired access/refresh token")
        answer = self._session(app, org, token.scopes, token.consent, origin)
        if self._dialect.rotate_refresh_tokens:
            self._access.revoke(text)
            made = self._access.add_refresh_token(org, token.scopes, app.client_id, token.consent)
            answer["refresh_token"] = made.token
        return answer

    def _client_credentials(self, app: App, form: Mapping[str, str], origin: str) -> dict[str, Any]:
        org = self._orgs.get(app.org_id)
        if org is None or not self._dialect.client_credentials_user:
            raise OAuthRefusal("invalid_grant", "no client credentials user enabled")
        scopes = set(ALL_SCOPES) - {"refresh_token"}
        return self._session(app, org, scopes, new_consent(), origin)

    def _session(self, app: App, org: Org, scopes: Iterable[str], consent: str, origin: str) -> dict[str, Any]:
        """Open a session and return what is told of it: no lifetime, and the moment as a text."""
        token = self._access.add_session(org, scopes, app.client_id, consent)
        own = self._dialect.own_instance_url
        return {
            "access_token": token.token,
            "signature": base64.b64encode(secrets.token_bytes(32)).decode(),
            "scope": " ".join(sorted(token.scopes)),
            "instance_url": origin if own else org.instance,
            "id": self.identity(org, origin if own else LOGIN),
            "token_type": "Bearer",
            "issued_at": str(token.issued_ms),
        }


def _check_verifier(challenge: str | None, verifier: str) -> None:
    """Check a PKCE verifier (RFC 7636); a missing one and a wrong one are told apart. Raises OAuthRefusal."""
    if challenge is None:
        return
    if not verifier:
        raise OAuthRefusal("invalid_grant", "code verifier required")
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    if not secrets.compare_digest(digest, challenge.encode()):
        raise OAuthRefusal("invalid_request", "invalid code verifier")
