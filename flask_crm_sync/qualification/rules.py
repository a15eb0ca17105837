"""The rules: what a set of criteria makes of a conversation. Pure, and quick enough for every message.

The criteria are asked in order, and the first one that decides does so:

- it matches, and the conversation is qualified;
- it would match, but an excluded keyword was said: the conversation is unqualified. So does a criterion of excluded
  keywords alone, as soon as one of them is said.

Where none decides, but an excluded keyword of one was said in its channels, the conversation is unqualified as well;
pending else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from ..host.records import ClientRecord, ConversationRecord
from ..models.qualification import QUALIFIED, UNQUALIFIED, WAITING
from .conditions import EXCLUDES, MATCHES, PARTLY, Explained, Ready, Seen, seen_in
from .criteria import Criterion, in_order
from .folding import SEPARATOR, folded
from .terms import Vocabulary

LONGEST = 300_000
"""Characters that are looked at, of the client's and of the others' each; of more, the beginning and the end."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rules say of a conversation.

    `criterion` is the one that decided, None where none did. `reasons` are sentences. `excluded` is the keyword by
    which it is unqualified. `marked_by` is the criterion that marks it as worth a review while it is pending.
    """

    status: str
    criterion: Criterion | None = None
    score: int = 0
    reasons: tuple[str, ...] = ()
    excluded: str = ""
    marked_by: Criterion | None = None

    @property
    def second_look(self) -> bool:
        """Tell whether it is pending, and worth a review all the same."""
        return self.marked_by is not None

    @property
    def worth_review(self) -> bool:
        """Tell whether the criteria wish for a review: of what they qualified, or of what deserves a second look."""
        return self.second_look or (self.status == QUALIFIED and self.criterion is not None and self.criterion.review)


class Rules:
    """The enabled criteria of a set, in order, ready to be asked."""

    def __init__(self, criteria: Iterable[Criterion]) -> None:
        self.criteria = tuple(in_order(each for each in criteria if each.enabled))
        self._ready = tuple(map(Ready, self.criteria))
        self._of_client = Vocabulary(term for each in self._ready for term in each.terms)
        self._of_others = Vocabulary(term for each in self._ready if each.is_of_everybody for term in each.terms)

    def judge(self, conversation: ConversationRecord, client: ClientRecord | None = None) -> Judged:
        """Return what the criteria make of a conversation, None standing for a client that is not known."""
        return self._judged(self._seen(conversation, client))

    def explain(self, conversation: ConversationRecord, client: ClientRecord | None = None) -> tuple[Explained, ...]:
        """Return what each criterion found, condition by condition, in order; the one that decides is marked."""
        seen = self._seen(conversation, client)
        decider = self._judged(seen).criterion
        explained = (each.explained(seen) for each in self._ready)
        return tuple(replace(each, decides=each.criterion is decider) for each in explained)

    def _judged(self, seen: Seen) -> Judged:
        marked_by: Criterion | None = None
        for ready in self._ready:
            result, score = ready.result(seen)
            if result == MATCHES:
                return _qualified(ready, seen, score)
            if result == EXCLUDES:
                return _unqualified(ready, seen)
            if result == PARTLY and ready.criterion.second_look:
                marked_by = marked_by or ready.criterion
        for ready in self._ready:
            if ready.excluded_word(seen):
                return _unqualified(ready, seen)
        reason = "No criterion matches so far." if self._ready else "There is no criterion in use."
        return Judged(WAITING, reasons=(reason,), marked_by=marked_by)

    def _seen(self, conversation: ConversationRecord, client: ClientRecord | None) -> Seen:
        """No phrase reaches over messages, so what anybody said is what the client said and what the others said."""
        own = _heard(self._of_client, [each.text for each in conversation.messages if each.from_client])
        others = _heard(self._of_others, [each.text for each in conversation.messages if not each.from_client])
        return seen_in(conversation, client, own, own | others)


def compile_rules(criteria: Sequence[Criterion]) -> Rules:
    """Make the rules of a set's criteria; those that are switched off are left out."""
    return Rules(criteria)


def _heard(vocabulary: Vocabulary, texts: Sequence[str]) -> AbstractSet[str]:
    if not vocabulary or not texts:
        return frozenset()
    said = SEPARATOR.join(texts)
    if len(said) > LONGEST:
        said = said[: LONGEST // 2] + SEPARATOR + said[-LONGEST // 2 :]
    return vocabulary.heard(folded(said))


def _qualified(ready: Ready, seen: Seen, score: int) -> Judged:
    reasons = (f"The criterion “{ready.criterion.name}” matches.", *ready.shown_reasons(seen))
    return Judged(QUALIFIED, ready.criterion, score, reasons)


def _unqualified(ready: Ready, seen: Seen) -> Judged:
    word = ready.excluded_word(seen)
    reasons = (f"The criterion “{ready.criterion.name}” excludes conversations in which “{word}” is said.",)
    return Judged(UNQUALIFIED, ready.criterion, 0, reasons, excluded=word)
