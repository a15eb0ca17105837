"""The rules of qualification: how well the template finds who wants to buy, and how many conversations a second.

The conversations are those of `CONVERSATIONS` (JSON Lines, plain or gzipped, each with a label `qualified`), of
`../shared/data/conversations.jsonl.gz` beside the checkout, or else a few that are made up here, which tell nothing of
how well the template does. The floor is one bare regex of the same keywords over the same text, joined and in small
letters beforehand, with nothing folded and nothing decided.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from example_host.conversation_file import opened
from flask_crm_sync.host.records import ClientRecord, ConversationRecord, MessageRecord
from flask_crm_sync.models.qualification import QUALIFIED
from flask_crm_sync.qualification.criteria import Criterion
from flask_crm_sync.qualification.rules import compile_rules
from flask_crm_sync.qualification.templates import TEMPLATES, WANTS_TO_BUY

from .figures import interleaved, middle, spent, tell
from .servers import Servers

LEAST_F1 = 0.9
LEAST_A_SECOND = 20_000
_BESIDE = Path(__file__).parents[2].parent / "shared" / "data" / "conversations.jsonl.gz"
_CLIENT = ClientRecord("1", "1", "Ada", "Berg", email="ada@example.com")
_ALONE: list[bool] = []


@dataclass(frozen=True)
class Labelled:
    """A conversation, and whether somebody in it wanted to buy, book or visit."""

    said: ConversationRecord
    wants: bool


def bench_rules(_servers: Servers, database: str, *, quick: bool) -> None:
    """Print precision and recall of the template, and what judging by five criteria takes; once, whatever database."""
    if _ALONE:
        return
    _ALONE.append(True)
    talks = labelled()[: 200 if quick else None]
    _tell_how_well(talks, database)
    _tell_how_fast([talk.said for talk in talks], database, rounds=2 if quick else 9)


def labelled() -> list[Labelled]:
    """Return the conversations of the file, or a few made-up ones where there is none."""
    path = Path(os.environ.get("CONVERSATIONS") or _BESIDE)
    if not path.is_file():
        return _MADE_UP
    with opened(path) as lines:
        return [_labelled(line) for line in lines if line.strip()]


def _labelled(line: bytes) -> Labelled:
    told = json.loads(line)
    said = tuple(MessageRecord(each["sender"] == "client", each["text"]) for each in told["messages"])
    return Labelled(_talk(str(told["id"]), said, told.get("channel", "")), bool(told.get("qualified")))


def _talk(id: str, said: tuple[MessageRecord, ...], channel: str = "") -> ConversationRecord:
    return ConversationRecord(id, "1", "1", channel, messages=said)


_MADE_UP = [
    Labelled(_talk(str(number), (MessageRecord(True, "Hello"), MessageRecord(True, text))), wants)
    for number, (text, wants) in enumerate(
        [("I'd like to book a table for two", True), ("When are you open?", False)] * 50
    )
]


def _tell_how_well(talks: Sequence[Labelled], database: str) -> None:
    """The ratio is that of the F1 aimed at to the F1 reached, so that less is better, as everywhere."""
    rules = compile_rules([WANTS_TO_BUY.criterion])
    found = [(rules.judge(talk.said, _CLIENT).status == QUALIFIED, talk.wants) for talk in talks]
    right, wrong, missed = (found.count(pair) for pair in ((True, True), (True, False), (False, True)))
    precision, recall = right / max(1, right + wrong), right / max(1, right + missed)
    f1 = 2 * right / max(1, 2 * right + wrong + missed)
    more = {"precision": precision, "recall": recall, "conversations": len(talks)}
    tell("template: wants to buy", database, "f1", f1, LEAST_F1, ratio=LEAST_F1 / max(f1, 1e-9), aim=1.0, **more)


def _tell_how_fast(talks: Sequence[ConversationRecord], database: str, *, rounds: int) -> None:
    criteria = [template.criterion for template in TEMPLATES]
    rules, bare = compile_rules(criteria), _bare(criteria)
    texts = ["\n".join([each.text for each in talk.messages]).lower() for talk in talks]
    variants = {
        "rules": lambda: spent(lambda: [rules.judge(talk, _CLIENT) for talk in talks]),
        "bare": lambda: spent(lambda: [bare.findall(text) for text in texts]),
    }
    runs = interleaved(variants, rounds)
    ours, floor = (middle(runs[name], "cpu") / len(talks) for name in ("rules", "bare"))
    more = {
        "a_second": 1 / ours,
        "floor_a_second": 1 / floor,
        "aim_a_second": LEAST_A_SECOND,
        "criteria": len(criteria),
    }
    tell("rules: one conversation", database, "ms", 1000 * ours, 1000 * floor, ratio=ours / floor, aim=1.0, **more)


def _bare(criteria: Sequence[Criterion]) -> re.Pattern[str]:
    keywords = dict.fromkeys(keyword for each in criteria for keyword in (*each.required, *each.excluded))
    patterns = (re.escape(each.removesuffix("*")) + (r"\w*" if each.endswith("*") else "") for each in keywords)
    return re.compile(rf"\b(?:{'|'.join(patterns)})\b")
