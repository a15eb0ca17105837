"""Reading conversations from a JSON Lines file, plain or gzipped; a bad line is reported and left out."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

GZIP_MAGIC = b"\x1f\x8b"
SENDERS = ("client", "agent")
DEFAULT_CHANNEL = "web_chat"

ReportBadLine = Callable[[int, str], None]


@dataclass(frozen=True)
class Told:
    """A conversation as a file tells it: who said what, in order."""

    channel: str
    messages: tuple[tuple[str, str], ...]
    subject: str | None = None


def read_conversations(path: Path, report: ReportBadLine) -> Iterator[Told]:
    """Yield the conversations of a file; `report(line number, reason)` hears of every line that is left out.

    Raises OSError when the file cannot be opened. A gzip file that is cut short yields what came before the cut.
    """
    with opened(path) as lines:
        number = 0
        try:
            for number, line in enumerate(lines, start=1):
                yield from conversations_in(line, number, report)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            report(number + 1, f"the compressed file is damaged from here on: {error}")


def opened(path: Path) -> IO[bytes]:
    """Open the file, unpacking it if it is gzipped, whatever its name says."""
    with path.open("rb") as file:
        is_gzip = file.read(2) == GZIP_MAGIC
    return cast(IO[bytes], gzip.open(path, "rb")) if is_gzip else path.open("rb")


def conversations_in(line: bytes, number: int, report: ReportBadLine) -> Iterator[Told]:
    """Yield the conversation of one line; nothing for an empty line or, after a report, a malformed one."""
    if not line.strip():
        return
    try:
        told = conversation_from(json.loads(line))
    except (ValueError, RecursionError) as error:
        report(number, str(error) or type(error).__name__)
        return
    yield told


def conversation_from(value: Any) -> Told:
    """Check a parsed line and return its conversation; keys we do not know are no concern of ours.

    Raises ValueError saying what is wrong.
    """
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    messages = value.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ValueError("no list of messages")
    channel = value.get("channel") or DEFAULT_CHANNEL
    if not isinstance(channel, str):
        raise ValueError("the channel is not a text")
    return Told(storable(channel)[:30], tuple(message_from(item) for item in messages))


def message_from(value: Any) -> tuple[str, str]:
    """Return sender and text of one message; raises ValueError for anything else."""
    if not isinstance(value, dict):
        raise ValueError("a message is not a JSON object")
    sender, text = value.get("sender"), value.get("text")
    if sender not in SENDERS:
        raise ValueError(f"a message is from neither {' nor '.join(SENDERS)}")
    if not isinstance(text, str):
        raise ValueError("a message has no text")
    return sender, storable(text)


def storable(text: str) -> str:
    """Return the text with what databases refuse (NUL, halves of surrogate pairs) replaced."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
