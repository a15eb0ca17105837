"""What every page shares: the words its template uses, the headers of its answer, the pages for what went wrong."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flask import Response, current_app, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import NotFound as PageNotFound
from werkzeug.exceptions import RequestEntityTooLarge

from ..errors import SecretUnreadable
from ..resources import templates_directory
from ..sync.connections import crm_label
from ..sync.refusals import NotFound, TooManyTries
from ..sync.status import COMMANDS
from . import words
from .door import this_sync
from .entrance import FormExpired, blueprint, csrf_field
from .languages import this_reader
from .links import crm_sync_links
from .notices import take_notices
from .texts import gettext as _
from .texts import ngettext, number, said

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_WITH_SIGN_IN = CONTENT_SECURITY_POLICY.replace("form-action 'self'", "form-action 'self' https:")
"""Browsers hold a form's redirects to the policy as well, and a sign-in goes on to wherever the CRM's customer signs
in: the CRM, then often an identity provider of their own."""


@blueprint.context_processor
def template_words() -> dict[str, Any]:
    """Give our templates one name, so that none of the host's own is hidden in its frame."""
    reader = this_reader()
    return {
        "crmsync": SimpleNamespace(
            text=_,
            ngettext=ngettext,
            said=said,
            number=number,
            lang=reader.code.replace("_", "-"),
            direction=reader.locale.text_direction,
            csrf_field=csrf_field,
            notices=take_notices,
            links=crm_sync_links,
            commands=COMMANDS,
            label=crm_label,
            status_word=words.status_word,
            kind_word=words.kind_word,
            explained=words.explained,
            counted=words.counted,
            counted_briefly=words.counted_briefly,
            brief=words.brief,
            brief_value=partial(words.brief, most=words.LONGEST_VALUE),
            when=words.when,
            moment=words.moment,
            hour=words.hour,
            zone_name=words.zone_name,
        )
    }


@blueprint.after_request
def add_headers(response: Response) -> Response:
    """Keep pages out of caches and foreign frames; a policy only where the whole page is ours."""
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if request.endpoint == f"{blueprint.name}.static":
        return response
    response.headers["Cache-Control"] = "no-store"
    response.headers.setdefault("Referrer-Policy", "same-origin")
    if _is_own_frame():
        policy = _WITH_SIGN_IN if g.get("crm_sync_signs_in") else CONTENT_SECURITY_POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("X-Frame-Options", "DENY")
    return response


@blueprint.errorhandler(NotFound)
def not_found(_error: NotFound) -> ResponseReturnValue:
    """Answer with the host's own page for what is not there."""
    return current_app.handle_http_exception(PageNotFound())


@blueprint.errorhandler(FormExpired)
@blueprint.errorhandler(CSRFError)
def form_expired(_error: Exception) -> ResponseReturnValue:
    """Ask to send the form again."""
    return _message(
        _("Please send the form again"),
        _("For your safety each form can be sent only from a page that was opened recently. Nothing was changed."),
        400,
    )


@blueprint.errorhandler(RequestEntityTooLarge)
def too_large(_error: Exception) -> ResponseReturnValue:
    """Say that no key is so long."""
    return _message(
        _("That was too much"),
        _("What was sent is far longer than any key, and nothing was changed. Copy the key alone and paste it again."),
        413,
    )


@blueprint.errorhandler(TooManyTries)
def too_often(error: TooManyTries) -> ResponseReturnValue:
    """Say when the form is taken again."""
    waits = _("Nothing was changed. Please wait %(time)s, then try again.", time=words.amount(error.seconds))
    shown, code = _message(_("That was tried too often"), waits, 429)
    return shown, code, {"Retry-After": str(error.seconds)}


@blueprint.errorhandler(SecretUnreadable)
def key_is_missing(error: SecretUnreadable) -> ResponseReturnValue:
    """Say that this process runs without a key, wherever that is met."""
    return _message(said(error.says), said(error.advice), 503)


@blueprint.errorhandler(DBAPIError)
def database_failed(error: DBAPIError) -> ResponseReturnValue:
    """Name the command where our tables are missing; any other trouble with the database is the host's to show."""
    if this_sync().database.is_ready():
        raise error
    return _message(
        _("The sync is not set up yet"),
        _("Its tables are missing in the database. Run this command once, then reload the page:"),
        503,
        command="flask crm upgrade",
    )


def _message(title: str, text: str, code: int, command: str = "") -> tuple[str, int]:
    return render_template("crm_sync/message.html", title=title, text=text, command=command), code


def _is_own_frame() -> bool:
    """Tell whether the frame around our pages is ours; a host's frame keeps the host's policy."""
    frame = current_app.jinja_env.get_template("crm_sync/base.html").filename
    return frame is not None and Path(frame).is_relative_to(templates_directory())
