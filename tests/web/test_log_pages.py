"""The Sync Log as a user meets it: filters, search, the file, trying again what failed for one cause."""

from __future__ import annotations

import csv
import html
import io
import re
from pathlib import Path

import pytest

from flask_crm_sync.models.operation import ADD_NOTE, FAILED, PENDING, SUCCESS
from flask_crm_sync.sync import log, retry_runs
from flask_crm_sync.sync.audit import trail
from flask_crm_sync.web.export_page import COLUMNS, guarded
from tests.web.helpdesk import OURS, THEIRS, Client, Helpdesk, open_helpdesk
from tests.web.test_crm_pages import plain, post, read, told


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    return open_helpdesk(tmp_path)


def shown(desk: Helpdesk, query: str) -> list[int]:
    page = desk.browser("viewer").get(f"/crm/log?{query}").text
    return [int(number) for number in re.findall(r'id="crmsync-entry-(\d+)"', page)]


def test_filters_hold_together(desk: Helpdesk) -> None:
    view = desk.connect()
    lead = desk.add_operation(view, "1", status=FAILED, reason="invalid_record")
    note = desk.add_operation(view, "1", kind=ADD_NOTE, subject_id="9", status=FAILED, reason="permission_missing")
    done = desk.add_operation(view, "2", kind=ADD_NOTE, subject_id="8", status=SUCCESS)
    assert shown(desk, "kind=add_note") == [done, note]
    assert shown(desk, "kind=add_note&status=failed") == [note]
    assert shown(desk, "crm=hubspot&status=failed") == [note, lead]
    assert shown(desk, "crm=salesforce") == []
    assert shown(desk, "reason=invalid_record") == [lead]
    assert shown(desk, "client=1&kind=create_lead") == [lead]


def test_the_way_to_the_same_cause_leads_to_all_of_it(desk: Helpdesk) -> None:
    view = desk.connect()
    for client in ("1", "2"):
        desk.add_operation(view, client, status=FAILED, reason="invalid_record")
    page = desk.browser("manager").get("/crm/log?since=2026-11-22&until=2026-11-22&kind=create_lead").text
    (address, *_) = re.findall(r'class="crmsync-same" href="([^"]+)"', page)
    assert "Retry all 2 with this cause in HubSpot" in read(desk.browser("manager"), html.unescape(address))


def test_pages_of_a_filter_follow_one_another(desk: Helpdesk) -> None:
    view = desk.connect()
    ids = [desk.add_operation(view, str(number), status=SUCCESS) for number in range(60)]
    first = shown(desk, "crm=hubspot")
    assert first == ids[:9:-1]
    assert shown(desk, f"crm=hubspot&before={first[-1]}") == ids[9::-1]
    assert shown(desk, f"crm=hubspot&after={ids[9]}") == first


@pytest.mark.parametrize(
    "typed", ["1", "ada", "QUIST", "ada quist", "qui ada", "Ada.Quist@example.com", " ada ", "ada.quist@example.com"]
)
def test_a_client_is_found_by_what_people_type(desk: Helpdesk, typed: str) -> None:
    view = desk.connect()
    desk.add_client(1)
    desk.change(Client, email="ada.quist@example.com")
    desk.add_client(2, name="Bo Lind")
    mine = desk.add_operation(view, "1", status=SUCCESS)
    desk.add_operation(view, "2", status=SUCCESS)
    answer = desk.browser("viewer").get("/crm/log", query_string={"client": typed})
    assert re.findall(r'id="crmsync-entry-(\d+)"', answer.text) == [str(mine)]


@pytest.mark.parametrize("typed", ["%", "_da", "d", "Some", "2", "x" * 500, "a\0b", "' OR 1=1 --", "\N{GRINNING FACE}"])
def test_what_fits_nobody_of_ours_finds_nothing(desk: Helpdesk, typed: str) -> None:
    desk.add_client(1)
    desk.add_client(2, 2, "Some Body")
    desk.add_operation(desk.connect(THEIRS), "2", status=SUCCESS)
    answer = desk.browser("viewer").get("/crm/log", query_string={"client": typed})
    assert answer.status_code == 200
    assert "crmsync-entry-" not in answer.text


