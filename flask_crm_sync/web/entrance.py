"""The blueprint, and the one way in that every page takes.

A view is declared with what it needs (`page(..., needs=VIEW)`); one that is not declared answers 403. On the way in:
logged in, an account, the permission, and for every POST a CSRF token, whether the host checks one or not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit, urlunsplit

from flask import Blueprint, abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf, validate_csrf
from markupsafe import Markup
from wtforms import ValidationError  # type: ignore[import-untyped]

from ..errors import ConfigurationError
from ..resources import templates_directory
from .door import door
from .notices import tell
from .texts import gettext as _

if TYPE_CHECKING:
    from ..host.access import Access

Needs = Literal["view", "manage"]
VIEW: Needs = "view"
MANAGE: Needs = "manage"

NAME = "crm_sync"
_OPEN = f"{NAME}.static"  # stylesheet and script: the same for everybody

blueprint = Blueprint(
    NAME, __name__, template_folder=str(templates_directory()), static_folder="static", static_url_path="/static"
)
_needs: dict[str, Needs] = {}
View = TypeVar("View", bound=Callable[..., ResponseReturnValue])


class FormExpired(Exception):
    """A form came without a valid CSRF token."""


def page(rule: str, *, needs: Needs, methods: tuple[str, ...] = ("GET",)) -> Callable[[View], View]:
    """Declare a page of the blueprint and what a user must be allowed to open it."""

    def declare(view: View) -> View:
        _needs[f"{NAME}.{view.__name__}"] = needs
        blueprint.add_url_rule(rule, view.__name__, view, methods=list(methods))
        return view

    return declare


@blueprint.before_request
def admit() -> ResponseReturnValue | None:
    """Let a request in, or say why not."""
    if request.endpoint == _OPEN:
        return None
    if not current_app.secret_key:
        raise ConfigurationError("SECRET_KEY is not set: without it there are no logins and no safe forms.")
    access = door().access
    account_id = access.account_id()
    if account_id is None:
        return _strangers_answer(access)
    if not _is_allowed(access, _needs.get(request.endpoint or "")):
        abort(403)
    if request.method not in {"GET", "HEAD", "OPTIONS"}:
        _check_csrf()
    _refuse_nul()
    g.crm_sync_account = account_id
    return None


def may_manage() -> bool:
    """Tell whether the user of this request may change anything."""
    return door().access.can_manage()


def csrf_field() -> Markup:
    """Return the hidden input that every form carries."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(_csrf_name(), generate_csrf())


def _is_allowed(access: Access, needs: Needs | None) -> bool:
    if needs is None or not access.can_view():
        return False
    return needs == VIEW or access.can_manage()


def _strangers_answer(access: Access) -> ResponseReturnValue:
    """Who is not logged in goes the host's way to the login; who is, but has no account, may not come in."""
    if access.user_id():
        abort(403)
    login: Any = getattr(current_app, "login_manager", None)
    if login is None:
        abort(401)
    if request.method == "POST" and "HX-Request" not in request.headers:
        tell(_("Nothing was changed, as you were not logged in (any more). Please do it once more."), "plain")
        return redirect(_page_of_the_form(), 303)
    answer: ResponseReturnValue = login.unauthorized()
    if "HX-Request" in request.headers:  # a list that refreshes itself: the whole page must go to the login
        return "", 204, {"HX-Refresh": "true"}
    return answer


def _page_of_the_form() -> str:
    """Return the page that a form was sent from: a login leads back to it by GET, which forms do not answer."""
    own, sent_from = url_for(f"{NAME}.connection_page"), urlsplit(request.referrer or "")
    is_ours = sent_from.netloc == request.host and sent_from.path.startswith(own)
    path = "/" + sent_from.path.lstrip("/\\")
    return urlunsplit(("", "", path, sent_from.query, "")) if is_ours else own


def _check_csrf() -> None:
    try:
        validate_csrf(request.form.get(_csrf_name()) or request.headers.get("X-CSRFToken"))
    except ValidationError:
        raise FormExpired from None


def _refuse_nul() -> None:
    """Refuse the sign NUL, which no person types and not every database takes, as an id and in a form."""
    if any("\0" in str(value) for value in (request.view_args or {}).values()):
        abort(404)
    if any("\0" in value for _, value in request.form.items(multi=True)):
        abort(400)


def _csrf_name() -> str:
    return str(current_app.config.get("WTF_CSRF_FIELD_NAME", "csrf_token"))


def back_to(endpoint: str, **values: Any) -> ResponseReturnValue:
    """Answer a form that was carried out: go to a page, by GET."""
    return redirect(url_for(f"{NAME}.{endpoint}", **values), 303)


def bounded(number: int) -> int:
    """Return a number from an address; one that no database has stands for nothing, and 0 is nobody's number."""
    return number if number < 2**63 else 0
