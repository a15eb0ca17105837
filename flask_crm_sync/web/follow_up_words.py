"""The words of what follows a qualification: its outcomes, and what was chosen for them."""

from __future__ import annotations

from ..models.qualification import CONFIRMED, DOWNGRADED, UNDECIDED, UPGRADED
from ..sync.follow_ups import PROVISIONAL
from .texts import gettext as _


def outcome_words() -> dict[str, tuple[str, str]]:
    """Return for each outcome its name and a sentence on what it means."""
    return {
        PROVISIONAL: (_("Provisionally qualified"), _("The rules found a match, and no review has been made yet.")),
        CONFIRMED: (_("Confirmed"), _("The review found the same, or a person said so.")),
        UPGRADED: (_("Upgraded"), _("The review found a lead where the rules had found none.")),
        DOWNGRADED: (
            _("No longer qualified"),
            _("The client qualified once, and by now none of its conversations does."),
        ),
        UNDECIDED: (_("Undecided"), _("The review could not tell; what the rules found stands.")),
    }


def follow_up_word(name: str) -> str:
    """Return what the audit trail keeps of an outcome (`confirmed:status`) in words."""
    outcome, _colon, part = name.partition(":")
    word = outcome_words().get(outcome, (outcome, ""))[0]
    parts = {
        "note": _("note after “%(outcome)s”", outcome=word),
        "status": _("status after “%(outcome)s”", outcome=word),
        "tag": _("tag after “%(outcome)s”", outcome=word),
    }
    return parts.get(part, name)