def test_a_search_is_not_repeated_every_few_seconds(desk: Helpdesk) -> None:
    desk.add_operation(desk.connect(), "1", status=SUCCESS)
    browser = desk.browser("viewer")
    assert "hx-trigger" in browser.get("/crm/log").text
    assert "hx-trigger" not in browser.get("/crm/log?client=1").text


def test_in_a_large_account_a_name_is_looked_for_among_the_newest_clients_first(
    desk: Helpdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "NEWEST_CLIENTS", 2)
    view = desk.connect()
    entries = {}
    for number in (1, 2, 3):
        desk.add_client(number)
        entries[number] = desk.add_operation(view, str(number), status=SUCCESS)
    assert shown(desk, "client=ada") == [entries[3], entries[2]]
    page = desk.browser("viewer").get("/crm/log?client=ada").text
    assert 'href="/crm/log?client=ada&amp;wide=1"' in page
    assert "Looked for among your newest" in page
    assert shown(desk, "client=ada&wide=1") == [entries[3], entries[2], entries[1]]
    for query in ("client=ada&wide=1", "client=1", "client=ada@example.com"):
        assert "Looked for among" not in desk.browser("viewer").get(f"/crm/log?{query}").text
    assert shown(desk, "client=1") == [entries[1]]


def test_the_search_asks_the_host_once(desk: Helpdesk) -> None:
    view = desk.connect()
    for number in range(20):
        desk.add_client(number)
        desk.add_operation(view, str(number), status=SUCCESS)
    browser = desk.browser("viewer")
    with desk.statements() as sent:
        browser.get("/crm/log?client=ada")
    assert len([one for one in sent if "FROM client" in one]) == 3  # the search, whether it saw all, and the names


def test_the_file_holds_all_that_matches_and_nothing_of_others(desk: Helpdesk) -> None:
    view = desk.connect()
    desk.add_client(1, name="Åsa Öman")
    failed = [
        desk.add_operation(view, "1", subject_id=str(n), status=FAILED, reason="already_linked") for n in range(9)
    ]
    desk.add_operation(view, "1", status=SUCCESS)
    desk.add_operation(desk.connect(THEIRS), "1", status=FAILED)
    answer = post(desk.browser("manager"), "/crm/log/export", status="failed")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="sync-log-2026-11-22-1400.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert tuple(rows[0]) == COLUMNS
    assert [int(row["number"]) for row in rows] == failed[::-1]
    assert (rows[0]["client_name"], rows[0]["crm"], rows[0]["code"]) == ("Åsa Öman", "HubSpot", "already_linked")


def test_no_cell_is_a_formula(desk: Helpdesk) -> None:
    view = desk.connect()
    desk.add_client(1, name="=HYPERLINK(1) Quist")
    desk.add_operation(view, "1", status=FAILED, crm_message='@SUM(A1),"x"\n=1', message="-1+2")
    answer = post(desk.browser("manager"), "/crm/log/export")
    (row,) = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline=""))
    assert row["client_name"] == "'=HYPERLINK(1) Quist"
    assert row["crm_message"] == "'@SUM(A1),\"x\"\n'=1"
    assert row["message"] == "'-1+2"


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_cell_that_begins_like_a_formula_is_guarded(cell: str) -> None:
    assert guarded(cell) == f"'{cell}"


@pytest.mark.parametrize("cut", [";", "\n", "\t", "\r"])
def test_no_part_of_a_cell_is_a_formula_where_lines_are_cut_elsewhere(cut: str) -> None:
    """German Excel cuts at semicolons, and heeds no quotes then."""
    assert guarded(f"Ada{cut}=HYPERLINK(A1)") == f"Ada{cut}'=HYPERLINK(A1)"
    assert guarded("Ada Quist; a+b = c") == "Ada Quist; a+b = c"


