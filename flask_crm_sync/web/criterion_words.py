"""Criteria, standings and what rules found, in the reader's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..models import qualification as q
from ..models.criterion import DEFAULT_SET
from ..qualification.bounds import ALL, EVERYBODY
from ..qualification.criteria import Criterion
from .texts import gettext as _
from .texts import ngettext

_SHOWN = 8
"""Keywords that a sentence names; the form shows all."""


def asks_for(criterion: Criterion) -> list[str]:
    """Return what a criterion asks for, a sentence for each condition that is set."""
    return list(_sentences(criterion))


def set_word(name: str) -> str:
    """Return the name of a set as people read it."""
    return _("Default set") if name == DEFAULT_SET else name


def status_word(status: str, final: bool = True) -> str:
    """Return the word for a conversation's status."""
    if status == q.QUALIFIED:
        return _("Qualified") if final else _("Qualified, provisionally")
    return {q.UNQUALIFIED: _("Unqualified"), q.WAITING: _("Pending")}.get(status, status)


def status_tone(status: str) -> str:
    """Return the class that colours a status."""
    return {q.QUALIFIED: "success", q.UNQUALIFIED: "skipped"}.get(status, "pending")


def decider_word(decided_by: str) -> str:
    """Return who decided."""
    words = {q.RULES: _("The criteria"), q.REVIEW: _("The AI review"), q.PERSON: _("A person")}
    return words.get(decided_by, _("Nobody yet"))


def outcome_word(outcome: str) -> str:
    """Return what a review came to."""
    words = {
        q.CONFIRMED: _("Confirmed"),
        q.UPGRADED: _("Upgraded"),
        q.DOWNGRADED: _("Downgraded"),
        q.UNDECIDED: _("Undecided"),
        q.NOT_REVIEWED: _("Not reviewed"),
    }
    return words.get(outcome, outcome)


def contact_word(field: str) -> str:
    """Return the word for a contact detail."""
    return {"email": _("e-mail"), "phone": _("phone"), "company": _("company")}.get(field, field)


def condition_word(condition: str) -> str:
    """Return the name of a condition."""
    words = {
        "channel": _("Channel"),
        "keywords": _("Required keywords"),
        "messages": _("Number of messages"),
        "contact": _("Contact details"),
        "score": _("Score"),
        "excluded": _("Excluded keywords"),
    }
    return words.get(condition, condition)


def result_word(result: str) -> str:
    """Return what a criterion made of a conversation."""
    words = {"matches": _("Matches"), "excludes": _("Excludes it"), "partly": _("Holds in part")}
    return words.get(result, _("Does not match"))


def quoted(words: Iterable[str]) -> str:
    """Return keywords in quotes, the first few where there are many."""
    named = list(words)
    shown = ", ".join(_("“%(word)s”", word=word) for word in named[:_SHOWN])
    rest = len(named) - _SHOWN
    return ngettext("%(shown)s and 1 more", "%(shown)s and %(number)s more", rest, shown=shown) if rest > 0 else shown


def _sentences(criterion: Criterion) -> Iterator[str]:
    if criterion.required:
        yield _said(criterion)
    if criterion.excluded:
        yield _("Never when %(words)s is said.", words=quoted(criterion.excluded))
    if criterion.min_messages:
        yield ngettext("At least 1 message.", "At least %(number)s messages.", criterion.min_messages)
    if criterion.contact_fields:
        yield _("We know of the client: %(fields)s.", fields=", ".join(map(contact_word, criterion.contact_fields)))
    if criterion.channels:
        yield _("Only on: %(channels)s.", channels=", ".join(criterion.channels))
    if criterion.threshold:
        yield _("The score is at least %(threshold)s.", threshold=criterion.threshold)


def _said(criterion: Criterion) -> str:
    words = quoted(criterion.required)
    if criterion.who == EVERYBODY:
        if criterion.mode == ALL:
            return _("Client or agent say all of %(words)s.", words=words)
        return _("Client or agent say any of %(words)s.", words=words)
    if criterion.mode == ALL:
        return _("The client says all of %(words)s.", words=words)
    return _("The client says any of %(words)s.", words=words)
