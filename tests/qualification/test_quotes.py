"""The words that a review rests on: kept as places, read from the host's messages when somebody looks."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from flask_crm_sync.host.records import ConversationRecord
from flask_crm_sync.models import Judgement
from flask_crm_sync.qualification.quotes import places_of, quoted
from flask_crm_sync.qualification.transcript import make_transcript
from tests.qualification.said import AMELIA, conversation
from tests.qualification.scene import Scene

KEY = b"k" * 32


def kept(quote: str, said: ConversationRecord) -> list[dict[str, object]]:
    return places_of([quote], make_transcript(said, AMELIA, mask=True, tokens=8000), said, KEY)


@pytest.mark.parametrize(
    ("text", "quote", "words"),
    [
        ("Hello. I’d like to  BUY the blue one!", "i'd like to buy the blue", "I’d like to  BUY the blue"),
        ("Ich möchte zwei Straßenräder kaufen.", "zwei strassenräder kaufen", "zwei Straßenräder kaufen"),
        ("我想买三张票，谢谢", "我想买三张票", "我想买三张票"),
        ("Ｉ want ﬁve\u200b tickets", "want five tickets", "want five tickets"),
        ("This is Amelia, I take it", "this is [name], I take it", "This is Amelia, I take it"),
        ("İki bilet almak istiyorum", "bilet almak istiyorum", "bilet almak istiyorum"),
    ],
)
def test_words_come_back_as_the_client_wrote_them(text: str, quote: str, words: str) -> None:
    said = conversation("Hello", "> Welcome", text)
    places = kept(quote, said)
    assert [place["message"] for place in places] == [3]
    assert quoted(places, said, KEY) == [words]


def test_a_place_holds_no_word(scene: Scene) -> None:
    scene.criterion()
    scene.talk("I want to buy the zeppelin")
    scene.look()
    scene.review_all()
    (row,) = scene.world.rows(Judgement, Judgement.decided_by == "review")
    [place] = row.details["evidence"]
    assert (place["message"], place["from"], place["to"]) == (1, 0, 26)
    assert "zeppelin" not in json.dumps(row.details)


def test_earlier_messages_may_go_and_what_was_said_is_still_found() -> None:
    said = conversation("Hello", "> Welcome", "I want to buy it")
    places = kept("want to buy", said)
    assert quoted(places, replace(said, messages=said.messages[2:]), KEY) == ["want to buy"]


@pytest.mark.parametrize("later", [("Hello",), ("Hello", "I never want to buy it"), ()])
def test_words_that_are_gone_or_changed_are_not_shown(later: tuple[str, ...]) -> None:
    places = kept("want to buy", conversation("Hello", "I want to buy it"))
    assert quoted(places, conversation(*later), KEY) == [""]


def test_the_same_words_in_the_agents_mouth_are_not_the_clients() -> None:
    assert [place["message"] for place in kept("want to buy", conversation("> You want to buy?", "I want to buy"))] == [
        2
    ]


def test_a_long_quote_is_shown_in_part() -> None:
    said = conversation("I want to buy " + "it " * 500)
    [words] = quoted(kept("I want to buy " + "it " * 500, said), said, KEY)
    assert len(words) == 302
