"""Where a conversation stands: what the rules, a review and a person make of it together. Nothing is read or written.

A person stands above a review, and a review above the rules; in whatever order they come, that is what comes out.

- The rules speak of the whole conversation as it is now. Alone they make it qualified (provisionally), unqualified
  where an excluded keyword is said, pending else. So a later excluded keyword withdraws what was provisional, and so
  does a criterion that somebody tightened, at the next message.
- A review that confirms, upgrades or downgrades is final: the rules change nothing after it. One that came to nothing
  (undecided, not reviewed) leaves the provisional result as it was.
- What a person says stands until a person says otherwise; nothing automatic is run on it any more.

A review is owed for what is provisional, and for what is pending and worth a second look, where the criteria wish it.
A conversation that goes on after its review found nothing in it, or found nothing out, is reviewed once more; so is
one of which the rules say something else than they did.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..models.qualification import (
    CONFIRMED,
    DOWNGRADED,
    PERSON,
    QUALIFIED,
    REVIEW,
    RULES,
    UNDECIDED,
    UNQUALIFIED,
    UPGRADED,
    WAITING,
)

STATUSES = (WAITING, QUALIFIED, UNQUALIFIED)


@dataclass(frozen=True, slots=True)
class Standing:
    """A status, whether it is final, who decided it last, what the last review came to, whether one is owed."""

    status: str = WAITING
    final: bool = False
    decided_by: str = ""
    outcome: str = ""
    review_owed: bool = False


@dataclass(frozen=True, slots=True)
class Ruled:
    """What the rules say of a conversation.

    `worth_review` is what the criteria wish for a conversation of this status; `moved_on` tells whether somebody has
    written since the rules last spoke.
    """

    status: str
    worth_review: bool = False
    moved_on: bool = False


def after_rules(before: Standing, ruled: Ruled) -> Standing:
    """Return the standing once the rules have spoken."""
    if before.decided_by == PERSON:
        return before
    if before.decided_by == REVIEW:
        again = before.review_owed or (before.status != QUALIFIED and ruled.moved_on)
        return replace(before, review_owed=ruled.worth_review and again)
    is_new = not before.outcome or ruled.status != before.status
    open_still = before.outcome == UNDECIDED and ruled.moved_on
    owed = ruled.worth_review and (before.review_owed or is_new or open_still)
    return Standing(ruled.status, final=False, decided_by=RULES, outcome=before.outcome, review_owed=owed)


def after_review(before: Standing, outcome: str) -> Standing:
    """Return the standing once a review has come to something; `outcome` follows from the status before it."""
    if before.decided_by == PERSON:
        return before
    if outcome not in _REVIEWED:
        return replace(before, outcome=outcome, review_owed=False)
    return Standing(_REVIEWED[outcome] or before.status, final=True, decided_by=REVIEW, outcome=outcome)


def after_person(before: Standing, status: str) -> Standing:
    """Return the standing once a person has decided."""
    return Standing(status, final=True, decided_by=PERSON, outcome=before.outcome)


_REVIEWED = {CONFIRMED: "", UPGRADED: QUALIFIED, DOWNGRADED: UNQUALIFIED}
