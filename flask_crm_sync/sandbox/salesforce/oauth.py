"""OAuth over HTTP: the consent page, the token endpoints, and who somebody is."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_plus, urlencode

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from ..guard import is_cross_site
from .access import Access, App, Token
from .errors import SalesforceError
from .gate import Answer, Office, answered, bearer, refused
from .grants import Grants, OAuthRefusal
from .orgs import Org

BASE = "/services/oauth2"
KEPT = ("response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method")
IDENTITY = frozenset({"id", "profile", "email", "openid", "full"})


def oauth_blueprint(office: Office, grants: Grants) -> Blueprint:
    """Return the OAuth routes."""
    blueprint = Blueprint("salesforce_oauth", __name__)
    _add_consent(blueprint, office, grants)
    _add_tokens(blueprint, grants)
    _add_identity(blueprint, office, grants)
    return blueprint


def _add_consent(blueprint: Blueprint, office: Office, grants: Grants) -> None:
    @blueprint.get(f"{BASE}/authorize")
    def ask() -> ResponseReturnValue:
        app, wrong = _asking(office.access, request.args)
        if app is None:
            return render_template("salesforce/consent_refused.html", wrong=wrong), 400
        mistake = _mistake(office, request.args)
        if mistake:
            return _back(request.args, {"error": mistake[0], "error_description": mistake[1]})
        return render_template(
            "salesforce/consent.html",
            app=app,
            orgs=office.orgs.all(),
            scopes=_scopes(request.args),
            kept={name: request.args[name] for name in KEPT if name in request.args},
        )

    @blueprint.post(f"{BASE}/authorize")
    def decide() -> ResponseReturnValue:
        form = request.form
        app, wrong = _asking(office.access, form)
        org = office.orgs.get(form.get("portal_id", ""))
        if app is None or org is None or is_cross_site(request) or _mistake(office, form):
            return render_template("salesforce/consent_refused.html", wrong=wrong or "Choose an org."), 400
        if form.get("decision") != "grant":
            denied = "end-user denied authorization"
            return _back(form, {"error": "access_denied", "error_description": denied})
        code = grants.make_code(app, org, form["redirect_uri"], _scopes(form), form.get("code_challenge") or None)
        return _back(form, {"code": code})


def _asking(access: Access, values: Mapping[str, str]) -> tuple[App | None, str]:
    """Return the app that asks for consent, or None and what is wrong with its question."""
    app = access.app(values.get("client_id", ""))
    if app is None:
        return None, "error=invalid_client_id: client identifier invalid"
    if not app.may_redirect_to(values.get("redirect_uri", "")):
        return None, "error=redirect_uri_mismatch: redirect_uri must match configuration"
    return app, ""


def _mistake(office: Office, values: Mapping[str, str]) -> tuple[str, str] | None:
    """Return what the app is told about a question that cannot be answered."""
    if values.get("response_type") != "code":
        return "unsupported_response_type", "response type not supported"
    challenge, method = values.get("code_challenge", ""), values.get("code_challenge_method", "S256")
    if office.dialect.require_pkce and not challenge:
        return "invalid_request", "missing required code challenge"
    if challenge and (method != "S256" or len(challenge) != 43):
        return "invalid_request", "invalid code challenge"
    return None


def _scopes(values: Mapping[str, str]) -> list[str]:
    """Return what is asked for; an app that names nothing gets all that it is set up for."""
    return list(dict.fromkeys(values.get("scope", "").split())) or ["api", "id", "refresh_token"]


def _back(asked: Mapping[str, str], values: dict[str, str]) -> ResponseReturnValue:
    """Send the person back to the app, with its ``state``."""
    if "state" in asked:
        values["state"] = asked["state"]
    target = asked["redirect_uri"]
    return redirect(target + ("&" if "?" in target else "?") + urlencode(values))


def _add_tokens(blueprint: Blueprint, grants: Grants) -> None:
    @blueprint.post(f"{BASE}/token")
    def token() -> Response:
        return _told(lambda: grants.token(_form(), _origin()))

    @blueprint.post(f"{BASE}/introspect")
    def introspect() -> Response:
        return _told(lambda: grants.introspect(_form()))

    @blueprint.route(f"{BASE}/revoke", methods=["GET", "POST"])
    def revoke() -> Response:
        return _told(lambda: grants.revoke(request.values.get("token", "")))


def _told(work: Callable[[], Any]) -> Response:
    try:
        return answered(Answer(200, work()))
    except OAuthRefusal as refusal:
        return answered(Answer(400, refusal.body))


def _form() -> dict[str, str]:
    """Return the form, with the app's id and secret from Basic authentication where they came that way."""
    form = request.form.to_dict()
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return form
        form.setdefault("client_id", unquote_plus(name))
        form.setdefault("client_secret", unquote_plus(secret))
    return form


def _origin() -> str:
    return request.host_url.rstrip("/")


def _add_identity(blueprint: Blueprint, office: Office, grants: Grants) -> None:
    def identity() -> Response:
        token = office.access.token(bearer(request))
        org = office.orgs.get(token.org_id) if token else None
        if token is None or org is None or not token.is_live(office.clock.now_ms()):
            return Response("Bad_OAuth_Token", 403, content_type="text/html;charset=UTF-8")
        if office.dialect.userinfo_needs_identity and token.scopes.isdisjoint(IDENTITY):
            return Response("Missing_OAuth_Scope", 403, content_type="text/html;charset=UTF-8")
        return answered(Answer(200, _person(office, grants, org, token)))

    @blueprint.route(f"{BASE}/userinfo", methods=["GET", "POST"])
    def userinfo() -> Response:
        return identity()

    @blueprint.get("/id/<org_id>/<user_id>")
    def by_address(org_id: str, user_id: str) -> Response:
        org = office.orgs.get(org_id)
        if org is None or org.user_id != user_id:
            return refused(SalesforceError(404, "NOT_FOUND", "Bad_Id"))
        return identity()


def _person(office: Office, grants: Grants, org: Org, token: Token) -> dict[str, Any]:
    base = _origin() if office.dialect.own_instance_url else org.instance
    return {
        "id": grants.identity(org, base),
        "sub": grants.identity(org, base),
        "username": f"integration@{org.org_id[:15].lower()}.example.com",
        "display_name": "Integration User",
        "user_id": org.user_id,
        "organization_id": org.org_id,
        "preferred_username": f"integration@{org.org_id[:15].lower()}.example.com",
        "nickname": "integration",
        "name": "Integration User",
        "email": "integration@example.com",
        "email_verified": True,
        "family_name": "User",
        "given_name": "Integration",
        "zoneinfo": "America/Los_Angeles",
        "locale": "en_US",
        "language": "en_US",
        "active": True,
        "user_type": "STANDARD",
        "utcOffset": -28800000,
        "is_app_installed": bool(token.client_id),
        "urls": {
            "rest": f"{base}/services/data/v{{version}}/",
            "sobjects": f"{base}/services/data/v{{version}}/sobjects/",
            "query": f"{base}/services/data/v{{version}}/query/",
            "custom_domain": base,
        },
    }
