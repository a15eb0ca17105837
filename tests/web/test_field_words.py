"""What pages call a CRM's fields: further ones as the CRM names them, ours in the reader's language."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import Conflict, Operation, Schema
from flask_crm_sync.sync.conflict_inbox import settle_conflict
from tests.web.helpdesk import OURS, Helpdesk
from tests.web.mapped import mapped
from tests.web.test_crm_pages import plain, read


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    """Return a helpdesk with conflicts over a mapped field, over one that is mapped no more, and over one of ours."""
    desk = mapped(tmp_path)
    about = {"connection_id": desk.connect().id, "account_id": OURS, "crm": "hubspot", "client_id": "1"}
    with desk.sync.database.write() as database:
        for name in ("rating", "source", "lastname", "gone"):
            at = {"created_at": desk.clock.now(), "open_key": name}
            database.execute(sa.insert(Conflict).values(**about, **at, field=name))
    return desk


def conflict(desk: Helpdesk, name: str) -> int:
    with desk.sync.database.read() as database:
        return database.execute(sa.select(Conflict.id).where(Conflict.field == name)).scalar_one()


def test_the_inbox_names_each_field_as_people_know_it(desk: Helpdesk) -> None:
    page = plain(read(desk.browser("manager"), "/crm/conflicts"))
    for label in ("Rating", "Lead source", "Last name", "gone"):
        assert f"{label} : Ада Квист-Вайнштейн" in page, label
    assert "Rating , HubSpot: 1" in page


def test_a_mapped_field_has_its_name_without_a_description(desk: Helpdesk) -> None:
    with desk.sync.database.write() as database:
        database.execute(sa.delete(Schema))
    page = plain(read(desk.browser("viewer"), "/crm/conflicts"))
    assert "Rating : Ада" in page
    assert "source : Ада" in page


def test_the_audit_trail_names_the_fields_too(desk: Helpdesk) -> None:
    settle_conflict(desk.sync, OURS, conflict(desk, "rating"), "theirs", by="1")
    page = plain(read(desk.browser("manager"), "/crm/audit"))
    assert "field: after Rating" in page
    assert "filter of clients" in page
    assert "Opted out of mail" in page


def test_an_entry_names_the_fields_that_were_written_and_left(desk: Helpdesk) -> None:
    details = {"written": ["rating"], "left": {"story": "moved by somebody"}}
    with desk.sync.database.write() as database:
        entry = database.execute(sa.select(sa.func.max(Operation.id))).scalar_one()
        mine = sa.update(Operation).where(Operation.id == entry)
        database.execute(mine.values(kind="update_contact", status="success", details=details))
    page = plain(read(desk.browser("viewer"), f"/crm/log/{entry}"))
    assert "Written: Rating." in page
    assert "Left as it is: Story (moved by somebody)." in page


def test_names_are_looked_up_once_a_page(desk: Helpdesk) -> None:
    asked: list[str] = []
    note = lambda _c, _r, statement, *_: asked.append(statement)  # noqa: E731
    sa.event.listen(desk.sync.database.engine, "before_cursor_execute", note)
    read(desk.browser("manager"), "/crm/conflicts")
    sa.event.remove(desk.sync.database.engine, "before_cursor_execute", note)
    assert sum("crm_sync_schema" in statement for statement in asked) == 1


def test_what_an_entry_found_wrong_with_our_own_values_has_its_fields_named(desk: Helpdesk) -> None:
    """An adapter names what it cannot send by the client's attribute, a CRM by its own field."""
    wrong = {"first_name": "holds a NUL character", "lastname": "No.", "rating": "No."}
    with desk.sync.database.write() as database:
        database.execute(sa.delete(Schema))  # the CRM in memory calls its fields as the client's attributes are called
        entry = database.execute(sa.select(sa.func.max(Operation.id))).scalar_one()
        details = {"status": "failed", "reason": "invalid_record", "details": {"fields": wrong}}
        database.execute(sa.update(Operation).where(Operation.id == entry).values(**details))
    page = plain(read(desk.browser("viewer"), f"/crm/log/{entry}"))
    for said in ("First name : holds a NUL character", "Last name : No.", "Rating : No."):
        assert said in page
