"""Entra ID's rules: tenants, scopes that name an environment, codes with PKCE, and what the token endpoint gives."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..clock import Clock
from .aadsts import SignInRefusal
from .access import ACCESS_SECONDS, Access, App, Token, coded, signed
from .dialect import Dialect
from .environments import DEFAULT_TENANT, Environment, Environments
from .store import Store

CODE_SECONDS = 600
ANY_TENANT = ("organizations", "common")
DOMAINS = {"sandbox.onmicrosoft.com": DEFAULT_TENANT, "example.com": DEFAULT_TENANT}
"""Verified domains stand for their tenant's id."""
PLAIN_SCOPES = {"openid", "profile", "email", "offline_access"}
PERMISSIONS = ("user_impersonation", ".default")

Form = Mapping[str, str]


@dataclass(frozen=True)
class Asked:
    """What a scope asks for: one environment, with a permission in it, and more beside it."""

    environment: Environment
    resource: str
    permission: str
    plain: frozenset[str]

    @property
    def scope(self) -> str:
        """What a token answer says was granted."""
        named = "user_impersonation" if self.permission == ".default" else self.permission
        return f"{self.resource}/{named} {self.resource}/.default"


class Entra:
    """Everything the sign-in routes decide. All refusals are SignInRefusals."""

    def __init__(
        self, store: Store, clock: Clock, dialect: Dialect, access: Access, environments: Environments
    ) -> None:
        self._store, self._clock, self._dialect = store, clock, dialect
        self._access, self._environments = access, environments

    def tenant(self, name: str) -> str:
        """Return the tenant that a path names, or one of ANY_TENANT."""
        lowered = name.lower()
        if lowered in ANY_TENANT:
            return lowered
        found = DOMAINS.get(lowered, lowered)
        if found not in self._environments.tenants():
            raise SignInRefusal(90002, f"Tenant '{name[:80]}'.")
        return found

    def app(self, client_id: str, tenant: str) -> App:
        """Return an app as a tenant knows it."""
        app = self._access.app(client_id) if client_id else None
        if app is None or tenant not in (app.tenant, *ANY_TENANT):
            raise SignInRefusal(700016)
        if app.disabled:
            raise SignInRefusal(7000112)
        return app

    def asked(self, scope: str, origin: str) -> Asked:
        """Return what a scope asks for. ``origin`` is the sandbox's own, which means the default environment."""
        words = scope.split()
        named = [word for word in words if word not in PLAIN_SCOPES]
        if len(named) != 1 or not named[0].startswith("https://"):
            raise SignInRefusal(70011, f"The scope '{scope[:200]}' is not valid.")
        resource, _, permission = named[0].rpartition("/")
        if permission not in PERMISSIONS:
            raise SignInRefusal(70011, f"The scope '{scope[:200]}' is not valid.")
        resource = resource.rstrip("/")
        environment = self._environments.at(resource, origin)
        if environment is None:
            raise SignInRefusal(500011, f"The resource principal named {resource[:200]} was not found.")
        return Asked(environment, resource, permission, frozenset(words) & PLAIN_SCOPES)

    def make_code(self, app: App, tenant: str, form: Form, origin: str) -> str:
        """Return a code that can be traded in once, within ten minutes, by this app."""
        self.asked(form.get("scope", ""), origin)
        code, expires = f"1.A{secrets.token_urlsafe(80)}", self._clock.now_ms() + CODE_SECONDS * 1000
        challenge = form.get("code_challenge") or None
        method = form.get("code_challenge_method") or "plain"
        row = (code, app.client_id, tenant, form["redirect_uri"], form["scope"], form.get("nonce"), challenge, method)
        with self._store.writing() as db:
            db.execute("INSERT INTO code VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)", (*row, expires))
        return code

    def token(self, tenant_name: str, form: Form, origin: str) -> dict[str, Any]:
        """Trade a code, a refresh token or the app's own credentials for tokens."""
        tenant = self.tenant(tenant_name)
        if self._dialect.entra_error:
            raise SignInRefusal(self._dialect.entra_error)
        grant = form.get("grant_type")
        if not grant:
            raise SignInRefusal(900144, "'grant_type'.")
        work = self._grants.get(grant)
        if work is None:
            raise SignInRefusal(70003, f"'{grant[:80]}'.")
        app = self._authenticated(tenant, form)
        return work(self, app, tenant, form, origin)

    def _authenticated(self, tenant: str, form: Form) -> App:
        app = self.app(form.get("client_id", ""), tenant)
        secret = form.get("client_secret")
        if not secret:
            raise SignInRefusal(7000218)
        if not secrets.compare_digest(secret.encode(), app.client_secret.encode()):
            raise SignInRefusal(7000215, f"For app '{app.client_id}'.")
        if self._dialect.secret_expired:
            raise SignInRefusal(7000222)
        return app

    def _by_itself(self, app: App, tenant: str, form: Form, origin: str) -> dict[str, Any]:
        """Give an app a token of its own; never a refresh token."""
        if tenant in ANY_TENANT:
            raise SignInRefusal(50059)
        asked = self.asked(form.get("scope", ""), origin)
        if asked.permission != ".default":
            raise SignInRefusal(70011, "The scope of client credentials ends in /.default.")
        self._check_tenant(asked.environment, tenant)
        token = self._access.add_access(asked.environment, app.client_id, form["scope"], is_app=True)
        seconds = {"expires_in": ACCESS_SECONDS, "ext_expires_in": ACCESS_SECONDS}
        return {"token_type": "Bearer", **seconds, "access_token": token.token}

    def _by_code(self, app: App, tenant: str, form: Form, origin: str) -> dict[str, Any]:
        code = form.get("code", "")
        with self._store.writing() as db:
            row = db.execute("SELECT * FROM code WHERE code = ?", (code,)).fetchone()
            db.execute("UPDATE code SET spent = 1 WHERE code = ?", (code,))
        if row is None or row["client_id"] != app.client_id or tenant not in (row["tenant"], *ANY_TENANT):
            raise SignInRefusal(70000)
        if row["spent"]:
            raise SignInRefusal(54005)
        if row["expires_ms"] <= self._clock.now_ms():
            raise SignInRefusal(70008)
        if row["redirect_uri"] != form.get("redirect_uri"):
            raise SignInRefusal(50011)
        if row["challenge"] and not _verifies(form.get("code_verifier", ""), row["challenge"], row["method"]):
            raise SignInRefusal(501481)
        asked = self.asked(form.get("scope") or row["scope"], origin)
        consented = self.asked(row["scope"], origin)
        if asked.environment != consented.environment:
            raise SignInRefusal(65001)
        return self._granted(app, asked, f"{row['scope']}", form, row["nonce"])

    def _by_refresh(self, app: App, tenant: str, form: Form, origin: str) -> dict[str, Any]:
        """Renew: the old refresh token stays valid until it runs out."""
        old = self._access.token(form.get("refresh_token", ""))
        if old is None or old.use != "refresh" or old.client_id != app.client_id:
            raise SignInRefusal(70000)
        if tenant not in (old.tenant, *ANY_TENANT):
            raise SignInRefusal(700016)
        if old.revoked:
            raise SignInRefusal(50173)
        if old.expires_ms <= self._clock.now_ms():
            raise SignInRefusal(700082)
        asked = self.asked(form.get("scope") or old.scope, origin)
        if asked.environment.name != old.environment:
            raise SignInRefusal(65001)
        return self._granted(app, asked, old.scope, form, None, old)

    def _granted(
        self, app: App, asked: Asked, consented: str, form: Form, nonce: str | None, old: Token | None = None
    ) -> dict[str, Any]:
        access = self._access.add_access(asked.environment, app.client_id, asked.scope, is_app=False)
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "scope": asked.scope,
            "expires_in": ACCESS_SECONDS,
            "ext_expires_in": ACCESS_SECONDS,
            "access_token": access.token,
        }
        if "offline_access" in consented.split():
            keeps = old is not None and not self._dialect.rotate_refresh_tokens
            fresh = old if keeps else self._access.add_refresh(asked.environment, app.client_id, consented)
            answer["refresh_token"] = fresh.token if fresh else ""
        if "openid" in consented.split():
            answer["id_token"] = self._id_token(app, asked.environment, nonce)
        if form.get("client_info") == "1":
            uid, utid = asked.environment.person_id, asked.environment.tenant
            answer["client_info"] = coded(f'{{"uid":"{uid}","utid":"{utid}"}}'.encode())
        return answer

    def _id_token(self, app: App, environment: Environment, nonce: str | None) -> str:
        now = int(self._clock.now())
        claims: dict[str, Any] = {
            "aud": app.client_id,
            "iss": f"https://login.microsoftonline.com/{environment.tenant}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + ACCESS_SECONDS,
            "name": "Sandbox Admin",
            "oid": environment.person_id,
            "preferred_username": "admin@example.com",
            "sub": coded(environment.person_id.encode()),
            "tid": environment.tenant,
            "ver": "2.0",
        }
        return signed(claims if nonce is None else {**claims, "nonce": nonce})

    @staticmethod
    def _check_tenant(environment: Environment, tenant: str) -> None:
        if environment.tenant != tenant:
            raise SignInRefusal(500011, f"{environment.url} is not in this tenant.")

    _grants: Mapping[str, Callable[[Entra, App, str, Form, str], dict[str, Any]]] = {
        "client_credentials": _by_itself,
        "authorization_code": _by_code,
        "refresh_token": _by_refresh,
    }


def _verifies(verifier: str, challenge: str, method: str) -> bool:
    """Check a PKCE verifier (RFC 7636)."""
    if method == "S256":
        verifier = coded(hashlib.sha256(verifier.encode()).digest())
    return secrets.compare_digest(verifier.encode(), challenge.encode())
