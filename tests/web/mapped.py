"""A helpdesk whose account has mapped fields of a CRM in memory, with linked clients, versions and a filter."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from flask_crm_sync.models import Change
from flask_crm_sync.sync.fanout import fan_out
from flask_crm_sync.sync.mapping.filters import Condition, Filter
from flask_crm_sync.sync.mapping.rows import MappingRow
from flask_crm_sync.sync.mapping.schema import ground_of, schema_of
from flask_crm_sync.sync.mapping.store import save_filter, save_rows
from flask_crm_sync.sync.push import drain
from flask_crm_sync.testing import FakeCRM
from tests.mapping.fields import FIELDS
from tests.web.helpdesk import OURS, Client, Helpdesk, open_helpdesk

ROWS = (
    MappingRow("city", "off"),
    MappingRow("rating", source="company", values=(("Nowak & Daughters", "hot"),), default="cold", mode="if_empty"),
    MappingRow("story", "template", template="{{ client.first_name | title }} of {{ client.city }}", mode="append"),
    MappingRow("opt_out", "consent", source="custom.gone"),
)
"""The last one's attribute is gone since: the list says so."""


def mapped_desk(directory: Path, crm: FakeCRM) -> Helpdesk:
    """Return a helpdesk that is connected to a CRM in memory."""
    made = open_helpdesk(directory)
    object.__setattr__(made.sync, "connector", crm.connect)
    made.connect()
    return made


def send(desk: Helpdesk, *client_ids: int) -> None:
    """Send clients of the account as new ones."""
    for client_id in client_ids:
        with desk.sync.database.write() as database:
            told = {"subject_type": "client", "subject_id": str(client_id), "account_id": OURS, "kind": "created"}
            database.execute(sa.insert(Change).values(**told, created_at=desk.clock.now()))
    fan_out(desk.sync)
    drain(desk.sync, desk.connect().id)


def mapped(directory: Path) -> Helpdesk:
    """Return such a helpdesk with everything in it that the pages show."""
    desk = mapped_desk(directory, FakeCRM(schema=FIELDS))
    for number, name in enumerate(["Ада Квист-Вайнштейн", "Bartholomäus von Wolkenstein-Rodenegg"], 1):
        desk.add_client(number, name=name)
        with desk.sync.database.engine.begin() as database:
            mine = sa.update(Client).where(Client.id == number)
            database.execute(mine.values(email=f"client{number}@example.com"))
    send(desk, 1, 2)
    ground = ground_of(desk.sync, "hubspot", schema_of(desk.sync, OURS, "hubspot"))
    save_rows(desk.sync, OURS, "hubspot", ROWS[:3], ground, seen_version=0, by="1")
    gone = {**ground.custom, "gone": "boolean"}
    wider = type(ground)(ground.fields, ground.specs, gone, ground.lengths)  # type: ignore[arg-type]
    save_rows(desk.sync, OURS, "hubspot", ROWS, wider, seen_version=1, by="1")
    wanted = Filter("any", (Condition("email", "contains", "example.com"), Condition("qualified", "is_set")))
    save_filter(desk.sync, OURS, "hubspot", wanted, seen_version=2, by="1")
    return desk
