"""What a criterion may hold: how many keywords, how long, which words and numbers; each excess is named plainly.

The sentences hold no values, so that each of them can be looked up in the reader's language.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

ANY, ALL = "any", "all"
CLIENT, EVERYBODY = "client", "all"
CONTACT_FIELDS = ("email", "phone", "company")

NAME, SET_NAME, KEYWORD, CHANNEL, GUIDANCE = 120, 64, 200, 60, 4000
"""The most characters of each text."""
KEYWORDS, CHANNELS = 200, 50
"""The most entries of each list."""
WEIGHT, PRIORITY, THRESHOLD, MESSAGES = 1000, 1000, 100_000, 1000
"""The largest numbers; weights and priorities may be as far below zero."""

_NUMBERS = {
    "priority": (-PRIORITY, PRIORITY, "The priority is a whole number between -1000 and 1000."),
    "threshold": (-THRESHOLD, THRESHOLD, "The threshold is a whole number between -100000 and 100000."),
    "min_messages": (0, MESSAGES, "The number of messages lies between 0 and 1000."),
    "contact_weight": (-WEIGHT, WEIGHT, "A weight is a whole number between -1000 and 1000."),
    "messages_weight": (-WEIGHT, WEIGHT, "A weight is a whole number between -1000 and 1000."),
    "channel_weight": (-WEIGHT, WEIGHT, "A weight is a whole number between -1000 and 1000."),
    "review_threshold": (0, 100, "The review's threshold lies between 0 and 100."),
}
_CHOICES = {
    "mode": ((ANY, ALL), "Choose whether any keyword is enough or all are needed."),
    "who": ((CLIENT, EVERYBODY), "Choose whose messages are looked at: the client's or all."),
}
_KEYWORD_LISTS = ("required", "excluded")


def problems(values: Mapping[str, Any]) -> dict[str, str]:
    """Return a sentence for each field whose value no criterion can have; `values` maps every field to its value."""
    wrong: dict[str, str] = {}
    for field, sentence in _problems(values):
        wrong.setdefault(field, sentence)
    return wrong


def _problems(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _names(values)
    for field in _KEYWORD_LISTS:
        yield from ((field, sentence) for sentence in _keywords(values[field]))
    yield from (("required", sentence) for sentence in _weights(values["weights"]))
    yield from _lists(values)
    yield from _numbers(values)
    for field, (known, sentence) in _CHOICES.items():
        if values[field] not in known:
            yield field, sentence
    if len(values["guidance"]) > GUIDANCE:
        yield "guidance", "The guidance for the reviewer has at most 4000 characters."
    if not any(values[field] for field in ("required", "excluded", "min_messages", "contact_fields", "channels")):
        yield "required", "Set at least one condition: without any, every conversation would qualify."


def _names(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not values["name"]:
        yield "name", "Give the criterion a name."
    if len(values["name"]) > NAME or _has_controls(values["name"]):
        yield "name", "The name has at most 120 characters, on one line."
    if not values["set_name"]:
        yield "set_name", "Give the set a name."
    if len(values["set_name"]) > SET_NAME or _has_controls(values["set_name"]):
        yield "set_name", "The set's name has at most 64 characters, on one line."


def _keywords(given: tuple[str, ...]) -> Iterator[str]:
    if len(given) > KEYWORDS:
        yield "There are at most 200 keywords in a list."
    if any(len(keyword) > KEYWORD for keyword in given):
        yield "A keyword or phrase has at most 200 characters."
        return
    if any(_has_controls(keyword) for keyword in given):
        yield "A keyword holds a character that nobody can type; write it again."
    if not all(_says_something(keyword) for keyword in given):
        yield "A keyword needs at least one letter, digit or symbol; a * may follow it, at the end only."


def _weights(given: Mapping[str, Any]) -> Iterator[str]:
    if not all(_is_whole(weight, -WEIGHT, WEIGHT) for weight in given.values()):
        yield "A weight is a whole number between -1000 and 1000."


def _lists(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not set(values["contact_fields"]) <= set(CONTACT_FIELDS):
        yield "contact_fields", "The contact details that can be asked for are e-mail, phone and company."
    if len(values["channels"]) > CHANNELS or any(len(channel) > CHANNEL for channel in values["channels"]):
        yield "channels", "There are at most 50 channels, each of at most 60 characters."


def _numbers(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for field, (least, most, sentence) in _NUMBERS.items():
        if not _is_whole(values[field], least, most):
            yield field, sentence


def _is_whole(number: object, least: int, most: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and least <= number <= most


def _has_controls(text: str) -> bool:
    """Tell whether a text holds what databases refuse or no keyboard types: controls, halves of surrogate pairs."""
    return any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in text)


def _says_something(keyword: str) -> bool:
    """Tell whether there is something to look for: a stem's star stands at the end only, behind something."""
    stem = keyword.removesuffix("*")
    return "*" not in stem and any(unicodedata.category(letter)[0] in "LNS" for letter in stem)


def tidy(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the texts with single spaces, without empty ones and those that stand there already."""
    single = (" ".join(text.split()) for text in texts)
    return tuple(dict.fromkeys(text for text in single if text))
