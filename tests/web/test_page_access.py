"""Who may open what: every route, for everybody, with every kind of id; made from the URL map."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from werkzeug.routing import Rule

from flask_crm_sync.models import Channel, Conflict, Connection, CriterionRow, Erasure, Operation, RetryRun
from flask_crm_sync.models.operation import FAILED
from flask_crm_sync.web import entrance
from tests.web.helpdesk import OURS, THEIRS, Conversation, Helpdesk, open_helpdesk

PUBLIC = {"crm_sync.static"}
"""What anybody may have. A page added here must be as harmless as a stylesheet."""

TO_CONNECT = {f"crm_sync.{name}" for name in ("connect", "sign_in", "sign_in_callback", "move")}
"""What leads to a connection, and so is there before one is."""

CHANGES_ONES_OWN = {
    f"crm_sync.{name}"
    for name in (
        "read_notifications",
        "save_notification_preferences",
        "create_channel",
        "save_channel",
        "try_channel",
        "switch",
        "remove_channel",
    )
}
"""What everybody changes for themselves alone; `test_notification_preferences.py` holds them to that."""

KNOWN = {
    "operation_id",
    "client_id",
    "crm",
    "channel_id",
    "criterion_id",
    "conversation_id",
    "retry_id",
    "conflict_id",
    "erasure_id",
}
"""What addresses name."""

OWN, FOREIGN, NONSENSE = "own", "foreign", "nonsense"


def rules(desk: Helpdesk) -> Iterator[tuple[Rule, str]]:
    for rule in desk.app.url_map.iter_rules():
        if rule.endpoint.startswith("crm_sync.") and rule.endpoint not in PUBLIC:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method


@pytest.fixture
def both(desk: Helpdesk) -> Helpdesk:
    """Two accounts; the second has no connection when its number is what must not be found."""
    desk.add_operation(
        desk.connect(OURS), status=FAILED, reason="ambiguous_match", details={"candidates": [{"id": "7"}]}
    )
    theirs = desk.connect(THEIRS)
    desk.add_operation(theirs, "2", status=FAILED, reason="ambiguous_match", details={"candidates": [{"id": "7"}]})
    desk.add_client(2, 2, "Some Body")
    for number, account_id in ((1, OURS), (2, THEIRS)):
        add_channel(desk, number, account_id)
        add_criterion(desk, number, account_id)
        add_erasure(desk, number, account_id)
        add_retry(desk, number, account_id)
        add_conflict(desk, number, account_id)
    return desk


def add_channel(desk: Helpdesk, number: int, account_id: str) -> None:
    """Put a channel of the whole account into the database, without an address that could be told."""
    now = desk.clock.now()
    same = {"user_id": "", "kind": "webhook", "events": [], "created_at": now, "updated_at": now}
    with desk.sync.database.write() as database:
        database.execute(sa.insert(Channel).values(id=UUID(int=number), account_id=account_id, **same))


def add_criterion(desk: Helpdesk, number: int, account_id: str) -> None:
    """Put a criterion and a conversation to be judged by it into the database."""
    now = desk.clock.now()
    told = {"name": "Says a word", "definition": {"required": ["word"]}, "created_at": now, "updated_at": now}
    row = {"id": UUID(int=number), "account_id": account_id, "set_name": "default", **told}
    talk = {"id": number, "account_id": int(account_id), "client_id": number, "updated_at": now.replace(tzinfo=None)}
    with desk.sync.database.write() as database:
        database.execute(sa.insert(CriterionRow).values(row))
        database.execute(sa.insert(Conversation).values(talk))


def add_retry(desk: Helpdesk, number: int, account_id: str) -> None:
    """Put a retry of many that is under way into the database."""
    told = {"account_id": account_id, "user_id": "", "reason": "duplicate", "crm": "", "created_at": desk.clock.now()}
    place = dict.fromkeys(("first_id", "last_id", "reached_id", "done", "total"), 1)
    with desk.sync.database.write() as database:
        database.execute(sa.insert(RetryRun).values(id=number, **told, **place))


def add_conflict(desk: Helpdesk, number: int, account_id: str) -> None:
    """Put a conflict that waits for somebody into the database."""
    with desk.sync.database.write() as database:
        of_account = sa.select(Connection.id).where(Connection.account_id == account_id)
        told = {"account_id": account_id, "connection_id": database.execute(of_account).scalar_one(), "crm": "hubspot"}
        about = {"client_id": str(number), "field": "city", "open_key": f"key {number}", "created_at": desk.clock.now()}
        database.execute(sa.insert(Conflict).values(id=number, **told, **about))


def add_erasure(desk: Helpdesk, number: int, account_id: str) -> None:
    """Put an erasure into the database, of a client whom nobody else knows."""
    asked = {"id": UUID(int=number), "account_id": account_id, "client_id": f"gone {number}"}
    with desk.sync.database.write() as database:
        database.execute(sa.insert(Erasure).values(**asked, requested_at=desk.clock.now()))


def address(rule: Rule, ids: str) -> str | None:
    """Return the rule's address; None where it has no id that could be somebody else's."""
    numbers = {OWN: 1, FOREIGN: 2, NONSENSE: 10**30}
    crms = {OWN: "hubspot", NONSENSE: "no-such-crm"}
    channels = {OWN: UUID(int=1), FOREIGN: UUID(int=2), NONSENSE: 10**30}
    values: dict[str, Any] = {}
    for argument in rule.arguments:
        pool: dict[str, Any] = {
            "crm": crms,
            "channel_id": channels,
            "criterion_id": channels,
            "erasure_id": channels,
        }.get(argument, numbers)
        assert argument in KNOWN, f"say what {argument} may be"
        if ids not in pool:
            return None
        values[argument] = pool[ids]
    if ids != OWN and not rule.arguments:
        return None
    return str(rule.rule) if not values else _filled(str(rule.rule), values)


def _filled(rule: str, values: dict[str, Any]) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found.group(1)]), rule)


def send(desk: Helpdesk, who: str | None, method: str, url: str) -> int:
    browser = desk.browser(who)
    data = {"csrf_token": token_of(browser)} if who and who != "homeless" else {}
    return browser.open(url, method=method, data=data if method == "POST" else None).status_code


def token_of(browser: Any) -> str:
    """Return the CSRF token that the user's session is given with any form."""
    with browser.application.test_request_context():
        from flask import session
        from flask_wtf.csrf import generate_csrf

        token = str(generate_csrf())
        secret = session["csrf_token"]
    with browser.session_transaction() as stored:
        stored["csrf_token"] = secret
    return token


