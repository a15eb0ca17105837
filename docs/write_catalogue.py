"""Write the catalogues of texts: `python docs/write_catalogue.py`.

Collects every text that people read, brings the template (`crm_sync.pot`) and each language's `.po` up to date, and
compiles the `.mo` files. What it prints is what each language still lacks.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

sys.path.insert(0, str(Path(__file__).resolve().parent))

from texts_in_code import Text, page_texts, said_texts

from flask_crm_sync.language import DOMAIN, SHIPPED

TEMPLATE = SHIPPED / f"{DOMAIN}.pot"
_PINNED = datetime(2026, 11, 23, tzinfo=UTC)
"""The date in each header: the same texts make the same files, whenever they are written."""


def template() -> Catalog:
    """Return the catalogue of all texts, without translations."""
    catalog = Catalog(project="flask-crm-sync", charset="utf-8", fuzzy=False, creation_date=_PINNED)
    catalog.header_comment = "# The texts of flask-crm-sync. Written by docs/write_catalogue.py."
    for text in sorted({*page_texts(), *said_texts()}):
        _add(catalog, text)
    return catalog


def _add(catalog: Catalog, text: Text) -> None:
    message_id = (text.text, text.plural) if text.plural else text.text
    flags = ["python-format"] if "%(" in text.text else []
    catalog.add(message_id, locations=[(text.place, None)], flags=flags, context=text.context or None)  # type: ignore[list-item]


def updated(path: Path, from_template: Catalog) -> Catalog:
    """Return a language's catalogue with the texts that there are now; translations of texts that are gone go too."""
    with path.open("rb") as file:
        catalog = read_po(file, locale=path.parent.parent.name, domain=DOMAIN)
    catalog.update(from_template, no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    catalog.creation_date = catalog.revision_date = _PINNED
    return catalog


def compiled(catalog: Catalog) -> bytes:
    """Return a catalogue as gettext reads it."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def lacking(catalog: Catalog) -> Iterator[str]:
    """Yield the texts that have no translation, or an uncertain one."""
    for message in catalog:
        translated = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.id and (message.fuzzy or not all(translated)):
            yield str(message.id)


def main() -> None:
    """Write every file and say what is missing."""
    texts = template()
    _write(TEMPLATE, texts)
    for path in sorted(SHIPPED.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
        catalog = updated(path, texts)
        _write(path, catalog)
        path.with_suffix(".mo").write_bytes(compiled(catalog))
        missing = [*lacking(catalog)]
        sys.stdout.write(f"{catalog.locale}: {len(texts)} texts, {len(missing)} without a translation\n")
        sys.stdout.writelines(f"  {text}\n" for text in missing)


def _write(path: Path, catalog: Catalog) -> None:
    with path.open("wb") as file:
        write_po(file, catalog, width=120, include_lineno=False, sort_output=True)


if __name__ == "__main__":
    main()
