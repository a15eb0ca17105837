"""The words of both ways: directions, who wins, why a conflict waits."""

from __future__ import annotations

from .texts import gettext as _


def direction_words(label: str) -> dict[str, tuple[str, str]]:
    """Return for each direction of a field its name and a sentence on what it means."""
    return {
        "both": (_("both ways"), _("An edit on either side reaches the other.")),
        "out": (
            _("only to %(crm)s", crm=label),
            _("Edits here reach %(crm)s; edits made there stay there.", crm=label),
        ),
        "in": (
            _("only from %(crm)s", crm=label),
            _("Edits in %(crm)s come here; edits made here stay here.", crm=label),
        ),
        "off": (_("neither way"), _("Each side keeps its own value.")),
    }


def rule_words(label: str) -> dict[str, tuple[str, str]]:
    """Return for each conflict rule its name and a sentence on what it means."""
    return {
        "crm": (_("%(crm)s wins", crm=label), _("The value in %(crm)s stays, and comes here.", crm=label)),
        "platform": (_("this app wins"), _("The value here stays, and goes to %(crm)s.", crm=label)),
        "newest": (
            _("the newer edit wins"),
            _("Where both sides tell when they were edited, the later one stays; otherwise a person decides."),
        ),
        "ask": (_("a person decides"), _("Neither value moves. Both wait among the conflicts until somebody chooses.")),
    }


def rule_text(label: str, rule: str) -> str:
    """Return a field's rule, as the audit trail keeps it, in words."""
    way, _space, winner = rule.partition(" ")
    ways, winners = direction_words(label), rule_words(label)
    return ", ".join((ways.get(way, (way, ""))[0], winners.get(winner, (winner, ""))[0]))


def choice_word(choice: str) -> str:
    """Return the word for what a person chose of a conflict."""
    words = {"ours": _("the value here"), "theirs": _("the value in the CRM"), "typed": _("a typed value")}
    return words.get(choice, choice)
