"""Why a review came to nothing, in sentences for people. They hold no values, so that each can be translated."""

from __future__ import annotations

NOTHING_SAID = "The client has not written anything that could be reviewed."
NO_QUOTE = "The reviewer quoted nothing of the conversation, so its verdict does not count."
QUOTE_TOO_SHORT = "What the reviewer quoted is too short to mean anything, so its verdict does not count."
QUOTE_SPEAKS = "What the reviewer quoted speaks to the reviewer, so its verdict does not count."
QUOTE_OF_OTHERS = "What the reviewer quoted was not written by the client, so its verdict does not count."
QUOTE_INVENTED = "What the reviewer quoted is not in the conversation word for word, so its verdict does not count."
QUOTE_TAINTED = "What the reviewer quoted is from a message that speaks to the reviewer, so its verdict does not count."
TOLD_WHAT_TO_FIND = (
    "Somebody in the conversation tells the reviewer what to find, and nothing else in it shows the same."
)

NOT_CONFIGURED = "No reviewer is configured."
RAISED = "The reviewer failed with an error of its own. The worker's log names it."
UNREACHABLE = "The reviewer could not be reached, or did not answer in time."
UNREACHABLE_OR_PRIVATE = (
    "The reviewer could not be reached, or did not answer in time. "
    "One on a private network, or on this machine, needs CRM_SYNC_AI_ALLOW_PRIVATE."
)
NO_AUTHORITY = "The reviewer's certificate authority cannot be read. Check CRM_SYNC_AI_CA."
KEY_REFUSED = "The reviewer does not accept the key. Check CRM_SYNC_AI_API_KEY."
NOT_ALLOWED = "The reviewer does not let this key use the model. Check the key's rights."
NOT_THERE = "The reviewer knows no such model or address. Check CRM_SYNC_AI_MODEL and CRM_SYNC_AI_BASE_URL."
MOVED = "The reviewer answered with a redirect, which is not followed. Check CRM_SYNC_AI_BASE_URL."
RATE_LIMITED = "The reviewer's limit on calls is reached."
QUOTA_SPENT = "The reviewer's quota is spent. Check its plan and billing."
OVERLOADED = "The reviewer reported a fault of its own, or is overloaded."
TOO_LONG = "The conversation is too long for the model. Lower CRM_SYNC_AI_TRANSCRIPT_TOKENS."
NOT_UNDERSTOOD = "The reviewer does not understand how it was asked. Check that the endpoint is OpenAI-compatible."
REFUSED = "The reviewer refused to judge this conversation."
CUT_OFF = "The reviewer's answer was cut off. Raise CRM_SYNC_AI_ANSWER_TOKENS."
NONSENSE = "The reviewer's answer is not what it was asked for."
BROKEN_OFF = "The review was broken off each time, by a worker that stopped or failed. The worker's log says more."
NOBODY_ASKS = "No criterion asks for this review any more."
