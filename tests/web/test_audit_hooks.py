"""What people do with connections is in the audit trail, in the transaction of what they did."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_crm_sync.crm.base import Identity
from flask_crm_sync.models import AuditEntry
from flask_crm_sync.sync import connections
from flask_crm_sync.sync.audit import trail
from flask_crm_sync.sync.refusals import OtherRemoteAccount
from tests.web.helpdesk import OURS, TOKEN, Helpdesk, open_helpdesk
from tests.web.test_crm_pages import post


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    return open_helpdesk(tmp_path)


def deeds(desk: Helpdesk) -> list[tuple[str, str]]:
    return [(deed.user_id, deed.action) for deed in reversed(trail(desk.sync, OURS).deeds)]


def test_connecting_pausing_resuming_and_disconnecting_say_who_did_it(desk: Helpdesk) -> None:
    browser = desk.browser("manager")
    post(browser, "/crm/connections/hubspot/connect", method="token", token=TOKEN)
    for verb in ("pause", "resume", "disconnect"):
        post(browser, f"/crm/connections/hubspot/{verb}")
    assert deeds(desk) == [("1", "connect"), ("1", "pause"), ("1", "resume"), ("1", "disconnect")]


def test_connecting_tells_to_which_account_and_moving_from_which(desk: Helpdesk) -> None:
    desk.connect(by="1")
    desk.portal.answers["pat-other"] = Identity("222", "Portal 222")
    with pytest.raises(OtherRemoteAccount):
        desk.connect(token="pat-other", by="1")
    desk.connect(token="pat-other", by="1", replace=True)
    moved, first = trail(desk.sync, OURS).deeds
    old, new = {"account": "Portal 111", "method": "token"}, {"account": "Portal 222", "method": "token"}
    assert (first.before, first.after) == (None, old)
    assert (moved.before, moved.after) == (old, new)


def test_no_secret_is_told(desk: Helpdesk) -> None:
    desk.connect(by="1")
    connections.disconnect(desk.sync, OURS, "hubspot", by="1")
    assert TOKEN not in str(trail(desk.sync, OURS))


def test_without_its_trace_nothing_is_changed(desk: Helpdesk) -> None:
    view = desk.connect(by="1")
    with desk.sync.database.write() as database:
        database.execute(sa.schema.DropTable(AuditEntry.__table__))  # type: ignore[arg-type]
    with pytest.raises(sa.exc.DBAPIError):
        connections.pause(desk.sync, OURS, "hubspot", by="1")
    assert desk.stored(view.id).paused is False
