"""OAuth over HTTP: the consent page, the token endpoints of four versions, and leaving."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from ..guard import is_cross_site
from .errors import HubSpotError, validation
from .gate import Answer, Caller, Office, answered, guarded, refused
from .grants import App, Grants, OAuthRefusal
from .routes import VERSIONS

SCOPES = ("scope", "optional_scope", "optional_scopes")
KEPT = ("client_id", "redirect_uri", *SCOPES, "state", "code_challenge", "code_challenge_method")


def oauth_blueprint(office: Office, grants: Grants) -> Blueprint:
    """Return the OAuth routes and the uninstall call."""
    blueprint = Blueprint("hubspot_oauth", __name__)
    _add_consent(blueprint, office, grants)
    blueprint.add_url_rule("/oauth/v1/token", "token_v1", _form(grants.token), methods=["POST"])
    for version in (*VERSIONS, "v3"):
        base = f"/oauth/{version}/token"
        blueprint.add_url_rule(base, f"token_{version}", _form(grants.token), methods=["POST"])
        view = _form(grants.introspect)
        blueprint.add_url_rule(f"{base}/introspect", f"introspect_{version}", view, methods=["POST"])
        blueprint.add_url_rule(f"{base}/revoke", f"revoke_{version}", _form(_done(grants)), methods=["POST"])
        blueprint.add_url_rule(
            f"/appinstalls/{version}/external-install",
            f"uninstall_{version}",
            guarded(office, uninstall, "uninstall"),
            methods=["DELETE"],
        )
    _add_first_version(blueprint, office, grants)
    return blueprint


def uninstall(caller: Caller) -> Answer:
    """Take the app out of the portal: all of its tokens die."""
    if caller.token.client_id is None:
        raise validation("A static token belongs to no installed app")
    caller.office.access.revoke_app(caller.desk.portal.portal_id, caller.token.client_id)
    return 204, None


def _form(work: Callable[[Any], dict[str, Any]]) -> Callable[[], Response]:
    """Return a view that hands a form on; anything but a form is a 415."""

    def view() -> Response:
        if request.mimetype != "application/x-www-form-urlencoded":
            return refused(HubSpotError(415, "UNSUPPORTED_MEDIA_TYPE", "a form was expected"))
        try:
            return answered(200, work(request.form))
        except OAuthRefusal as refusal:
            return answered(400, refusal.body)

    return view


def _done(grants: Grants) -> Callable[[Any], dict[str, Any]]:
    def revoke(form: Any) -> dict[str, Any]:
        grants.revoke(form)
        return {}

    return revoke


def _add_consent(blueprint: Blueprint, office: Office, grants: Grants) -> None:
    @blueprint.get("/oauth/authorize")
    def ask() -> ResponseReturnValue:
        app, wrong = _asking(grants, request.args)
        if app is None:
            return render_template("hubspot/consent_refused.html", wrong=wrong), 400
        return render_template(
            "hubspot/consent.html",
            app=app,
            portals=office.access.portals(),
            scopes=_scopes(request.args),
            kept={name: request.args[name] for name in KEPT if name in request.args},
        )

    @blueprint.post("/oauth/authorize")
    def decide() -> ResponseReturnValue:
        app, wrong = _asking(grants, request.form)
        portal = office.access.portal(request.form.get("portal_id", 0, int))
        if app is None or portal is None or is_cross_site(request):
            return render_template("hubspot/consent_refused.html", wrong=wrong or "Choose a portal."), 400
        if request.form.get("decision") != "grant":
            return _back({"error": "access_denied", "error_description": "The user denied the request."})
        code = grants.make_code(
            app,
            portal.portal_id,
            request.form["redirect_uri"],
            _scopes(request.form),
            request.form.get("code_challenge"),
            request.form.get("code_challenge_method"),
        )
        return _back({"code": code})


def _asking(grants: Grants, values: Any) -> tuple[App | None, str]:
    """Return the app that asks for consent, or None and what is wrong with its question."""
    app = grants.app(values.get("client_id", ""))
    if app is None:
        return None, "No app has this client_id."
    if not app.may_redirect_to(values.get("redirect_uri", "")):
        return None, "This redirect_uri is not registered for the app."
    if not _scopes(values):
        return None, "The app asks for no scope."
    return app, ""


def _scopes(values: Any) -> list[str]:
    asked = " ".join(values.get(name, "") for name in SCOPES)
    return list(dict.fromkeys(asked.split()))


def _back(values: dict[str, str]) -> ResponseReturnValue:
    """Send the person back to the app, with its ``state``."""
    if "state" in request.form:
        values["state"] = request.form["state"]
    target = request.form["redirect_uri"]
    return redirect(target + ("&" if "?" in target else "?") + urlencode(values))


def _add_first_version(blueprint: Blueprint, office: Office, grants: Grants) -> None:
    """Add the calls of version 1 that name the token in the path; they need no secret."""

    def described(text: str, use: str) -> Response:
        token = office.access.token(text)
        app = grants.app(token.client_id or "") if token else None
        if token is None or app is None or token.use != use or token.revoked:
            return refused(HubSpotError(404, "OBJECT_NOT_FOUND", f"{use} token not found"))
        return answered(200, grants.described(token, app))

    @blueprint.get("/oauth/v1/access-tokens/<token>")
    def access_token(token: str) -> Response:
        return described(token, "access")

    @blueprint.get("/oauth/v1/refresh-tokens/<token>")
    def refresh_token(token: str) -> Response:
        return described(token, "refresh")

    @blueprint.delete("/oauth/v1/refresh-tokens/<token>")
    def delete_refresh_token(token: str) -> Response:
        office.access.revoke(token)
        return answered(204, None)
