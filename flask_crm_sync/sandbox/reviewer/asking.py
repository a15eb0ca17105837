"""A request for a chat completion, checked as OpenAI's reference describes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .dialect import Dialect
from .errors import OpenAIError, invalid, no_model, too_long, unsupported

MODEL = "sandbox-reviewer"
CONTEXT = 128_000
_KNOWN = frozenset(
    [
        "model",
        "messages",
        "temperature",
        "seed",
        "max_tokens",
        "max_completion_tokens",
        "response_format",
        "n",
        "stream",
        "user",
        "top_p",
        "stop",
        "frequency_penalty",
        "presence_penalty",
        "metadata",
        "store",
    ]
)
_ROLES = ("system", "developer", "user", "assistant")
_FORMS = ("text", "json_object", "json_schema")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: the task (system messages), what is shown (user messages), the form and bound of the answer."""

    task: str
    shown: str
    form: str
    schema: Mapping[str, Any] | None
    bound: int | None

    @property
    def tokens(self) -> int:
        """Return how many tokens it counts as."""
        return tokens_of(self.task + self.shown)


def tokens_of(text: str) -> int:
    """Return how many tokens a text counts as here: one for four bytes."""
    return len(text.encode("utf-8", "replace")) // 4 + 1


def asked_for(body: Mapping[str, Any], dialect: Dialect) -> Asked:
    """Return what a body asks for. Raises OpenAIError for what an endpoint of this dialect refuses."""
    if unknown := sorted(body.keys() - _KNOWN):
        raise OpenAIError(400, f"Unrecognized request argument supplied: {unknown[0]}", param=unknown[0])
    if body.get("model") != MODEL:
        raise no_model(str(body.get("model", "")))
    _check_parameters(body, dialect)
    texts = _texts(body.get("messages"))
    task = "\n".join(text for role, text in texts if role in ("system", "developer"))
    shown = "\n".join(text for role, text in texts if role == "user")
    form, schema = _form(body.get("response_format"), dialect)
    if form == "json_object" and "json" not in f"{task}{shown}".lower():
        raise invalid("messages", "'messages' must contain the word 'json' in some form, to use 'json_object'.")
    asked = Asked(task, shown, form, schema, body.get("max_completion_tokens") or body.get("max_tokens"))
    if asked.tokens > CONTEXT:
        raise too_long(asked.tokens, CONTEXT)
    return asked


def _check_parameters(body: Mapping[str, Any], dialect: Dialect) -> None:
    if "max_tokens" in body and not dialect.max_tokens:
        raise unsupported("max_tokens", "Use 'max_completion_tokens' instead.")
    if "seed" in body and not dialect.seed:
        raise unsupported("seed")
    temperature = body.get("temperature", 1)
    if not isinstance(temperature, (int, float)) or not 0 <= temperature <= 2:
        raise invalid("temperature", "Invalid 'temperature': expected a number between 0 and 2.")
    if temperature != 1 and not dialect.temperature:
        raise unsupported("temperature", "Only the default (1) value is supported.")
    if body.get("stream"):
        raise unsupported("stream", "This sandbox answers whole.")
    for name in ("max_tokens", "max_completion_tokens"):
        value = body.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise invalid(name, f"Invalid '{name}': expected an integer of 1 or more.")


def _texts(messages: Any) -> list[tuple[str, str]]:
    if not isinstance(messages, list) or not messages:
        raise invalid("messages", "Invalid 'messages': expected a list with at least one message.")
    return [_text(number, message) for number, message in enumerate(messages)]


def _text(number: int, message: Any) -> tuple[str, str]:
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        raise invalid(f"messages[{number}].role", f"Invalid value: expected one of {', '.join(_ROLES)}.")
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    if not isinstance(content, str):
        raise invalid(f"messages[{number}].content", "Invalid type: expected a string or a list of parts.")
    return message["role"], content


def _form(wanted: Any, dialect: Dialect) -> tuple[str, Mapping[str, Any] | None]:
    if wanted is None:
        return "text", None
    form = wanted.get("type") if isinstance(wanted, dict) else None
    if form not in _FORMS:
        raise invalid("response_format", f"Invalid value for 'response_format': expected one of {', '.join(_FORMS)}.")
    best = {"none": 0, "json_object": 1, "json_schema": 2}[dialect.response_format]
    if _FORMS.index(form) > best:
        raise unsupported("response_format", f"'{form}' is not supported.")
    return form, _schema(wanted) if form == "json_schema" else None


def _schema(wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    named = wanted.get("json_schema")
    if not isinstance(named, dict) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", str(named.get("name", ""))):
        raise invalid("response_format.json_schema.name", "Missing or invalid 'response_format.json_schema.name'.")
    schema = named.get("schema")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise invalid("response_format", "Invalid schema for response_format: schema must have type 'object'.")
    if named.get("strict"):
        _check_strict(schema)
    return schema


def _check_strict(schema: Mapping[str, Any]) -> None:
    """Strict schemas name every property as required and allow no others."""
    context = "Invalid schema for response_format: In context=(),"
    if schema.get("additionalProperties") is not False:
        raise invalid(
            "response_format", f"{context} 'additionalProperties' is required to be supplied and to be false."
        )
    if set(schema.get("required", ())) != set(schema.get("properties", {})):
        raise invalid("response_format", f"{context} 'required' must include every key in properties.")
