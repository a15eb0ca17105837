"""Many workers at once: each conversation is judged by one of them, each review made by one, none by nobody."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from flask_crm_sync.models import Judgement
from flask_crm_sync.qualification import judging
from flask_crm_sync.qualification.judging import judge
from flask_crm_sync.qualification.reviewing import make_next_review
from tests.qualification.scene import Oracle, Scene

WORKERS, NUMBER = 3, 24


def at_once(work: Callable[[], object]) -> None:
    """Let workers begin together; what one of them raises is raised here."""
    start, raised = threading.Barrier(WORKERS), list[BaseException]()

    def run() -> None:
        start.wait()
        try:
            work()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raised == []


@pytest.fixture
def crowd(scene_anywhere: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(judging, "BATCH", 5)
    monkeypatch.setattr(judging, "_CLAIM", judging._CLAIM.limit(5))
    monkeypatch.setattr(judging, "_CLAIM_UNLOCKED", judging._CLAIM_UNLOCKED.limit(5))
    scene_anywhere.criterion()
    scene_anywhere.world.conversations(scene_anywhere.world.clients(NUMBER))
    scene_anywhere.world.fan_out()
    return scene_anywhere


def turns(scene: Scene, decided_by: str) -> Counter[str]:
    rows = scene.world.rows(Judgement, Judgement.decided_by == decided_by)
    return Counter(row.conversation_id for row in rows)


def test_workers_that_judge_at_once_judge_each_conversation_once(crowd: Scene) -> None:
    crowd.world.sync.installation  # noqa: B018 - made by whoever comes first
    at_once(lambda: judge(crowd.world.sync))
    judge(crowd.world.sync)
    found = turns(crowd, "rules")
    assert (len(found), set(found.values())) == (NUMBER, {1})


def test_workers_that_review_at_once_review_each_conversation_once(crowd: Scene) -> None:
    for _ in range(NUMBER):
        judge(crowd.world.sync)
    crowd.world.clock.advance(hours=48)
    asked: list[Oracle] = []

    def work() -> None:
        asked.append(oracle := Oracle())
        while make_next_review(crowd.world.sync, oracle) is not None:
            pass

    at_once(work)
    found = turns(crowd, "review")
    assert (len(found), set(found.values())) == (NUMBER, {1})
    assert sum(len(oracle.asked) for oracle in asked) == NUMBER


def test_the_days_reviews_are_not_exceeded_by_many_workers(crowd: Scene) -> None:
    crowd.world.restart(ai_reviews_a_day=7)
    for _ in range(NUMBER):
        judge(crowd.world.sync)
    crowd.world.clock.advance(hours=48)

    def work() -> None:
        while make_next_review(crowd.world.sync, Oracle()) is not None:
            pass

    at_once(work)
    assert len(turns(crowd, "review")) == 7
