"""Entra ID over HTTP: the consent page, the token endpoint, and the document that says where both are."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from ..clock import Clock
from ..guard import is_cross_site
from .aadsts import SignInRefusal
from .access import App
from .dialect import Dialect
from .entra import Entra

AUTHORIZE = "/<tenant>/oauth2/v2.0/authorize"
KEPT = (
    "client_id",
    "response_type",
    "response_mode",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)


def signin_blueprint(entra: Entra, clock: Clock, dialect: Dialect) -> Blueprint:
    """Return the sign-in routes."""
    blueprint = Blueprint("dynamics_signin", __name__)
    _add_consent(blueprint, entra)
    _add_discovery(blueprint, entra, clock)

    @blueprint.post("/<tenant>/oauth2/v2.0/token")
    def token(tenant: str) -> Response:
        try:
            if request.mimetype != "application/x-www-form-urlencoded":
                raise SignInRefusal(900144, "A form was expected.")
            return answered(200, entra.token(tenant, request.form, origin()))
        except SignInRefusal as refusal:
            return answered(refusal.status(int(dialect.invalid_client_status)), refusal.body(clock.now()))

    return blueprint


def answered(status: int, body: Any) -> Response:
    """Return a JSON answer that nobody may keep."""
    response = Response(json.dumps(body), status=status, content_type="application/json; charset=utf-8")
    response.headers["Cache-Control"] = "no-store, no-cache"
    response.headers["Pragma"] = "no-cache"
    return response


def origin() -> str:
    """Return the sandbox's own origin as the caller names it."""
    return request.host_url.rstrip("/")


def _add_consent(blueprint: Blueprint, entra: Entra) -> None:
    @blueprint.get(AUTHORIZE)
    def ask(tenant: str) -> ResponseReturnValue:
        try:
            app = _asking(entra, tenant, request.args)
        except SignInRefusal as refusal:
            return render_template("dynamics/consent_refused.html", wrong=refusal.text), 400
        try:
            asked = entra.asked(request.args.get("scope", ""), origin())
        except SignInRefusal as refusal:
            return _back(request.args, {"error": refusal.error, "error_description": refusal.text})
        kept = {name: request.args[name] for name in KEPT if name in request.args}
        return render_template(
            "dynamics/consent.html", app=app, asked=asked, kept=kept, scopes=request.args["scope"].split()
        )

    @blueprint.post(AUTHORIZE)
    def decide(tenant: str) -> ResponseReturnValue:
        try:
            app = _asking(entra, tenant, request.form)
            if is_cross_site(request):
                raise SignInRefusal(70000)
            if request.form.get("decision") != "grant":
                return _back(request.form, _declined())
            code = entra.make_code(app, entra.tenant(tenant), request.form, origin())
        except SignInRefusal as refusal:
            return render_template("dynamics/consent_refused.html", wrong=refusal.text), 400
        return _back(request.form, {"code": code, "session_state": "00000000-0000-4000-8000-000000000000"})


def _asking(entra: Entra, tenant: str, values: Any) -> App:
    """Return the app that asks, if people may be sent back to it. Raises SignInRefusal."""
    app = entra.app(values.get("client_id", ""), entra.tenant(tenant))
    if not app.may_redirect_to(values.get("redirect_uri", "")):
        raise SignInRefusal(50011)
    if values.get("response_type") != "code" or values.get("response_mode", "query") != "query":
        raise SignInRefusal(900144, "'response_type' is code, and 'response_mode' query.")
    return app


def _declined() -> dict[str, str]:
    refusal = SignInRefusal(65004)
    return {"error": refusal.error, "error_subcode": "cancel", "error_description": refusal.text}


def _back(values: Any, answer: dict[str, str]) -> ResponseReturnValue:
    """Send the person back to the app, with its ``state``."""
    if "state" in values:
        answer["state"] = values["state"]
    target = values["redirect_uri"]
    return redirect(target + ("&" if "?" in target else "?") + urlencode(answer))


def _add_discovery(blueprint: Blueprint, entra: Entra, clock: Clock) -> None:
    @blueprint.get("/<tenant>/v2.0/.well-known/openid-configuration")
    def configuration(tenant: str) -> Response:
        try:
            known = entra.tenant(tenant)
        except SignInRefusal as refusal:
            return answered(400, refusal.body(clock.now()))
        base = f"{origin()}/{tenant}"
        return answered(
            200,
            {
                "issuer": f"{origin()}/{known}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "response_modes_supported": ["query"],
                "response_types_supported": ["code"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
            },
        )
