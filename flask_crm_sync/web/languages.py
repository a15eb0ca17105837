"""Who reads this request: in which language, and in which time zone.

The language is the configured one, else what the host says of the person, else what the browser asks for, else English.
The time zone is what the host says of the person, else what the browser's own script has told by a cookie, else the
configured one.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

from flask import current_app, has_request_context, request

from ..language import Reader, current, is_zone, reader, told_reader
from .door import door

ZONE_COOKIE = "crm_sync_tz"
_KEPT = "crm_sync.reader"
_log = logging.getLogger(__name__)


def this_reader() -> Reader:
    """Return who reads what is written now; outside a request whom `in_language` named, else an English reader."""
    told = told_reader()
    if told is not None or not has_request_context() or "crm_sync" not in current_app.extensions:
        return told or current()
    kept: Reader | None = request.environ.get(_KEPT)
    if kept is None:
        kept = request.environ[_KEPT] = _asked()
    return kept


def _asked() -> Reader:
    settings = door().settings
    wanted = [settings.locale] if settings.locale else [*_host_says("locale"), *request.accept_languages.values()]
    zones = [*_host_says("time_zone"), request.cookies.get(ZONE_COOKIE, ""), settings.time_zone]
    return reader(wanted, next(zone for zone in zones if is_zone(zone)), settings.translations)


def _host_says(what: str) -> Iterator[str]:
    """Yield what the host's access object says of the person, then what its Flask-Babel does."""
    for ask in (getattr(door().access, what, None), _flask_babel(what)):
        said = _answer(ask) if callable(ask) else ""
        if said:
            yield said


def _answer(ask: Callable[[], Any]) -> str:
    """A host's function that fails costs the person their language, not the page."""
    try:
        said = ask()
    except Exception:
        _log.exception("the host's function for the reader's language or time zone failed")
        return ""
    return "" if said is None else str(said)


def _flask_babel(what: str) -> Callable[[], Any] | None:
    """Return Flask-Babel's own answer where the host uses it; its time zone only where the host chooses one."""
    babel = current_app.extensions.get("babel")
    if babel is None:
        return None
    chosen = (getattr(babel, name, None) for name in ("timezone_selector", "timezone_selector_func"))
    if what == "time_zone" and not any(chosen) and "BABEL_DEFAULT_TIMEZONE" not in current_app.config:
        return None
    try:
        module = importlib.import_module("flask_babel")
    except ImportError:
        return None
    found: Callable[[], Any] = module.get_locale if what == "locale" else module.get_timezone
    return found
