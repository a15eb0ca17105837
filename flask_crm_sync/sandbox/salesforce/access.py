"""Sessions and refresh tokens, and the apps that hold them; look-ups are answered from memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from secrets import token_hex, token_urlsafe
from urllib.parse import urlsplit

from ..clock import Clock
from ..guard import is_loopback
from .dialect import Dialect
from .orgs import DEFAULT_ORG, Org
from .store import Store

DEFAULT_CLIENT_ID = "sandbox-client-id"
DEFAULT_CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105 - of no use outside this sandbox
ALL_SCOPES = ("api", "id", "refresh_token")
LIVE_CONSENTS = 5
"""How many authorisations of one app a user has; one more silently ends the oldest."""


@dataclass(frozen=True)
class App:
    """A registered app in its home org. Without redirect addresses it may send people to any loopback address."""

    client_id: str
    client_secret: str
    name: str
    org_id: str
    redirect_uris: tuple[str, ...]

    def may_redirect_to(self, uri: str) -> bool:
        """Say whether people may be sent there with a code."""
        return uri in self.redirect_uris if self.redirect_uris else is_loopback(urlsplit(uri).hostname or "")


@dataclass(frozen=True)
class Token:
    """A session (``use`` access) or a refresh token. ``consent`` ties together what came of one authorisation."""

    token: str
    org_id: str
    use: str
    scopes: frozenset[str]
    client_id: str
    consent: str
    issued_ms: int
    expires_ms: int | None
    revoked: bool

    def is_live(self, now_ms: int) -> bool:
        """Say whether it still opens anything."""
        return not self.revoked and (self.expires_ms is None or now_ms < self.expires_ms)


class Access:
    """Look up, add and withdraw apps and tokens."""

    def __init__(self, store: Store, clock: Clock, dialect: Dialect) -> None:
        self._store, self._clock, self._dialect = store, clock, dialect
        self._apps = {row["client_id"]: _app(row) for row in store.db.execute("SELECT * FROM app")}
        self._tokens = {row["token"]: _token(row) for row in store.db.execute("SELECT * FROM token ORDER BY rowid")}
        if DEFAULT_CLIENT_ID not in self._apps:
            self.add_app(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_ORG, name="Sandbox app")

    def app(self, client_id: str) -> App | None:
        """Return an app, or None."""
        return self._apps.get(client_id)

    def add_app(
        self, client_id: str, client_secret: str, org_id: str, *, name: str = "", redirect_uris: Iterable[str] = ()
    ) -> App:
        """Register an app, or change it."""
        app = App(client_id, client_secret, name or client_id, org_id, tuple(redirect_uris))
        row = (client_id, client_secret, app.name, org_id, json.dumps(app.redirect_uris))
        with self._store.writing() as db:
            db.execute("INSERT OR REPLACE INTO app VALUES (?, ?, ?, ?, ?)", row)
        self._apps[client_id] = app
        return app

    def token(self, text: str) -> Token | None:
        """Return a token, whatever its state, or None."""
        return self._tokens.get(text)

    def add_session(
        self, org: Org, scopes: Iterable[str], client_id: str, consent: str = "", *, token: str | None = None
    ) -> Token:
        """Open a session that lives as long as the org's policy says; one of a text of our choice for ever."""
        now = self._clock.now_ms()
        ends = None if token else now + self._dialect.session_minutes * 60_000
        text = token or f"{org.org_id[:15]}!AQ{token_urlsafe(66)}"
        return self._keep(
            Token(text, org.org_id, "access", frozenset(scopes), client_id, consent or text, now, ends, False)
        )

    def add_refresh_token(self, org: Org, scopes: Iterable[str], client_id: str, consent: str) -> Token:
        """Make a refresh token for an authorisation; the oldest authorisation beyond five ends."""
        text = f"5Aep861{token_urlsafe(60)}"
        now = self._clock.now_ms()
        made = self._keep(Token(text, org.org_id, "refresh", frozenset(scopes), client_id, consent, now, None, False))
        live = list(dict.fromkeys(each.consent for each in self._live_refresh_tokens(org.org_id, client_id)))
        for consent_gone in live[:-LIVE_CONSENTS]:
            self.revoke_consent(consent_gone)
        return made

    def revoke(self, text: str) -> None:
        """Make one token worthless."""
        if text in self._tokens:
            self._keep(replace(self._tokens[text], revoked=True))

    def expire(self, text: str) -> None:
        """Let a token end now."""
        if text in self._tokens:
            self._keep(replace(self._tokens[text], expires_ms=self._clock.now_ms()))

    def revoke_consent(self, consent: str) -> None:
        """Make all tokens of one authorisation worthless."""
        for token in [each for each in list(self._tokens.values()) if each.consent == consent]:
            self.revoke(token.token)

    def expire_sessions(self, org_id: str) -> int:
        """Let all sessions of an org end now; say how many there were."""
        sessions = [
            each
            for each in list(self._tokens.values())
            if each.org_id == org_id and each.use == "access" and each.is_live(self._clock.now_ms())
        ]
        for token in sessions:
            self.expire(token.token)
        return len(sessions)

    def _live_refresh_tokens(self, org_id: str, client_id: str) -> list[Token]:
        return [
            each
            for each in list(self._tokens.values())
            if each.use == "refresh" and not each.revoked and (each.org_id, each.client_id) == (org_id, client_id)
        ]

    def _keep(self, token: Token) -> Token:
        row = (
            token.token,
            token.org_id,
            token.use,
            json.dumps(sorted(token.scopes)),
            token.client_id,
            token.consent,
            token.issued_ms,
            token.expires_ms,
            token.revoked,
        )
        with self._store.writing() as db:
            db.execute("INSERT OR REPLACE INTO token VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        self._tokens[token.token] = token
        return token


def new_consent() -> str:
    """Return a name for one authorisation."""
    return token_hex(8)


def _app(row: sqlite3.Row) -> App:
    return App(
        row["client_id"], row["client_secret"], row["name"], row["org_id"], tuple(json.loads(row["redirect_uris"]))
    )


def _token(row: sqlite3.Row) -> Token:
    return Token(
        row["token"],
        row["org_id"],
        row["use"],
        frozenset(json.loads(row["scopes"])),
        row["client_id"],
        row["consent"],
        row["issued_ms"],
        row["expires_ms"],
        bool(row["revoked"]),
    )
