"""Portals, and the tokens that open them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from secrets import token_hex, token_urlsafe
from zlib import crc32

from .store import Store

READ_CONTACTS = "crm.objects.contacts.read"
WRITE_CONTACTS = "crm.objects.contacts.write"
READ_SCHEMAS = "crm.schemas.contacts.read"
WRITE_SCHEMAS = "crm.schemas.contacts.write"
OAUTH = "oauth"
ALL_SCOPES = (OAUTH, READ_CONTACTS, WRITE_CONTACTS, READ_SCHEMAS, WRITE_SCHEMAS)

DEFAULT_PORTAL = 1234567
DEFAULT_TOKEN = "pat-na1-sandbox"  # noqa: S105 - opens nothing but this sandbox
ACCESS_SECONDS = 1800


@dataclass(frozen=True)
class Portal:
    """One HubSpot account."""

    portal_id: int
    name: str
    tier: str
    time_zone: str


@dataclass(frozen=True)
class Token:
    """A key to one portal: static (``pat-...``), or the access or refresh token of an app."""

    token: str
    portal_id: int
    use: str
    scopes: frozenset[str]
    client_id: str | None
    expires_ms: int | None
    revoked: bool
    parent: str | None
    """For an access token: the refresh token it was made from."""

    @property
    def source_id(self) -> str:
        """Who wrote, as property histories name it."""
        return self.client_id or str(crc32(self.token.encode()))


class Access:
    """Look up, add and withdraw portals and tokens; look-ups are answered from memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._portals = {row["portal_id"]: Portal(**row) for row in store.db.execute("SELECT * FROM portal")}
        self._tokens = {row["token"]: _token(row) for row in store.db.execute("SELECT * FROM token")}
        if DEFAULT_PORTAL not in self._portals:
            self.restore()

    def restore(self) -> None:
        """Bring the first portal and its token back as they were at the beginning."""
        self.add_portal(DEFAULT_PORTAL, name="Sandbox portal")
        self.add_token(DEFAULT_TOKEN, DEFAULT_PORTAL)

    def portals(self) -> list[Portal]:
        """Return all portals by id."""
        return [self._portals[portal_id] for portal_id in sorted(self._portals)]

    def portal(self, portal_id: int) -> Portal | None:
        """Return a portal, or None."""
        return self._portals.get(portal_id)

    def token(self, text: str) -> Token | None:
        """Return a token, whatever its state, or None."""
        return self._tokens.get(text)

    def tokens(self, portal_id: int) -> list[Token]:
        """Return the tokens of a portal."""
        return [token for token in self._tokens.values() if token.portal_id == portal_id]

    def add_portal(
        self, portal_id: int, *, name: str = "", tier: str = "demo", time_zone: str = "US/Eastern"
    ) -> Portal:
        """Add a portal, or change its name, tier and time zone."""
        old = self._portals.get(portal_id)
        portal = Portal(portal_id, name or (old.name if old else f"Portal {portal_id}"), tier, time_zone)
        row = (portal.portal_id, portal.name, portal.tier, portal.time_zone)
        with self._store.writing() as db:
            db.execute("INSERT OR REPLACE INTO portal VALUES (?, ?, ?, ?)", row)
        self._portals[portal_id] = portal
        return portal

    def add_token(
        self,
        text: str,
        portal_id: int,
        scopes: Iterable[str] = ALL_SCOPES,
        *,
        use: str = "static",
        client_id: str | None = None,
        expires_ms: int | None = None,
        parent: str | None = None,
    ) -> Token:
        """Add a token, or replace the one of the same text."""
        return self._keep(Token(text, portal_id, use, frozenset(scopes), client_id, expires_ms, False, parent))

    def grant(
        self, portal_id: int, scopes: Iterable[str], client_id: str, now_ms: int, refresh: str | None
    ) -> tuple[Token, str]:
        """Make an access token for an app, with a new refresh token unless one is handed in."""
        if refresh is None:
            refresh = f"na1-{token_hex(4)}-{token_hex(2)}-{token_urlsafe(18)}"
            self.add_token(refresh, portal_id, scopes, use="refresh", client_id=client_id)
        access = self.add_token(
            f"CJ{token_urlsafe(180)}",
            portal_id,
            scopes,
            use="access",
            client_id=client_id,
            expires_ms=now_ms + ACCESS_SECONDS * 1000,
            parent=refresh,
        )
        return access, refresh

    def revoke(self, text: str) -> bool:
        """Make a token worthless; say whether there was one."""
        return self._change(text, revoked=True)

    def expire(self, text: str, at_ms: int) -> bool:
        """Let a token end at a moment; say whether there was one."""
        return self._change(text, expires_ms=at_ms)

    def revoke_app(self, portal_id: int, client_id: str) -> None:
        """Withdraw everything an app holds for a portal, as uninstalling it does."""
        for token in self.tokens(portal_id):
            if token.client_id == client_id:
                self.revoke(token.token)

    def _change(self, text: str, *, revoked: bool | None = None, expires_ms: int | None = None) -> bool:
        token = self._tokens.get(text)
        if token is None:
            return False
        self._keep(
            Token(
                token.token,
                token.portal_id,
                token.use,
                token.scopes,
                token.client_id,
                token.expires_ms if expires_ms is None else expires_ms,
                token.revoked if revoked is None else revoked,
                token.parent,
            )
        )
        return True

    def _keep(self, token: Token) -> Token:
        row = (
            token.token,
            token.portal_id,
            token.use,
            json.dumps(sorted(token.scopes)),
            token.client_id,
            token.expires_ms,
            token.revoked,
            token.parent,
        )
        with self._store.writing() as db:
            db.execute("INSERT OR REPLACE INTO token VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        self._tokens[token.token] = token
        return token


def _token(row: sqlite3.Row) -> Token:
    return Token(
        row["token"],
        row["portal_id"],
        row["use"],
        frozenset(json.loads(row["scopes"])),
        row["client_id"],
        row["expires_ms"],
        bool(row["revoked"]),
        row["parent"],
    )
