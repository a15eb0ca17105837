"""The public web chat: a visitor leaves a name, an e-mail and a message, and goes on from there."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from ..extensions import db
from ..forms import ChatForm, ChatMessageForm
from ..models import Account, Client, Conversation

blueprint = Blueprint("chat", __name__, url_prefix="/chat")


@blueprint.route("/<slug>", methods=["GET", "POST"])
def start(slug: str) -> str | Response:
    """Show the visitor's conversation, or the form that begins one."""
    account = account_or_404(slug)
    if (running := own_conversation(account)) is not None:
        return thread(account, running)
    form = ChatForm()
    if form.validate_on_submit():
        begun = begin(account, form.name.data or "", form.email.data or "", form.text.data or "")
        db.session.commit()
        session[session_key(account)] = begun.id
        return redirect(url_for("chat.start", slug=slug))
    return render_template("chat/start.html", account=account, form=form)


def thread(account: Account, running: Conversation) -> str:
    """Show the visitor their own conversation."""
    if "fragment" in request.args:
        return render_template("inbox/_messages.html", conversation=running, mine="client")
    return render_template("chat/thread.html", account=account, conversation=running, form=ChatMessageForm())


@blueprint.post("/<slug>/messages")
def write(slug: str) -> Response:
    """Add a message to the visitor's conversation; a closed one opens again."""
    running = own_conversation(account_or_404(slug)) or abort(404)
    form = ChatMessageForm()
    if form.validate_on_submit() and form.text.data:
        running.say("client", form.text.data)
        if not running.is_open:
            running.reopen()
        db.session.commit()
    else:
        flash("A message needs a text of at most 10,000 characters.", "error")
    return redirect(url_for("chat.start", slug=slug))


@blueprint.post("/<slug>/leave")
def leave(slug: str) -> Response:
    """Forget which conversation is this visitor's, so that another can begin."""
    session.pop(session_key(account_or_404(slug)), None)
    return redirect(url_for("chat.start", slug=slug))


def account_or_404(slug: str) -> Account:
    """Return the account whose chat page this is."""
    return db.session.scalar(select(Account).where(Account.slug == slug)) or abort(404)


def session_key(account: Account) -> str:
    """Return where the visitor's signed cookie keeps their conversation with this account."""
    return f"chat:{account.id}"


def own_conversation(account: Account) -> Conversation | None:
    """Return the conversation this visitor began here, if it is still there."""
    kept = session.get(session_key(account))
    query = select(Conversation).where(Conversation.id == kept, Conversation.account_id == account.id)
    return db.session.scalar(query) if kept is not None else None


def begin(account: Account, name: str, email: str, text: str) -> Conversation:
    """Add a conversation with its first message for the client with this e-mail, known or new."""
    conversation = Conversation(account_id=account.id, channel="web_chat")
    conversation.client = known_client(account, email) or new_client(account, name, email)
    conversation.say("client", text)
    db.session.add(conversation)
    return conversation


def known_client(account: Account, email: str) -> Client | None:
    """Return the account's client with this e-mail, whatever its case."""
    same_email = func.lower(Client.email) == email.lower()
    return db.session.scalar(select(Client).where(Client.account_id == account.id, same_email).order_by(Client.id))


def new_client(account: Account, name: str, email: str) -> Client:
    """Return a client whose last word is the last name."""
    first, _, last = name.rpartition(" ")
    return Client(account_id=account.id, first_name=first or last, last_name=last if first else None, email=email)
