"""What a note says: the host's summary, else a deterministic extract. Never empty, never a raw dump. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..host.records import ConversationRecord, MessageRecord

LONGEST_QUOTE = 400


def note_body(conversation: ConversationRecord) -> str:
    """Return the note's text, or "" where the conversation has neither a summary nor a word in it."""
    spoken = [message for message in conversation.messages if message.text.strip()]
    summary = conversation.summary.strip()
    if not summary and not spoken:
        return ""
    lines = [summary] if summary else _extract(spoken)
    lines.append(_outcome(conversation))
    if conversation.url:
        lines.append(f"Conversation: {conversation.url}")
    return "\n".join(lines)


def note_subject(conversation: ConversationRecord) -> str:
    """Return the note's first line: the channel, and the host's subject where it has one."""
    channel = conversation.channel.strip() or "conversation"
    subject = conversation.subject.strip()
    return f"{channel}: {subject}" if subject else channel


def _extract(spoken: Sequence[MessageRecord]) -> list[str]:
    """Who asked for what, and how it ended: the client's first and last words and the last answer."""
    asked = [message for message in spoken if message.from_client]
    answered = [message for message in spoken if not message.from_client]
    lines = [f"Client asked: {_quoted(asked[0])}"] if asked else []
    if len(asked) > 1:
        lines.append(f"Client's last words: {_quoted(asked[-1])}")
    if answered:
        lines.append(f"Last answer: {_quoted(answered[-1])}")
    return lines


def _quoted(message: MessageRecord) -> str:
    text = " ".join(message.text.split())
    return f"“{text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + '…'}”"


def _outcome(conversation: ConversationRecord) -> str:
    state = "Closed" if conversation.closed else "Still open, silent for now"
    return f"{state}."
