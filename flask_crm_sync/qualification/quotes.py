"""The words that a verdict rests on, kept as places: which message, from where to where. Pure.

The words themselves are the client's and stay the host's: they are read from its messages when somebody looks. A keyed
digest of the message tells whether it still says what was reviewed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..host.records import ConversationRecord
from .evidence import stands_in, trimmed
from .transcript import Transcript, spoken_messages
from .visible import folded, visible

LONGEST = 300
"""Characters of a quote that are shown."""

Places = Sequence[Mapping[str, Any]]


def places_of(
    quotes: Iterable[str], transcript: Transcript, conversation: ConversationRecord, key: bytes
) -> list[dict[str, Any]]:
    """Return where each quote stands: the `message` (from 1, of those with words), its `mark`, `from` and `to`.

    `from` and `to` count characters of the message as a person sees it. They are missing where they cannot be told:
    where contact details were masked in the quote, or the client's signs change their number when they are compared.
    """
    spoken = spoken_messages(conversation)
    found = []
    for quote in quotes:
        number = _line_of(quote, transcript)
        if number is not None and number <= len(spoken):
            text = visible(spoken[number - 1].text)
            found.append({"message": number, "mark": _mark(text, key), **_span(quote, text)})
    return found


def quoted(places: Places, conversation: ConversationRecord, key: bytes) -> list[str]:
    """Return the words at places, as the client wrote them; "" where they are no longer in the conversation."""
    texts = [visible(message.text) for message in spoken_messages(conversation)]
    marks = [_mark(text, key) for text in texts]
    return [_words(place, texts, marks) for place in places]


def _words(place: Mapping[str, Any], texts: Sequence[str], marks: Sequence[str]) -> str:
    number, mark = int(place["message"]) - 1, place["mark"]
    if not (0 <= number < len(marks) and marks[number] == mark):
        number = marks.index(mark) if mark in marks else -1
    if number < 0:
        return ""
    words = texts[number][place.get("from", 0) : place.get("to")]
    return words if len(words) <= LONGEST else f"{words[:LONGEST]} …"


def _line_of(quote: str, transcript: Transcript) -> int | None:
    wanted = trimmed(quote)
    own = (line.number for line in transcript.of_client for piece in line.pieces if stands_in(trimmed(piece), wanted))
    return next(own, None)


def _span(quote: str, text: str) -> dict[str, int]:
    """Return from where to where a quote stands in a text, nothing where that cannot be told."""
    signs = list(_signs(text))
    plain, wanted = "".join(sign for sign, _ in signs), trimmed(quote)
    start = plain.find(wanted) if plain == folded(text) else -1
    if start < 0:
        return {}
    places = [place for sign, place in signs for _ in sign]
    return {"from": places[start], "to": places[start + len(wanted) - 1] + 1}


def _signs(text: str) -> Iterator[tuple[str, int]]:
    """Yield each sign as it is compared, with its place; a run of spaces is one."""
    is_between = True
    for place, sign in enumerate(text):
        if not sign.isspace():
            yield folded(sign), place
        elif not is_between:
            yield " ", place
        is_between = sign.isspace()


def _mark(text: str, key: bytes) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=key[:64]).hexdigest()
