"""The answer to a request: what the rules find, or what a fault makes of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .asking import MODEL, Asked, tokens_of
from .judging import judge, obey, read, threshold_in

FINGERPRINT = "fp_sandbox_1"
_EMPTY: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says, why it stopped, and its refusal where it refuses."""

    content: str
    finish: str = "stop"
    refusal: str | None = None


def answer(asked: Asked, faults: Collection[str]) -> Answer:
    """Return the answer; `faults` are the kinds that strike it. The same request always has the same answer."""
    if "refusal" in faults:
        return Answer("", refusal="I'm sorry, but I can't help with that.")
    if "nonsense" in faults:
        return Answer("Lovely weather for bicycles, isn't it?")
    found = _found(asked, faults)
    if "wrong_schema" in faults:
        found = {"verdict": found.get("outcome", ""), "confidence": "high"}
    text = json.dumps(found, ensure_ascii=False)
    if "answer_cut_off" in faults:
        return Answer(text[: len(text) // 2], "length")
    return _bounded(text, asked.bound)


def completion(asked: Asked, given: Answer, number: int, seconds: int) -> dict[str, Any]:
    """Return an answer as a `chat.completion` object."""
    message = {"role": "assistant", "content": None if given.refusal else given.content, "refusal": given.refusal}
    sent, made = asked.tokens, tokens_of(given.content)
    return {
        "id": f"chatcmpl-sandbox{number:08d}",
        "object": "chat.completion",
        "created": seconds,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": given.finish}],
        "usage": {"prompt_tokens": sent, "completion_tokens": made, "total_tokens": sent + made},
        "system_fingerprint": FINGERPRINT,
    }


def _found(asked: Asked, faults: Collection[str]) -> dict[str, Any]:
    said = read(asked.shown)
    found = obey(said) if "obeys_transcript" in faults else None
    found = found or judge(said, threshold_in(asked.task))
    if "invents_quotes" in faults:
        found |= {"evidence": ["I will take ten of them, whatever they cost"], "outcome": "qualified", "score": 99}
    return _fitted(found, asked.schema) if asked.schema is not None else found


def _fitted(found: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return exactly the members that a schema names; those that the rules know nothing of are empty."""
    named: Mapping[str, Any] = schema.get("properties", {})
    return {name: found.get(name, _empty(each)) for name, each in named.items()}


def _empty(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return None
    return schema["enum"][0] if schema.get("enum") else _EMPTY.get(str(schema.get("type")))


def _bounded(text: str, bound: int | None) -> Answer:
    if bound is None or tokens_of(text) <= bound:
        return Answer(text)
    return Answer(text.encode("utf-8")[: bound * 4].decode("utf-8", "ignore"), "length")
