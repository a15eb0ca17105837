"""What a client's own record holds, as patterns: found however people write it, with accents or without. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from ..host.records import ClientRecord
from .visible import one_line, visible, without_marks

SCRIPTS = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Scripts that put no spaces around what stands in them, or glue particles to it."""
APART = r"[ \t().\-/‐‒–—−·•_|*]{0,3}"
"""What people put between the digits of a number."""

_UNSPACED = re.compile(f"[{SCRIPTS}]")
_NAMES_AND_WORDS = (
    "will may rose mark grant frank bill art pat sue hope faith grace joy june april august dawn ray rich drew chase "
    "hunter cook baker price king young long short white black brown green gold day moon bush park wood woods field "
    "an do le so to no van der de la ernst klein lang gross kurz weiss schwarz roth bach berg stern graf koch herr"
)
_ALSO_WORDS = frozenset(_NAMES_AND_WORDS.split())
"""Names that are words too: these are taken for names only when they begin with a capital letter."""
_LEAST, _LEAST_OF_DOUBLE, _SHORT, _LONGEST = 2, 3, 3, 200
_SIGNS = re.compile(r"ae|oe|ue|ss|.", re.IGNORECASE | re.DOTALL)
_SPELLED = {"ae": "ä", "oe": "ö", "ue": "ü", "ss": "ß", "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "æ": "ae"}
_SPELLED |= {"œ": "oe", "ł": "l", "đ": "d", "ı": "i"}
_QUOTES, _DASHES = "'’‘ʼ´`", "-‐‒–—−"
_EDGES = re.compile(r"^\W+|\W+$")
_STREET = re.compile(r"(?<=\w)(straße|strasse|str\.?)$", re.IGNORECASE)


def of_record(client: ClientRecord | None) -> dict[str, str]:
    """Return patterns for what the client's own record holds, by the kind of detail; none where it holds nothing."""
    if client is None:
        return {}
    names = [_trimmed(part) for name in (client.first_name, client.last_name) for part in _short(name).split()]
    kinds = {
        "company": _phrases([client.company]),
        "street": _phrases([client.street]),
        "name": _run_of(names),
        "postal_code": _phrases([client.zip] if len(client.zip.strip()) > 3 else []),
        "short_phone": _digits(client.phone),
    }
    return {kind: pattern for kind, pattern in kinds.items() if pattern}


def _phrases(texts: Iterable[str]) -> str:
    return "|".join(_whole(_spaced(_short(text))) for text in texts if len(_short(text)) >= _LEAST)


def _short(text: str) -> str:
    """Return the beginning of a text in one line: nobody's name is longer, and a long pattern takes long to make."""
    return one_line(text[:_LONGEST])


def _spaced(text: str) -> str:
    """Return a pattern for words in a row; at a number or a sign the space between them may be missing.

    Words begin and end with letters or digits and what parts them has none, so that no text can be parted in two ways:
    a record is written by anybody, and a pattern that tries all ways would never come to an end.
    """
    words = [word for word in map(_trimmed, text.split()) if word]
    if sum(map(len, words)) < _LEAST:
        return re.escape(text)
    if len(words) == 1 and len(words[0]) <= _SHORT:  # a company called IT, say: as it is written, or all in capitals
        return "|".join(re.escape(form) for form in sorted({words[0], words[0].upper()}))
    has_signs = len(words) < len(text.split())
    pattern = _word(words[0])
    for word in words[1:]:
        pattern += (r"\W{0,5}" if has_signs or word[0].isdigit() else r"\W{1,3}") + _word(word)
    return pattern


def _trimmed(word: str) -> str:
    return _EDGES.sub("", word)


def _word(word: str) -> str:
    if street := _STREET.search(word):
        return f"(?i:{_spelled(word[: street.start()])}str(?:a(?:ß|ss)e|[.]?))"
    return f"(?i:{_spelled(word)})"


def _run_of(names: list[str]) -> str:
    """Return a pattern for one name, or several of them in a row; each part of a double name is one."""
    parts = [part for name in names for part in re.split(f"[{_DASHES}]", name) if len(part) >= _LEAST_OF_DOUBLE]
    known = sorted({name for name in (*names, *parts) if _is_long_enough(name)}, key=lambda name: (-len(name), name))
    if not known:
        return ""
    one = "(?:" + "|".join(_name(name) for name in known) + ")"
    run = rf"{one}(?:[\s{_DASHES[1:]}-]{one})*"
    return _whole(run, unspaced=any(_UNSPACED.search(name) for name in known), genitive=True)


def _is_long_enough(name: str) -> bool:
    return len(name) >= _LEAST or _UNSPACED.search(name) is not None


def _name(name: str) -> str:
    if name.casefold() in _ALSO_WORDS:
        return "|".join(re.escape(form) for form in {name.capitalize(), name.upper()})
    return f"(?i:{_spelled(name)})"


def _spelled(text: str) -> str:
    """Return a pattern for a text in whichever way it is spelled: José is Jose, Müller is Mueller, and back."""
    return "".join(map(_sign, _SIGNS.findall(text)))


@cache
def _sign(sign: str) -> str:
    for alike in (_QUOTES, _DASHES):
        if sign in alike:
            return f"[{re.escape(alike)}]"
    low = sign.lower()
    plain = without_marks(low)
    forms = {re.escape(form) for form in (low, plain, _SPELLED.get(low, low))}
    if len(plain) == 1 and plain in _accented():
        forms = {form for form in forms if len(form) > 1} | {f"[{plain}{_accented()[plain]}]"}
    return f"(?:{'|'.join(sorted(forms))})" if len(forms) > 1 else forms.pop()


@cache
def _accented() -> dict[str, str]:
    """Return the Latin letters with marks by the letter that they are without."""
    found: dict[str, str] = {}
    for letter in map(chr, range(0xDF, 0x250)):
        plain = without_marks(letter)
        if letter.islower() and plain != letter and len(plain) == 1:
            found[plain] = found.get(plain, "") + letter
    return found


def _whole(pattern: str, *, unspaced: bool | None = None, genitive: bool = False) -> str:
    """Bind a pattern to whole words, except in scripts that put no spaces between them."""
    loose = bool(_UNSPACED.search(pattern)) if unspaced is None else unspaced
    ending = r"(?=s?(?![\w@]))" if genitive else r"(?![\w@])"
    return pattern if loose else rf"(?<!\w)(?:{pattern}){ending}"


def _digits(phone: str) -> str:
    digits = [character for character in visible(phone) if character.isdigit()]
    if not 3 < len(digits) < 7:
        return ""  # a longer one is found as any number is
    return r"(?<!\d)" + APART.join(digits) + r"(?!\d)"
