"""The helpdesk that the guide's pictures of field mapping and previews are taken in: a CRM in memory, mapped fields."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from flask_crm_sync.crm.base import Adapter
from flask_crm_sync.sync.mapping.filters import Condition, Filter
from flask_crm_sync.sync.mapping.rows import MappingRow
from flask_crm_sync.sync.mapping.schema import ground_of, schema_of
from flask_crm_sync.sync.mapping.store import save_filter, save_rows
from flask_crm_sync.testing import FakeAdapter, FakeCRM
from tests.mapping.fields import FIELDS
from tests.web.helpdesk import OURS, Client, Helpdesk
from tests.web.mapped import mapped_desk, send

ROWS = (
    MappingRow("city", "off"),
    MappingRow("rating", source="company", values=(("Harbour Tours", "hot"),), default="cold", mode="if_empty"),
    MappingRow("story", "template", template="Guest {{ client.first_name | title }}", mode="append"),
)


class NamedCRM(FakeCRM):
    """One whose fields are called as people call them."""

    def connect(self, *asked: Any, **more: Any) -> Adapter:
        """Return its adapter."""
        adapter = super().connect(*asked, **more)
        named = (replace(one, label=one.label.replace("_", " ").capitalize()) for one in FakeAdapter.fields)
        object.__setattr__(adapter, "fields", tuple(named))
        return adapter


def mapped(directory: Path) -> Helpdesk:
    """Return one with mapped fields, a filter, and a client who was edited since their record was made."""
    desk = mapped_desk(directory, NamedCRM(schema=FIELDS))
    desk.add_client(1, name="Ada Weinstein")
    _edit(desk, email="ada@example.com")
    send(desk, 1)
    ground = ground_of(desk.sync, "hubspot", schema_of(desk.sync, OURS, "hubspot"))
    save_rows(desk.sync, OURS, "hubspot", ROWS, ground, seen_version=0, by="1")
    wanted = Filter("all", (Condition("email", "is_set"),))
    save_filter(desk.sync, OURS, "hubspot", wanted, seen_version=1, by="1")
    _edit(desk, last_name="Weinstein-Marsh")
    return desk


def _edit(desk: Helpdesk, **values: str) -> None:
    with desk.sync.database.write() as database:
        database.execute(sa.update(Client).values(values))
