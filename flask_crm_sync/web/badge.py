"""The badge on the host's own pages: what a conversation was found to be, under the default set of criteria."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from ..host.values import key_text
from ..qualification.history import Found, standings_of
from .criterion_words import status_tone, status_word
from .door import door, this_sync
from .texts import gettext as _
from .why import is_not_set_up

_log = logging.getLogger(__name__)
_LONGEST_KEY = 191
_BADGE = Markup(
    '<span class="crmsync"><span class="crmsync-badge crmsync-{}" data-crmsync-status="{}">{}</span></span>'
)


def crm_sync_badge(conversation: Any) -> Markup:
    """Return the badge of a conversation, for a page that shows one: text and class, nothing where nobody judged it.

    `conversation` is the host's instance, or its key. One query a call: a list asks `crm_sync_badges`.
    """
    return next(iter(crm_sync_badges([conversation]).values()), Markup())


def crm_sync_badges(conversations: Iterable[Any]) -> dict[str, Markup]:
    """Return the badges of a list of conversations by their keys as text, in one query.

    Every key is there, with an empty badge where nobody judged the conversation, for who may not see it, and for
    another account's. Trouble is logged and never breaks the host's page.
    """
    keys: list[str] = []
    try:
        keys = [_key(conversation) for conversation in conversations]
        found = _found([key for key in keys if len(key) <= _LONGEST_KEY and "\0" not in key])
        return {key: _badge(found[key]) if key in found else Markup() for key in keys}
    except Exception:
        if not is_not_set_up():
            _log.exception("the badges of conversations are not shown")
        return dict.fromkeys(keys, Markup())


def badge_word(found: Found) -> str:
    """Return what a badge says."""
    if found.is_provisional and found.is_not_reviewed:
        return _("Qualified, not reviewed")
    return status_word(found.status, found.final)


def _found(keys: list[str]) -> dict[str, Found]:
    access = door().access
    account_id = access.account_id()
    if account_id is None or not access.can_view():
        return {}
    with this_sync().database.read() as connection:
        return standings_of(connection, account_id, keys)


def _badge(found: Found) -> Markup:
    return _BADGE.format(status_tone(found.status), found.status, badge_word(found))


def _key(conversation: Any) -> str:
    bound = this_sync().host.conversation
    return key_text(bound.id.read(conversation) if isinstance(conversation, bound.model) else conversation)
