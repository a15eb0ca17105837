"""Messages: the notices of a bundle in the words and the form of the channel that they go to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from ..language import gettext as _
from ..language import in_language
from ..models import Notice
from ..models.channel import WEBHOOK
from ..sync.context import Sync
from . import services, webhook
from .bundles import Bundle
from .channels import ChannelView, address_of
from .own_words import filled
from .wording import MOST_LINES, Told, client_names, single, summary, told

_notices: sa.Table = sa.inspect(Notice).local_table  # type: ignore[assignment]


def deliver(sync: Sync, channel: ChannelView, bundle: Bundle) -> None:
    """Send a bundle to its channel; raise CannotTell where it is not taken. Notices that are gone are left out."""
    notices = _load(sync, bundle.notice_ids)
    if not notices:
        return
    parts, subject, text = _worded(sync, channel, notices)
    if channel.kind == WEBHOOK:
        news = [_news(notice, part) for notice, part in zip(notices, parts, strict=True)]
        _post(sync, channel, bundle.id, subject, text, news)
    else:
        _tell(sync, channel, subject, text)


def send_test(sync: Sync, channel: ChannelView) -> None:
    """Send a channel a message that says it is a test; raise CannotTell where it is not taken."""
    with in_language(channel.wishes.language, folder=sync.settings.translations):
        subject = _("Test message from the CRM sync")
        text = _("This channel works. You will be told here what you have chosen.")
        text += _like_this(channel)
    if channel.kind == WEBHOOK:
        _post(sync, channel, uuid4(), subject, text, [], test=True)
    else:
        _tell(sync, channel, subject, text)


def _tell(sync: Sync, channel: ChannelView, subject: str, text: str) -> None:
    with in_language(channel.wishes.language, folder=sync.settings.translations):
        sender = _("CRM sync")
    services.tell(address_of(sync, channel.id).url, subject, text, sync.settings, sender)


def _like_this(channel: ChannelView) -> str:
    """Return what the owner's own words look like, with what might have happened."""
    client = _("A client")
    what = _("Qualified lead: %(client)s", client=client)
    example = Told(what, _("%(client)s is a qualified lead.", client=client), "", "", client, "CRM")
    return f"\n\n{filled(channel.wishes.template, example)}" if channel.wishes.template else ""


def _load(sync: Sync, notice_ids: Sequence[int]) -> list[sa.Row[Any]]:
    query = sa.select(_notices).where(_notices.c.id.in_(notice_ids)).order_by(_notices.c.id)
    with sync.database.read() as database:
        return list(database.execute(query))


def _worded(sync: Sync, channel: ChannelView, notices: Sequence[sa.Row[Any]]) -> tuple[list[Told], str, str]:
    """Return what each notice says, and the subject and text of all of them."""
    names = client_names(sync, notices)
    with in_language(channel.wishes.language, channel.wishes.known_zone, sync.settings.translations):
        parts = [told(notice, names, sync.settings) for notice in notices]
        own = partial(filled, channel.wishes.template) if channel.wishes.template else None
        if len(parts) == 1:
            return parts, *single(parts[0], own)
        return parts, *summary(parts[:MOST_LINES], len(parts), own, _news_page(sync))


def _news_page(sync: Sync) -> str:
    settings = sync.settings
    return f"{settings.public_url}{settings.url_prefix}/notifications" if settings.public_url else ""


def _news(notice: sa.Row[Any], part: Told) -> dict[str, Any]:
    return {
        "event": notice.event,
        "happened_at": notice.created_at.isoformat(timespec="seconds"),
        "crm": notice.crm,
        "client_id": notice.client_id,
        "conversation_id": notice.conversation_id,
        "data": notice.data,
        "subject": part.subject,
        "text": part.text,
        "url": part.url,
    }


def _post(
    sync: Sync,
    channel: ChannelView,
    message_id: UUID,
    subject: str,
    text: str,
    news: Sequence[dict[str, Any]],
    *,
    test: bool = False,
) -> None:
    address = address_of(sync, channel.id)
    content = {
        "id": message_id.hex,
        "account_id": channel.account_id,
        "test": test,
        "subject": subject,
        "text": text,
        "news": list(news),
    }
    webhook.post(address.url, address.secret, message_id, content, sync.settings, sync.clock)
