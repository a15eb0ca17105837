"""A helpdesk in which people were told things: every kind of news, channels in every state."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from flask_crm_sync.models import Channel
from flask_crm_sync.models.notice import MANY_FAILURES, NEEDS_ATTENTION, REVIEW_CHANGED
from flask_crm_sync.notifications.channels import find_channel, switch_channel
from flask_crm_sync.notifications.inbox import mark_read
from flask_crm_sync.notifications.sending import send_due
from flask_crm_sync.notifications.spread import spread
from tests.notifications.desk import Receiver, channel, happens
from tests.web.helpdesk import Helpdesk, open_helpdesk

PHONE = UUID(int=7)


def told(directory: Path) -> Helpdesk:
    """Return a helpdesk with news, read and unread, and channels that work, fail, wait and are paused."""
    desk = open_helpdesk(directory)
    desk.add_client(1, name="Ада Квист-Вайнштейн")
    desk.add_client(2, name="Bartholomäus von Wolkenstein-Rodenegg")
    desk.add_client(3, name="نور حداد")
    night = {"quiet_from": 22 * 60, "quiet_to": 7 * 60, "time_zone": "Europe/Vienna"}
    words = {"template": "{client}: {what} {link}"}
    phone = channel(desk.sync, user="1", label="My phone", rhythm="daily", daily_at=480, **night, **words)
    _call(desk, phone, PHONE)
    channel(desk.sync, label="Sales team's chat")
    paused = channel(desk.sync, label="Last year's chat")
    switch_channel(desk.sync, find_channel(desk.sync, "1", paused), False, by="1")
    _happen(desk)
    spread(desk.sync)
    send_due(desk.sync, deliver=Receiver())
    channel(desk.sync, user="2", label="Somebody who left")
    happens(desk.sync, "e", client_id="3", data={"criterion": "Wants to buy"})
    spread(desk.sync)
    send_due(desk.sync, deliver=Receiver(refuses="refused/404"))
    mark_read(desk.sync, "1", "1", [1, 2])
    return desk


def _happen(desk: Helpdesk) -> None:
    happens(desk.sync, "a", client_id="1", data={"criterion": "Wants to buy"})
    happens(desk.sync, "b", REVIEW_CHANGED, client_id="2", data={"outcome": "downgraded"})
    happens(desk.sync, "c", NEEDS_ATTENTION, crm="hubspot", data={"code": "credentials_refused"})
    happens(desk.sync, "d", MANY_FAILURES, crm="hubspot", data={"number": 34})


def _call(desk: Helpdesk, channel_id: UUID, number: UUID) -> None:
    """Give a channel another id, which no address of it opens under any more: pages need none."""
    with desk.sync.database.write() as database:
        database.execute(sa.update(Channel).where(Channel.id == channel_id).values(id=number))
