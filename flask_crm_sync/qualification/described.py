"""A criterion in a sentence, for a reviewer to read. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .criteria import Criterion

_SHOWN = 60
"""Keywords that are named one by one."""
_IN_WORDS = {"email": "an e-mail address", "phone": "a phone number", "company": "a company"}


def described(criterion: Criterion) -> str:
    """Return what a criterion looks for, in a sentence; contact details are the record's, which is not shown."""
    if criterion.only_excludes:
        whoever = "whoever says" if criterion.who == "client" else "where somebody says"
        return (
            f"{criterion.name}: nobody is looked for by this; {whoever} {_listed(criterion.excluded)} does not count."
        )
    return f"{criterion.name}: {'; '.join(_parts(criterion))}."


def _parts(criterion: Criterion) -> Iterator[str]:
    if criterion.required:
        whose = "the client says" if criterion.who == "client" else "somebody says"
        how = "all of" if criterion.mode == "all" else "something like one of"
        yield f"{whose} {how} {_listed(criterion.required)}"
    if criterion.excluded:
        yield f"it does not count where somebody says {_listed(criterion.excluded)}"
    if criterion.min_messages:
        yield f"there are at least {criterion.min_messages} messages"
    if criterion.contact_fields:
        yield f"we know {' and '.join(_IN_WORDS.get(field, field) for field in criterion.contact_fields)} of the client"
    if criterion.channels:
        yield f"the channel is one of {_listed(criterion.channels)}"


def _listed(words: Sequence[str]) -> str:
    shown = ", ".join(f"“{word}”" for word in words[:_SHOWN])
    return f"{shown} and {len(words) - _SHOWN} more" if len(words) > _SHOWN else shown
