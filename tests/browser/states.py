"""Every page in every state that axe looks at. A new page adds its lines to `STATES`, a new situation to `DESKS`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from playwright.sync_api import Page

from flask_crm_sync.config import Settings
from flask_crm_sync.errors import ReconnectRequired
from flask_crm_sync.models import Budget, Conflict, Connection, CriterionRow, Heartbeat, Judgement, RetryRun
from flask_crm_sync.models.connection import CONNECTED, NEEDS_ATTENTION
from flask_crm_sync.models.operation import ADD_NOTE, FAILED, SKIPPED, SUCCESS
from flask_crm_sync.qualification.override import override
from flask_crm_sync.sync import reasons
from flask_crm_sync.sync.allowance import budget_of
from flask_crm_sync.sync.connections import find_connection, pause
from flask_crm_sync.sync.progress import CATCH_UP, begin
from tests.notifications.told import PHONE, told
from tests.upkeep.upkept import ERASURE, LIFTED, upkept
from tests.web.helpdesk import OURS, Conversation, Helpdesk, open_helpdesk
from tests.web.mapped import mapped

WRONG_KEY = "pat-na1-wrong"
CRITERION = "/crm/qualification/criteria/00000000-0000-0000-0000-000000000001"
ROW = "/crm/connections/hubspot/mapping/row"
FILTER, PREVIEW = "/crm/connections/hubspot/filter", "/crm/connections/hubspot/preview"
TOO_LONG = "https://app.example.com/contacts/" + "7" * 60


@dataclass(frozen=True)
class State:
    """A page in a state: in which helpdesk, at which address, and what is done there before it is looked at."""

    name: str
    path: str
    desk: str = "full"
    who: str = "manager"
    steps: Callable[[Page], None] | None = None


def empty(directory: Path) -> Helpdesk:
    """Return a helpdesk in which nothing is connected."""
    desk = open_helpdesk(directory)
    desk.portal.answers[WRONG_KEY] = ReconnectRequired("No.", crm_message="Authentication credentials not found.")
    return desk


def full(directory: Path) -> Helpdesk:
    """Return one with every kind of entry, a connection in each state, and a run under way."""
    desk = open_helpdesk(directory)
    view = desk.connect(by="1")
    desk.change(Connection, traits={"portal_id": "111", "time_zone": "Europe/Vienna"}, last_success_at=desk.clock.now())
    _beat(desk)
    _fill_log(desk)
    _retry_many(desk)
    _contest(desk)
    _beside(desk, "salesforce", state=NEEDS_ATTENTION, state_code="permission_missing", state_message="INSUFFICIENT")
    rests = {"blocked_until": desk.clock.now() + timedelta(minutes=9), "blocked_code": "rate_limited"}
    _beside(desk, "dynamics", **rests, blocked_message="Number of requests exceeded the limit of 6000.")
    _beside(desk, "autochat", enabled=False)
    key = budget_of(desk.sync, desk.stored(view.id)._mapping)
    with desk.sync.database.write() as database:
        begin(database, view.id, CATCH_UP, 400, desk.clock.now() - timedelta(minutes=3), through=False)
        day = {"daily_limit": 1000, "daily_remaining": 120, "daily_seen": time.time()}
        database.execute(sa.insert(Budget).values(token_digest=key, **day))
    return desk


def paused(directory: Path) -> Helpdesk:
    """Return one with a paused connection, no worker, and an empty log."""
    settings = Settings(encryption_keys=(b"k" * 32,), public_url="https://helpdesk.example.com")
    desk = open_helpdesk(directory, settings=settings)
    desk.connect()
    pause(desk.sync, OURS, "hubspot")
    return desk


def judged(directory: Path) -> Helpdesk:
    """Return one with criteria in two sets, and a conversation on which a person has decided."""
    desk = open_helpdesk(directory)
    now = desk.clock.now()
    same = {"account_id": OURS, "created_at": now, "updated_at": now, "version": 3}
    asks = {"required": ["book", "table for"], "excluded": ["refund"], "min_messages": 2, "contact_fields": ["email"]}
    rows = [
        {"id": uuid.UUID(CRITERION[-36:]), "set_name": "default", "name": "Says book", "enabled": True, "priority": 5},
        {"id": uuid.uuid4(), "set_name": "trade", "name": "Says book too", "enabled": False, "priority": 0},
    ]
    desk.add_client(1)
    with desk.sync.database.write() as database:
        database.execute(sa.insert(CriterionRow), [{**same, **row, "definition": asks} for row in rows])
        talk = {"id": 1, "account_id": 1, "client_id": 1, "updated_at": now.replace(tzinfo=None)}
        database.execute(sa.insert(Conversation).values(talk))
    override(desk.sync, OURS, "1", "default", "qualified", "x" * 40, "1")
    gone = {"evidence": [{"message": 1, "mark": "0" * 16, "from": 0, "to": 9}], "model": "m", "version": "1"}
    of = {"account_id": OURS, "conversation_id": "1", "client_id": "1", "set_name": "default", "at": now}
    with desk.sync.database.write() as database:
        said = {"decided_by": "review", "after": "qualified", "outcome": "confirmed", "details": gone}
        database.execute(sa.insert(Judgement).values(**of, **said))
    return desk


DESKS: dict[str, Callable[[Path], Helpdesk]] = {
    "empty": empty,
    "full": full,
    "paused": paused,
    "told": told,
    "judged": judged,
    "upkept": upkept,
    "mapped": mapped,
}


def _beat(desk: Helpdesk) -> None:
    with desk.sync.database.write() as database:
        for kind in ("worker", "scheduler"):
            database.execute(sa.insert(Heartbeat).values(name=kind, kind=kind, beat_at=desk.clock.now()))


def _beside(desk: Helpdesk, crm: str, **values: object) -> None:
    """Put a connection to another CRM beside HubSpot's."""
    with desk.sync.database.write() as database:
        row = dict(database.execute(sa.select(Connection.__table__)).mappings().first() or {})
        row |= {"id": uuid.uuid4(), "crm": crm, "remote_label": f"{crm} of Example Ltd", "state": CONNECTED}
        database.execute(sa.insert(Connection).values(row | values))