def needs(rule: Rule) -> str:
    return entrance._needs[rule.endpoint]


def stored(desk: Helpdesk) -> list[Any]:
    with desk.sync.database.read() as database:
        return [
            database.execute(model.__table__.select()).all() for model in (Connection, Operation, RetryRun, Conflict)
        ]


def test_every_route_says_what_it_needs(desk: Helpdesk) -> None:
    undeclared = [rule.endpoint for rule, _ in rules(desk) if rule.endpoint not in entrance._needs]
    assert undeclared == []


def test_every_route_that_changes_something_needs_a_manager(desk: Helpdesk) -> None:
    changing = [rule for rule, method in rules(desk) if method != "GET" and rule.endpoint not in CHANGES_ONES_OWN]
    assert {needs(rule) for rule in changing} == {entrance.MANAGE}


def test_a_view_that_declares_nothing_is_shut(both: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(entrance._needs, "crm_sync.log")
    assert both.browser("manager").get("/crm/log").status_code == 403


def test_strangers_go_to_the_login(both: Helpdesk) -> None:
    before = stored(both)
    for rule, method in rules(both):
        for ids in (OWN, FOREIGN, NONSENSE):
            if url := address(rule, ids):
                browser = both.browser()
                answer = browser.open(url, method=method)
                if method == "POST" and answer.status_code == 303:
                    answer = browser.get(answer.location)
                shut_out = answer.status_code == 302 and answer.location.startswith("/login")
                assert shut_out or (ids == NONSENSE and answer.status_code == 404), (method, url)
    assert stored(both) == before


@pytest.mark.parametrize(
    ("sent_from", "comes_back_to"),
    [
        ("http://localhost/crm/log/1?x=1", "/crm/log/1?x=1"),
        ("http://localhost/tickets", "/crm/"),
        ("http://evil.example.com/crm/log/1", "/crm/"),
        ("http://localhost/crm/..//evil.example.com", "/crm/..//evil.example.com"),
        ("", "/crm/"),
    ],
)
def test_whose_login_has_ended_comes_back_to_the_page_of_the_form(
    both: Helpdesk, sent_from: str, comes_back_to: str
) -> None:
    browser = both.browser()
    answer = browser.post("/crm/log/1/retry", headers={"Referer": sent_from} if sent_from else {})
    assert (answer.status_code, answer.location) == (303, comes_back_to)
    browser.get("/login-as/1")
    assert "Nothing was changed, as you were not logged in" in browser.get("/crm/").text


def test_a_user_without_an_account_may_not_come_in(both: Helpdesk) -> None:
    for rule, method in rules(both):
        assert send(both, "homeless", method, address(rule, OWN) or "") == 403, (method, rule)


def test_a_viewer_sees_and_changes_nothing(both: Helpdesk) -> None:
    before = stored(both)
    for rule, method in rules(both):
        if rule.endpoint in CHANGES_ONES_OWN:
            continue
        expected = {200} if needs(rule) == entrance.VIEW else {403}
        expected |= {403} if "channel_id" in rule.arguments else set()  # one of the whole account
        assert send(both, "viewer", method, address(rule, OWN) or "") in expected, (method, rule)
    assert stored(both) == before


@pytest.mark.parametrize("ids", [FOREIGN, NONSENSE])
def test_what_is_not_the_accounts_own_is_not_there(both: Helpdesk, ids: str) -> None:
    before = stored(both)
    for rule, method in rules(both):
        if url := address(rule, ids):
            assert send(both, "manager", method, url) == 404, (method, url)
    assert stored(both) == before


def test_another_accounts_manager_reaches_nothing_of_ours(tmp_path: Path) -> None:
    """Their account has no connection: what they do by name must not touch ours either."""
    desk = open_helpdesk(tmp_path)
    desk.add_operation(desk.connect(OURS), status=FAILED, reason="invalid_record")
    before = stored(desk)
    asked = list(desk.portal.asked)
    for rule, method in rules(desk):
        if rule.endpoint in TO_CONNECT:
            assert send(desk, "foreign manager", method, address(rule, OWN) or "") == 422, (method, rule)
        elif rule.arguments:
            assert send(desk, "foreign manager", method, address(rule, OWN) or "") == 404, (method, rule)
    assert stored(desk) == before
    assert desk.portal.asked == asked


def test_a_manager_gets_an_answer_everywhere(tmp_path: Path) -> None:
    asked = _lived_in(tmp_path / "asked")  # looking at pages changes nothing: one helpdesk is enough for that
    for number, (rule, method) in enumerate(list(rules(asked))):
        desk = asked if method == "GET" else _lived_in(tmp_path / str(number))
        status = send(desk, "manager", method, address(rule, OWN) or "")
        assert status in {200, 303, 422}, (method, rule, status)


def _lived_in(directory: Path) -> Helpdesk:
    directory.mkdir()
    desk = open_helpdesk(directory)
    desk.add_operation(desk.connect(OURS), status=FAILED, reason="invalid_record")
    for add in (add_channel, add_criterion, add_retry, add_conflict, add_erasure):
        add(desk, 1, OURS)
    return desk


def test_every_form_needs_its_token(both: Helpdesk) -> None:
    before = stored(both)
    browser = both.browser("manager")
    posts = [address(rule, OWN) for rule, method in rules(both) if method == "POST"]
    assert len(posts) >= 8
    for url in posts:
        for data in ({}, {"csrf_token": ""}, {"csrf_token": "made.up.token"}):
            answer = browser.post(url or "", data=data)
            assert answer.status_code == 400, url
            assert "Please send the form again" in answer.text
    assert stored(both) == before


def test_another_users_token_is_no_token(both: Helpdesk) -> None:
    token = token_of(both.browser("foreign manager"))
    browser = both.browser("manager")
    token_of(browser)
    assert browser.post("/crm/connections/hubspot/pause", data={"csrf_token": token}).status_code == 400


def test_forms_work_where_the_host_checks_tokens_itself(tmp_path: Path) -> None:
    from flask_wtf.csrf import CSRFProtect

    desk = open_helpdesk(tmp_path)
    CSRFProtect(desk.app)
    desk.connect()
    browser = desk.browser("manager")
    assert "Please send the form again" in browser.post("/crm/connections/hubspot/pause").text
    data = {"csrf_token": token_of(browser)}
    assert browser.post("/crm/connections/hubspot/pause", data=data).status_code == 303


def test_a_refreshing_list_sends_the_whole_page_to_the_login(desk: Helpdesk) -> None:
    answer = desk.browser().get("/crm/log/rows", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")


def test_pages_are_kept_out_of_caches_and_foreign_frames(desk: Helpdesk) -> None:
    headers = desk.browser("manager").get("/crm/").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_a_hosts_own_frame_keeps_the_hosts_policy(tmp_path: Path) -> None:
    frame = tmp_path / "templates" / "crm_sync"
    frame.mkdir(parents=True)
    blocks = ("crm_sync_title", "crm_sync_content")
    own = "The host's frame " + "".join(f"{{% block {name} %}}{{% endblock %}}" for name in blocks)
    (frame / "base.html").write_text(own)
    answer = open_helpdesk(tmp_path).browser("manager").get("/crm/")
    assert "The host's frame" in answer.text
    assert 'class="crmsync"' in answer.text
    assert "Content-Security-Policy" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_missing_secret_key_is_named(tmp_path: Path) -> None:
    desk = open_helpdesk(tmp_path, SECRET_KEY=None, TESTING=True)
    with pytest.raises(Exception, match="SECRET_KEY is not set"):
        desk.browser().get("/crm/")


def test_the_menu_has_our_links_only_for_who_may_see_them(desk: Helpdesk) -> None:
    from flask_login import login_user

    from flask_crm_sync.web.links import crm_sync_links
    from tests.web.helpdesk import User, db

    with desk.app.test_request_context("/crm/log"):
        assert crm_sync_links() == []
        login_user(db.session.get(User, 2))
        seen = [(link.label, link.url, link.active) for link in crm_sync_links()]
        assert seen == [
            ("Overview", "/crm/overview", False),
            ("CRM Connection", "/crm/", False),
            ("Qualification", "/crm/qualification", False),
            ("Sync Log", "/crm/log", True),
            ("Conflicts", "/crm/conflicts", False),
            ("Notifications", "/crm/notifications", False),
        ]
        login_user(db.session.get(User, 1))
        assert [link.label for link in crm_sync_links()] == [label for label, _, _ in seen] + ["Audit trail"]


def test_trouble_in_the_hosts_access_functions_shows_no_links_and_breaks_no_page(
    desk: Helpdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flask_crm_sync.web.links import crm_sync_links

    def broken() -> str:
        raise RuntimeError("the host's own trouble")

    monkeypatch.setattr(desk.app.extensions["crm_sync"].access, "account_id", broken)
    with desk.app.test_request_context("/"):
        assert crm_sync_links() == []
