"""A helpdesk in which a backfill rests, people were erased, and values were replaced: for the pages that show it."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import sqlalchemy as sa

from flask_crm_sync.models import Agreement, Connection, Erasure, Overwritten, Receipt
from flask_crm_sync.models.operation import ERASE, SUCCESS
from flask_crm_sync.sync.backfill import begin_backfill, pause_backfill
from flask_crm_sync.sync.catch_up import catch_up
from flask_crm_sync.sync.erasing import NO_WAY
from tests.web.helpdesk import OURS, START, Client, Helpdesk, open_helpdesk

ERASURE, LIFTED = (f"/crm/erasures/{UUID(int=number)}" for number in (1, 2))
TOO_LONG = "https://app.example.com/contacts/" + "7" * 60


def upkept(directory: Path) -> Helpdesk:
    """Return it. Entry 1 has replaced two fields."""
    desk = open_helpdesk(directory)
    view = desk.connect()
    people = [{"id": n, "account_id": 1, "email": f"c{n}@example.com", "first_name": "Bartholomäus"} for n in (1, 2, 3)]
    with desk.sync.database.engine.begin() as connection:
        same = {"last_name": "von Wolkenstein", "updated_at": START.replace(tzinfo=None)}
        connection.execute(sa.insert(Client), [{**one, **same} for one in people])
    number = desk.add_operation(view, "1", status=SUCCESS, details={"written": ["city", "phone"]})
    waiting = desk.add_operation(view, "3", kind=ERASE, reason="rate_limited")
    _replace(desk, view.id, number)
    _erase(desk, view.id, waiting)
    with desk.sync.database.write() as database:
        figures = {"checked": 200, "drifted": 51, "repaired": 50, "gone": 3}
        kept = {"connection_id": view.id, "cursor": "", "due_at": START, "ran_at": START}
        database.execute(sa.insert(Agreement).values(**kept, **figures))
    begin_backfill(desk.sync, OURS, "hubspot")
    catch_up(desk.sync)
    pause_backfill(desk.sync, OURS, "hubspot")
    desk.change(Connection, last_success_at=START)
    return desk


def _replace(desk: Helpdesk, connection_id: UUID, number: int) -> None:
    own = {"account_id": OURS, "connection_id": connection_id, "client_id": "1", "lane": 0, "sealed": "x", "sent": "d"}
    states = [("city", number, "kept"), ("phone", number, "kept"), ("city", 90, "returned"), ("email", 91, "changed")]
    with desk.sync.database.write() as database:
        for name, entry, state in states:
            row = {"id": uuid4(), "operation_id": entry, "field": name, "state": state, "written_at": START}
            database.execute(sa.insert(Overwritten).values(**own, **row))


def _erase(desk: Helpdesk, connection_id: UUID, waiting: int) -> None:
    asked = {"account_id": OURS, "requested_at": START}
    by_hand = {"how": "by_hand", "says": NO_WAY, "records": [["77", TOO_LONG]]}
    done = {"how": "deleted", "says": "The contact was deleted for good, and its notes with it.", "notes": 3}
    with desk.sync.database.write() as database:
        row = dict(database.execute(sa.select(Connection.__table__)).mappings().first() or {})
        beside = {"id": uuid4(), "crm": "autochat", "remote_label": "autochat of Example Ltd"}
        database.execute(sa.insert(Connection).values(row | beside))
        database.execute(sa.insert(Erasure).values(id=UUID(int=1), client_id="3", **asked))
        database.execute(sa.insert(Erasure).values(id=UUID(int=2), client_id="9" * 40, lifted_at=START, **asked))
        receipts = [
            {"erasure_id": UUID(int=1), "connection_id": connection_id, "crm": "hubspot", "operation_id": waiting},
            {
                "erasure_id": UUID(int=1),
                "connection_id": beside["id"],
                "crm": "autochat",
                "settled_at": START,
                **by_hand,
            },
            {"erasure_id": UUID(int=2), "connection_id": connection_id, "crm": "hubspot", "settled_at": START, **done},
        ]
        for receipt in receipts:
            database.execute(sa.insert(Receipt).values(receipt))
