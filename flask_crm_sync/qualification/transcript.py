"""A conversation as a reviewer reads it: cleaned, masked, and cut to a bound that it is told of. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..host.records import ClientRecord, ConversationRecord, MessageRecord
from .masking import mask_for, no_mask
from .visible import one_line

CLIENT, AGENT = "client", "agent"
_LARGEST_SHARE = 4
"""No message may take more than one part in so many of the whole bound."""
_BYTES_PER_TOKEN = 3
_TOKENS_AROUND = 16
"""What the frame of a message costs: its number, its sender, signs."""
_ENDS = 4
"""So many messages at the beginning and at the end are kept before all others."""


@dataclass(frozen=True, slots=True)
class Line:
    """One message as it is shown: its place in the conversation (from 1), who wrote it, what is shown of it.

    `pieces` is the text, in two where its middle is left out.
    """

    number: int
    sender: str
    pieces: tuple[str, ...]
    left_out: int = 0
    """Characters that are not shown."""

    @property
    def text(self) -> str:
        """Return what is shown, with a remark where something is missing."""
        return f" [… {self.left_out:,} characters left out …] ".join(self.pieces)

    @property
    def tokens(self) -> int:
        """Return about how many tokens it takes, rather too many than too few."""
        return tokens_of(self.text) + _TOKENS_AROUND


@dataclass(frozen=True, slots=True)
class Transcript:
    """The messages that are shown, in their order, out of `total`; `withheld` ones are shown as a remark alone."""

    lines: tuple[Line, ...]
    total: int
    channel: str = ""
    subject: str = ""
    masked: bool = True
    withheld: frozenset[int] = frozenset()

    @property
    def left_out(self) -> int:
        """Return how many messages are not shown."""
        return self.total - len(self.lines)

    @property
    def of_client(self) -> tuple[Line, ...]:
        """Return the client's own messages, as far as they are shown."""
        return tuple(line for line in self.lines if line.sender == CLIENT and line.number not in self.withheld)

    def without(self, numbers: Iterable[int]) -> Transcript:
        """Return the same conversation with the texts of some messages withheld, and what stands above them all."""
        return replace(self, withheld=self.withheld | frozenset(numbers), subject="", channel="")

    def heading(self) -> str:
        """Return channel and subject as a JSON object, "" for neither: they are as untrusted as any message."""
        above = {name: text for name, text in (("channel", self.channel), ("subject", self.subject)) if text}
        return json.dumps(above, ensure_ascii=False) if above else ""

    def rows(self) -> Iterator[str]:
        """Yield one JSON object for each message, and one for each gap: no text can look like the next message."""
        last = 0
        for line in self.lines:
            yield from _gap(last, line.number)
            text = "[… this message is withheld …]" if line.number in self.withheld else line.text
            yield _row(n=line.number, sender=line.sender, text=text)
            last = line.number
        yield from _gap(last, self.total + 1)


def make_transcript(
    conversation: ConversationRecord, client: ClientRecord | None, *, mask: bool, tokens: int
) -> Transcript:
    """Return what a reviewer may read of a conversation, in about so many tokens at most.

    Where that is too little, its beginning and its end are kept, then the client's messages, the latest first.
    """
    veil = mask_for(client) if mask else no_mask
    spoken = spoken_messages(conversation)
    subject, channel = one_line(veil(conversation.subject))[:200], one_line(conversation.channel)[:60]
    lines = [_line(number, message, veil, tokens) for number, message in enumerate(spoken, 1)]
    return Transcript(tuple(_kept(lines, tokens)), len(spoken), channel, subject, mask)


def spoken_messages(conversation: ConversationRecord) -> list[MessageRecord]:
    """Return the messages that have words; their places in this list, from 1, are their numbers."""
    return [message for message in conversation.messages if message.text.strip()]


def tokens_of(text: str) -> int:
    """Return about how many tokens a text takes.

    Models cut differently; three bytes of UTF-8 a token is more than English takes, and about what other scripts take.
    """
    return -(-len(text.encode("utf-8")) // _BYTES_PER_TOKEN)


def _line(number: int, message: MessageRecord, veil: Callable[[str], str], tokens: int) -> Line:
    text = veil(message.text)
    sender = CLIENT if message.from_client else AGENT
    most = max(tokens // _LARGEST_SHARE, 1) * _BYTES_PER_TOKEN
    size = len(text.encode("utf-8"))
    if size <= most:
        return Line(number, sender, (text,))
    room = len(text) * most // size
    head, tail = room * 2 // 3, room // 3
    return Line(number, sender, (text[:head], text[len(text) - tail :]), len(text) - head - tail)


def _kept(lines: Sequence[Line], tokens: int) -> list[Line]:
    """Return as many lines as fit, the more important first, in their order."""
    chosen: dict[int, Line] = {}
    left = tokens
    for line in _by_importance(lines):
        if line.number not in chosen and line.tokens <= left:
            chosen[line.number] = line
            left -= line.tokens
    return [chosen[number] for number in sorted(chosen)]


def _by_importance(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield the beginning and the end, then the client's messages from the last, then the others from the last."""
    for near in range(min(_ENDS, len(lines))):
        yield lines[near]
        yield lines[-1 - near]
    yield from (line for line in reversed(lines) if line.sender == CLIENT)
    yield from reversed(lines)


def _gap(before: int, after: int) -> Iterator[str]:
    missing = after - before - 1
    if missing:
        yield _row(note=f"[… {missing} message{'s' if missing > 1 else ''} left out …]")


def _row(n: int | None = None, sender: str = "", text: str = "", note: str = "") -> str:
    shown = {"left_out": note} if note else {"n": n, "from": sender, "text": text}
    return json.dumps(shown, ensure_ascii=False)