def _fill_log(desk: Helpdesk) -> None:
    view = find_connection(desk.sync, OURS, "hubspot")
    for number, name in enumerate(["Ада Квист-Вайнштейн", "Bartholomäus von Wolkenstein-Rodenegg", "نور حداد"], 1):
        desk.add_client(number, name=name)
    found = {"created": True, "written": ["email", "firstname"], "left": {"phone": "changed in the CRM only"}}
    desk.add_operation(view, "1", status=SUCCESS, details=found, remote_url=TOO_LONG, remote_id="7")
    read_by = {"by": "email", "record": "77", "url": TOO_LONG, "tried": ["email"], "left": {"phone": "changed there"}}
    noted = {"at": desk.clock.now().isoformat(), "code": "outcome_unknown", "message": "No answer came."}
    history = [{**noted, **read_by, "crm": "x" * 120}]
    wrong = {"fields": {"email": "is not valid"}, "request_id": "0190f", "history": history}
    words = "Property values were not valid: " + "x" * 120
    desk.add_operation(view, "2", status=FAILED, reason="invalid_record", crm_message=words, details=wrong)
    desk.add_operation(view, "3", kind=ADD_NOTE, reason=reasons.WAITING_FOR_CLIENT)
    desk.add_operation(view, "9", status=SKIPPED, reason=reasons.NO_CONTACT_DETAILS)
    candidates = [{"id": "77", "label": "Record 77", "by": "email", "url": TOO_LONG, "values": {"email": "a@b.c"}}]
    desk.add_operation(view, "3", status=FAILED, reason="ambiguous_match", details={"candidates": candidates})
    desk.add_operation(view, "2", subject_id="12", status=FAILED, reason="invalid_record", crm_message=words)


def _contest(desk: Helpdesk) -> None:
    """Put fields that both sides changed into the inbox; the second went back and forth."""
    view = find_connection(desk.sync, OURS, "hubspot")
    same = {"account_id": OURS, "connection_id": view.id, "crm": "hubspot", "created_at": desk.clock.now()}
    about = [("1", "email", "both_changed"), ("2", "lastname", "flips"), ("9", "city", "both_changed")]
    rows = [
        {**same, "client_id": client, "field": field, "cause": cause, "open_key": f"key {client}"}
        for client, field, cause in about
    ]
    with desk.sync.database.write() as database:
        database.execute(sa.insert(Conflict), rows)