def test_the_trail_says_who_took_the_log_and_which_part(desk: Helpdesk) -> None:
    desk.connect()
    post(desk.browser("manager"), "/crm/log/export", status="failed", kind="add_note")
    deed = trail(desk.sync, OURS).deeds[0]
    assert (deed.action, deed.user_id, deed.after) == ("export", "1", {"status": "failed", "kind": "add_note"})


def test_the_trail_holds_nothing_of_whom_somebody_searched_for(desk: Helpdesk) -> None:
    desk.connect()
    post(desk.browser("manager"), "/crm/log/export", client="ada.quist@example.com")
    assert trail(desk.sync, OURS).deeds[0].after == {"client": True}


def test_the_file_is_read_a_page_at_a_time(desk: Helpdesk) -> None:
    view = desk.connect()
    for number in range(3):
        desk.add_operation(view, str(number), status=SUCCESS)
    browser = desk.browser("manager")
    with desk.statements() as sent:
        answer = browser.post("/crm/log/export", data={"csrf_token": ""})
    assert answer.status_code == 400
    assert not [one for one in sent if "crm_sync_operation" in one]


def test_one_cause_offers_to_retry_all_of_it(desk: Helpdesk) -> None:
    view = desk.connect()
    ids = [desk.add_operation(view, str(n), status=FAILED, reason="invalid_record") for n in range(3)]
    other = desk.add_operation(view, "9", status=FAILED, reason="permission_missing")
    page = read(desk.browser("manager"), "/crm/log?reason=invalid_record&crm=hubspot")
    assert "Retry all 3 with this cause in HubSpot" in page
    page = told(desk.browser("manager"), "/crm/log/retry-all", reason="invalid_record", crm="hubspot")
    assert "3 entries are tried again now." in page
    assert {desk.operation(number).status for number in ids} == {PENDING}
    assert desk.operation(other).status == FAILED
    assert desk.wakes.count == 1


