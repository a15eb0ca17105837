"""Which criterion wishes for a review, asked when it is made: what people change meanwhile counts. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..host.records import ClientRecord, ConversationRecord
from ..models.qualification import QUALIFIED
from .criteria import Criterion
from .rules import compile_rules


def wishing(
    own: Sequence[Criterion], status: str, name: str, conversation: ConversationRecord, client: ClientRecord | None
) -> Criterion | None:
    """Return the criterion by which a conversation is reviewed, None where none wishes it any more.

    It is the one of `name` that qualified it, while that wants its conversations reviewed; else the one that qualifies
    it now, or that now marks it as worth a second look. A criterion that was deleted is held against nobody: the others
    may look for something else altogether.
    """
    named = next((criterion for criterion in own if criterion.name == name), None)
    if named is not None and named.review and status == QUALIFIED:
        return named
    judged = compile_rules(own).judge(conversation, client)
    return (judged.criterion or judged.marked_by) if judged.worth_review else None
