"""The one line of what needs somebody now, with the way there."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for

from ..models.heartbeat import SCHEDULER, WORKER
from ..sync.overview import needs
from ..sync.status import COMMANDS, Status
from .entrance import NAME
from .texts import gettext as _
from .texts import ngettext
from .words import counted_briefly, explained


@dataclass(frozen=True, slots=True)
class Headline:
    """What needs somebody: a sentence, its tone, where to go, and the command to run where that is what is needed."""

    text: str
    tone: str
    url: str = ""
    link: str = ""
    command: str = ""


def headline(stands: Status, conflicts: int = 0) -> Headline:
    """Return what needs somebody most, or that nothing does; `conflicts` wait for a person's decision."""
    need, concerned = needs(stands)
    cards, entries = url_for(f"{NAME}.connection_page"), _("Show the entries")
    if need == "not_connected":
        return Headline(_("No CRM is connected yet."), "plain", cards, _("Connect a CRM"))
    if need in {WORKER, SCHEDULER}:
        text = (
            _("Nothing is sent at present: no worker runs.") if need == WORKER else _("Updates and notes may be late.")
        )
        return Headline(text, "bad" if need == WORKER else "plain", command=COMMANDS[need])
    if concerned is None and conflicts:
        return _of_conflicts(conflicts)
    if concerned is None:
        return Headline(_("Nothing needs you: everything is in order."), "good")
    crm, label = concerned.connection.crm, concerned.connection.label
    if need == "attention":
        why = explained(concerned.connection.state_code)
        return Headline(f"{label}: {why.says} {why.advice}".strip(), "bad", cards, _("To the CRM connection"))
    number = counted_briefly(concerned.failed)
    text = ngettext(
        "1 entry for %(crm)s failed.",
        "%(counted)s entries for %(crm)s failed.",
        concerned.failed,
        crm=label,
        counted=number,
    )
    return Headline(text, "bad", url_for(f"{NAME}.log", status="failed", crm=crm), entries)


def _of_conflicts(number: int) -> Headline:
    text = ngettext("1 conflict waits for your decision.", "%(number)s conflicts wait for your decision.", number)
    return Headline(text, "plain", url_for(f"{NAME}.conflicts"), _("Look at both values"))
