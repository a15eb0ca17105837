"""Stage two, what: a due review is loaded, asked, and settled, one at a time. No transaction is open meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..host.bound import BindingFailure
from ..host.messages import WHOLE
from ..host.records import ClientRecord, ConversationRecord
from ..sync.context import Sync
from ..sync.erased import is_erased
from ..sync.steps import JudgingStep, reach
from .criteria import Criterion
from .criteria_of import criteria_of
from .quotes import places_of
from .review import make_case, review_one
from .review_reasons import BROKEN_OFF, NOBODY_ASKS, NOT_CONFIGURED
from .reviewers.base import Case, Reviewer, ReviewFailed
from .schedule import MOST_ATTEMPTS, ClaimedReview, claim_due_reviews, put_off_review, settle_review
from .standings import Move
from .veil import masks
from .wishes import wishing

NOT_READABLE = "The conversation could not be read from this app."
NO_CRITERIA = "There is no criterion in use any more."
SENSITIVE = "The client is marked as sensitive, and nothing that such clients say is sent to a reviewer."
ERASED = "The client was erased, and nothing that an erased person says is sent to a reviewer."
IS_TEST = "The conversation is marked as a test."
CLIENT_NOT_READABLE = "The client could not be read from this app, so it is not known what has to be masked."


@dataclass(frozen=True, slots=True)
class Made:
    """One review that was due: what it moved, if anything, and whether the next one would meet the same trouble."""

    move: Move | None
    is_in_vain: bool = False


def make_next_review(sync: Sync, reviewer: Reviewer | None, in_code: Sequence[Criterion] = ()) -> Made | None:
    """Make the next review that is due; return None where none is."""
    for claimed in claim_due_reviews(sync, 1):
        if claimed.attempts > MOST_ATTEMPTS:  # each of them took its worker with it: this one would, too
            return Made(put_off_review(sync, claimed, BROKEN_OFF, retry=False))
        if reviewer is None:
            return Made(put_off_review(sync, claimed, NOT_CONFIGURED, retry=False))
        asked = _case(sync, claimed, in_code)
        if isinstance(asked, str):
            return Made(put_off_review(sync, claimed, asked, retry=False))
        case, conversation = asked
        verdict = review_one(reviewer, case)
        reach(JudgingStep.REVIEWED)
        if isinstance(verdict, ReviewFailed):
            move = put_off_review(sync, claimed, verdict.reason, retry=verdict.retry, after=verdict.retry_after)
            return Made(move, verdict.whole_reviewer)
        evidence = places_of(verdict.evidence, case.transcript, conversation, sync.installation.digest_secret)
        return Made(settle_review(sync, claimed, verdict, case.threshold, evidence))
    return None


def _case(sync: Sync, claimed: ClaimedReview, in_code: Sequence[Criterion]) -> tuple[Case, ConversationRecord] | str:
    """Return what the reviewer is asked and of which conversation, or why there is nothing to ask."""
    settings = sync.settings
    with sync.database.read() as connection:
        found = sync.host.load_conversations(connection, [claimed.conversation_id], ends=WHOLE)
        conversation = found.get(claimed.conversation_id)
        if not isinstance(conversation, ConversationRecord):
            return NOT_READABLE
        clients = sync.host.load_clients(connection, [conversation.client_id] if conversation.client_id else [])
        client = clients.get(conversation.client_id)
        criteria = criteria_of(connection, [conversation.account_id], in_code)
        mask = masks(connection, conversation.account_id, settings)
        is_gone = is_erased(sync, connection, conversation.account_id, client_id=conversation.client_id)
    if why_not := ERASED if is_gone else _stays_here(conversation, client):
        return why_not
    own = criteria.get((conversation.account_id, claimed.set_name), ())
    if not own:
        return NO_CRITERIA
    known = client if isinstance(client, ClientRecord) else None
    decisive = wishing(own, claimed.status, claimed.criterion_name, conversation, known)
    if decisive is None:
        return NOBODY_ASKS
    tokens = settings.ai_transcript_tokens
    return make_case(conversation, known, own, decisive=decisive, mask=mask, tokens=tokens), conversation


def _stays_here(conversation: ConversationRecord, client: ClientRecord | BindingFailure | None) -> str:
    """Return why a conversation is sent to no reviewer, "" where it may be."""
    if conversation.test:
        return IS_TEST
    if isinstance(client, BindingFailure) or (client is None and conversation.client_id):
        return CLIENT_NOT_READABLE
    return SENSITIVE if client is not None and client.sensitive else ""
