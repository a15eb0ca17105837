"""A client who is not there any more: nobody knows what of theirs is to be masked, or whether they were sensitive."""

from __future__ import annotations

from flask_crm_sync.qualification.reviewing import CLIENT_NOT_READABLE
from tests.qualification.scene import Scene


def test_nothing_of_a_client_who_is_gone_is_sent_to_a_reviewer(scene: Scene) -> None:
    scene.criterion()
    client, conversation = scene.talk("I am Ada Lovelace and want to buy")
    scene.look()
    scene.world.remove(client, told=False)
    scene.review_all()
    assert scene.oracle.asked == []
    assert scene.row(conversation).review_reason == CLIENT_NOT_READABLE
