"""What a reviewer is: something that reads a case and says what it thinks, or why it could not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..transcript import Transcript

QUALIFIED, UNQUALIFIED, UNDECIDED = "qualified", "unqualified", "undecided"


@dataclass(frozen=True, slots=True)
class Case:
    """What is reviewed: the conversation as it may leave the house, and what the account is looking for.

    `criteria` are sentences, `guidance` is what the account's people want the reviewer to know besides, `threshold`
    the score (0 to 100) from which a conversation counts as qualified.
    """

    transcript: Transcript
    criteria: tuple[str, ...]
    guidance: str = ""
    threshold: int = 70


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reviewer found.

    `outcome` is qualified, unqualified or undecided; `score` tells how sure it is that the client is what the criteria
    look for (0 not at all, 100 certainly); `reason` is a sentence or two for people; `evidence` are quotes, word for
    word, of the client's own messages; `model` and `version` say who judged.
    """

    outcome: str
    score: int
    reason: str
    evidence: tuple[str, ...] = ()
    model: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class ReviewFailed:
    """Why there is no verdict, in a sentence for people.

    `retry` tells whether it is worth asking again, `retry_after` when (seconds; None where nobody said).
    `whole_reviewer` tells that the trouble is not this conversation's: every other one would meet it too.
    """

    reason: str
    retry: bool = True
    retry_after: float | None = None
    whole_reviewer: bool = False


class Reviewer(Protocol):
    """A second pair of eyes: give your own to `CRMSync(app, reviewer=...)` to use another engine than the built-in one.

    It is called in workers, from several threads perhaps, with no transaction open. Its verdicts are held to the same
    rule as any other's: a verdict whose evidence does not stand in the client's own messages counts as undecided.
    """

    def review(self, case: Case) -> Verdict | ReviewFailed:
        """Return a verdict, or why there is none; raise nothing that was to be expected."""
        ...
