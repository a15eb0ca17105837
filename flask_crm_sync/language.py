"""Languages: the catalogues of texts, and who reads them: in which language, with which numbers, in which time zone.

Whoever writes for people says for whom: pages for the reader of the request, jobs by

    with in_language("de", zone="Europe/Vienna"):
        subject = gettext("Needs attention")

Without either, texts are English and times UTC. Catalogues are gettext's, `<language>/LC_MESSAGES/crm_sync.mo`; a
host's own folder is asked before ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from gettext import NullTranslations
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_skeleton, format_time, format_timedelta, get_timezone_name
from babel.numbers import format_decimal
from babel.support import Translations

from .phrases import Phrases, filled

Unit = Literal["second", "minute", "hour", "day"]

DOMAIN = "crm_sync"
SHIPPED = Path(__file__).resolve().parent / "translations"
ENGLISH = "en"
_ENGLISH_FORMATS = Locale("en", "150")
"""How English that names no country writes days and hours: as in Europe, so that 1 February is not 2 January."""
_NO_PROMOTION = 1e12


@dataclass(frozen=True)
class Reader:
    """Who reads: the language's code, how it is written there, the time zone, the texts and the phrases."""

    code: str
    locale: Locale
    zone: ZoneInfo
    texts: NullTranslations
    phrases: Phrases

    def gettext(self, text: str, **values: object) -> str:
        """Return a text in the reader's language, `%(name)s` filled in."""
        found = self.texts.gettext(text) if text else ""
        return filled(found, text, values) if values else found

    def ngettext(self, one: str, many: str, number: int, **values: object) -> str:
        """Return the text for a number of things; `%(number)s` is the number as the reader writes it."""
        english = one if number == 1 else many
        return filled(self.texts.ngettext(one, many, number), english, {"number": self.number(number), **values})

    def said(self, sentence: str) -> str:
        """Return what the engine or an adapter said, in the reader's language as far as its sentences are known."""
        return self.phrases.translated(sentence, self.number)

    def number(self, number: float) -> str:
        """Return a whole number with the separators of the reader's language."""
        return format_decimal(round(number), locale=self.locale)

    def moment(self, at: datetime) -> str:
        """Return an instant in full, in the reader's zone, which it names."""
        return f"{format_datetime(at, 'medium', self.zone, self.locale)} {self.zone_name(at)}"

    def hour(self, at: datetime) -> str:
        """Return a day without its year and a time of that day, in the reader's zone."""
        return ", ".join(format_skeleton(parts, at, self.zone, locale=self.locale) for parts in ("MMMd", "Hm"))

    def day(self, at: datetime) -> str:
        """Return the day on which an instant falls in the reader's zone."""
        return format_date(at.astimezone(self.zone), "medium", self.locale)

    def clock(self, at: datetime) -> str:
        """Return the time of the day, in the reader's zone, which it names."""
        return f"{format_time(at, 'short', self.zone, self.locale)} {self.zone_name(at)}"

    def zone_name(self, at: datetime) -> str:
        """Return the short name that the reader's zone has at an instant, such as CET."""
        here = at.astimezone(self.zone)
        name = get_timezone_name(here, "short", locale=self.locale)
        if not name.isalpha():
            name = here.tzname() or ""
        return name if name.isalpha() else f"UTC{here:%z}"

    def amount(self, unit: Unit, number: int) -> str:
        """Return a number of minutes, hours or days in words; `unit` in the singular."""
        return format_timedelta(_length(unit, number), unit, _NO_PROMOTION, locale=self.locale)

    def distance(self, unit: Unit, number: int) -> str:
        """Return how far away an instant is, in words: a positive number lies ahead, a negative one behind us."""
        return format_timedelta(_length(unit, number), unit, _NO_PROMOTION, add_direction=True, locale=self.locale)


def _length(unit: Unit, number: int) -> timedelta:
    return timedelta(**{f"{unit}s": number})


def reader(wanted: Iterable[str] = (), zone: str = "UTC", folder: str = "") -> Reader:
    """Return the reader of the first wanted language that there is, English where there is none.

    `wanted` are names such as `de`, `de-AT` or `pt_BR`; `folder` holds the host's own catalogues, "" for none.
    """
    locale, code = next(_matches(wanted, folder), (_ENGLISH_FORMATS, ENGLISH))
    return Reader(code, locale, ZoneInfo(zone), *_catalogue(code, folder))


def has_language(name: str, folder: str = "") -> bool:
    """Tell whether there are texts in a language."""
    return any(_matches([name], folder))


def _matches(wanted: Iterable[str], folder: str) -> Iterator[tuple[Locale, str]]:
    """Yield how to write, and the catalogue to take, for each wanted language that there is."""
    there = languages(folder)
    for name in wanted:
        locale = _locale(name)
        codes = () if locale is None else (str(locale), locale.language)
        code = next((code for code in codes if code in there), None)
        if locale is not None and code is not None:
            yield _ENGLISH_FORMATS if str(locale) == ENGLISH else locale, code


@cache
def languages(folder: str = "") -> tuple[str, ...]:
    """Return the codes of the languages that there are: English, ours, and those of a host's folder."""
    folders = [SHIPPED, *([Path(folder)] if folder else [])]
    found = {path.parent.parent.name for base in folders for path in base.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")}
    return tuple(sorted(found | {ENGLISH}))


@cache
def _catalogue(code: str, folder: str) -> tuple[NullTranslations, Phrases]:
    """Return a language's texts, the host's own before ours, and the phrases among them."""
    texts = Translations.load(SHIPPED, [code], DOMAIN)
    theirs = Translations.load(folder, [code], DOMAIN) if folder else None
    if isinstance(theirs, Translations):
        theirs.add_fallback(texts)
        texts = theirs
    return texts, Phrases(texts)


def is_zone(name: str) -> bool:
    """Tell whether a name, which anybody may have sent, is a time zone's."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there; with dots or a slash in front; a folder
        return False
    return True


def _locale(name: str) -> Locale | None:
    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return None


_told: ContextVar[Reader | None] = ContextVar("crm_sync_reader", default=None)


@contextmanager
def in_language(wanted: str | Reader, zone: str = "UTC", folder: str = "") -> Iterator[Reader]:
    """Let everything inside be written in a language and for a time zone; English where there is no such language."""
    told = wanted if isinstance(wanted, Reader) else reader([wanted], zone, folder)
    token = _told.set(told)
    try:
        yield told
    finally:
        _told.reset(token)


def told_reader() -> Reader | None:
    """Return whom `in_language` named, None outside of it."""
    return _told.get()


def current() -> Reader:
    """Return whom `in_language` named, else an English reader in UTC."""
    return _told.get() or _nobody()


@cache
def _nobody() -> Reader:
    return reader()


def gettext(text: str, **values: object) -> str:
    """Return a text in the language that `in_language` named, `%(name)s` filled in."""
    return current().gettext(text, **values)


def ngettext(one: str, many: str, number: int, **values: object) -> str:
    """Return the text for a number of things; `%(number)s` is the number."""
    return current().ngettext(one, many, number, **values)
