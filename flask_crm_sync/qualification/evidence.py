"""Evidence: what a verdict stands on. A quote counts where the client wrote it, word for word, and to the people. Pure.

What this cannot do: a quote may be torn from what surrounds it ("want to buy" out of "I do not want to buy"), and a
client who merely claims to want something has said so. It proves that words were said, not that they are meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from . import review_reasons as why_not
from .instructions import speaking_numbers, speaks_to_reviewer
from .reviewers.base import UNDECIDED, Verdict
from .transcript import CLIENT, Transcript
from .visible import folded

_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_EDGES = " \t\"'.,;:!?()[]-*_¡¿。、！？「」『』"
_LEAST_WORDS, _LEAST_LETTERS, _LEAST_SIGNS = 2, 6, 4


@dataclass(frozen=True, slots=True)
class Weighed:
    """The quotes that stand, and for each other one why it does not."""

    stands: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


def weigh(quotes: Iterable[str], transcript: Transcript) -> Weighed:
    """Hold quotes against the client's own messages, as they were shown to the reviewer."""
    tainted = speaking_lines(transcript)
    own = [(line.number in tainted, trimmed(piece)) for line in transcript.of_client for piece in line.pieces]
    others = [folded(piece) for line in transcript.lines if line.sender != CLIENT for piece in line.pieces]
    verdicts = [(quote, _fault(trimmed(quote), own, others)) for quote in quotes]
    return Weighed(
        tuple(quote for quote, fault in verdicts if not fault),
        tuple((quote, fault) for quote, fault in verdicts if fault),
    )


def held_to_evidence(verdict: Verdict, transcript: Transcript) -> Verdict:
    """Return a verdict with the quotes that stand; one that has none left is undecided, and says why."""
    weighed = weigh(verdict.evidence, transcript)
    if weighed.stands or verdict.outcome == UNDECIDED:
        return replace(verdict, evidence=weighed.stands)
    why = weighed.refused[0][1] if weighed.refused else why_not.NO_QUOTE
    return replace(verdict, outcome=UNDECIDED, evidence=(), reason=why)


def speaking_lines(transcript: Transcript) -> frozenset[int]:
    """Return the numbers of the messages, the client's and others', that speak to the reviewer.

    An instruction may begin above them, in the subject.
    """
    found: set[int] = set()
    above = _above(transcript)
    for lines in (transcript.of_client, [line for line in transcript.lines if line.sender != CLIENT]):
        places = speaking_numbers([*above, *(line.text for line in lines)])
        numbers = {lines[place - len(above)].number for place in places if place >= len(above)}
        found |= numbers - transcript.withheld
    return frozenset(found)


def speaks_above(transcript: Transcript) -> bool:
    """Tell whether what stands above the messages speaks to the reviewer: subject or channel."""
    return bool(speaking_numbers(_above(transcript)))


def _above(transcript: Transcript) -> list[str]:
    return [text for text in (transcript.channel, transcript.subject) if text]


def trimmed(quote: str) -> str:
    """Return a quote, or what it may stand in, as it is compared: folded, without the signs at its edges."""
    return folded(quote).strip(_EDGES)


def stands_in(text: str, quote: str) -> bool:
    """Tell whether a text has a quote in it, from word to word; both as they are compared."""
    if _UNSPACED.search(quote):
        return quote in text
    return re.search(rf"(?<!\w){re.escape(quote)}(?!\w)", text) is not None


def _fault(quote: str, own: list[tuple[bool, str]], others: list[str]) -> str:
    """Say why a folded quote is no evidence, "" where it is."""
    if not _is_long_enough(quote):
        return why_not.QUOTE_TOO_SHORT
    if speaks_to_reviewer(quote):
        return why_not.QUOTE_SPEAKS
    places = [tainted for tainted, text in own if stands_in(text, quote)]
    if not places:
        said = any(stands_in(text, quote) for text in others)
        return why_not.QUOTE_OF_OTHERS if said else why_not.QUOTE_INVENTED
    return why_not.QUOTE_TAINTED if all(places) else ""


def _is_long_enough(quote: str) -> bool:
    if _UNSPACED.search(quote):
        return len(quote) >= _LEAST_SIGNS
    words = _WORD.findall(quote)
    return len(words) >= _LEAST_WORDS and sum(len(word) for word in words) >= _LEAST_LETTERS
