"""The inbox, and one conversation with its messages and the client beside it."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import login_required
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from ..extensions import db
from ..forms import CloseForm, ReplyForm
from ..models import Conversation, Message
from .paging import Page, page_of
from .scope import owned, owned_or_404

blueprint = Blueprint("inbox", __name__)

STATES = ("open", "closed", "all")


@blueprint.get("/")
@login_required
def conversations() -> str:
    """List the account's conversations, the latest message first."""
    state = request.args.get("state", "open")
    if state not in STATES:
        abort(404)
    page = conversations_in(state)
    template = "inbox/_list.html" if "fragment" in request.args else "inbox/list.html"
    return render_template(template, page=page, last=last_messages(page.rows), state=state, states=STATES)


def conversations_in(state: str) -> Page[Conversation]:
    """Return the requested page of the conversations in a state."""
    query = owned(Conversation).options(joinedload(Conversation.client))
    if state != "all":
        query = query.where(Conversation.status == state)
    return page_of(query.order_by(Conversation.last_message_at.desc(), Conversation.id.desc()))


def last_messages(rows: Iterable[Conversation]) -> dict[int, Message]:
    """Return the last message of each conversation, by its id, in one query."""
    newest = (
        select(func.max(Message.id))
        .where(Message.conversation_id.in_([row.id for row in rows]))
        .group_by(Message.conversation_id)
    )
    messages = db.session.scalars(select(Message).where(Message.id.in_(newest)))
    return {message.conversation_id: message for message in messages}


@blueprint.get("/conversations/<int:conversation_id>")
@login_required
def conversation(conversation_id: int) -> str:
    """Show a conversation; with `?fragment` only its messages, for the page that is already open."""
    found = owned_or_404(Conversation, conversation_id)
    if "fragment" in request.args:
        return render_template("inbox/_messages.html", conversation=found, mine="agent")
    return render_template("inbox/conversation.html", conversation=found, reply=ReplyForm(), closing=CloseForm())


@blueprint.post("/conversations/<int:conversation_id>/reply")
@login_required
def reply(conversation_id: int) -> Response:
    """Answer the client; an answer to a closed conversation opens it again."""
    found = owned_or_404(Conversation, conversation_id)
    form = ReplyForm()
    if form.validate_on_submit() and form.text.data:
        found.say("agent", form.text.data)
        if not found.is_open:
            found.reopen()
        db.session.commit()
    else:
        flash("A reply needs a text of at most 10,000 characters.", "error")
    return back_to(found)


@blueprint.post("/conversations/<int:conversation_id>/close")
@login_required
def close(conversation_id: int) -> Response:
    """Close a conversation, with the agent's summary if one was written."""
    found = owned_or_404(Conversation, conversation_id)
    form = CloseForm()
    if form.validate_on_submit():
        found.close(form.summary.data)
        db.session.commit()
        flash("The conversation is closed.", "success")
    else:
        flash("A summary has at most 2,000 characters.", "error")
    return back_to(found)


@blueprint.post("/conversations/<int:conversation_id>/reopen")
@login_required
def reopen(conversation_id: int) -> Response:
    """Open a closed conversation again."""
    found = owned_or_404(Conversation, conversation_id)
    found.reopen()
    db.session.commit()
    return back_to(found)


@blueprint.post("/conversations/<int:conversation_id>/test")
@login_required
def toggle_test(conversation_id: int) -> Response:
    """Mark a conversation as a test of one's own, or take the mark away."""
    found = owned_or_404(Conversation, conversation_id)
    found.is_test = not found.is_test
    db.session.commit()
    return back_to(found)


def back_to(found: Conversation) -> Response:
    """Return to the conversation's page."""
    return redirect(url_for("inbox.conversation", conversation_id=found.id))
