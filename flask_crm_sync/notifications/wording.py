"""What a notice says: subject, sentences and link, in the receiver's language, with names read from the host now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from ..config import Settings
from ..host.records import ClientRecord
from ..language import current, ngettext
from ..language import gettext as _
from ..models.notice import LEAD_QUALIFIED, MANY_FAILURES, NEEDS_ATTENTION, REVIEW_CHANGED
from ..models.qualification import DOWNGRADED, UPGRADED
from ..sync.connections import crm_label
from ..sync.context import Sync
from ..sync.reasons import explain
from .harmless import harmless

MOST_LINES = 20
"""Notices that a summary names; of the rest it says how many they are."""


@dataclass(frozen=True, slots=True)
class Told:
    """One notice as people read it. `url` leads to where it can be looked at, "" where the host's address is unknown.

    `path` is that address below the host's own. `client` and `crm` are names, "" where it is about none.
    """

    subject: str
    text: str
    path: str
    url: str
    client: str = ""
    crm: str = ""


def client_names(sync: Sync, notices: Iterable[sa.Row[Any]]) -> Mapping[tuple[str, str], str]:
    """Return the names of the clients that notices are about, by account and id; none for those that are gone.

    A client of another account than the notice's has no name here, nor has one that the host calls sensitive.
    """
    wanted = {notice.client_id for notice in notices if notice.client_id}
    with sync.database.read() as database:
        found = sync.host.load_clients(database, sorted(wanted))
    clients = [one for one in found.values() if isinstance(one, ClientRecord) and not one.sensitive]
    return {(one.account_id, one.id): one.name for one in clients}


def told(
    notice: sa.Row[Any],
    names: Mapping[tuple[str, str], str],
    settings: Settings,
    shown: Callable[[str], str] = harmless,
) -> Told:
    """Return what a notice says, in the language that is written in; `shown` makes a name fit for where it goes."""
    name = names.get((notice.account_id, notice.client_id), "")
    client = shown(name) if name else _("A client")
    subject, text = _SAYINGS.get(notice.event, _news)(notice, client, shown)
    path = settings.url_prefix + _path(notice)
    url = settings.public_url + path if settings.public_url else ""
    crm = crm_label(notice.crm) if notice.crm else ""
    return Told(subject, text, path, url, client if notice.client_id else "", crm)


def summary(
    parts: Sequence[Told], number: int, own: Callable[[Told], str] | None = None, all_at: str = ""
) -> tuple[str, str]:
    """Return subject and text of several notices in one message; `parts` are the first of them, `own` own words.

    `all_at` is the address of the page with all of them, "" where the host's address is unknown.
    """
    subject = ngettext("1 piece of news from the CRM sync", "%(number)s pieces of news from the CRM sync", number)
    lines = [f"- {own(part)}" if own else _line(part) for part in parts]
    if number > len(parts):
        rest = ngettext("- and 1 more", "- and %(number)s more", number - len(parts))
        lines.append(f"{rest}\n  {all_at}" if all_at else rest)
    return subject, "\n".join(lines)


def single(part: Told, own: Callable[[Told], str] | None = None) -> tuple[str, str]:
    """Return subject and text of one notice as a message."""
    if own:
        return part.subject, own(part)
    return part.subject, f"{part.text}\n{part.url}" if part.url else part.text


def _line(part: Told) -> str:
    return f"- {part.subject}\n  {part.url}" if part.url else f"- {part.subject}"


def event_word(event: str) -> str:
    """Return what an event is called where people choose among them."""
    words = {
        LEAD_QUALIFIED: _("A lead qualifies"),
        REVIEW_CHANGED: _("A review changes a lead"),
        NEEDS_ATTENTION: _("A connection needs attention"),
        MANY_FAILURES: _("Many entries fail"),
    }
    return words.get(event, event.replace("_", " ").capitalize())


Saying = tuple[str, str]


def _lead_qualified(notice: sa.Row[Any], client: str, shown: Callable[[str], str]) -> Saying:
    criterion = _word(notice.data, "criterion", "criterion_name")
    text = _("%(client)s is a qualified lead.", client=client)
    if criterion:
        text += " " + _("The criterion is “%(criterion)s”.", criterion=shown(criterion))
    return _("Qualified lead: %(client)s", client=client), text


def _review_changed(notice: sa.Row[Any], client: str, shown: Callable[[str], str]) -> Saying:
    outcome = _word(notice.data, "outcome", "after", "status")
    if outcome in {UPGRADED, "qualified"}:
        return (
            _("Qualified by the review: %(client)s", client=client),
            _("The review found that %(client)s is a qualified lead after all.", client=client),
        )
    if outcome in {DOWNGRADED, "unqualified"}:
        return (
            _("No longer qualified: %(client)s", client=client),
            _("The review found that %(client)s is no qualified lead.", client=client),
        )
    return (
        _("Reviewed: %(client)s", client=client),
        _("The review of %(client)s has changed what is known of the lead.", client=client),
    )


def _needs_attention(notice: sa.Row[Any], client: str, shown: Callable[[str], str]) -> Saying:
    label, code = crm_label(notice.crm), _word(notice.data, "code", "state_code", "reason")
    why = explain(code) if code else None
    text = f"{current().said(why.says)} {current().said(why.advice)}".strip() if why else ""
    text = text or _("Somebody has to look at the connection to %(crm)s; until then its work waits.", crm=label)
    return _("%(crm)s needs attention", crm=label), text


def _many_failures(notice: sa.Row[Any], client: str, shown: Callable[[str], str]) -> Saying:
    label, number = crm_label(notice.crm), notice.data.get("number") or notice.data.get("count") or 0
    if isinstance(number, int) and number > 0:
        text = ngettext(
            "1 entry for %(crm)s failed within an hour.",
            "%(number)s entries for %(crm)s failed within an hour.",
            number,
            crm=label,
        )
    else:
        text = _("Many entries for %(crm)s failed within an hour.", crm=label)
    return _("Many entries for %(crm)s fail", crm=label), text


def _news(notice: sa.Row[Any], client: str, shown: Callable[[str], str]) -> Saying:
    word = event_word(notice.event)
    return word, word


_SAYINGS: Mapping[str, Callable[[sa.Row[Any], str, Callable[[str], str]], Saying]] = {
    LEAD_QUALIFIED: _lead_qualified,
    REVIEW_CHANGED: _review_changed,
    NEEDS_ATTENTION: _needs_attention,
    MANY_FAILURES: _many_failures,
}


def _word(data: Mapping[str, Any] | None, *names: str) -> str:
    """Return the first of the named words that a notice's data holds."""
    found = ((data or {}).get(name) for name in names)
    return next((one for one in found if isinstance(one, str) and one), "")


def _path(notice: sa.Row[Any]) -> str:
    """Return where on our pages a notice can be looked at: for a lead the conversation, which says why it is one."""
    if notice.conversation_id:
        return f"/conversations/{quote(notice.conversation_id, safe='')}"
    if notice.client_id:
        return f"/clients/{quote(notice.client_id, safe='')}"
    if notice.event == MANY_FAILURES:
        return f"/log?status=failed&crm={quote(notice.crm, safe='')}"
    return "/"
