"""Logging in and out."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_user, logout_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from ..extensions import db
from ..forms import LoginForm
from ..models import User

blueprint = Blueprint("auth", __name__)


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> str | Response:
    """Show the login form and let in whoever knows the password."""
    if current_user.is_authenticated:
        return redirect(url_for("inbox.conversations"))
    form = LoginForm()
    if form.validate_on_submit():
        user = user_with(form.email.data or "", form.password.data or "")
        if user is not None:
            login_user(user)
            return redirect(local_target(request.args.get("next")))
        flash("That e-mail and password do not belong together.", "error")
    return render_template("login.html", form=form)


@blueprint.post("/logout")
def logout() -> Response:
    """End the session."""
    logout_user()
    return redirect(url_for("auth.login"))


def user_with(email: str, password: str) -> User | None:
    """Return the user with this e-mail if the password is right."""
    user = db.session.scalar(select(User).where(User.email == email.strip().lower()))
    return user if user is not None and user.has_password(password) else None


def local_target(target: str | None) -> str:
    """Return where to go after logging in: only ever a path on this host."""
    parts = urlsplit((target or "").replace("\\", "/"))
    is_local = parts.path.startswith("/") and not parts.scheme and not parts.netloc and not parts.path.startswith("//")
    return str(target) if target and is_local else url_for("inbox.conversations")