@pytest.fixture
def slow(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> Helpdesk:
    """A helpdesk with more that failed for one cause than is tried again at once."""
    monkeypatch.setattr(retry_runs, "SLICES", 1)
    view = desk.connect()
    for number in range(250):
        desk.add_operation(view, str(number), status=FAILED, reason="invalid_record")
    return desk


def begun(desk: Helpdesk) -> str:
    """Begin to retry all; return the address of the page that shows how far it is."""
    answer = post(desk.browser("manager"), "/crm/log/retry-all", reason="invalid_record")
    assert answer.status_code == 303
    return str(answer.location)


def test_a_long_retry_goes_on_without_its_page(slow: Helpdesk) -> None:
    watched, browser = begun(slow), slow.browser("viewer")
    assert "100 of 250" in plain(read(browser, watched))
    while retry_runs.go_on_with_all(slow.sync):
        pass
    page = plain(read(browser, watched))
    assert "250 entries are tried again now." in page
    assert "Stop this" not in page
    assert shown(slow, "status=failed") == []
    card = plain(read(slow.browser("manager"), "/crm/"))
    assert "Trying again 0 of 250" in card
    assert "Stop this" not in card


def test_the_page_only_watches(slow: Helpdesk) -> None:
    watched, browser = begun(slow), slow.browser("viewer")
    assert plain(read(browser, watched)) == plain(read(browser, watched))
    assert len(retry_runs.open_runs(slow.sync, OURS)) == 1


def test_a_long_retry_tells_its_rate_and_time_left_and_stops_where_it_is(slow: Helpdesk) -> None:
    watched, browser = begun(slow), slow.browser("manager")
    slow.clock.sleep(60)
    retry_runs.go_on_with_all(slow.sync)
    assert "200 a minute, about 1 minute left" in plain(read(browser, watched))
    page = told(browser, f"{watched}/stop")
    assert "200 entries are tried again now. The others stay as they are." in page
    assert not retry_runs.go_on_with_all(slow.sync)
    assert len(shown(slow, "status=failed")) == 50
    assert "Stopped" in plain(read(browser, watched))


def test_the_log_leads_to_what_is_tried_again(slow: Helpdesk) -> None:
    watched = begun(slow)
    assert f'href="{watched}"' in slow.browser("viewer").get("/crm/log").text
    page = read(slow.browser("manager"), "/crm/log?reason=invalid_record&status=failed")
    assert "Retry all" not in page
    assert begun(slow) == watched


@pytest.mark.parametrize("reason", ["", "cannot_confirm", "no_such_reason", "x" * 300])
def test_a_cause_that_cannot_be_retried_in_a_heap_changes_nothing(desk: Helpdesk, reason: str) -> None:
    number = desk.add_operation(desk.connect(), status=FAILED, reason="cannot_confirm")
    post(desk.browser("manager"), "/crm/log/retry-all", reason=reason)
    assert desk.operation(number).status == FAILED


def test_a_viewer_is_offered_nothing_that_changes(desk: Helpdesk) -> None:
    desk.add_operation(desk.connect(), status=FAILED, reason="invalid_record")
    page = read(desk.browser("viewer"), "/crm/log?reason=invalid_record")
    assert "Retry all" not in page
    assert "Download" not in page


@pytest.fixture
def days(desk: Helpdesk) -> dict[str, int]:
    """One entry on each of three days, late in the evening by UTC; the day by its entry's number."""
    view, found = desk.connect(), {}
    for _ in range(3):
        desk.clock.at = desk.clock.at.replace(hour=23, minute=30)
        found[f"{desk.clock.at:%Y-%m-%d}"] = desk.add_operation(view, "1", status=FAILED, reason="duplicate")
        desk.clock.sleep(86400)
    return found


def test_the_log_can_be_held_to_days(desk: Helpdesk, days: dict[str, int]) -> None:
    first, second, third = days.values()
    assert shown(desk, "since=2026-11-23") == [third, second]
    assert shown(desk, "until=2026-11-23") == [second, first]
    assert shown(desk, "since=2026-11-23&until=2026-11-23") == [second]
    page = desk.browser("viewer").get("/crm/log?since=2026-11-23&status=failed").text
    assert "Whole days in the time zone UTC" in page
    assert "since=2026-11-23" in page.partition('id="crmsync-rows"')[2].partition(">")[0]


def test_days_are_the_readers(desk: Helpdesk, days: dict[str, int]) -> None:
    browser = desk.browser("viewer")
    browser.set_cookie("crm_sync_tz", "Europe/Vienna")
    page = browser.get("/crm/log?since=2026-11-23&until=2026-11-23").text
    assert re.findall(r'id="crmsync-entry-(\d+)"', page) == [str(days["2026-11-22"])]
    assert "Europe/Vienna" in page


@pytest.mark.parametrize("query", ["since=yesterday", "until=2026-02-30", "since=23.11.2026", "since=20261123"])
def test_what_is_not_a_day_is_said_and_shows_all_days(desk: Helpdesk, days: dict[str, int], query: str) -> None:
    page = desk.browser("viewer").get(f"/crm/log?{query}").text
    assert "is not a day. Give it as year-month-day" in page
    assert page.count('aria-invalid="true"') == 2
    assert shown(desk, query) == [*days.values()][::-1]


def test_a_last_day_before_the_first_is_said(desk: Helpdesk) -> None:
    page = desk.browser("viewer").get("/crm/log?since=2026-11-23&until=2026-11-22").text
    assert "The first day is later than the last one." in page


def test_days_are_kept_in_the_file_and_noted_in_the_trail(desk: Helpdesk, days: dict[str, int]) -> None:
    answer = post(desk.browser("manager"), "/crm/log/export", since="2026-11-24")
    (row,) = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))
    assert int(row["number"]) == days["2026-11-24"]
    assert trail(desk.sync, OURS).deeds[0].after == {"since": "2026-11-24", "zone": "UTC"}
    page = desk.browser("manager").get("/crm/log?since=2026-11-24").text
    assert '<input type="hidden" name="since" value="2026-11-24">' in page


def test_some_days_of_a_cause_are_not_all_of_it(desk: Helpdesk, days: dict[str, int]) -> None:
    page = desk.browser("manager").get("/crm/log?reason=duplicate&status=failed&since=2026-11-23").text
    assert "Retry all" not in page
