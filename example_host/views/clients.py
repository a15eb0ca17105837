"""The list of clients, and the form with a client's details."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import login_required
from sqlalchemy import Select, or_
from werkzeug.wrappers import Response

from ..extensions import db
from ..forms import ClientForm
from ..models import Client
from ..places import COUNTRY_NAMES
from .paging import page_of
from .scope import owned, owned_or_404

blueprint = Blueprint("clients", __name__, url_prefix="/clients")

COUNTRIES_BY_NAME = sorted(COUNTRY_NAMES.items(), key=lambda item: item[1])
SEARCHED = (Client.first_name, Client.last_name, Client.email, Client.phone, Client.company)


@blueprint.get("/")
@login_required
def search() -> str:
    """List the account's clients, those whose details hold every searched word."""
    words = request.args.get("q", "").split()
    query = containing_all(owned(Client), words).order_by(Client.updated_at.desc(), Client.id.desc())
    return render_template("clients/list.html", page=page_of(query), q=" ".join(words))


def containing_all(query: Select[Any], words: list[str]) -> Select[Any]:
    """Narrow `query` to clients in whose details every word occurs somewhere."""
    for word in words:
        query = query.where(or_(*(column.icontains(word, autoescape=True) for column in SEARCHED)))
    return query


@blueprint.route("/<int:client_id>", methods=["GET", "POST"])
@login_required
def edit(client_id: int) -> str | Response:
    """Show a client's details and keep what was changed."""
    client = owned_or_404(Client, client_id)
    form = ClientForm(obj=client)
    if form.validate_on_submit():
        form.populate_obj(client)
        db.session.commit()
        flash("Saved.", "success")
        return redirect(url_for("clients.edit", client_id=client.id))
    return render_template("clients/edit.html", client=client, form=form, countries=COUNTRIES_BY_NAME)
