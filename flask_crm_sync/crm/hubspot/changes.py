"""Changed contacts, by polling: one search shows what changed last, and how many contacts there are.

Source: "Search the CRM" of HubSpot's developer documentation. The index runs behind by moments, a query shows 10,000
rows at most, and deleted contacts are not in it. So what the search shows is read from the record store (which is never
behind, and surely tells merges), a crowded time is read from instant to instant, and the bin is looked at when fewer
contacts are left than there should be. That number costs no call; a contact that came back while another one went
deceives it until the next look, a day later at the latest.

A contact that was brought back shows as changed. One that was erased for good is in no list at all: only a webhook, or
reading it, tells.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...errors import ServerFault
from ..answers import objects
from ..base import RemoteChange, RemoteChanges
from ..feed import Feed, Reach, Sighting, Span, fingerprint
from ..webhooks import instant_of_milliseconds
from .bin import Bin
from .client import Row, identifier, properties
from .contacts import Contacts, ancestors
from .finding import next_page
from .times import milliseconds

LAG = 300_000
"""Milliseconds by which HubSpot's index may be behind: "a few moments", says its guide."""
REACH = Reach(LAG, 340)
_NEWEST, _PAGE = 100, 200
"""Rows of a look, which nearly always finds nothing new, and of a page of a crowded time: the most there is."""
_CHANGED = "lastmodifieddate"


@dataclass(frozen=True, slots=True)
class Place:
    """What the cursor holds: the changes, how many contacts there were, the bin, and whether that is owed a look."""

    feed: Feed
    total: int
    bin: Bin
    owes_bin: bool = False

    def written(self) -> str:
        """Return the cursor."""
        values = [self.feed.written(), self.total, self.bin.written(), self.owes_bin]
        return json.dumps(values, separators=(",", ":"))

    @classmethod
    def of(cls, cursor: str) -> Place:
        """Read a cursor; raise ValueError for a text that is none."""
        feed, total, rest, owes_bin = json.loads(cursor)
        return cls(Feed.of(feed), int(total), Bin.of(rest), bool(owes_bin))


class Changes:
    """What changes among the contacts of one portal."""

    def __init__(self, contacts: Contacts) -> None:
        self.contacts, self.client = contacts, contacts.client

    def since(self, cursor: str) -> RemoteChanges:
        """Return a page of changes, in one call where there is none; raise CRMError, ValueError for no cursor."""
        if not cursor:
            return self._begin()
        place = Place.of(cursor)
        if place.bin.after is not None:
            return self._of_bin(place)
        if place.feed.span is not None:
            return self._of_crowd(place, place.feed.span)
        if place.bin.is_due(self._now()):
            return self._of_bin(replace(place, bin=place.bin.opened(self._now())))
        return self._newest(place)

    def _begin(self) -> RemoteChanges:
        found = self._look()
        _fresh, feed = Feed(0).looked(found.rows, REACH, now=self.client.now, whole=True)
        return RemoteChanges((), Place(feed, found.total, Bin.unopened(self.client.now, self._now())).written())

    def _newest(self, place: Place) -> RemoteChanges:
        """Take what changed last, and compare how many contacts there are with how many there should be."""
        found = self._look()
        since = place.feed.since
        whole = not found.goes_on or found.rows[-1].at < since
        fresh, feed = place.feed.looked(found.rows, REACH, now=self.client.now, whole=whole)
        expected = place.total + sum(row.created >= since for row in fresh)
        owes_bin = place.owes_bin or not whole or found.total < expected
        return self._told(fresh, since, Place(feed, found.total, place.bin, owes_bin))

    def _of_crowd(self, place: Place, span: Span) -> RemoteChanges:
        """Read the next page of a time with more changes than a look shows."""
        body = _one_instant(span) if span.after else _from_instant(span)
        found = self._search({**body, "limit": _PAGE})
        fresh, feed = place.feed.read(found.rows, REACH, _next_place(span, found))
        return self._told(fresh, place.feed.since, replace(place, feed=feed))

    def _of_bin(self, place: Place) -> RemoteChanges:
        changes, rest = place.bin.page(self.client)
        following = replace(place, bin=rest, owes_bin=False)
        return RemoteChanges(tuple(changes), following.written(), more=rest.after is not None)

    def _told(self, fresh: Sequence[Sighting], since: int, place: Place) -> RemoteChanges:
        """Return changes, the records read from the store; a look at the bin follows where it is owed."""
        changes = self._read(fresh, since) if fresh else []
        if place.feed.span is None and place.owes_bin and place.bin.may_be_opened(self._now()):
            place = replace(place, bin=place.bin.opened(self._now()))
        more = place.feed.span is not None or place.bin.after is not None
        return RemoteChanges(tuple(changes), place.written(), more)

    def _read(self, fresh: Sequence[Sighting], since: int) -> list[RemoteChange]:
        """Read changed contacts. One that is not there by now is told all the same: whoever reads it learns why."""
        answer = self.contacts.rows([sighting.id for sighting in fresh])
        if answer.halted is not None:
            raise answer.halted
        found = {identifier(row): row for row in answer.rows}
        merged = [
            RemoteChange(old, "merged", instant_of_milliseconds(at), became=record_id)
            for record_id, row in found.items()
            for old, at in ancestors(row).items()
            if at is None or at >= since
        ]
        return merged + [_change(sighting, found, self.contacts) for sighting in fresh]

    def _look(self) -> _Found:
        """Return what changed last, the newest first, and how many contacts there are."""
        return self._search({"sorts": _sorted_by(_CHANGED, "DESCENDING"), "limit": _NEWEST})

    def _search(self, body: Mapping[str, Any]) -> _Found:
        wanted = {**body, "properties": [_CHANGED, "createdate"]}
        answer = self.client.call("POST", f"{self.client.paths.contacts}/search", json=wanted, kind="search")
        total, rows = answer.get("total"), [_row(row) for row in objects(answer.get("results"))]
        # A page may hold fewer rows than were asked for, and yet not be the last.
        goes_on = bool(next_page(answer)) or len(rows) >= body["limit"]
        if not isinstance(total, int) or (goes_on and not rows):
            raise ServerFault("HubSpot's search tells no total, or promises rows that it does not show.")
        return _Found(rows, total, goes_on)

    def _now(self) -> float:
        return self.client.http.clock.now().timestamp()