def _retry_many(desk: Helpdesk) -> None:
    """Put a retry of many that is under way into the database, and one that was stopped."""
    now = desk.clock.now()
    told = {"account_id": OURS, "user_id": "1", "crm": "", "created_at": now - timedelta(minutes=2)}
    place = {"first_id": 1, "last_id": 900, "reached_id": 400, "done": 400, "total": 900}
    with desk.sync.database.write() as database:
        for reason, ended in (("permission_missing", None), ("rejected", now)):
            row = {**told, **place, "reason": reason, "ended_at": ended, "cancelled": ended is not None}
            database.execute(sa.insert(RetryRun).values(row))


def _connect_with_a_wrong_key(page: Page) -> None:
    page.locator("#crmsync-card-hubspot").get_by_text("Connect with API keys").click()
    page.get_by_label("Service key or token").fill(WRONG_KEY)
    page.get_by_role("button", name="Connect HubSpot").click()
    page.get_by_role("alert").wait_for()


def unfold(page: Page) -> None:
    """Open all that is folded; of the ways to connect only one is open at a time."""
    page.evaluate(
        "document.querySelectorAll('details').forEach(one => { one.removeAttribute('name'); one.open = true })"
    )


def _diagnose(page: Page) -> None:
    page.locator("#crmsync-card-hubspot").get_by_role("button", name="Diagnose").click()
    page.get_by_role("heading", name="Diagnosis of HubSpot").wait_for()


def _save_a_follow_up_too_long(page: Page) -> None:
    page.get_by_label("Field of the status").select_option("jobtitle")
    page.get_by_role("button", name="Show what can be chosen").click()
    page.get_by_label("Status (Confirmed)").fill("far too long for this field")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").first.wait_for()


def _save_a_wrong_interval(page: Page) -> None:
    page.get_by_label("Update interval in minutes").fill("3")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()


def _make_a_webhook(page: Page) -> None:
    page.get_by_role("button", name="Make an address").click()
    page.get_by_label("Secret").fill("short")
    page.get_by_role("button", name="Save the secret").click()
    page.get_by_role("alert").wait_for()


def _ask_what_would_change(page: Page) -> None:
    page.get_by_role("button", name="What would change?").click()
    page.get_by_role("heading", name="What would change").wait_for()


def _save_without_a_name(page: Page) -> None:
    page.get_by_label("Name", exact=True).fill("")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").first.wait_for()


def _try_a_conversation(page: Page) -> None:
    page.get_by_label("What was said").fill("Client: Can I book a table?\nAgent: It is booked.")
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("heading", name="What they make of it").wait_for()


def _type_a_value_that_cannot_be(page: Page) -> None:
    page.get_by_label("Another value").first.check()
    page.get_by_label("The other value").first.fill("x" * 300)
    page.get_by_role("button", name="This one stays").first.click()
    page.get_by_role("alert").first.wait_for()


def _save_a_template_that_asks_too_much(page: Page) -> None:
    page.get_by_label("A template").check()
    page.get_by_label("Template", exact=True).fill("{% for one in client.tags %}{% endfor %}")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").first.wait_for()


def _try_a_row(page: Page) -> None:
    page.get_by_role("button", name="What would change?").click()
    page.get_by_role("heading", name="What would change").wait_for()


def _ask_what_it_means(page: Page) -> None:
    page.get_by_role("button", name="What would it mean now?").click()
    page.get_by_role("status").wait_for()


def _save_a_condition_without_a_value(page: Page) -> None:
    page.get_by_label("What (3)").select_option("city")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()


