"""What an entry that succeeded has come to, in a sentence: each kind of work ends in a way of its own."""

from __future__ import annotations

from ..models.operation import ADD_NOTE, APPLY_REMOTE, CREATE_LEAD, ERASE, PUT_BACK, SUCCESS
from ..sync.connections import crm_label
from ..sync.log import Entry
from .texts import gettext as _
from .words import explained


def outcome_word(entry: Entry) -> str:
    """Return what an entry that succeeded has done."""
    label, details = crm_label(entry.crm), entry.details
    special = _special_word(entry, label)
    if special:
        return special
    if details.get("created"):
        return _("A new record was made in %(crm)s.", crm=label)
    if details.get("matched_by"):
        return _(
            "%(crm)s had this client already: it is linked with that record now, "
            "and only its blank fields were filled.",
            crm=label,
        )
    return _("It was written to %(crm)s.", crm=label)


def brief_outcome(entry: Entry) -> str:
    """Return the same for a line of the log, "" where the type of work says it already."""
    if entry.status != SUCCESS:
        return ""
    if entry.kind == CREATE_LEAD and entry.details.get("created"):
        return _("A new record was made.")
    if entry.kind == CREATE_LEAD and entry.details.get("matched_by"):
        return _("Linked with a record that was there.")
    return _special_word(entry, crm_label(entry.crm))


def end_word(entry: Entry) -> str:
    """Return the same for the end of a timeline; an erasure that came to something else says that alone."""
    if entry.kind == ERASE and entry.reason:
        return explained(entry.reason).says
    special = _special_word(entry, crm_label(entry.crm))
    if special:
        return special
    if entry.details.get("created"):
        return _("Done: a new record was made.")
    return _("Done: it was written.") if entry.details.get("written") else _("Done: there was nothing to write.")


def _special_word(entry: Entry, label: str) -> str:
    """Return what came of a kind of work that makes or changes no record of a client, "" for the others."""
    details = entry.details
    was_there = details.get("written") and not details.get("created")
    words = {
        ADD_NOTE: _("The note at the client's record was brought up to date.")
        if was_there
        else _("The note was added to the client's record."),
        ERASE: _("The client was erased in %(crm)s; the receipt of the erasure says how.", crm=label),
        PUT_BACK: _("The former values were put back in %(crm)s.", crm=label),
    }
    if entry.kind != APPLY_REMOTE:
        return words.get(entry.kind, "")
    if details.get("created_client"):
        return _("A client was made here of the record in %(crm)s.", crm=label)
    return _("Values from %(crm)s were taken over here.", crm=label) if details.get("brought") else ""
