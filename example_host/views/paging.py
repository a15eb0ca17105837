"""Long lists a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import request, url_for
from sqlalchemy import Select

from ..extensions import db

PAGE_SIZE = 30
LAST_PAGE = 10_000

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows of a list, and whether there are more on either side."""

    rows: list[Row]
    number: int
    has_more: bool

    def address(self, step: int) -> str:
        """Return the address of the page `step` pages on, keeping the filters."""
        kept: dict[str, Any] = {key: value for key, value in request.args.items() if key not in ("page", "fragment")}
        return url_for(request.endpoint or "", page=self.number + step, **kept)


def page_of(query: Select[Any]) -> Page[Row]:
    """Return the rows of `query` that the request's `page` asks for."""
    number = min(max(request.args.get("page", 1, type=int), 1), LAST_PAGE)
    rows = list(db.session.scalars(query.limit(PAGE_SIZE + 1).offset((number - 1) * PAGE_SIZE)))
    return Page(rows[:PAGE_SIZE], number, len(rows) > PAGE_SIZE)
