"""Beside AutoChat CRM, which tells of edits and cannot be asked: a webhook, a typed value, all of one field at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from flask_crm_sync.sync.now import sync_now
from tests.browser.chromium import in_chromium
from tests.browser.place import Place, beside_the_sandbox
from tests.browser.walking import Visit, Walk, begin, visiting

pytestmark = in_chromium

CRM = "AutoChat CRM"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Return the place; two clients have their record."""
    with beside_the_sandbox(tmp_path) as place:
        begin(place, "autochat")
        place.client_comes(2, "Emil", "Novak")
        sync_now(place.desk.sync)
        place.work("autochat")
        yield place


@pytest.fixture
def walk(chromium: Browser, place: Place) -> Iterator[Walk]:
    with visiting(chromium, place, Visit("autochat", CRM, "phone", "dark", "en-GB")) as walk:
        yield walk


def test_a_crm_that_tells_of_its_edits(walk: Walk) -> None:
    set_the_webhook_up(walk)
    switch_it_on(walk)
    hear_of_an_edit(walk)
    type_another_value(walk)
    settle_all_of_one_field(walk)


def set_the_webhook_up(walk: Walk) -> None:
    """Take the address there, and the secret from there here."""
    walk.opens_from_the_card("Webhook")
    walk.press("Make an address")
    address = walk.page.locator(".crmsync-address")
    expect(address).to_contain_text(walk.place.origin)
    secret = registered(walk, address.inner_text())
    walk.page.get_by_label(walk.words("Secret"), exact=True).fill(secret)
    walk.press("Save the secret")
    walk.sees("A secret is saved. It is never shown; type another one to replace it.")
    walk.sees("Nothing genuine has come yet. Change a contact in %(crm)s, then reload this page.", crm=CRM)


def registered(walk: Walk, address: str) -> str:
    """Register the address in the CRM, on the sandbox's panel; return the secret that it shows once."""
    panel = walk.page.context.new_page()
    panel.goto(f"{walk.place.sandbox.url}/_sandbox/autochat/webhooks")
    panel.get_by_label("Address").fill(address)
    panel.get_by_role("button", name="Add").click()
    secret = panel.get_by_role("status").locator("code").inner_text()
    panel.close()
    return secret


def switch_it_on(walk: Walk) -> None:
    """Bring edits home, and have a person decide about two fields."""
    walk.opens_from_the_card("Two-way sync")
    walk.sees("Its webhook is set up, so edits arrive within seconds.")
    walk.page.get_by_label(walk.words("Bring edits from %(crm)s here", crm=CRM)).check()
    for name in ("last_name", "email"):
        walk.page.locator(f"#crmsync-conflict-{name}").select_option(label=walk.words("a person decides"))
    walk.press("Save")
    walk.sees("Saved.")


def told_of(walk: Walk, name: str, value: str, of: int = 1) -> None:
    """Edit a record there, and wait until the CRM has told of it."""
    walk.edits_there(name, value, of)
    walk.place.sandbox.autochat.sender.settle()


def hear_of_an_edit(walk: Walk) -> None:
    """Have an edit come home that nobody asked for, and read that something genuine came."""
    told_of(walk, "first_name", "Augusta")
    walk.work()
    assert walk.client().first_name == "Augusta"
    walk.opens_from_the_card("Webhook")
    walk.sees("Something genuine came last:")
    walk.page.goto("/crm/clients/1")
    expect(walk.page.get_by_role("heading", level=1)).to_have_text("Augusta Weinstein")
    expect(walk.page.get_by_role("listitem").filter(has_text=walk.words("From the CRM"))).to_contain_text(
        walk.words("Success")
    )


def type_another_value(walk: Walk) -> None:
    """Settle a conflict for neither side: a value that cannot be is refused at its field, another one reaches both."""
    told_of(walk, "email", "quist@example.com")
    walk.edits_here(email="marsh@example.com")
    walk.looks_now()
    walk.page.goto("/crm/conflicts")
    choose_a_typed_one(walk, "no address")
    typed = walk.page.get_by_label(walk.words("The other value"))
    expect(typed).to_have_value("no address")
    expect(typed).to_be_focused()
    expect(typed).to_have_accessible_description("not a valid e-mail address")
    walk.looks()
    choose_a_typed_one(walk, "ada@example.org")
    walk.sees("Thank you. It is carried out now.")
    assert walk.client().email == "ada@example.org"
    walk.work()
    assert walk.there("email") == "ada@example.org"


def choose_a_typed_one(walk: Walk, value: str) -> None:
    walk.page.get_by_label(walk.words("Another value")).check()
    walk.page.get_by_label(walk.words("The other value")).fill(value)
    walk.page.get_by_role("button", name=walk.words("This one stays")).click()


def settle_all_of_one_field(walk: Walk) -> None:
    """Let what is here stay with every client whose last name waits."""
    for number, there, here in [(1, "Alder", "Birch"), (2, "Cedar", "Dogwood")]:
        told_of(walk, "last_name", there, number)
        walk.edits_here(number, last_name=here)
    walk.looks_now()
    walk.page.goto("/crm/conflicts")
    all_of_it = walk.page.locator(".crmsync-all", has_text=walk.words("Last name"))
    expect(all_of_it).to_contain_text("2")
    walk.looks()
    all_of_it.get_by_role("button", name=walk.words("The value here stays in all")).click()
    walk.reads(walk.words.of("1 conflict is settled.", "%(number)s conflicts are settled.", 2))
    walk.sees("Nothing waits for a decision.")
    walk.work()
    assert [walk.client(number).last_name for number in (1, 2)] == ["Birch", "Dogwood"]
    assert [walk.there("last_name", number) for number in (1, 2)] == ["Birch", "Dogwood"]
