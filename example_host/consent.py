"""Signing in to a CRM as a person with a browser would: press the button, agree on the consent page, come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
from flask.testing import FlaskClient

from .crew import DemoFailed

SECONDS = 30
MOST_PAGES = 8


@dataclass
class Form:
    """A form on a page: where it goes, what is filled in, and its buttons in order."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def pressed(self, typed: Mapping[str, str]) -> dict[str, str]:
        """Return what its first button sends, with some inputs typed in."""
        button = dict(self.buttons[:1])
        return {**self.values, **button, **typed}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.forms.append(Form(told.get("action", ""), told.get("method", "get").lower()))
        elif self.forms:
            self._fill(self.forms[-1], tag, told)

    def _fill(self, form: Form, tag: str, told: Mapping[str, str]) -> None:
        name, kind = told.get("name", ""), told.get("type", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select and (self._select not in form.values or "selected" in told):
            form.values[self._select] = told.get("value", "")
        elif (tag == "button" and kind in ("", "submit")) or (tag == "input" and kind == "submit"):
            form.buttons += [(name, told.get("value", ""))] if name else []
        elif tag == "input" and name and (kind not in ("checkbox", "radio") or "checked" in told):
            form.values[name] = told.get("value", "")


def forms_in(page: str) -> list[Form]:
    """Return the forms of a page."""
    reader = _Reader()
    reader.feed(page)
    return reader.forms


def sign_in(helpdesk: FlaskClient, start: str, typed: Mapping[str, str], *, public_url: str, ca_file: Path) -> None:
    """Sign in to a CRM from the helpdesk's page `start`, whose form is sent with what is `typed`.

    Raises DemoFailed with the page that was met instead of the expected one.
    """
    page = helpdesk.get("/crm/").get_data(as_text=True)
    form = next((form for form in forms_in(page) if urlsplit(form.action).path == start), None)
    if form is None:
        raise DemoFailed(f"The connection page offers no sign-in at {start}.")
    answer = helpdesk.post(start, data=form.pressed(typed))
    if answer.status_code not in (302, 303):
        raise DemoFailed(f"{start} answered {answer.status_code}:\n{answer.get_data(as_text=True)[:2000]}")
    back = agreed(answer.headers["Location"], public_url, ca_file)
    arrived = helpdesk.get(back.removeprefix(public_url))
    if arrived.status_code not in (302, 303):
        raise DemoFailed(
            f"{urlsplit(back).path} answered {arrived.status_code}:\n{arrived.get_data(as_text=True)[:2000]}"
        )


def agreed(address: str, public_url: str, ca_file: Path) -> str:
    """Agree on the consent page at an address; return where the CRM then sends the browser."""
    with requests.Session() as browser:
        browser.trust_env, browser.verify = False, str(ca_file)
        answer = browser.get(address, timeout=SECONDS, allow_redirects=False)
        for _ in range(MOST_PAGES):
            target = urljoin(answer.url, answer.headers.get("Location", ""))
            if target.startswith(public_url):
                return target
            if answer.is_redirect:
                answer = browser.get(target, timeout=SECONDS, allow_redirects=False)
            elif answer.ok and (forms := forms_in(answer.text)):
                action = urljoin(answer.url, forms[0].action)
                answer = browser.post(action, data=forms[0].pressed({}), timeout=SECONDS, allow_redirects=False)
            else:
                break
    raise DemoFailed(f"The consent page answered {answer.status_code}:\n{answer.text[:2000]}")
