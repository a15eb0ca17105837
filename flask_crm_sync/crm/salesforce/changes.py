"""Changed leads and contacts, by polling `SystemModstamp`: one call for both kinds.

Source: "SystemModstamp" and "queryAll" of Salesforce's developer guides, and "Apex Governor Limits": a transaction may
take ten minutes, and what it wrote bears an earlier time when it shows up. `queryAll` shows what lies in the recycle
bin, for 15 days; deleting, undeleting, merging and converting move `SystemModstamp`, as do programs of the org itself.
Its clock knows whole seconds, so a record that changed twice within one is told apart by what it holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ...errors import PermissionMissing, ServerFault
from ..base import RemoteChange, RemoteChanges
from ..feed import Feed, Reach, Sighting, Span, fingerprint
from .answers import Row
from .ids import PEOPLE, id18
from .records import Records, converted_to
from .soql import literal, moment, select

_LONGEST_TRANSACTION, _LONGEST_QUERY = 600_000, 60_000
"""Milliseconds."""
REACH = Reach(_LONGEST_TRANSACTION + _LONGEST_QUERY, 170)
_PAGE = 200
_STAMP = "SystemModstamp"
_FATE = ("IsDeleted", "MasterRecordId", _STAMP)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = 3_600_000
"""Milliseconds that the first look reaches back, by our clock: it only spares what is older from being read."""


@dataclass(frozen=True, slots=True)
class _Seen(Sighting):
    """A row of a query."""

    row: Row


class Changes:
    """What changes among the leads and contacts of one org that its user may see."""

    def __init__(self, records: Records) -> None:
        self.records, self.client = records, records.client
        self.kinds = [kind for kind in PEOPLE if records.shapes[kind].can_be_seen]

    def since(self, cursor: str) -> RemoteChanges:
        """Return a page of changes of each kind; raise CRMError, ValueError for a text that is no cursor.

        A kind that the user may see only since today begins today.
        """
        if not self.kinds:
            missing = tuple(f"Read on {kind}" for kind in PEOPLE)
            raise PermissionMissing("The Salesforce user may see neither leads nor contacts.", permissions=missing)
        known = json.loads(cursor) if cursor else {}
        if not isinstance(known, dict):
            raise ValueError("that is no cursor of Salesforce's changes")
        feeds = {kind: Feed.of(known[kind]) if kind in known else self._begin() for kind in self.kinds}
        pages = dict(zip(self.kinds, self._pages(feeds), strict=True))
        changes: list[RemoteChange] = []
        for kind, page in pages.items():
            fresh, feeds[kind] = self._taken(feeds[kind], page, begins=kind not in known)
            changes += [self._change(kind, seen) for seen in fresh]
        following = json.dumps({kind: feed.written() for kind, feed in feeds.items()}, separators=(",", ":"))
        return RemoteChanges(tuple(changes), following, any(feed.span is not None for feed in feeds.values()))

    def _begin(self) -> Feed:
        """Return a feed to ask by for the first time; from the answer on, Salesforce's own time counts."""
        return Feed(int(self.client.http.clock.now().timestamp()) * 1000 - _HOUR)

    def _pages(self, feeds: Mapping[str, Feed]) -> list[list[_Seen]]:
        statements = [self._statement(kind, feed) for kind, feed in feeds.items()]
        answers = self.client.queries(statements, deleted_too=True)
        return [[_seen(row) for row in rows] for rows in answers]

    def _statement(self, kind: str, feed: Feed) -> str:
        """Return the query for what changed last, or for the next page of a crowded time."""
        if feed.span is None:
            where, way = f"{_STAMP} >= {moment(feed.since)}", "DESC"
        else:
            where, way = _behind(feed.span), "ASC"
        wanted = select([*self.records.fields(kind), *_FATE], kind, where)
        return f"{wanted} ORDER BY {_STAMP} {way}, Id {way} LIMIT {_PAGE}"

    def _taken(self, feed: Feed, page: Sequence[_Seen], *, begins: bool) -> tuple[list[_Seen], Feed]:
        """Return what is new of a page, and the feed behind it; to one that begins, nothing is new."""
        if begins:
            return [], Feed(0).looked(page, REACH, now=self.client.now, whole=True)[1]
        if feed.span is not None:
            return feed.read(page, REACH, (page[-1].at, page[-1].id) if len(page) == _PAGE else None)
        return feed.looked(page, REACH, now=self.client.now, whole=len(page) < _PAGE)

    def _change(self, kind: str, seen: _Seen) -> RemoteChange:
        """Return what a row tells: a merged record lies in the bin, and names the one that it became part of."""
        row, at = seen.row, _EPOCH + timedelta(milliseconds=seen.at)
        if row.get("IsDeleted") is True:
            master = id18(row.get("MasterRecordId"))
            return RemoteChange(seen.id, "merged" if master else "deleted", at, became=master or None)
        became = converted_to(row)
        if became:
            return RemoteChange(seen.id, "converted", at, became=became)
        return RemoteChange(seen.id, "changed", at, self.records.record(kind, row))


def _behind(span: Span) -> str:
    """Return the condition for what is left of a time."""
    low = moment(span.low)
    start = f"({_STAMP} > {low} OR ({_STAMP} = {low} AND Id > {literal(span.after)}))" if span.after else ""
    return f"{start or f'{_STAMP} >= {low}'} AND {_STAMP} <= {moment(span.high)}"


def _seen(row: Row) -> _Seen:
    record_id = id18(row.get("Id"))
    try:
        stamp = datetime.fromisoformat(str(row.get(_STAMP)))
        at = (stamp - _EPOCH) // timedelta(milliseconds=1)
    except (TypeError, ValueError):
        raise ServerFault("Salesforce's answer tells no time of a change.") from None
    held = {name: value for name, value in row.items() if name != "attributes"}
    return _Seen(record_id, at, fingerprint(json.dumps(held, sort_keys=True)), row)
