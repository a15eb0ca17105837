"""Conversations in short, for tests of the review: a text of the client's, or of the agent's where it begins so."""

from __future__ import annotations

from flask_crm_sync.host.records import ClientRecord, ConversationRecord, MessageRecord
from flask_crm_sync.qualification.transcript import Transcript, make_transcript

AMELIA = ClientRecord(
    "7",
    "1",
    "Amelia",
    "Hart",
    "amelia.hart@example.com",
    "+43 660 1234567",
    "Northwind Bikes",
    "Mill Lane 4",
    zip="1010",
)


def conversation(*texts: str, channel: str = "chat", subject: str = "") -> ConversationRecord:
    """Return a conversation; a text that begins with "> " is the agent's."""
    messages = tuple(MessageRecord(not text.startswith("> "), text.removeprefix("> ")) for text in texts)
    return ConversationRecord("c1", "1", "7", channel=channel, subject=subject, messages=messages)


def transcript(*texts: str, mask: bool = True, tokens: int = 8000) -> Transcript:
    """Return the transcript of a conversation with Amelia."""
    return make_transcript(conversation(*texts), AMELIA, mask=mask, tokens=tokens)
