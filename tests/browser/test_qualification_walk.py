"""From the first criterion to a person's word, in the example helpdesk: English on a desktop, German on a phone."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from example_host import create_app
from example_host.commands import create_tables_and_staff
from example_host.extensions import db
from example_host.qualifying import reviewer_at
from flask_crm_sync.jobs import qualifying
from flask_crm_sync.jobs.running import Running, running_of
from flask_crm_sync.language import Reader, reader
from flask_crm_sync.notifications.sending import send_due
from flask_crm_sync.notifications.spread import spread
from flask_crm_sync.qualification import trial
from flask_crm_sync.sandbox.authority import Authority
from flask_crm_sync.sandbox.server import Sandbox
from flask_crm_sync.web import rehearsed
from tests.browser.chromium import SIZES, fits, in_chromium, served_app
from tests.notifications.desk import server

pytestmark = in_chromium

SAID = "I want to book two seats on the boat to Hallstatt, my number is +43 660 1234567"


@dataclass
class Walk:
    """One visit to the helpdesk: the page, the words of its language, and the workers behind it."""

    page: Page
    words: Reader
    app: Flask
    authority: Authority

    @property
    def running(self) -> Running:
        return running_of(self.app)

    def says(self, text: str, **values: object) -> str:
        """Return a text of the pages in the visitor's language."""
        return self.words.said(self.words.gettext(text, **values))

    def press(self, text: str) -> None:
        self.page.get_by_role("button", name=self.says(text), exact=True).first.click()

    def sees(self, text: str, **values: object) -> None:
        """Wait until the page says something."""
        expect(self.page.get_by_text(self.says(text, **values)).first).to_be_visible()

    def work(self) -> None:
        """Do what the workers do with what has come in."""
        with self.app.app_context():
            qualifying.look_at_changes(self.running)
            qualifying.make_reviews(self.running)
            spread(self.running.sync)
            send_due(self.running.sync)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Authority]]:
    directory = tmp_path_factory.mktemp("sandbox")
    with Sandbox(directory, keep=False) as sandbox:
        yield sandbox, Authority(directory)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, sandbox: tuple[Sandbox, Authority]) -> Path:
    """Return a database with the helpdesk's people and our tables."""
    file = tmp_path_factory.mktemp("helpdesk") / "helpdesk.sqlite"
    app = helpdesk_on(file, sandbox[0])
    with app.app_context():
        create_tables_and_staff()
    assert app.test_cli_runner().invoke(args=["crm", "upgrade"]).exit_code == 0
    close(app)
    return file


@pytest.fixture
def helpdesk(tmp_path: Path, prepared: Path, sandbox: tuple[Sandbox, Authority]) -> Iterator[Flask]:
    """Return the example helpdesk, whose reviews are due at once."""
    app = helpdesk_on(Path(shutil.copy(prepared, tmp_path)), sandbox[0])
    yield app
    close(app)


def helpdesk_on(file: Path, sandbox: Sandbox) -> Flask:
    url, ca_file = sandbox.url, str(sandbox.ca_file)
    return create_app(
        {
            "SECRET_KEY": "only for tests",
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{file}",
            "CRM_SYNC_ENCRYPTION_KEYS": base64.urlsafe_b64encode(bytes(32)).decode(),
            "CRM_SYNC_REDIS_URL": "redis://127.0.0.1:1/0",
            "CRM_SYNC_SANDBOX_URL": url,
            "CRM_SYNC_SANDBOX_CA": ca_file,
            "CRM_SYNC_AI_CA": ca_file,
            "CRM_SYNC_AI_ALLOW_PRIVATE": "1",
            **reviewer_at(url),
            "CRM_SYNC_AI_REVIEW_MIN_HOURS": "0",
            "CRM_SYNC_AI_REVIEW_MAX_HOURS": "0",
        }
    )


def close(app: Flask) -> None:
    app.extensions["crm_sync"].release(app)
    with app.app_context():
        db.session.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(params=[("desktop", "en-GB"), ("phone", "de-AT")], ids=lambda given: given[0])
def walk(
    chromium: Browser, helpdesk: Flask, sandbox: tuple[Sandbox, Authority], request: pytest.FixtureRequest
) -> Iterator[Walk]:
    """Return a manager's visit; whatever the browser complains of fails the test."""
    size, locale = request.param
    with served_app(helpdesk) as origin:
        context = chromium.new_context(base_url=origin, viewport=SIZES[size], locale=locale)
        page, complaints = context.new_page(), list[str]()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
        page.goto("/login")
        page.get_by_label("E-mail").fill("ada@example.com")
        page.get_by_label("Password").fill("helpdesk")
        page.get_by_role("button", name="Log in").click()
        yield Walk(page, reader([locale]), helpdesk, sandbox[1])
        context.close()
    assert complaints == []


