"""A host's texts on their way to a CRM: letters and their marks in one, whatever somebody has typed."""

from __future__ import annotations

import contextlib
import unicodedata

import pytest

from flask_crm_sync.crm import texts
from flask_crm_sync.crm.registry import adapters
from flask_crm_sync.crm.texts import composed
from flask_crm_sync.errors import InvalidRecord
from flask_crm_sync.host.records import ClientRecord

MARKS = "\u0315\u0316\u0301"
"""Marks of three kinds: to put a run of them in order takes the square of its length."""


@pytest.mark.parametrize(
    "text", ["Zoe\u0308", "Ha\u0300 No\u0323\u0302i " * 300, "plain", "", "e\u0301\n\u0301 x", "한국"]
)
def test_letters_and_marks_are_one(text: str) -> None:
    assert composed(text) == unicodedata.normalize("NFC", text)
    assert composed(composed(text)) == composed(text)


@pytest.mark.parametrize("crm", sorted(adapters()))
@pytest.mark.parametrize("field", ["first_name", "street"])
def test_no_name_is_put_in_order_whole(crm: str, field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of a million marks, which a visitor may type, would keep a worker busy for an hour."""
    sizes: list[int] = []

    def noted(form: str, text: str) -> str:
        sizes.append(len(text))
        return text

    monkeypatch.setattr(texts.unicodedata, "normalize", noted)
    client = ClientRecord("1", "1", email="ada@example.com", **{field: "a" + MARKS * 20_000})
    with contextlib.suppress(InvalidRecord):  # too long for most
        adapters()[crm].translate(client)
    assert 0 < max(sizes) <= 500
