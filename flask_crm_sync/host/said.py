"""Whether what a developer says is of the kind that belongs there, before anything is looked up by it.

A mapped attribute in place of its name, or a model in place of a binding, is easily written; taken as code, it would
fail for every record, and only in the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from .binding import BY_CONVENTION, ClientBinding, ConversationBinding, MessageBinding, Related, Unsaid

_NO_WORDS = frozenset({"model", "id", "custom", "related", "messages"})


def misunderstandings(client: Any, conversation: Any) -> list[str]:
    """Return a sentence for each thing that was given and cannot be meant so."""
    given = [(client, "client", ClientBinding), (conversation, "conversation", ConversationBinding)]
    if isinstance(conversation, ConversationBinding) and conversation.messages is not BY_CONVENTION:
        given.append((conversation.messages, "messages", MessageBinding))
    return [problem for one, name, kind in given if one is not None for problem in _of_one(one, name, kind)]


def _of_one(given: Any, name: str, kind: type[Any]) -> Iterator[str]:
    if not isinstance(given, kind):
        model = getattr(getattr(given, "model", given), "__name__", "YourModel")
        yield f"{name} was given {_shown(given)}, not a {kind.__name__}: say {name}={kind.__name__}({model})."
        return
    say = f"{kind.__name__}({getattr(given.model, '__name__', given.model)}, "
    for field in fields(given):
        yield from _of_word(say, field.name, getattr(given, field.name))


def _of_word(say: str, word: str, given: Any) -> Iterator[str]:
    if word == "related" and not _is_list_of_related(given):
        yield f'{say}related=...) wants a tuple: related=(Related(Model, "foreign_key"),), with its comma.'
    if word == "custom" and not isinstance(given, Mapping):
        yield f'{say}custom=...) wants a dict of names and attributes: custom={{"plan": "plan"}}.'
    if word == "id" and not (given is None or isinstance(given, str)):
        yield f"{say}id=...) wants the name of a mapped attribute, not {_shown(given)}."
    if word not in _NO_WORDS and not (given is None or isinstance(given, str | Unsaid) or callable(given)):
        name = getattr(given, "key", None) or "..."
        yield f'{say}{word}=...) was given {_shown(given)}: give an attribute\'s name ({word}="{name}") or a function.'


def _is_list_of_related(given: Any) -> bool:
    return isinstance(given, tuple | list) and all(isinstance(one, Related) for one in given)


def _shown(given: Any) -> str:
    return given.__name__ if isinstance(given, type) else f"{given!s:.60} ({type(given).__name__})"