@dataclass(frozen=True, slots=True)
class _Row(Sighting):
    """A contact in the index, and when it was made."""

    created: int


@dataclass(frozen=True, slots=True)
class _Found:
    """A page of a search, how many rows there are in all, and whether there are more behind the page."""

    rows: list[_Row]
    total: int
    goes_on: bool


def _row(row: Row) -> _Row:
    values, record_id = properties(row), identifier(row)
    changed = values.get(_CHANGED) or str(row.get("updatedAt"))
    created = values.get("createdate") or str(row.get("createdAt"))
    return _Row(record_id, milliseconds(changed), fingerprint(record_id, changed), milliseconds(created))


def _change(sighting: Sighting, found: Mapping[str, Row], contacts: Contacts) -> RemoteChange:
    row = found.get(sighting.id)
    record = contacts.record(row) if row is not None else None
    return RemoteChange(sighting.id, "changed", instant_of_milliseconds(sighting.at), record)


def _from_instant(span: Span) -> dict[str, Any]:
    bounds = {"propertyName": _CHANGED, "operator": "BETWEEN", "value": str(span.low), "highValue": str(span.high)}
    return {"filterGroups": [{"filters": [bounds]}], "sorts": _sorted_by(_CHANGED, "ASCENDING")}


def _one_instant(span: Span) -> dict[str, Any]:
    """Return the search for what changed at one instant (an import, say), by id: a search sorts by one property."""
    at = {"propertyName": _CHANGED, "operator": "EQ", "value": str(span.low)}
    behind = {"propertyName": "hs_object_id", "operator": "GT", "value": span.after}
    return {"filterGroups": [{"filters": [at, behind]}], "sorts": _sorted_by("hs_object_id", "ASCENDING")}


def _next_place(span: Span, found: _Found) -> tuple[int, str] | None:
    """Return where the next page of a time begins, None behind the last.

    Rows of one instant come in no certain order. So a page that was cut goes on with its last instant from the
    beginning, and one that holds a single instant by id, until that instant is through.
    """
    if not found.goes_on:
        is_last = not span.after or span.low >= span.high
        return None if is_last else (span.low + 1, "")
    last = found.rows[-1]
    if span.after:
        return span.low, last.id
    return (last.at, "") if last.at > span.low else (span.low, "0")


def _sorted_by(name: str, direction: str) -> list[dict[str, str]]:
    return [{"propertyName": name, "direction": direction}]
