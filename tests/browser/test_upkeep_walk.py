"""Taking things back beside Salesforce: a change of the mapping, an entry, a backfill (done or not), an erasure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from flask_crm_sync.sync.catch_up import catch_up
from tests.browser.chromium import in_chromium
from tests.browser.place import Place, beside_the_sandbox
from tests.browser.walking import Visit, Walk, begin, visiting

pytestmark = in_chromium

CRM = "Salesforce"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with beside_the_sandbox(tmp_path) as place:
        begin(place, "salesforce")
        yield place


@pytest.fixture
def walk(chromium: Browser, place: Place) -> Iterator[Walk]:
    with visiting(chromium, place, Visit("salesforce", CRM, "desktop", "dark", "de-DE")) as walk:
        yield walk


def test_what_was_done_is_taken_back(walk: Walk) -> None:
    overwrite_a_field(walk)
    take_back_the_change_of_the_mapping(walk)
    take_back_an_entry(walk)
    let_a_backfill_rest_and_go_on(walk)
    take_back_the_run(walk)
    stop_a_backfill(walk)
    erase_a_client_and_let_them_come_back(walk)


def overwrite_a_field(walk: Walk) -> None:
    """Map a field over what people wrote there; an edit carries it along."""
    walk.edits_there("Title", "Captain")
    walk.opens_from_the_card("Field mapping")
    walk.follow("Add a field")
    walk.page.get_by_label(walk.words("Field in %(crm)s", crm=CRM)).select_option("Title")
    walk.press("Next")
    walk.page.get_by_label(walk.words("A template"), exact=True).check()
    walk.page.locator("#crmsync-template").fill("Guest {{ client.first_name }}")
    walk.page.locator("input[name=mode][value=overwrite]").check()
    walk.press("Save")
    expect(walk.page.locator(".crmsync-versions li")).to_contain_text("Title")
    walk.edits_here(last_name="Marsh")
    walk.looks_now()
    assert (walk.there("Title"), walk.there("LastName")) == ("Guest Ada", "Marsh")


def put_back(walk: Walk, number: int = 1) -> None:
    """Press it, and let a worker do it."""
    said = walk.words.of("1 field could be put back.", "%(number)s fields could be put back.", number)
    expect(walk.page.get_by_role("status").filter(has_text=said)).to_be_visible()
    walk.looks()
    walk.press("Put them back")
    expect(walk.page.locator(".crmsync-notice").first).to_be_focused()
    walk.reads(walk.words.of("1 field is put back now.", "%(number)s fields are put back now.", number))
    walk.work()


def kept(walk: Walk, field: str) -> Locator:
    """Return the line of a field that was replaced."""
    return walk.page.locator("section[aria-labelledby=crmsync-kept] li").filter(has_text=field)


def take_back_the_change_of_the_mapping(walk: Walk) -> None:
    """Undo what the mapping wrote; the edit that went along with it stays."""
    walk.opens_from_the_card("Put back")
    expect(kept(walk, "Title")).to_contain_text("Ada Marsh")
    walk.page.get_by_role("link", name="Version 1", exact=True).click()  # the same in both languages
    put_back(walk)
    walk.page.reload()
    expect(kept(walk, "Title")).to_contain_text(walk.words("Was put back"))
    assert (walk.there("Title"), walk.there("LastName")) == ("Captain", "Marsh")


def take_back_an_entry(walk: Walk) -> None:
    """Undo the rest of what one entry wrote, on its page."""
    line = kept(walk, walk.words.said("Last name"))
    expect(line).to_contain_text(walk.words("Kept"))
    line.get_by_role("link", name=walk.words("Show the entry")).click()
    walk.press("Put back")
    walk.reads(walk.words.of("1 field is put back now.", "%(number)s fields are put back now.", 1))
    walk.work()
    assert walk.there("LastName") == "Weinstein"
    walk.page.goto("/crm/log")
    expect(walk.page.get_by_role("row").filter(has_text=walk.words("Put back"))).to_have_count(2)


def let_a_backfill_rest_and_go_on(walk: Walk) -> None:
    """Pause one that has just begun: nothing is sent until somebody resumes it, and then nobody is doubled."""
    person = {"LastName": "Novak", "Company": "Novak & Co", "Email": "emil.novak@example.com", "Title": "Chief"}
    walk.place.sandbox.salesforce.add_contact(person)
    walk.place.client_comes(2, "Emil", "Novak")
    walk.edits_here(last_name="Cedar")
    walk.opens_from_the_card("Backfill")
    walk.press("Begin")
    walk.sees("Catching up with your clients")
    catch_up(walk.place.desk.sync)
    walk.press("Pause")
    walk.sees("The backfill rests. New leads and updates go on.")
    walk.sees("It rests until somebody resumes it. Nothing is lost.")
    walk.work()
    assert (walk.there("LastName"), walk.there("FirstName", 2)) == ("Weinstein", "")
    walk.press("Resume")
    walk.sees("The backfill goes on where it was.")
    walk.work()
    run = walk.page.locator("#crmsync-run-salesforce")
    expect(run).to_contain_text(walk.words("Done"))
    expect(run.get_by_role("button")).to_have_count(0)
    assert (walk.there("LastName"), walk.there("FirstName", 2), walk.there("Title", 2)) == ("Cedar", "Emil", "Chief")
    assert len(walk.records()) == 2


def take_back_the_run(walk: Walk) -> None:
    """Undo what the backfill wrote, and nothing else."""
    walk.opens_from_the_card("Put back")
    walk.page.get_by_label(walk.words("Only what a backfill has replaced")).check()
    walk.press("How much would that be?")
    expect(walk.page.get_by_role("heading", name=walk.words("By a backfill"), exact=True)).to_be_focused()
    walk.page.locator("a[href*='run=']").click()
    walk.sees("Show everything")
    expect(walk.page.get_by_role("heading", name=walk.words("By a backfill"), exact=True)).to_be_focused()
    put_back(walk)
    assert (walk.there("LastName"), walk.there("FirstName", 2)) == ("Weinstein", "Emil")


def stop_a_backfill(walk: Walk) -> None:
    """End one for good: whom it has not sent yet, it never sends."""
    walk.place.client_comes(3, "Marta", "Novak")
    walk.opens_from_the_card("Backfill")
    walk.press("Begin")
    walk.sees("Catching up with your clients")
    walk.press("Stop this")
    walk.sees("Stopped. What was sent already stays in %(crm)s.", crm=CRM)
    catch_up(walk.place.desk.sync)
    walk.work()
    assert len(walk.records()) == 2
    walk.opens_from_the_card("Backfill")
    expect(walk.page.locator("#crmsync-run-salesforce")).to_contain_text(walk.words("Stopped"))
    expect(walk.page.get_by_role("button", name=walk.words("Begin"), exact=True)).to_be_visible()


def erase_a_client_and_let_them_come_back(walk: Walk) -> None:
    """Erase a client, lift it, and find them in the CRM again after their next edit: as somebody new."""
    number = walk.record()["id"]
    walk.page.goto("/crm/clients/1/erase")
    walk.press("Erase for good")
    walk.reads(f"{CRM}: {walk.words('Waits')}")
    walk.work()
    walk.page.reload()
    walk.reads(f"{CRM}: {walk.words('Deleted')}")
    walk.edits_here(last_name="Birch")
    walk.looks_now()
    assert "ada.weinstein@example.com" not in {row["properties"]["Email"] for row in walk.records()}
    walk.page.goto("/crm/erasures")
    walk.follow("Client %(id)s", id=1)
    walk.press("Lift the erasure")
    walk.sees("Lifted. If the client is still here, its next change makes it a new lead.")
    walk.edits_here(last_name="Alder")
    walk.looks_now()
    assert walk.there("LastName") == "Alder"
    assert walk.record()["id"] != number
