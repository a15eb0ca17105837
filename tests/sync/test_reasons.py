"""Every code has its words."""

from __future__ import annotations

from flask_crm_sync.errors import error_classes
from flask_crm_sync.sync import reasons

NAMED = {value for name, value in vars(reasons).items() if name[0].isupper() and isinstance(value, str)}


def test_every_error_and_every_reason_is_explained() -> None:
    codes = NAMED | {error.code for error in error_classes()}
    assert codes <= set(reasons.explanations())
    for code in codes:
        explanation = reasons.explain(code)
        assert explanation.says.endswith("."), code
        assert explanation.advice.endswith("."), code


def test_our_own_reasons_hide_no_error() -> None:
    assert not NAMED & {error.code for error in error_classes()}


def test_a_code_that_came_later_is_explained_as_unknown() -> None:
    assert "no description" in reasons.explain("from_the_future").says
    assert reasons.explain("").says == ""