STATES = [
    State("connection, nothing connected", "/crm/", "empty"),
    State("connection, nothing connected, unfolded", "/crm/", "empty", steps=unfold),
    State("connection, nothing connected, for a viewer", "/crm/", "empty", "viewer"),
    State("connection, a wrong key", "/crm/", "empty", steps=_connect_with_a_wrong_key),
    State("connection, every state", "/crm/"),
    State("connection, every state, unfolded", "/crm/", steps=unfold),
    State("connection, every state, for a viewer", "/crm/", who="viewer"),
    State("connection, paused, no worker", "/crm/", "paused"),
    State("diagnosis", "/crm/", steps=_diagnose),
    State("webhook, nobody reaches the app", "/crm/connections/dynamics/webhook"),
    State("webhook, none yet", "/crm/connections/hubspot/webhook", "paused"),
    State("webhook, a wrong secret", "/crm/connections/hubspot/webhook", "paused", steps=_make_a_webhook),
    State("disconnect", "/crm/connections/hubspot/disconnect"),
    State("sign-in failed", "/crm/connections/hubspot/callback?error=access_denied&state=made-up", "empty"),
    State("settings", "/crm/connections/hubspot/settings"),
    State("settings, for a viewer", "/crm/connections/hubspot/settings", who="viewer"),
    State("settings, off", "/crm/connections/autochat/settings"),
    State("settings, a wrong interval", "/crm/connections/hubspot/settings", steps=_save_a_wrong_interval),
    State("overview, nothing connected", "/crm/overview", "empty"),
    State("overview, nothing happened", "/crm/overview", "paused"),
    State("overview", "/crm/overview"),
    State("overview, unfolded", "/crm/overview", steps=unfold),
    State("log, nothing connected", "/crm/log", "empty"),
    State("log, empty", "/crm/log", "paused"),
    State("log, nothing failed", "/crm/log?status=failed", "paused"),
    State("log", "/crm/log"),
    State("log, for a viewer", "/crm/log", who="viewer"),
    State("log, one cause", "/crm/log?status=failed&reason=invalid_record&crm=hubspot"),
    State("log, no such client", "/crm/log?client=nobody"),
    State("log, some days", "/crm/log?since=2026-11-01&until=2026-11-23"),
    State("log, what is not a day", "/crm/log?since=yesterday"),
    State("retry of many, under way", "/crm/log/retries/1"),
    State("retry of many, under way, for a viewer", "/crm/log/retries/1", who="viewer"),
    State("retry of many, over", "/crm/log/retries/2"),
    State("entry, success", "/crm/log/1"),
    State("entry, failed", "/crm/log/2"),
    State("entry, waits", "/crm/log/3"),
    State("entry, left out", "/crm/log/4"),
    State("entry, to be decided", "/crm/log/5"),
    State("entry, for a viewer", "/crm/log/5", who="viewer"),
    State("why, known", "/crm/clients/1"),
    State("why, failed", "/crm/clients/2"),
    State("why, gone", "/crm/clients/9"),
    State("what follows", "/crm/connections/hubspot/follow-ups", "paused"),
    State("what follows, another field", "/crm/connections/hubspot/follow-ups?status_field=jobtitle&tag_field=labels"),
    State("what follows, a wrong value", "/crm/connections/hubspot/follow-ups", steps=_save_a_follow_up_too_long),
    State("what follows, for a viewer", "/crm/connections/hubspot/follow-ups", who="viewer"),
    State("two-way settings", "/crm/connections/hubspot/two-way", "paused", steps=unfold),
    State("field mapping, as usual", "/crm/connections/hubspot/mapping", "paused"),
    State("field mapping", "/crm/connections/hubspot/mapping", "mapped"),
    State("field mapping, for a viewer", "/crm/connections/hubspot/mapping", "mapped", "viewer"),
    State("field mapping, another field", ROW, "mapped"),
    State("field mapping, one field", f"{ROW}?field=rating", "mapped"),
    State("field mapping, a consent", f"{ROW}?field=consent", "mapped"),
    State("field mapping, matched by it", f"{ROW}?field=email", "mapped", "viewer"),
    State("field mapping, wrong", f"{ROW}?field=born", "mapped", steps=_save_a_template_that_asks_too_much),
    State("field mapping, what would change", f"{ROW}?field=story", "mapped", steps=_try_a_row),
    State("client filter, none", FILTER, "paused"),
    State("client filter, what it means", FILTER, "mapped", steps=_ask_what_it_means),
    State("client filter, wrong", FILTER, "mapped", steps=_save_a_condition_without_a_value),
    State("client filter, for a viewer", FILTER, "mapped", "viewer"),
    State("preview, nobody yet", PREVIEW, "mapped"),
    State("preview, clients found", f"{PREVIEW}?search=Bart", "mapped"),
    State("preview, the newest clients", f"{PREVIEW}?newest=1", "mapped"),
    State("preview, a client", f"{PREVIEW}?client=2", "mapped", "viewer"),
    State("preview, nobody there", f"{PREVIEW}?client=77", "mapped"),
    State("two-way settings, by webhook alone", "/crm/connections/autochat/two-way"),
    State("two-way settings, for a viewer", "/crm/connections/hubspot/two-way", who="viewer"),
    State("conflicts, none", "/crm/conflicts", "empty"),
    State("conflicts", "/crm/conflicts"),
    State("conflicts, a value that cannot be", "/crm/conflicts", steps=_type_a_value_that_cannot_be),
    State("conflicts, for a viewer", "/crm/conflicts", who="viewer"),
    State("upkeep, the card", "/crm/", "upkept"),
    State("backfill, to begin", "/crm/connections/hubspot/backfill", "paused"),
    State("backfill, under way", "/crm/connections/hubspot/backfill"),
    State("backfill, rests", "/crm/connections/hubspot/backfill", "upkept"),
    State("backfill, switched off", "/crm/connections/autochat/backfill", who="viewer"),
    State("undo, nothing", "/crm/connections/hubspot/undo", "paused"),
    State("undo", "/crm/connections/hubspot/undo?look=1", "upkept"),
    State("undo, for a viewer", "/crm/connections/hubspot/undo", "upkept", "viewer"),
    State("undo, of an entry", "/crm/log/1", "upkept"),
    State("erase", "/crm/clients/1/erase", "upkept"),
    State("erasures, none", "/crm/erasures", "empty"),
    State("erasures", "/crm/erasures", "upkept"),
    State("erasure", ERASURE, "upkept"),
    State("erasure, lifted", LIFTED, "upkept"),
    State("audit trail", "/crm/audit"),
    State("audit trail, empty", "/crm/audit", "empty"),
    State("notifications, none", "/crm/notifications", "empty"),
    State("notifications", "/crm/notifications", "told"),
    State("notifications, older", "/crm/notifications?before=3", "told"),
    State("notification preferences, none", "/crm/notifications/preferences", "empty"),
    State("notification preferences", "/crm/notifications/preferences", "told"),
    State("notification preferences, unfolded", "/crm/notifications/preferences", "told", steps=unfold),
    State("notification preferences, for a viewer", "/crm/notifications/preferences", "told", "viewer"),
    State("notifications, a new webhook", "/crm/notifications/channels/new?kind=webhook", "told"),
    State("notifications, a new service", "/crm/notifications/channels/new?kind=service&for=account", "told"),
    State("notifications, a channel", f"/crm/notifications/channels/{PHONE}", "told"),
    State("qualification, no criteria", "/crm/qualification", "empty"),
    State("qualification, no criteria, for a viewer", "/crm/qualification", "empty", "viewer"),
    State("qualification", "/crm/qualification", "judged", steps=unfold),
    State("criterion, new", "/crm/qualification/criteria/new?template=wants_to_buy", "judged", steps=unfold),
    State("criterion, wrong", "/crm/qualification/criteria/new", "judged", steps=_save_without_a_name),
    State("criterion, what would change", CRITERION, "judged", steps=_ask_what_would_change),
    State("criterion, for a viewer", CRITERION, "judged", "viewer"),
    State("criterion, delete", f"{CRITERION}/delete", "judged"),
    State("try the criteria", "/crm/qualification/try?client=1", "judged", steps=_try_a_conversation),
    State("conversation, decided", "/crm/conversations/1", "judged"),
    State("conversation, for a viewer", "/crm/conversations/1", "judged", "viewer"),
]
"""Each page that people see, empty and full, as a manager and where it differs as a viewer."""
