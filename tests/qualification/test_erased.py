"""A person who was erased: judged no more, sent to no reviewer, and no word of them left in our tables."""

from __future__ import annotations

import sqlalchemy as sa

from flask_crm_sync.models import AuditEntry, Qualification
from flask_crm_sync.qualification.reviewing import ERASED
from flask_crm_sync.sync.erasure import erase_client
from tests.qualification.scene import Scene
from tests.sync.world import ACCOUNT


def test_what_an_erased_person_says_is_not_judged_and_tells_nobody_of_a_lead(scene: Scene) -> None:
    scene.criterion()
    client, conversation = scene.talk("Hello")
    _, other = scene.talk("Hello")
    scene.look()
    erase_client(scene.world.sync, ACCOUNT, client)
    for one in (conversation, other):
        scene.world.say(one, "I want to buy")
    assert [move.conversation_id for move in scene.look().moves] == [other]
    assert {told for _, told in scene.news()} == {other}


def test_what_an_erased_person_said_is_sent_to_no_reviewer(scene: Scene) -> None:
    scene.criterion()
    client, conversation = scene.talk()
    scene.look()
    with scene.world.engine.begin() as database:
        kept = database.execute(sa.select(Qualification.__table__)).mappings().one()
    erase_client(scene.world.sync, ACCOUNT, client)
    with scene.world.engine.begin() as database:  # as where the erasure came while it was being judged
        database.execute(sa.insert(Qualification).values(dict(kept)))
    scene.review_all()
    assert scene.oracle.asked == []
    assert scene.row(conversation).review_reason == ERASED


def test_what_people_wrote_of_an_erased_person_leaves_the_trail_and_who_decided_stays(scene: Scene) -> None:
    client, conversation = scene.talk()
    _, other = scene.talk()
    for one in (conversation, other):
        scene.override(one, "qualified")
    erase_client(scene.world.sync, ACCOUNT, client)
    told = {row.subject_id: row for row in scene.world.rows(AuditEntry) if row.action == "override"}
    assert "why" not in told[conversation].after
    assert (told[conversation].user_id, told[conversation].after["qualification"]) == ("7", "qualified")
    assert told[other].after["why"] == "I know them"
