"""No text of a page escapes translation: every page is written in a language in which each text stands in ⟦marks⟧."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask.testing import FlaskClient
from flask_login import login_user

from flask_crm_sync.language import DOMAIN, SHIPPED, Reader, in_language
from flask_crm_sync.phrases import Phrases
from flask_crm_sync.web.why import crm_sync_panel
from tests.web.helpdesk import Helpdesk, User, db

states = pytest.importorskip("tests.browser.states", reason="the states of the pages stand with the browser's tests")

OPEN, CLOSE = "⟦", "⟧"
SAID_BY_OTHERS = {"code", "bdi", "blockquote", "time", "style", "script", "textarea"}
"""Elements whose text nobody translates: codes, names of people, a CRM's words, instants, what somebody typed.

Others say so themselves, with `translate="no"`.
"""
SHOWN = {"aria-label", "alt", "placeholder", "title"}
NO_END = {"input", "meta", "link", "br", "rect", "img", "hr"}
DATA = re.compile(
    r"CRM|HubSpot|Salesforce|Dynamics 365|AutoChat|Portal 111|\w+ of Example Ltd|UTC|INSUFFICIENT|https?://\S+"
    r"|Number of requests exceeded the limit of 6000\.|Authentication credentials not found\.|access_denied|\bx{3,}"
    r"|Record 77|No answer came\.|a@b\.c|pat-na1-\w+|Property values were not valid:|is not valid|CRM_SYNC_\w+|No\."
    r"|Says book|trade|refund"  # a criterion's name, a channel, keywords
    r"|[\w ]+ \(\w+, "  # a CRM's field in a list of choices, and fields' labels and options
    r"|Rating|Topics|Seats|Date of birth|Opted out of mail|Wants mail|Plan|Story|Lead source|Hot|Cold"
    r"|English|Deutsch|(?:[A-Z]\w+/)+[\w-]+"
    r"|Ада Квист-Вайнштейн|Bartholomäus von Wolkenstein-Rodenegg|نور حداد"
)
"""What the helpdesks of these tests are filled with, and the CRMs' names."""
WORD = re.compile(r"[^\W\d_]{2,}")
FRAGMENTS = {"log_rows", "connection_progress", "erasure_as_json"}


