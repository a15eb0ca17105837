"""Whose rows a page may touch: those of the account of whoever is logged in."""

from __future__ import annotations

from typing import Any, TypeVar

from flask import abort
from flask_login import current_user
from sqlalchemy import Select, select

from ..extensions import db
from ..models import Client, Conversation

Owned = TypeVar("Owned", Client, Conversation)


def owned(model: type[Owned]) -> Select[Any]:
    """Return the query for all rows of `model` that the logged-in user may see."""
    return select(model).where(model.account_id == current_user.account_id)


def owned_or_404(model: type[Owned], row_id: int) -> Owned:
    """Return one row of the user's account; another account's id answers 404 like one that does not exist."""
    return db.session.scalar(owned(model).where(model.id == row_id)) or abort(404)
