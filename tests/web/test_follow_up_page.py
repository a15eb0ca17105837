"""The page on which people choose what follows a qualification in the CRM."""

from __future__ import annotations

import pytest

from flask_crm_sync.errors import UnsupportedFeature
from flask_crm_sync.sync.audit import trail
from flask_crm_sync.sync.follow_up_choice import find_follow_ups
from tests.web import helpdesk
from tests.web.helpdesk import OURS, Helpdesk
from tests.web.test_crm_pages import plain, post, read, told

PAGE = "/crm/connections/hubspot/follow-ups"


@pytest.fixture
def connected(desk: Helpdesk) -> Helpdesk:
    desk.connect()
    return desk


def test_nothing_follows_until_somebody_chooses(connected: Helpdesk) -> None:
    browser = connected.browser("manager")
    page = browser.get(PAGE).text
    assert 'value="hs_lead_status" selected' in page
    assert "firstname" not in page, "what we write anyway is not offered"
    assert "hs_object_id" not in page, "what cannot be written is not offered"
    assert find_follow_ups(connected.sync, OURS, "hubspot").to_json() is None
    wanted = {"status-confirmed": "OPEN", "tag-confirmed": "hot", "note-downgraded": "on"}
    assert "Saved." in told(browser, PAGE, status_field="hs_lead_status", tag_field="labels", **wanted)
    kept = find_follow_ups(connected.sync, OURS, "hubspot")
    assert (kept.of("confirmed").status, kept.of("confirmed").tag, kept.of("downgraded").note) == ("OPEN", "hot", True)
    assert [field.name for field in kept.fields] == ["hs_lead_status", "labels"]
    assert 'value="OPEN" selected>Open</option>' in browser.get(PAGE).text


def test_choice_is_in_the_audit_trail_in_words(connected: Helpdesk) -> None:
    browser = connected.browser("manager")
    post(browser, PAGE, status_field="hs_lead_status", **{"status-confirmed": "OPEN", "note-confirmed": "on"})
    deed = trail(connected.sync, OURS).deeds[0]
    part = "follow_up:confirmed"
    assert deed.after == {"status_field": "Lead status", f"{part}:note": True, f"{part}:status": "OPEN"}
    assert "status after “Confirmed”: after OPEN" in read(browser, "/crm/audit")


def test_options_of_another_field_are_shown_before_anything_is_kept(connected: Helpdesk) -> None:
    page = connected.browser("manager").get(f"{PAGE}?status_field=jobtitle&tag_field=labels").text
    assert 'name="status-confirmed" value=""' in page
    assert 'value="cold">Cold</option>' in page


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"status_field": "hs_lead_status", "status-confirmed": "WON"}, "has no option “WON” in the CRM"),
        ({"status_field": "jobtitle", "status-confirmed": "x" * 21}, "takes 20 characters; this has 21"),
        ({"status_field": "hs_object_id", "status-confirmed": "1"}, "no such field that can be written"),
        ({"status_field": "firstname", "status-confirmed": "Ada"}, "no such field that can be written"),
        ({"status_field": "jobtitle", "tag_field": "jobtitle"}, "another field than that of the status"),
        ({"tag-confirmed": "hot"}, "Choose the field first"),
    ],
)
def test_what_the_crm_would_not_take_is_said_and_not_kept(
    connected: Helpdesk, typed: dict[str, str], says: str
) -> None:
    answer = post(connected.browser("manager"), PAGE, **typed)
    assert answer.status_code == 422
    assert says in plain(answer.get_data(as_text=True))
    assert find_follow_ups(connected.sync, OURS, "hubspot").to_json() is None


def test_crm_that_describes_nothing_takes_typed_names_and_says_that_nothing_is_checked(
    connected: Helpdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_: object) -> None:
        raise UnsupportedFeature("HubSpot", "a description of its fields")

    monkeypatch.setattr(helpdesk._Caller, "schema", silent)
    browser = connected.browser("manager")
    assert "neither name nor values can be checked" in read(browser, PAGE)
    assert "Saved." in told(browser, PAGE, status_field="stage", **{"status-upgraded": "Warm"})
    kept = find_follow_ups(connected.sync, OURS, "hubspot")
    assert (kept.status.name if kept.status else "", kept.of("upgraded").status) == ("stage", "Warm")


def test_choice_can_be_taken_back(connected: Helpdesk) -> None:
    browser = connected.browser("manager")
    post(browser, PAGE, status_field="hs_lead_status", **{"status-confirmed": "OPEN"})
    post(browser, PAGE, status_field="hs_lead_status")
    assert find_follow_ups(connected.sync, OURS, "hubspot").to_json() is None


def test_viewer_sees_it_and_changes_nothing(connected: Helpdesk) -> None:
    browser = connected.browser("viewer")
    assert "An administrator of your account can change these." in read(browser, PAGE)
    assert post(browser, PAGE, status_field="hs_lead_status").status_code == 403