class Texts(HTMLParser):
    """Collects what a person reads or hears of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.inside: list[tuple[str, bool]] = []
        """The elements that are open, and whether what stands in them is said by others."""
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in NO_END:
            self.inside.append((tag, tag in SAID_BY_OTHERS or ("translate", "no") in attrs))
        if tag != "time":
            self.found += [value or "" for name, value in attrs if name in SHOWN]

    def handle_endtag(self, tag: str) -> None:
        while any(tag == open_one for open_one, _said in self.inside) and self.inside.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(said_by_others for _tag, said_by_others in self.inside):
            self.found.append(data)


def outside_marks(text: str) -> str:
    depth, left = 0, ""
    for letter in text:
        if letter == OPEN:
            depth += 1
        elif letter == CLOSE:
            depth -= 1
        elif depth == 0:
            left += letter
    return left


def untranslated(page: str) -> list[str]:
    texts = Texts()
    texts.feed(page)
    left = (outside_marks(text) for text in texts.found)
    return [text.strip() for text in left if WORD.search(DATA.sub("", text))]


@pytest.fixture(scope="module")
def marking() -> Reader:
    """Return a reader to whom every text that can be translated comes in marks; dates come without letters."""
    with (SHIPPED / f"{DOMAIN}.pot").open("rb") as file:
        catalog = read_po(file, locale="en")
    for message in catalog:
        if isinstance(message.id, tuple):
            message.string = tuple(f"{OPEN}{text}{CLOSE}" for text in message.id)
        elif message.id:
            message.string = f"{OPEN}{message.id}{CLOSE}"
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    texts = Translations(compiled, DOMAIN)
    return Reader("en", Locale("ja"), ZoneInfo("UTC"), texts, Phrases(texts))


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Helpdesk]:
    made: dict[str, Helpdesk] = {}

    def desk(name: str) -> Helpdesk:
        if name not in made:
            made[name] = states.DESKS[name](tmp_path_factory.mktemp(name))
        return made[name]

    return desk


PAGES = sorted({(state.desk, state.who, state.path) for state in states.STATES})


@pytest.mark.parametrize(("desk", "who", "path"), PAGES)
def test_every_text_of_a_page_can_be_translated(
    desk: str, who: str, path: str, desks: Callable[[str], Helpdesk], marking: Reader
) -> None:
    browser = desks(desk).browser(who)
    with in_language(marking):
        page = browser.get(path).text
    assert OPEN in page
    assert untranslated(page) == []


POSTED = {
    "diagnosis": ("full", "/crm/connections/hubspot/diagnose", {}),
    "wrong key": ("empty", "/crm/connections/hubspot/connect", {"method": "token", "token": states.WRONG_KEY}),
    "no key": ("empty", "/crm/connections/hubspot/connect", {"method": "token", "token": ""}),
    "odd key": ("empty", "/crm/connections/hubspot/connect", {"method": "token", "token": "a b"}),
    "wrong interval": ("full", "/crm/connections/hubspot/settings", {"interval": "3"}),
    "expired form": ("full", "/crm/connections/hubspot/pause", {"csrf_token": "no"}),
}


@pytest.mark.parametrize("name", POSTED)
def test_every_text_of_an_answer_to_a_form_can_be_translated(
    name: str, desks: Callable[[str], Helpdesk], marking: Reader
) -> None:
    desk, path, typed = POSTED[name]
    browser = desks(desk).browser("manager")
    with in_language(marking):
        page = browser.post(path, data={"csrf_token": _token(browser)} | typed, follow_redirects=True).text
    assert OPEN in page
    assert untranslated(page) == []


def test_what_a_form_has_come_to_is_told_in_the_readers_language(desk: Helpdesk, marking: Reader) -> None:
    desk.connect()
    browser = desk.browser("manager")
    with in_language(marking):
        for deed in ("test", "pause", "resume", "sync-now", "catch-up", "disconnect"):
            page = browser.post(
                f"/crm/connections/hubspot/{deed}", data={"csrf_token": _token(browser)}, follow_redirects=True
            ).text
            assert f'">{OPEN}' in page
            assert untranslated(page) == []


def test_the_panel_on_a_hosts_page_can_be_translated(desks: Callable[[str], Helpdesk], marking: Reader) -> None:
    desk = desks("full")
    with desk.app.test_request_context(), in_language(marking):
        login_user(db.session.get(User, 1))
        panel = str(crm_sync_panel("1"))
    assert OPEN in panel
    assert untranslated(panel) == []


def test_every_page_has_a_state_in_which_it_is_looked_at(desk: Helpdesk) -> None:
    with desk.app.test_request_context():
        routes = desk.app.url_map.bind("localhost")
        seen = {routes.match(path.partition("?")[0], "GET")[0] for _, _, path in PAGES}
    pages = {rule.endpoint for rule in desk.app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    ours = {page for page in pages if page.startswith("crm_sync.")} - {"crm_sync.static"}
    assert ours - seen == {f"crm_sync.{name}" for name in FRAGMENTS}


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (f"<p>{OPEN}Saved.{CLOSE}</p>", []),
        (f"<p>{OPEN}From {OPEN}yes{CLOSE} to no{CLOSE}</p>", []),
        (f"<p>{OPEN}Saved.{CLOSE} Next</p>", ["Next"]),
        ('<input placeholder="Name"><p title="7">', ["Name"]),
        ("<p>HubSpot <bdi>Ada</bdi> 7,000</p>", []),
    ],
)
def test_text_outside_the_marks_is_seen(page: str, found: list[str]) -> None:
    assert untranslated(page) == found


def _token(browser: FlaskClient) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/crm/").text)
    assert found is not None
    return found[1]
