"""The review of one conversation: the case, the verdict held to its evidence, and what follows for the status.

Pure but for the reviewer that is asked. Nothing here knows when reviews are due or what is written down.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import replace

from ..crm.answers import LONGEST_WAIT
from ..host.records import ClientRecord, ConversationRecord
from ..models.qualification import CONFIRMED, DOWNGRADED, UNDECIDED, UPGRADED
from ..models.qualification import QUALIFIED as IS_QUALIFIED
from ..models.qualification import UNQUALIFIED as IS_UNQUALIFIED
from . import review_reasons as why_not
from .criteria import Criterion, in_order
from .described import described
from .evidence import held_to_evidence, speaking_lines, speaks_above
from .reviewers.base import QUALIFIED, UNQUALIFIED, Case, Reviewer, ReviewFailed, Verdict
from .reviewers.base import UNDECIDED as NOT_DECIDED
from .transcript import CLIENT, make_transcript
from .visible import one_line

log = logging.getLogger(__name__)

DEFAULT_TOKENS = 8000
_LONGEST_SAID = 1000


def make_case(
    conversation: ConversationRecord,
    client: ClientRecord | None,
    criteria: Iterable[Criterion],
    *,
    decisive: Criterion | None = None,
    mask: bool = True,
    tokens: int = DEFAULT_TOKENS,
) -> Case:
    """Return what a reviewer is asked about a conversation under a set of criteria.

    `decisive` is the criterion that marked it: its guidance and its threshold hold; otherwise those of the first that
    looks for anybody.
    """
    asked = in_order(criterion for criterion in criteria if criterion.enabled)
    leading = decisive or next((criterion for criterion in asked if not criterion.only_excludes), None)
    shown = make_transcript(conversation, client, mask=mask, tokens=tokens)
    found = tuple(map(described, asked))
    return Case(shown, found) if leading is None else Case(shown, found, leading.guidance, leading.review_threshold)


def review_one(reviewer: Reviewer, case: Case) -> Verdict | ReviewFailed:
    """Ask a reviewer and hold its verdict to its evidence.

    Where somebody in the conversation, or its subject, speaks to the reviewer and it comes to a decision, it is asked a
    second time without those words: the decision must stand without them.
    """
    if not any(line.sender == CLIENT for line in case.transcript.lines):
        return Verdict(NOT_DECIDED, 0, why_not.NOTHING_SAID)
    verdict = _asked(reviewer, case)
    speaking = speaking_lines(case.transcript)
    if isinstance(verdict, ReviewFailed) or verdict.outcome == NOT_DECIDED:
        return verdict
    if not speaking and not speaks_above(case.transcript):
        return verdict
    again = _asked(reviewer, replace(case, transcript=case.transcript.without(speaking)))
    if isinstance(again, ReviewFailed) or again.outcome == verdict.outcome:
        return again
    return replace(again, outcome=NOT_DECIDED, reason=why_not.TOLD_WHAT_TO_FIND)


def outcome_of(status: str, verdict: Verdict, threshold: int) -> str:
    """Return what a verdict means for a conversation of this status: confirmed, upgraded, downgraded or undecided.

    `threshold` is the score from which a conversation counts as qualified; a verdict that contradicts its own score is
    undecided. A pending conversation that is found unqualified is downgraded too: it was open until then.
    """
    if verdict.outcome == QUALIFIED and verdict.score >= threshold:
        return CONFIRMED if status == IS_QUALIFIED else UPGRADED
    if verdict.outcome == UNQUALIFIED and verdict.score < threshold:
        return CONFIRMED if status == IS_UNQUALIFIED else DOWNGRADED
    return UNDECIDED


def _asked(reviewer: Reviewer, case: Case) -> Verdict | ReviewFailed:
    try:
        verdict = reviewer.review(case)
        if isinstance(verdict, ReviewFailed):
            return _sane_failure(verdict)
        return held_to_evidence(_sane(verdict), case.transcript)
    except Exception as error:
        # A host's own reviewer may raise what it likes; its text may quote the conversation, so only its name is kept.
        log.warning("A reviewer failed with %s.", type(error).__name__)
        return ReviewFailed(why_not.RAISED)


def _sane(verdict: Verdict) -> Verdict:
    """Bring what a host's own reviewer says within bounds, and into signs that every database takes."""
    return replace(
        verdict,
        score=min(max(int(verdict.score), 0), 100),
        reason=_said(verdict.reason),
        model=_said(verdict.model),
        version=_said(verdict.version),
    )


def _sane_failure(failed: ReviewFailed) -> ReviewFailed:
    wait = failed.retry_after
    if wait is not None:
        wait = min(max(wait, 0.0), LONGEST_WAIT) if math.isfinite(wait) else LONGEST_WAIT
    return replace(failed, reason=_said(failed.reason), retry_after=wait)


def _said(text: str) -> str:
    return one_line(text[:_LONGEST_SAID])
