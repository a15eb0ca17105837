"""A channel's own words: filled for each piece of news, alone or in a summary, and nothing in a name means anything."""

from __future__ import annotations

import pytest

from flask_crm_sync.notifications.bundles import HOUR
from flask_crm_sync.notifications.channels import channels
from flask_crm_sync.notifications.messages import send_test
from flask_crm_sync.notifications.own_words import filled, unknown_holes
from flask_crm_sync.notifications.sending import send_due
from flask_crm_sync.notifications.spread import spread
from flask_crm_sync.notifications.wording import Told
from flask_crm_sync.sandbox.authority import Authority
from tests.notifications.desk import channel, happens, server
from tests.web.helpdesk import Helpdesk

NEWS = Told("Qualified lead: Ada", "Ada is a qualified lead.", "/clients/7", "https://desk.example.com/7", "Ada", "")


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{client} wants to buy! {link}", "Ada wants to buy! https://desk.example.com/7"),
        ("{what}\n{text}", "Qualified lead: Ada\nAda is a qualified lead."),
        ("{crm}{ nothing } {}", "{ nothing } {}"),
        ("{crm}", "Qualified lead: Ada"),
        ("{client.__class__} {0}", "{client.__class__} {0}"),
    ],
)
def test_holes_are_filled_and_nothing_else_means_anything(template: str, words: str) -> None:
    assert filled(template, NEWS) == words


def test_what_fills_a_hole_is_not_looked_at_again() -> None:
    called = Told("", "secret", "", "", "{text}")
    assert filled("{client}", called) == "{text}"


def test_unknown_holes_are_named() -> None:
    assert unknown_holes("{client} {price} {what} {0}") == ["price", "0"]


def test_news_is_told_in_them_alone_in_a_summary_and_in_a_test(inside: Helpdesk, authority: Authority) -> None:
    for number, name in enumerate(("Ada Quist", "Bea Lind", "Cleo Berg"), 1):
        inside.add_client(number, name=name)
    with server(tls=authority.server_context()) as (port, letters):
        channel(inside.sync, url=f"https://127.0.0.1:{port}/", template="→ {client}", rhythm="at_once")
        happens(inside.sync, "a", client_id="1")
        spread(inside.sync)
        send_due(inside.sync)
        [known] = channels(inside.sync, "1")
        send_test(inside.sync, known)
        channel(inside.sync, url=f"https://127.0.0.1:{port}/", template="→ {client}", rhythm="hourly")
        for number in (2, 3):
            happens(inside.sync, str(number), client_id=str(number))
        spread(inside.sync)
        inside.clock.sleep(HOUR.total_seconds())
        send_due(inside.sync)
    texts = [letter.content["text"] for letter in letters]
    assert texts[0] == "→ Ada Quist"
    assert texts[1].endswith("\n\n→ A client")
    assert "- → Bea Lind\n- → Cleo Berg" in texts
