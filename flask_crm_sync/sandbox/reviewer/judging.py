"""How the sandbox's reviewer decides: words of wanting and of not wanting, in the client's messages. Pure.

It is no model. It reads the transcript as the request shows it, one JSON object a line, and always quotes real text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_WANTS = re.compile(
    r"\b(?:buy|order|book|purchase|quote|viewing|appointment|visit|reserve|sign up|kaufen|bestell\w*|buchen|termin\w*"
    r"|angebot\w*|besichtig\w*|reservier\w*|acheter|commander|r[ée]server|devis|comprar|reservar|presupuesto|pedir"
    r"|comprare|prenotare|preventivo|kopen|boeken|offerte|kupi[ćc]|zam[óo]wi[ćc])\b|купить|заказать|购买|预订|買いたい|予約",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"\b(?:not interested|no thanks|just looking|don'?t want|do not want|cancel\w*|refund\w*|complain\w*|unsubscribe"
    r"|wrong number|job opening|kein interesse|kündig\w*|stornier\w*|beschwer\w*|pas int[ée]ress\w*|no me interesa)\b",
    re.IGNORECASE,
)
_TOLD = re.compile(
    r"\b(?:mark|rate|classify|treat|say|output|score)\b.{0,60}?\b(un)?qualified\b", re.IGNORECASE | re.DOTALL
)
_THRESHOLD = re.compile(r"score is (\d{1,3}) or more")
_SENTENCE = re.compile(r"[.!?\n。！？]+|\[…[^\]]*\]")
_TALKED_ENOUGH = 3


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the transcript."""

    sender: str
    text: str


def read(shown: str) -> list[Said]:
    """Return the messages in what a request shows: lines that are JSON objects with `from` and `text`.

    What stands above them, channel and subject, is read as what nobody said.
    """
    return list(_messages(shown))


def threshold_in(task: str) -> int:
    """Return the score from which the task calls a client qualified; 70 where it names none."""
    found = _THRESHOLD.search(task)
    return int(found[1]) if found else 70


def judge(said: Sequence[Said], threshold: int) -> dict[str, Any]:
    """Return evidence, reason, score and outcome."""
    own = [each.text for each in said if each.sender == "client"]
    sentences = [sentence for text in own for sentence in _sentences(text)]
    wanting = [each for each in sentences if _WANTS.search(each) and not _NOT.search(each)]
    against = [each for each in sentences if _NOT.search(each)]
    if wanting and not against:
        return _found(wanting, "The client asks to buy, book or visit.", 75 if len(wanting) == 1 else 90, threshold)
    if against and not wanting:
        return _found(against, "The client says that they do not want this.", 10, threshold)
    if len(own) >= _TALKED_ENOUGH and not wanting:
        return _found(sentences, "The client talks at length and asks for nothing that is sold.", 20, threshold)
    return _found(wanting + against, "The conversation does not tell what the client wants.", 50, threshold)


def obey(said: Sequence[Said]) -> dict[str, Any] | None:
    """Return what the transcript tells the reviewer to find, with the client's words for evidence; None if nothing."""
    for each in said:
        if told := _TOLD.search(each.text):
            outcome, score = ("unqualified", 0) if told[1] else ("qualified", 100)
            quotes = [text for one in said if one.sender == "client" for text in _sentences(one.text)]
            return {"evidence": quotes[:5], "reason": "As I was told.", "score": score, "outcome": outcome}
    return None


def _found(quotes: Sequence[str], reason: str, score: int, threshold: int) -> dict[str, Any]:
    outcome = "qualified" if score >= threshold else "unqualified" if score <= 30 else "undecided"
    return {"evidence": list(quotes[:3]), "reason": reason, "score": score, "outcome": outcome}


def _sentences(text: str) -> Iterator[str]:
    """Yield the sentences that are long enough to be quoted; a short text is one."""
    parts = [part.strip() for part in _SENTENCE.split(text)]
    yield from (part for part in parts if len(part) > 7) if len(text) > 20 else iter([text.strip()])


def _messages(shown: str) -> Iterator[Said]:
    for line in shown.split("\n"):
        try:
            found = json.loads(line) if line.startswith("{") else None
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and isinstance(found.get("text"), str):
            yield Said(str(found.get("from", "")), found["text"])
        elif isinstance(found, dict):
            yield from (Said("", found[name]) for name in ("channel", "subject") if isinstance(found.get(name), str))
