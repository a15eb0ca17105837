"""What the pages say, in the language in which a test reads them: the catalogues' words, not copies of them."""

from __future__ import annotations

from flask_crm_sync.language import reader


class Words:
    """The texts of one language, by what they are in English. A text that the language lacks is a KeyError."""

    def __init__(self, language: str) -> None:
        self._reader = reader([language])
        self._foreign = self._reader.code != "en"

    def __call__(self, text: str, **values: object) -> str:
        """Return a text of the pages, its holes filled."""
        if self._foreign and self._reader.texts.gettext(text) == text:
            raise KeyError(f"{self._reader.code} has no words of its own for {text!r}")
        return self._reader.gettext(text, **values)

    def of(self, one: str, many: str, number: int) -> str:
        """Return the text for a number of things."""
        return self._reader.ngettext(one, many, number)

    def said(self, sentence: str) -> str:
        """Return what an adapter or the engine says; a name may be the same in every language."""
        return self._reader.said(sentence)
