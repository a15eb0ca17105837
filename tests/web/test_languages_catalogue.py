"""The catalogues: every text is in them, translated for good, with the same holes, and compiled as it stands."""

from __future__ import annotations

import importlib.util
import io
import re
import sys
from collections.abc import Iterator
from functools import cache
from gettext import GNUTranslations
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from flask_crm_sync.errors import error_classes
from flask_crm_sync.language import DOMAIN, SHIPPED, reader
from flask_crm_sync.phrases import CONTEXT
from flask_crm_sync.sync.reasons import explanations

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
CATALOGUES = sorted(SHIPPED.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))
HOLE = re.compile(r"%\(\w+\)s")


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


texts_in_code = script("texts_in_code")
write_catalogue = script("write_catalogue")


@cache
def now() -> Catalog:
    template: Catalog = write_catalogue.template()
    return template


def known(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, domain=DOMAIN)


def keys(catalog: Catalog) -> set[tuple[object, str | None]]:
    return {(message.id, message.context) for message in catalog if message.id}


def forms(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string or "",)


def holes(text: str) -> set[str]:
    return set(HOLE.findall(text)) | ({"%%"} if "%%" in text else set())


def uneven(message: Message) -> Iterator[str]:
    """Yield translations that have other holes than the text; the singular may leave the number out."""
    single, many = message.id if isinstance(message.id, tuple) else (message.id, message.id)
    for place, text in enumerate(forms(message)):
        wanted = {*(holes(single) if place == 0 else holes(many))}
        allowed = holes(many)
        if not wanted <= holes(text) <= allowed:
            yield text


def test_german_is_there() -> None:
    assert [path.parent.parent.name for path in CATALOGUES] == ["de"]


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_every_text_of_the_code_is_translated(path: Path) -> None:
    catalog = known(path)
    missing = keys(now()) - keys(catalog)
    assert not missing, f"run docs/write_catalogue.py and translate: {missing}"
    assert not keys(catalog) - keys(now()), "run docs/write_catalogue.py: texts that are gone are still there"
    unsure = [message.id for message in catalog if message.id and (message.fuzzy or not all(forms(message)))]
    assert unsure == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_translations_have_the_texts_holes(path: Path) -> None:
    assert [wrong for message in known(path) if message.id for wrong in uneven(message)] == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_what_is_compiled_is_what_was_written(path: Path) -> None:
    assert texts(path.with_suffix(".mo").read_bytes()) == texts(write_catalogue.compiled(known(path)))


def texts(compiled: bytes) -> dict[object, str]:
    """Return what gettext finds in a compiled catalogue; its header names the tool that wrote it."""
    found: dict[object, str] = vars(GNUTranslations(io.BytesIO(compiled)))["_catalog"]
    return {key: text for key, text in found.items() if key}


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_every_sentence_with_values_is_recognised_again(path: Path) -> None:
    language = reader([path.parent.parent.name])
    sentences = [message for message in known(path) if message.id and message.context == CONTEXT]
    assert len(sentences) > 50
    for message in sentences:
        values = {hole[2:-2]: f"Qx{number}z" for number, hole in enumerate(sorted(set(HOLE.findall(str(message.id)))))}
        assert language.said(str(message.id) % values) == str(message.string) % values


def test_the_template_for_translators_is_the_codes() -> None:
    with (SHIPPED / f"{DOMAIN}.pot").open("rb") as file:
        assert keys(read_po(file)) == keys(now())


def test_every_reason_and_advice_can_be_translated() -> None:
    said = {text for one in explanations().values() for text in (one.says, one.advice) if text}
    ours = {key for key, _ in keys(now())}
    assert {text for text in said if text not in ours and not _is_of_a_test(text)} == set()


def test_sentences_below_the_pages_are_found_with_their_values_as_holes() -> None:
    tree = texts_in_code.ast.parse(
        '"""No text: a docstring."""\n'
        '_AGAIN = "Copy it again."\n'
        "def f(x, names):\n"
        '    _log.warning("No text: a log line %s", x)\n'
        "    error = InvalidRecord(f\"It has {x.size:,} letters, {x.size:,} of 100 %: {', '.join(names)}. {_AGAIN}\")\n"
        '    raise ValueError("No text: an engineer reads it.")\n'
    )
    found = {(text.text, text.context) for text in texts_in_code._Below(tree, "here").texts()}
    assert found == {
        ("Copy it again.", ""),
        ("It has %(size)s letters, %(size)s of 100 %%: %(names)s. Copy it again.", CONTEXT),
    }


def _is_of_a_test(text: str) -> bool:
    """Tell whether a class of some test's own brought the text: the tree of errors knows those too."""
    others = (error for error in error_classes() if not error.__module__.startswith("flask_crm_sync."))
    return any(text in (error.says, error.advice) for error in others)