def chat(walk: Walk, text: str = SAID, name: str = "Zoë Cruz") -> None:
    """Let a visitor begin a conversation."""
    with walk.app.test_client() as visitor:
        page = visitor.get("/chat/harbour-travel").text
        token = page.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
        data = {"csrf_token": token, "name": name, "email": f"{name[:2]}@example.com", "text": text}
        assert visitor.post("/chat/harbour-travel", data=data).status_code == 302


def test_a_lead_from_the_first_criterion_to_a_persons_word(walk: Walk) -> None:
    keep_a_criterion_from_a_template(walk)
    try_it_on_a_pasted_conversation(walk)
    chat(walk)
    see_it_qualify_and_the_review_confirm_it(walk)
    decide_otherwise(walk)
    read_the_news(walk)


def keep_a_criterion_from_a_template(walk: Walk) -> None:
    page = walk.page
    page.goto("/crm/qualification")
    page.get_by_role("link", name=walk.says("Start from this")).first.click()
    guidance = page.get_by_label(walk.says("Guidance for the reviewer"))
    question = "Does the client want to buy, order, book, reserve or visit something? Only asking is not enough."
    expect(guidance).to_have_value(walk.says(question))
    walk.press("Save")
    walk.sees("Saved. The conversations of the last 30 days are judged by it now, in the background.")
    walk.sees("What leaves for the AI review")
    assert fits(page)


def try_it_on_a_pasted_conversation(walk: Walk) -> None:
    walk.page.get_by_role("link", name=walk.says("Try it")).click()
    walk.page.get_by_label(walk.says("What was said")).fill(f"Client: {SAID}\nAgent: Gladly.")
    walk.press("Try it")
    walk.sees("Qualified, provisionally")
    expect(walk.page.locator("mark").first).to_have_text("I want to book")
    assert fits(walk.page)


def see_it_qualify_and_the_review_confirm_it(walk: Walk) -> None:
    page = walk.page
    with walk.app.app_context():
        qualifying.look_at_changes(walk.running)
    page.goto("/")
    expect(page.locator(".crmsync-badge")).to_have_text(walk.says("Qualified, provisionally"))
    assert page.locator(".bell").count() == 1
    walk.work()
    page.reload()
    expect(page.locator(".crmsync-badge")).to_have_text(walk.says("Qualified"))
    page.get_by_text("Zoë Cruz").click()
    page.locator(".found").click()
    walk.sees("Confirmed")
    walk.sees("It rests on what the client wrote")
    expect(page.locator("blockquote", has_text="book two seats").first).to_be_visible()
    assert fits(page)


def decide_otherwise(walk: Walk) -> None:
    walk.page.get_by_label(walk.says("Unqualified")).check()
    walk.page.get_by_label(walk.says("Because")).fill("She is a competitor.")
    walk.press("Decide")
    walk.sees("Decided. Nothing automatic changes it any more.")
    expect(walk.page.locator(".crmsync-timeline > li")).to_have_count(3)
    expect(walk.page.locator(".crmsync-timeline > li").first).to_contain_text("She is a competitor.")


def read_the_news(walk: Walk) -> None:
    page = walk.page
    page.goto("/clients/1")
    expect(page.locator(".crmsync-badge", has_text=walk.says("Unqualified"))).to_be_visible()
    page.locator(".bell").click()
    walk.sees("Qualified lead: %(client)s", client="Zoë Cruz")
    walk.press("Mark all as read")
    expect(page.locator(".bell")).to_have_count(0)
    with server(tls=walk.authority.server_context()) as (port, letters):
        page.goto("/crm/notifications/preferences")
        page.get_by_role("link", name=walk.says("Add a webhook")).first.click()
        page.locator("#crmsync-address").fill(f"https://127.0.0.1:{port}/news")
        walk.press("Add")
        page.get_by_role("button", name=walk.says("Send a test")).click()
        expect(page.get_by_role("status").first).to_be_visible()
    [letter] = letters
    assert (letter.content["test"], letter.content["subject"]) == (True, walk.says("Test message from the CRM sync"))
    assert fits(page)


@pytest.mark.parametrize("walk", [("desktop", "en-GB")], indirect=True)
def test_a_rehearsal_goes_on_by_itself(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SLICE", 2)
    monkeypatch.setattr(trial, "_BATCH", 2)
    monkeypatch.setattr(rehearsed, "SECONDS", -1.0)
    for number in range(3):
        chat(walk, name=f"{'ABC'[number]}{number} Example")
    walk.page.goto("/crm/qualification/criteria/new?template=wants_to_buy")
    walk.press("What would change?")
    whole = walk.words.ngettext("1 conversation was looked at.", "%(number)s conversations were looked at.", 3)
    expect(walk.page.get_by_text(whole)).to_be_visible()
    expect(walk.page.locator("#crmsync-rehearsal li")).to_have_count(3)
    expect(walk.page.locator("#crmsync-rehearsal progress")).to_have_count(0)
