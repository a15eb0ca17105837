"""What the audit trail keeps of a field mapping and of filters, in the reader's words."""

from __future__ import annotations

import re

from ..host.records import CLIENT_FIELDS
from ..sync.mapping.filters import COMPARISONS, CUSTOM, Condition
from ..sync.mapping.rows import KINDS, MODES
from .mapping_words import condition_words, mode_words, source_word
from .texts import gettext as _

_BETWEEN = ", "
_NEXT = re.compile(rf" (all|any) (?=\S+ (?:{'|'.join(COMPARISONS)})(?: |$))")


def row_told(text: str) -> str:
    """Return how a field was filled, "" for as usual; what a person typed stays as it was typed."""
    template, brace, rest = text.rpartition("}")
    if brace:
        end, *more = rest.split(_BETWEEN)
        return _BETWEEN.join((template + brace + end, *map(_manner, more)))
    source, *more = text.split(_BETWEEN)
    return _BETWEEN.join((_source(source), *map(_manner, more)))


def filter_told(text: str) -> str:
    """Return a filter's conditions in words."""
    if not text:
        return ""
    first, *more = _NEXT.split(text)
    words = [_condition(first)]
    for match, condition in zip(more[::2], more[1::2], strict=True):
        words.append(f"{_('and') if match == 'all' else _('or')} {_condition(condition)}")
    return " ".join(words)


def _source(told: str) -> str:
    if told in KINDS:
        return {"off": _("is not sent"), "consent": _("a consent")}.get(told, told)
    return source_word(told) if told in (*CLIENT_FIELDS, "tags") or told.startswith(CUSTOM) else told


def _manner(told: str) -> str:
    if told in MODES:
        return mode_words()[told][0]
    if told.startswith("="):
        return _("default: %(value)s", value=told[1:])
    here, _slash, there = told.partition("/")
    senses = {"opt_out": _("does not want it"), "opt_in": _("wants it")}
    if here in senses and there in senses:
        return _("yes means here: %(here)s, there: %(there)s", here=senses[here], there=senses[there])
    return told


def _condition(told: str) -> str:
    about, how, value = (*told.split(" ", 2), "", "")[:3]
    return condition_words(Condition(about, how, value)) if how in COMPARISONS else told  # type: ignore[arg-type]
