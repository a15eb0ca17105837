"""Any order of messages, judging, reviews, decisions and deaths ends in the status that the rules of standing say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_crm_sync.models import Judgement
from flask_crm_sync.qualification.reviewers.base import ReviewFailed
from flask_crm_sync.qualification.reviewing import make_next_review
from flask_crm_sync.sync.steps import JudgingStep
from flask_crm_sync.testing import FakeCRM
from tests.qualification.scene import BUYS, Scene
from tests.sync.conftest import settings as sync_settings
from tests.sync.dying import killed_at
from tests.sync.host_models import wipe
from tests.sync.world import FakeClock, World

SAID = {"plain": "Hello there", "buys": "I want to buy", "excludes": "Please cancel it"}

steps = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(sorted(SAID))),
    st.tuples(st.just("look"), st.none()),
    st.tuples(st.just("die"), st.sampled_from(list(JudgingStep))),
    st.tuples(st.just("review"), st.sampled_from(["qualified", "unqualified", "undecided"])),
    st.tuples(st.just("decide"), st.sampled_from(["qualified", "unqualified", "pending"])),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 30.0, 49.0])),
    st.tuples(st.just("skew"), st.sampled_from([-600.0, 600.0])),
)


@dataclass
class Life:
    """One conversation, and what must come of it: by the rules until a review decides, by a person in the end."""

    scene: Scene
    conversation: str = ""
    client: str = ""
    said: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)

    def begin(self) -> None:
        self.scene.criterion(BUYS)
        self.scene.connection(qualified_only=True)
        self.client, self.conversation = self.scene.talk(SAID["plain"])

    def do(self, what: str, how: Any) -> None:
        getattr(self, f"_{what}")(how)

    def _say(self, which: str) -> None:
        self.said.append(which)
        self.scene.world.say(self.conversation, SAID[which])

    def _look(self, _: None) -> None:
        self.scene.run()

    def _die(self, step: JudgingStep) -> None:
        with killed_at(step):
            self.scene.run()
            self.scene.review()
        self.scene.world.restart()

    def _review(self, says: str) -> None:
        self.scene.oracle.says = says
        self.scene.review()

    def _decide(self, status: str) -> None:
        self.people.append(status)
        self.scene.override(self.conversation, status)

    def _wait(self, hours: float) -> None:
        self.scene.world.clock.advance(hours=hours)

    def _skew(self, seconds: float) -> None:
        self.scene.world.clock.passed = max(0.0, self.scene.world.clock.passed + seconds)

    def settle(self) -> None:
        """Let the dust settle, without a review."""
        self.scene.world.clock.advance(hours=1)
        for _ in range(3):
            self.scene.run()
            self.scene.world.clock.advance(minutes=20)

    def by_rules(self) -> str:
        if "buys" not in self.said and "excludes" not in self.said:
            return "pending"
        return "unqualified" if "excludes" in self.said else "qualified"


@pytest.fixture(scope="module")
def life_of(engine_of: Callable[[str], sa.Engine]) -> Callable[[FakeClock], Life]:
    def make(clock: FakeClock) -> Life:
        engine = engine_of("sqlite")
        wipe(engine)
        return Life(Scene(World(engine, clock, sync_settings(), FakeCRM().connect)))

    return make


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=14))
def test_any_order_ends_in_the_status_that_the_rules_say(
    life_of: Callable[[FakeClock], Life], clock: FakeClock, history: list[tuple[str, Any]]
) -> None:
    clock.passed = 0.0
    life = life_of(clock)
    life.begin()
    for what, how in history:
        life.do(what, how)
    life.settle()
    row = life.scene.row(life.conversation)
    if life.people:
        assert (row.status, row.decided_by, row.review_at) == (life.people[-1], "person", None)
    elif row.decided_by == "rules":
        assert row.status == life.by_rules()
        assert (row.review_at is not None) == (row.status == "qualified" and not row.outcome) or row.outcome
    assert row.judge_at is None
    _check_history(life, row)
    _check_the_crm(life, row)


def _check_history(life: Life, row: Any) -> None:
    """The history leads from pending to the status without a gap, and each review is in it once."""
    turns = life.scene.world.rows(Judgement, Judgement.conversation_id == life.conversation)
    status = "pending"
    for turn in turns:
        assert turn.before == status
        status = turn.after
    assert status == row.status
    reviews = [turn for turn in turns if turn.decided_by == "review"]
    assert len({turn.at for turn in reviews}) == len(reviews)
    by_people = [turn.decided_by == "person" for turn in turns]
    assert by_people == sorted(by_people)  # nothing automatic comes after a person
    if row.decided_by == "review":
        last = [turn for turn in reviews if turn.outcome in {"confirmed", "upgraded", "downgraded"}][-1]
        assert (row.final, row.status) == (True, last.after)


def _check_the_crm(life: Life, row: Any) -> None:
    """A client that ever qualified is in the CRM, and no other is."""
    link = life.scene.world.link(life.client)
    assert (link is not None and link.state == "active") == (row.ever_qualified_at is not None)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*JudgingStep, "down", "pass"]), max_size=8), st.integers(1, 4))
def test_a_review_is_never_lost_and_settled_once(
    life_of: Callable[[FakeClock], Life], clock: FakeClock, fates: list[Any], number: int
) -> None:
    """Workers die over reviews and the reviewer goes down: in the end each conversation has exactly one review."""
    clock.passed = 0.0
    scene = life_of(clock).scene
    scene.criterion(BUYS)
    talks = [scene.talk()[1] for _ in range(number)]
    scene.look()
    clock.advance(hours=48)
    for fate in fates:
        if fate == "pass":
            clock.advance(minutes=7)
        elif fate == "down":
            scene.oracle.fails = []
            make_next_review(scene.world.sync, _Down())
        else:
            with killed_at(fate):
                scene.review()
            scene.world.restart()
    clock.advance(hours=3)
    while scene.review() is not None:
        pass
    for conversation in talks:
        reviews = [turn for turn in scene.history(conversation) if turn[0] == "review"]
        assert reviews == [("review", "qualified", "qualified")]
        assert scene.status(conversation) == ("qualified", True, "review")


class _Down:
    def review(self, case: Any) -> Any:

        return ReviewFailed("The reviewer could not be reached.")
