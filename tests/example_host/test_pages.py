"""The helpdesk's pages as agents and visitors use them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from example_host.extensions import db
from example_host.models import Client, Conversation

LogIn = Callable[[str], FlaskClient]

HELLO = {"name": "Zoë de la Cruz", "email": "Zoe@Example.com", "text": "Is the cabin free?"}


def conversations(host: Flask) -> list[Conversation]:
    with host.app_context():
        return list(db.session.scalars(select(Conversation).order_by(Conversation.id)))


def clients(host: Flask) -> list[Client]:
    with host.app_context():
        return list(db.session.scalars(select(Client).order_by(Client.id)))


def chat(host: Flask, slug: str = "harbour-travel", **changes: str) -> FlaskClient:
    browser = host.test_client()
    assert browser.post(f"/chat/{slug}", data={**HELLO, **changes}).status_code == 302
    return browser


@pytest.mark.parametrize("path", ["/", "/clients/", "/clients/1", "/conversations/1"])
def test_pages_ask_a_stranger_to_log_in(visitor: FlaskClient, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 302
    assert answer.location.startswith("/login")


def test_wrong_password_is_refused_in_words(visitor: FlaskClient) -> None:
    answer = visitor.post("/login", data={"email": "ada@example.com", "password": "wrong"})
    assert "do not belong together" in answer.text


def test_login_returns_to_the_page_that_was_asked_for(visitor: FlaskClient) -> None:
    answer = visitor.post("/login?next=/clients/?q=zoe", data={"email": "ada@example.com", "password": "helpdesk"})
    assert answer.location == "/clients/?q=zoe"


@pytest.mark.parametrize("target", ["https://example.org/", "//example.org/", "/\\example.org", "javascript:alert(1)"])
def test_login_never_leads_to_another_site(visitor: FlaskClient, target: str) -> None:
    data = {"email": "ada@example.com", "password": "helpdesk"}
    assert visitor.post("/login", query_string={"next": target}, data=data).location == "/"


def test_chat_makes_a_client_and_a_conversation(host: Flask) -> None:
    chat(host)
    [client], [conversation] = clients(host), conversations(host)
    assert (client.first_name, client.last_name, client.email) == ("Zoë de la", "Cruz", "Zoe@Example.com")
    assert (conversation.client_id, conversation.channel, conversation.status) == (client.id, "web_chat", "open")


def test_chat_knows_a_client_by_email_within_the_account_only(host: Flask) -> None:
    chat(host)
    chat(host, email="zoe@example.com", text="Me again")
    chat(host, slug="fjord-outdoor")
    assert [client.account_id for client in clients(host)] == [1, 2]
    assert [conversation.client_id for conversation in conversations(host)] == [1, 1, 2]


def test_visitor_sees_the_thread_and_writes_on(host: Flask) -> None:
    browser = chat(host)
    browser.post("/chat/harbour-travel/messages", data={"text": "From Friday on"})
    page = browser.get("/chat/harbour-travel").text
    assert "Is the cabin free?" in page
    assert "From Friday on" in page


def test_visitor_sees_no_conversation_but_their_own(host: Flask, visitor: FlaskClient) -> None:
    chat(host)
    assert "Is the cabin free?" not in visitor.get("/chat/harbour-travel").text
    assert visitor.post("/chat/harbour-travel/messages", data={"text": "x"}).status_code == 404


def test_chat_refuses_what_is_no_email(host: Flask, visitor: FlaskClient) -> None:
    answer = visitor.post("/chat/harbour-travel", data={**HELLO, "email": "not an address"})
    assert "does not look like an e-mail" in answer.text
    assert clients(host) == []


def test_unknown_chat_page_is_not_found(visitor: FlaskClient) -> None:
    assert visitor.get("/chat/nobody").status_code == 404


def test_inbox_shows_open_conversations_with_client_channel_and_last_message(host: Flask, logged_in: LogIn) -> None:
    chat(host)
    page = logged_in("ben@example.com").get("/").text
    assert all(shown in page for shown in ("Zoë de la Cruz", "web chat", "Is the cabin free?"))


def test_closing_keeps_the_summary_and_moves_the_conversation(host: Flask, logged_in: LogIn) -> None:
    chat(host)
    agent = logged_in("ben@example.com")
    agent.post("/conversations/1/close", data={"summary": "Booked."})
    [conversation] = conversations(host)
    assert (conversation.status, conversation.summary) == ("closed", "Booked.")
    assert conversation.closed_at is not None
    assert "Zoë" not in agent.get("/?state=open").text
    assert "Zoë" in agent.get("/?state=closed").text


def test_the_address_of_a_conversation_is_that_of_its_page(host: Flask, logged_in: LogIn) -> None:
    chat(host)
    with host.app_context():
        [conversation] = db.session.scalars(select(Conversation))
        assert conversation.url == ""
        host.config["PUBLIC_URL"] = "https://desk.example.com/"
        path = conversation.url.removeprefix("https://desk.example.com")
    assert "Is the cabin free?" in logged_in("ben@example.com").get(path).text


def test_reply_opens_a_closed_conversation_again(host: Flask, logged_in: LogIn) -> None:
    chat(host)
    agent = logged_in("ben@example.com")
    agent.post("/conversations/1/close")
    agent.post("/conversations/1/reply", data={"text": "One more thing"})
    [conversation] = conversations(host)
    assert (conversation.status, conversation.closed_at) == ("open", None)
    assert "One more thing" in agent.get("/conversations/1").text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/conversations/1"),
        ("GET", "/conversations/1?fragment=1"),
        ("POST", "/conversations/1/reply"),
        ("POST", "/conversations/1/close"),
        ("POST", "/conversations/1/reopen"),
        ("POST", "/conversations/1/test"),
        ("GET", "/clients/1"),
        ("POST", "/clients/1"),
    ],
)
def test_another_accounts_id_is_not_found(host: Flask, logged_in: LogIn, method: str, path: str) -> None:
    chat(host)
    data = {"text": "x", "first_name": "Mallory"} if method == "POST" else None
    assert logged_in("cleo@example.org").open(path, method=method, data=data).status_code == 404
    assert clients(host)[0].first_name == "Zoë de la"


def test_lists_hold_nothing_of_another_account(host: Flask, logged_in: LogIn) -> None:
    chat(host)
    stranger = logged_in("cleo@example.org")
    assert "Zoë" not in stranger.get("/?state=all").text
    assert "Zoë" not in stranger.get("/clients/?q=zoe").text


def test_client_form_saves_and_clears_fields(host: Flask, logged_in: LogIn) -> None:
    chat(host)
    agent = logged_in("ben@example.com")
    details = {"first_name": "Zoë", "last_name": "", "email": "z@example.com", "country": "FR", "city": "Orléans"}
    agent.post("/clients/1", data=details)
    [client] = clients(host)
    assert (client.first_name, client.last_name, client.country, client.city) == ("Zoë", None, "FR", "Orléans")


def test_search_finds_by_every_word_and_takes_wildcards_literally(host: Flask, logged_in: LogIn) -> None:
    chat(host)
    agent = logged_in("ben@example.com")
    assert "Zoë" in agent.get("/clients/?q=cruz+zoe@").text
    assert "Zoë" not in agent.get("/clients/?q=cruz+nobody").text
    assert "Zoë" not in agent.get("/clients/?q=%25").text


def test_forms_need_their_token(host: Flask) -> None:
    host.config["WTF_CSRF_ENABLED"] = True
    answer = host.test_client().post("/chat/harbour-travel", data=HELLO)
    assert answer.status_code == 400
    assert clients(host) == []


def test_message_text_is_shown_as_text(host: Flask, logged_in: LogIn) -> None:
    chat(host, text="<script>alert(1)</script>")
    page = logged_in("ben@example.com").get("/conversations/1").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_menu_has_the_crm_pages_for_an_admin(logged_in: LogIn) -> None:
    page = logged_in("ada@example.com").get("/").text
    assert '<span class="menu-title">CRM</span>' in page
    assert 'href="/crm/log"' in page


def test_page_numbers_out_of_range_show_an_empty_list(logged_in: LogIn) -> None:
    assert logged_in("ben@example.com").get("/?page=99999999999999999999").status_code == 200
