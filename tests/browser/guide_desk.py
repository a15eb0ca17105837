"""The helpdesk that the guide's pictures are taken in: invented people, a usual day, a few things that went wrong."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from flask_crm_sync.config import Settings
from flask_crm_sync.crm.base import RemoteRecord
from flask_crm_sync.models import Budget, Channel, Conflict, Connection, Heartbeat, Link, notice
from flask_crm_sync.models.connection import CONNECTED, NEEDS_ATTENTION
from flask_crm_sync.models.operation import ADD_NOTE, FAILED, SKIPPED, SUCCESS, UPDATE_CONTACT
from flask_crm_sync.models.qualification import CONFIRMED, QUALIFIED, REVIEW, RULES, WAITING, Judgement, Qualification
from flask_crm_sync.notifications.inbox import mark_read
from flask_crm_sync.notifications.sending import send_due
from flask_crm_sync.notifications.spread import spread
from flask_crm_sync.qualification.store import add_criterion
from flask_crm_sync.qualification.templates import COMPLAINT, WANTS_TO_BUY
from flask_crm_sync.qualification.trial import pasted, try_out
from flask_crm_sync.sync import reasons
from flask_crm_sync.sync.allowance import budget_of
from flask_crm_sync.sync.connections import ConnectionView, find_connection
from flask_crm_sync.sync.progress import CATCH_UP, begin, current_run, keep
from tests.notifications.desk import Receiver, channel, happens
from tests.web.helpdesk import OURS, Client, Conversation, Helpdesk, open_helpdesk

SETTINGS = Settings(
    encryption_keys=(b"k" * 32,),
    public_url="https://helpdesk.example.com",
    hubspot_client_id="of-the-app",
    hubspot_client_secret="of-the-app",
    ai_base_url="https://reviewer.example.com/v1",
    ai_model="reviewer-2",
)
TALK = """Client: Hello, is the harbour tour on Saturday fully booked?
Agent: There are four places left at 10:30.
Client: Then I want to book for two, please. My e-mail is ada@example.com.
Agent: Done: two places, Saturday at 10:30. The confirmation is on its way."""
_PEOPLE = ["Ada Weinstein", "Marta Lindqvist", "Tomás Ferreira", "Nour Haddad", "Emil Novak", "Grace Okoye"]
_BUSY = [1, 0, 0, 0, 0, 1, 2, 3, 5, 8, 7, 9, 6, 4, 6, 8, 7, 5, 3, 4, 5, 2, 1, 1]
"""How much was settled in each of the last hours, the oldest first."""


def new(directory: Path) -> Helpdesk:
    """Return a helpdesk in which nothing is connected yet."""
    return open_helpdesk(directory, settings=SETTINGS)


def lived_in(directory: Path) -> Helpdesk:
    """Return one in which HubSpot does its work, Salesforce needs somebody, and a lead was qualified."""
    desk = open_helpdesk(directory, settings=SETTINGS)
    for number, name in enumerate(_PEOPLE, 1):
        desk.add_client(number, name=name)
        _has_an_address(desk, number, name)
    hubspot = _connect(desk)
    _catching_up(desk)
    _a_day(desk, hubspot)
    _last_entries(desk, hubspot)
    _a_lead(desk)
    _news(desk)
    _conflicts(desk, hubspot)
    return desk


def _has_an_address(desk: Helpdesk, number: int, name: str) -> None:
    address = f"{name.split()[0].lower()}@example.com".replace("á", "a")
    with desk.sync.database.write() as database:
        database.execute(sa.update(Client).where(Client.id == number).values(email=address))


def _connect(desk: Helpdesk) -> ConnectionView:
    view, now = desk.connect(by="1"), desk.clock.now()
    soon = {"last_success_at": now - timedelta(minutes=2), "next_interval_at": now + timedelta(minutes=38)}
    desk.change(Connection, remote_label="Harbour Tours (48151623)", tested_at=now - timedelta(minutes=52), **soon)
    key = budget_of(desk.sync, desk.stored(view.id)._mapping)
    with desk.sync.database.write() as database:
        row = dict(database.execute(sa.select(Connection.__table__)).mappings().first() or {})
        other = {"id": uuid.UUID(int=2), "crm": "salesforce", "state": NEEDS_ATTENTION, "remote_label": "Harbour Tours"}
        words = {"state_code": "credentials_refused", "state_message": "invalid_grant: expired access/refresh token"}
        database.execute(sa.insert(Connection).values(row | other | words))
        catching = {"id": uuid.UUID(int=3), "crm": "dynamics", "state": CONNECTED, "remote_label": "harbour.crm4"}
        catching |= {"remote_user": "# Helpdesk sync"}
        database.execute(sa.insert(Connection).values(row | catching))
        for kind in ("worker", "scheduler"):
            database.execute(sa.insert(Heartbeat).values(name=kind, kind=kind, beat_at=now))
        day = {"daily_limit": 250_000, "daily_remaining": 249_420}
        database.execute(sa.insert(Budget).values(token_digest=key, **day))
    return find_connection(desk.sync, OURS, "hubspot")


def _catching_up(desk: Helpdesk) -> None:
    """Let Dynamics catch up on the clients from before."""
    catching = find_connection(desk.sync, OURS, "dynamics")
    with desk.sync.database.write() as database:
        begin(database, catching.id, CATCH_UP, 1_930, desk.clock.now() - timedelta(minutes=4), through=False)
        known = current_run(database, catching.id)
        assert known is not None
        keep(database, catching.id, known, replace(known[1], seen=740, owed=740))
    for n in range(30):
        desk.add_operation(catching, str(100 + n), lane=2)


def _a_day(desk: Helpdesk, hubspot: ConnectionView) -> None:
    """Fill the log with what an ordinary day leaves in it."""
    begins = desk.clock.now() - timedelta(hours=len(_BUSY) - 1)
    for hour, busy in enumerate(_BUSY):
        for n in range(busy):
            at = begins + timedelta(hours=hour, minutes=-50 + n * 5)
            kind = ADD_NOTE if n % 3 == 1 else UPDATE_CONTACT if n % 5 == 4 else None
            how: dict[str, Any] = {"status": SUCCESS, "details": {"created": kind is None}}
            if n == 6:
                how = {"status": SKIPPED, "reason": reasons.NO_CONTACT_DETAILS}
            if kind is not None:
                how["kind"] = kind
            took = timedelta(seconds=2 + (hour * 7 + n * 5) % 11 + (60 if n == 7 else 0))
            desk.add_operation(hubspot, str(3 + n % 4), created_at=at - took, settled_at=at, attempts=1, **how)


def _last_entries(desk: Helpdesk, hubspot: ConnectionView) -> None:
    """Add what the guide looks at closely; the last entry of each kind is the one that pages name."""
    now = desk.clock.now()
    record = "https://app.hubspot.com/contacts/48151623/record/0-1/7201"
    written = {"created": True, "written": ["email", "firstname", "lastname"]}
    done = {"status": SUCCESS, "details": written, "remote_id": "7201", "remote_url": record, "attempts": 1}
    at = now - timedelta(minutes=9)
    desk.add_operation(hubspot, "1", created_at=at - timedelta(seconds=4), settled_at=at, **done)
    for client, remote in [("1", "7201"), ("4", "7188"), ("6", "7190")]:
        _link(desk, hubspot, client, remote, record, at)
    history = [{"at": (now - timedelta(minutes=7)).isoformat(), "code": "server_fault", "message": ""}]
    wrong = {"fields": {"email": "It is not a valid e-mail address."}, "history": history}
    failed = {"status": FAILED, "reason": "invalid_record", "attempts": 2, "details": wrong}
    words = "Email address marta@example is invalid"
    at = now - timedelta(minutes=6)
    desk.add_operation(hubspot, "2", crm_message=words, created_at=at - timedelta(minutes=2), settled_at=at, **failed)
    candidates = [
        {"id": str(n), "label": label, "by": "email", "url": f"{record[:-4]}{n}", "values": {"company": company}}
        for n, label, company in [(7090, "Tomás Ferreira", "Ferreira Lda"), (7144, "T. Ferreira", "")]
    ]
    several = {"status": FAILED, "reason": "ambiguous_match", "details": {"candidates": candidates}, "attempts": 1}
    desk.add_operation(hubspot, "3", created_at=at, settled_at=now - timedelta(minutes=5), **several)
    desk.add_operation(hubspot, "5", kind=ADD_NOTE, reason=reasons.WAITING_FOR_CLIENT, created_at=at)
    sales = find_connection(desk.sync, OURS, "salesforce")
    refused = {"reason": "credentials_refused", "crm_message": "expired access/refresh token"}
    desk.add_operation(sales, "1", status=FAILED, attempts=1, settled_at=at, created_at=at, **refused)


def _link(desk: Helpdesk, view: ConnectionView, client: str, remote: str, url: str, at: datetime) -> None:
    row = {"connection_id": view.id, "subject_type": "client", "subject_id": client, "state": "active"}
    row |= {"remote_type": "contact", "remote_id": remote, "remote_url": url, "created_at": at, "updated_at": at}
    with desk.sync.database.write() as database:
        database.execute(sa.insert(Link).values(row))


def _a_lead(desk: Helpdesk) -> None:
    """Add two criteria, and a conversation that one of them qualified and a review confirmed."""
    now = desk.clock.now()
    for template in (WANTS_TO_BUY, COMPLAINT):
        add_criterion(desk.sync, OURS, template.criterion, by="1")
    judged = try_out([WANTS_TO_BUY.criterion], *pasted(TALK)).judged
    whose = {"account_id": OURS, "conversation_id": "1", "client_id": "1", "set_name": "default"}
    by = {"criterion_name": WANTS_TO_BUY.criterion.name, "criterion_version": 1, "score": judged.score}
    earlier, lately, why = now - timedelta(hours=27), now - timedelta(hours=1), " ".join(judged.reasons)
    says = "The client asked for two places on Saturday's tour and the booking was made."
    with desk.sync.database.write() as database:
        talk = {"id": 1, "account_id": 1, "client_id": 1, "status": "closed", "updated_at": earlier}
        database.execute(sa.insert(Conversation).values(talk))
        seen = {"outcome": CONFIRMED, "review_score": 94, "review_reason": says, "model": "reviewer-2"}
        stands = {"status": QUALIFIED, "final": True, "decided_by": REVIEW, "reviewed_at": now, "reason": why}
        times = {"ever_qualified_at": earlier, "created_at": earlier, "updated_at": lately}
        database.execute(sa.insert(Qualification).values(whose | by | seen | stands | times))
        provisional = {"status": QUALIFIED, "decided_by": RULES, "reason": why, **times}
        for client in ("4", "6"):
            other = {"conversation_id": f"of {client}", "client_id": client}
            database.execute(sa.insert(Qualification).values(whose | by | provisional | other))
        first = {"decided_by": RULES, "before": WAITING, "reason": why, "at": earlier}
        second = {"decided_by": REVIEW, "before": QUALIFIED, "outcome": CONFIRMED, "reason": says, "at": lately}
        for turn in (first, second):
            database.execute(sa.insert(Judgement).values(whose | by | {"after": QUALIFIED} | turn))


def _news(desk: Helpdesk) -> None:
    """Add what people were told, and two channels on which they are told."""
    phone = channel(desk.sync, user="1", label="My evening digest", rhythm="daily", daily_at=18 * 60)
    chat = channel(desk.sync, label="The sales team's chat", events=(notice.LEAD_QUALIFIED, notice.REVIEW_CHANGED))
    for channel_id, shown in [(phone, "hooks.example.com/…"), (chat, "chat.example.com/…")]:
        with desk.sync.database.write() as database:
            database.execute(sa.update(Channel).where(Channel.id == channel_id).values(shown=shown))
    happens(desk.sync, "a", client_id="6", data={"criterion": WANTS_TO_BUY.criterion.name})
    happens(desk.sync, "b", notice.REVIEW_CHANGED, client_id="4", data={"outcome": "downgraded"})
    happens(desk.sync, "c", client_id="1", data={"criterion": WANTS_TO_BUY.criterion.name})
    happens(desk.sync, "d", notice.NEEDS_ATTENTION, crm="salesforce", data={"code": "credentials_refused"})
    spread(desk.sync)
    send_due(desk.sync, deliver=Receiver())
    mark_read(desk.sync, "1", "1", [1, 2])


def _conflicts(desk: Helpdesk, hubspot: ConnectionView) -> None:
    """Let two fields be edited on both sides."""
    same = {"account_id": OURS, "connection_id": hubspot.id, "crm": "hubspot", "created_at": desk.clock.now()}
    theirs = [("1", "7201", "email", "ada.weinstein@office.example"), ("6", "7190", "lastname", "Okoye-Brandt")]
    for client, remote, name, value in theirs:
        desk.portal.records[remote] = RemoteRecord(remote, {name: value})
        row = {"client_id": client, "field": name, "cause": "both_changed", "open_key": f"conflict of {client}"}
        with desk.sync.database.write() as database:
            database.execute(sa.insert(Conflict).values(same | row))
