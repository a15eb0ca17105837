"""What was said, with the keywords that were found in it marked."""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

from ..qualification.folding import folded
from ..qualification.terms import Term

LONGEST = 20_000
"""Characters of one message that are shown."""

_WORD = re.compile(r"\S+|\s+")


def marked(text: str, keywords: Iterable[str]) -> Markup:
    """Return a text as HTML with what the keywords found in `<mark>`.

    A run of up to as many words as the longest keyword has is marked where one of the keywords is said in it and in no
    shorter run there: what is marked is what the rules would find.
    """
    said = folded(text[:LONGEST])
    terms = [term for term in map(Term.of, keywords) if term.is_in(said)]
    pieces = _WORD.findall(text[:LONGEST])
    words = [place for place, piece in enumerate(pieces) if not piece.isspace()]
    longest = max((len(term.text.split()) for term in terms), default=0)
    hit = _hits(pieces, words, terms, longest) if terms else set()
    return Markup("").join(_pieces(pieces, hit))


def _hits(pieces: list[str], words: list[int], terms: list[Term], longest: int) -> set[int]:
    """Return the places of the pieces to mark, spaces within phrases among them."""
    hit: set[int] = set()
    by_length = {size: [term for term in terms if len(term.text.split()) == size] for size in range(1, longest + 1)}
    for start in range(len(words)):
        for size, some in by_length.items():
            run = words[start : start + size]
            if len(run) == size and some:
                said = folded(" ".join(pieces[place] for place in run))
                if any(term.is_in(said) for term in some):
                    hit.update(range(run[0], run[-1] + 1))
    return hit


def _pieces(pieces: list[str], hit: set[int]) -> Iterable[Markup]:
    for place, piece in enumerate(pieces):
        before, after = place in hit and place - 1 not in hit, place in hit and place + 1 not in hit
        yield (
            (Markup("<mark>") if before else Markup("")) + escape(piece) + (Markup("</mark>") if after else Markup(""))
        )
