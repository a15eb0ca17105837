"""The words of field mapping and filters: what values come from, when they are written, how conditions are met."""

from __future__ import annotations

from collections.abc import Mapping

from ..crm.base import RemoteField
from ..sync.mapping.filters import CHANNEL, CUSTOM, QUALIFIED, TAG, Condition
from ..sync.mapping.rows import MappingRow
from .texts import gettext as _


def source_word(source: str) -> str:
    """Return what an attribute of the client is called; the host's own ones by the host's names."""
    words = {
        "first_name": _("First name"),
        "last_name": _("Last name"),
        "email": _("E-mail"),
        "phone": _("Phone"),
        "company": _("Company"),
        "street": _("Street address"),
        "city": _("City"),
        "state": _("State or region"),
        "zip": _("Postal code"),
        "country": _("Country"),
        "tags": _("Tags"),
        TAG: _("Tag"),
        CHANNEL: _("Channel of a conversation"),
        QUALIFIED: _("Qualification"),
    }
    return words.get(source, source.removeprefix(CUSTOM))


def filled_from(row: MappingRow) -> str:
    """Say what fills a field."""
    words = {
        "off": _("is not sent"),
        "template": row.template,
        "consent": _("%(attribute)s, as a consent", attribute=source_word(row.source)),
    }
    return words.get(row.kind) or source_word(row.source)


def mode_words() -> Mapping[str, tuple[str, str]]:
    """Return each write mode: its name, and a sentence on what it does."""
    return {
        "merge": (
            _("Kept in step"),
            _("Like the usual fields: written when it changes here, and left where somebody edits it in the CRM."),
        ),
        "overwrite": (
            _("Overwrite"),
            _("Kept in step, and at first also written over what a record held before this field was mapped."),
        ),
        "if_new": (_("If new"), _("Written with a new record, and never again.")),
        "if_empty": (_("If empty"), _("Written only where the CRM holds nothing, and nobody has cleared it there.")),
        "append": (
            _("Add to it"),
            _("Put behind what the CRM holds, once; for texts of several lines and for several choices."),
        ),
    }


def sense_words() -> Mapping[str, str]:
    """Return what yes can mean in a consent."""
    return {"opt_out": _("Yes means: does not want it"), "opt_in": _("Yes means: wants it")}


def type_word(field: RemoteField) -> str:
    """Return what kind of values a field of the CRM takes."""
    words = {
        "text": _("text"),
        "number": _("number"),
        "boolean": _("yes or no"),
        "date": _("date"),
        "datetime": _("date and time"),
        "choice": _("one of its options"),
        "choices": _("several of its options"),
    }
    return words[field.type]


def comparison_words(about: str) -> Mapping[str, str]:
    """Return how a condition about something can be met."""
    if about == QUALIFIED:
        return {"is_set": _("qualified now"), "is_blank": _("not qualified now")}
    return {
        "equals": _("is"),
        "differs": _("is not"),
        "contains": _("contains"),
        "is_set": _("is set"),
        "is_blank": _("is blank"),
    }


def condition_words(condition: Condition) -> str:
    """Say a condition in words."""
    how = comparison_words(condition.about).get(condition.how, condition.how)
    if condition.about == QUALIFIED:
        return how
    value = f"“{condition.value}”" if condition.how in ("equals", "differs", "contains") else ""
    return " ".join(filter(None, (source_word(condition.about), how, value)))
