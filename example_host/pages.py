"""What all pages share: blueprints, the menu, dates in words, headers, and the page for what is not there."""

from __future__ import annotations

from datetime import datetime

from flask import Flask, Response, render_template
from flask_wtf.csrf import CSRFError
from wtforms import Field

from .extensions import db, login_manager
from .models import User, now
from .places import COUNTRY_NAMES
from .views import auth, chat, clients, inbox

# No inline script or style anywhere: also a promise to the pages that an extension adds.
CONTENT_SECURITY_POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"


def register(app: Flask) -> None:
    """Add the helpdesk's pages and what their templates use."""
    for module in (auth, inbox, clients, chat):
        app.register_blueprint(module.blueprint)
    app.add_template_filter(since)
    app.add_template_filter(country_name)
    app.add_template_filter(channel_name)
    app.add_template_global(described)
    app.register_error_handler(404, not_found)
    app.register_error_handler(CSRFError, form_expired)
    app.after_request(add_security_headers)


@login_manager.user_loader
def load_user(user_id: str) -> User | None:
    """Return the user that a login cookie names, if they are still there."""
    return db.session.get(User, int(user_id)) if user_id.isdecimal() else None


def since(moment: datetime) -> str:
    """Say in few words how long ago `moment` (UTC, no zone) was."""
    minutes = int((now() - moment).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 24 * 60:
        return f"{minutes // 60} h ago"
    return f"{moment:%d %b %Y}"


def country_name(code: str | None) -> str:
    """Return the English name of a country code, or the code where we know none."""
    return COUNTRY_NAMES.get(code or "", code or "")


def channel_name(channel: str) -> str:
    """Return a channel as people write it: `web_chat` is web chat."""
    return channel.replace("_", " ")


def described(field: Field) -> dict[str, str]:
    """Return the attributes that tie a form field to the error below it."""
    return {"aria-invalid": "true", "aria-describedby": f"{field.id}-error"} if field.errors else {}


def not_found(_error: Exception) -> tuple[str, int]:
    """Say that there is nothing here: the same words for what does not exist and for what is another account's."""
    return render_template("message.html", title="Not found", text="There is nothing at this address."), 404


def form_expired(_error: Exception) -> tuple[str, int]:
    """Ask to send a form again whose token is missing or too old."""
    text = "This form was open for too long. Go back, reload the page and send it again."
    return render_template("message.html", title="Please try again", text=text), 400


def add_security_headers(response: Response) -> Response:
    """Forbid inline code, foreign frames and guessed content types."""
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response
