"""Fields that are written in a manner of their own, and what no manner may do."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_crm_sync.sync.agreed import Base, Digester, settled_base
from flask_crm_sync.sync.manners import Manner
from flask_crm_sync.sync.merge import FieldRule, Terms, merge
from flask_crm_sync.sync.plan import Left, Plan

DIGEST = Digester(b"a secret of this test", uuid.UUID(int=7))
STATUS, LINES, TAGS = Manner("unless_moved", initial="New"), Manner("append"), Manner("append", between=";")
NEVER = object()
"""Stands for a link that never agreed on the field."""


def plan_of(manner: Manner, agreed: object, ours: str, theirs: str, *, intent: str | None = None) -> Plan:
    """Merge one field; `agreed` is None for a first meeting, NEVER, or what both sides held."""
    fields = {"f": (DIGEST("f", agreed), DIGEST("f", agreed))} if isinstance(agreed, str) else {}
    base = None if agreed is None else Base(1, fields)
    intents = {} if intent is None else {"f": [DIGEST("f", intent)]}
    return merge(base, intents, {"f": ours}, {"f": theirs}, DIGEST, version=1, manners={"f": manner})


@pytest.mark.parametrize(
    ("agreed", "ours", "theirs", "written", "left"),
    [
        ("Old", "Open", "Old", "Open", None),  # what we last set
        ("Old", "Open", "", "Open", None),  # a blank
        ("Old", "Open", "Won", None, Left.MOVED),  # a person's stage
        ("Old", "Old", "Won", None, Left.MOVED),  # also where ours is as it was
        ("Old", "", "Old", None, None),  # nothing follows from this outcome
        (NEVER, "Open", "New", "Open", None),  # the CRM's own first stage, from before we wrote it
        ("Old", "Open", "New", None, Left.MOVED),  # but a person who went back to it has moved it
        (NEVER, "Open", "Won", None, Left.MOVED),
        (None, "Open", "Won", None, Left.MOVED),  # a record that was there before us
        (None, "Open", "", "Open", None),
    ],
)
def test_status_is_written_while_nobody_has_moved_it(agreed, ours, theirs, written, left) -> None:
    plan = plan_of(STATUS, agreed, ours, theirs)
    assert plan.writes.get("f") == written
    assert plan.left.get("f") == left


def test_status_that_we_sent_without_an_answer_is_ours() -> None:
    assert plan_of(STATUS, "Old", "Closed", "Open", intent="Open").writes == {"f": "Closed"}


def test_status_that_a_person_chose_before_any_was_ours_is_never_taken_for_ours() -> None:
    """A client without an outcome leaves the stage alone, and does not count it as agreed."""
    first = plan_of(STATUS, NEVER, "", "Won")
    base = settled_base(Base(1, {}), first, {"f": ""}, {"f": "Won"}, DIGEST, version=1)
    later = merge(base, {}, {"f": "Open"}, {"f": "Won"}, DIGEST, version=1, manners={"f": STATUS})
    assert later.left == {"f": Left.MOVED}


def test_status_of_a_new_record_may_be_set_later_while_it_is_what_its_creation_told() -> None:
    created = Plan(agreed=["f"])
    base = settled_base(None, created, {"f": ""}, {"f": "Fresh"}, DIGEST, version=1)
    later = merge(base, {}, {"f": "Open"}, {"f": "Fresh"}, DIGEST, version=1, manners={"f": STATUS})
    assert later.writes == {"f": "Open"}


@pytest.mark.parametrize(
    ("manner", "agreed", "ours", "theirs", "written"),
    [
        (TAGS, NEVER, "b", "a", "a;b"),
        (TAGS, NEVER, "b", "a;b", None),
        (TAGS, None, "a;b", "b;c", "b;c;a"),
        (TAGS, "b", "b", "", None),  # a person took it away
        (TAGS, "b", "d", "a", "a;d"),
        (TAGS, NEVER, "", "a", None),
        (LINES, NEVER, "called", "", "called"),
        (LINES, NEVER, "called", "wrote", "wrote\ncalled"),
        (LINES, NEVER, "called", "wrote\r\n called\r\nwrote again", None),
        (LINES, NEVER, "called", "wrote\ncalled twice", "wrote\ncalled twice\ncalled"),
        (LINES, NEVER, "Ann", "Annabel", "Annabel\nAnn"),
        (LINES, NEVER, "a\nb", "z\na\nb", None),
        (LINES, NEVER, "a\nb", "a\nz\nb", "a\nz\nb\na\nb"),
        (Manner("append", between=", "), NEVER, "hot", "cold, hotter", "cold, hotter, hot"),
    ],
)
def test_appended_value_goes_behind_theirs_once(manner, agreed, ours, theirs, written) -> None:
    assert plan_of(manner, agreed, ours, theirs).writes.get("f") == written


@pytest.mark.parametrize(
    ("mode", "agreed", "ours", "theirs", "written"),
    [
        ("if_new", NEVER, "a", "", None),
        ("if_new", "a", "b", "a", None),
        ("if_empty", NEVER, "a", "", "a"),
        ("if_empty", NEVER, "a", "b", None),
        ("if_empty", "a", "a", "", None),  # a person cleared it
        ("overwrite", NEVER, "a", "b", "a"),
        ("overwrite", None, "a", "b", None),  # a record that was there before us: its values stay
        ("overwrite", "b", "a", "b", "a"),
        ("overwrite", "a", "b", "c", None),  # a person's edit stays
        ("overwrite", NEVER, "", "b", None),
    ],
)
def test_other_manners_write_what_they_say(mode, agreed, ours, theirs, written) -> None:
    assert plan_of(Manner(mode), agreed, ours, theirs).writes.get("f") == written


@settings(max_examples=40)
@given(st.sampled_from([STATUS, LINES, TAGS, Manner("if_empty"), Manner("overwrite")]), st.data())
def test_written_once_nothing_is_written_again(manner: Manner, data: st.DataObject) -> None:
    texts = st.sampled_from(["", "a", "b", "a;b", "New", "x\ny"])
    ours, theirs = {"f": data.draw(texts)}, {"f": data.draw(texts)}
    base = data.draw(st.sampled_from([None, Base(1, {}), Base(1, {"f": (DIGEST("f", "a"), DIGEST("f", "b"))})]))
    first = merge(base, {}, ours, theirs, DIGEST, version=1, manners={"f": manner})
    after = {**theirs, **first.writes}
    settled = settled_base(base, first, ours, after, DIGEST, version=1)
    assert merge(settled, {}, ours, after, DIGEST, version=1, manners={"f": manner}).writes == {}


@pytest.mark.parametrize("manner", [Manner("overwrite"), Manner("if_empty"), LINES, STATUS])
def test_no_manner_writes_a_field_that_only_comes_home(manner: Manner) -> None:
    terms = Terms({"f": FieldRule("in")})
    for base, theirs in ((None, ""), (Base(1, {}), "Theirs"), (Base(1, {}), "")):
        plan = merge(base, {}, {"f": "Ours"}, {"f": theirs}, DIGEST, version=1, terms=terms, manners={"f": manner})
        assert plan.writes == {}
