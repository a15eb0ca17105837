"""Contact details are masked before a conversation leaves for its review, unless its account chose otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flask_crm_sync.host.bound import BindingFailure
from flask_crm_sync.qualification.veil import choose_masking, masks
from flask_crm_sync.sync.audit import trail
from tests.qualification.scene import Scene
from tests.sync.world import ACCOUNT

SAID = "I want to buy it, write to grace@example.com"


def sent(scene: Scene) -> str:
    """Return what the reviewer was shown of the client's words."""
    scene.criterion()
    scene.talk(SAID)
    scene.look()
    scene.review_all()
    return scene.oracle.asked[-1].transcript.lines[0].text


def test_they_are_masked_until_the_account_chooses(scene: Scene) -> None:
    assert sent(scene) == "I want to buy it, write to [email 1]"


def test_an_account_may_send_them_and_no_other_account_does_for_that(scene: Scene) -> None:
    choose_masking(scene.world.sync, ACCOUNT, False, by="7")
    assert sent(scene) == SAID
    with scene.world.sync.database.read() as connection:
        assert masks(connection, "2", scene.world.sync.settings)


@pytest.mark.parametrize("chosen", [None, True, False])
def test_where_the_app_masks_nothing_an_account_still_may(scene: Scene, chosen: bool | None) -> None:
    settings = replace(scene.world.sync.settings, ai_mask=False)
    sync = replace(scene.world.sync, settings=settings)
    if chosen is not None:
        choose_masking(sync, ACCOUNT, chosen, by="7")
    with sync.database.read() as connection:
        assert masks(connection, ACCOUNT, settings) == bool(chosen)


def test_the_trail_says_who_chose_and_nothing_where_nothing_changed(scene: Scene) -> None:
    for mask in (True, False, False, True):
        choose_masking(scene.world.sync, ACCOUNT, mask, by="7")
    deeds = [  # but for the connection, which was made before
        (deed.user_id, deed.before, deed.after) for deed in trail(scene.world.sync, ACCOUNT).deeds[:-1]
    ]
    on, off = {"ai_mask": True}, {"ai_mask": False}
    assert deeds == [("7", off, on), ("7", on, off)]


@pytest.mark.parametrize("why", ["sensitive", "test", "unreadable"])
def test_what_must_stay_here_is_sent_to_no_reviewer(
    scene: Scene, why: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scene.criterion()
    client, conversation = scene.talk(SAID)
    scene.look()
    if why == "sensitive":
        scene.world.edit(client, is_sensitive=True)
    elif why == "test":
        scene.world.change_conversation(conversation, is_test=True)
    else:
        failed = {client: BindingFailure(client, "ValueError")}
        monkeypatch.setattr(type(scene.world.sync.host), "load_clients", lambda *_: failed)
    scene.review_all()
    assert scene.oracle.asked == []
    row = scene.row(conversation)
    assert (row.status, row.outcome, row.review_at) == ("qualified", "not_reviewed", None)
