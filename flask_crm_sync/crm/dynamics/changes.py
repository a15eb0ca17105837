"""Changed contacts, by change tracking: a delta link tells what changed and what was deleted since it was given out.

Source: "Use change tracking to synchronize data with external systems". The first link comes behind a walk through all
contacts, ids and times alone, oldest change first. A link dies after seven days (an environment may set another time),
or when the environment is restored: then the walk is made again, and tells what changed since the link was given out.
Of deletions in between nothing tells but the next read of the contact, or a webhook.

What changed is read from the table itself, so that a merged contact is told by the one that stands for it now.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ...errors import CRMError, PermissionMissing, RejectedByCRM, ServerFault
from ..answers import objects
from ..base import RemoteChange, RemoteChanges, RemoteRecord
from ..feed import time_told
from .client import READING, ROOT, Row
from .contacts import Contacts
from .multipart import Request
from .refusals import NO_USER
from .untold import ChangesUntold

BEGINNING = "contacts?$select=contactid,modifiedon"
_PAGE, _WALK = 200, 5_000
"""Rows of a page of changes, which are read then, and of a walk, whose rows are not: the most that there is."""
OVERLAP = 600_000
"""Milliseconds. A time of change is older than its commit by two minutes at most: no message runs longer."""
_LONGEST_LINK = 3_800
"""Characters; a cursor has room for 4,000."""
_UNTRACKED = "Dynamics gave out no delta link: change tracking is off for contacts."


@dataclass(frozen=True, slots=True)
class Place:
    """What the cursor holds: the next page's address below the API's root, and whether it is one of a walk.

    All changes before `since` were told; the running pass began at `began`, 0 where none runs (ms, Dynamics' clock).
    """

    link: str
    walks: bool
    since: int
    began: int = 0

    def written(self) -> str:
        """Return the cursor."""
        return json.dumps([self.link, self.walks, self.since, self.began], separators=(",", ":"))

    @classmethod
    def of(cls, cursor: str) -> Place:
        """Read a cursor; raise ValueError or TypeError for a text that is none."""
        link, walks, since, began = json.loads(cursor)
        if not isinstance(link, str) or not link.startswith("contacts?"):
            raise ValueError("that is no cursor of Dynamics' changes")
        return cls(link, bool(walks), int(since), int(began))


class Changes:
    """What changes among the contacts of one environment."""

    def __init__(self, contacts: Contacts) -> None:
        self.contacts, self.client = contacts, contacts.client

    def since(self, cursor: str) -> RemoteChanges:
        """Return a page of changes, in one call where there is none; raise CRMError, ValueError for no cursor."""
        if not cursor:
            return self._walk(Place(BEGINNING, True, 0), quietly=True)
        place = Place.of(cursor)
        try:
            return self._walk(place) if place.walks else self._changed(place)
        except ChangesUntold:
            raise
        except RejectedByCRM:
            # A link that is refused is too old, or of a database that was restored since: only a new one helps.
            return self._walk(Place(BEGINNING, True, place.since))

    def _changed(self, place: Place) -> RemoteChanges:
        body = self._page(place.link, _PAGE)
        place = replace(place, began=place.began or self._now())
        changes = self._read(objects(body.get("value")))
        link = body.get("@odata.deltaLink")
        if body.get("@odata.nextLink"):
            following = replace(place, link=self._kept(body["@odata.nextLink"]))
            return RemoteChanges(tuple(changes), following.written(), more=True)
        if not link:  # where nothing changed, Dynamics may answer with nothing at all: the link is good for longer
            return RemoteChanges(tuple(changes), replace(place, began=0).written())
        return RemoteChanges(tuple(changes), Place(self._kept(link), False, place.began).written())

    def _walk(self, place: Place, *, quietly: bool = False) -> RemoteChanges:
        """Take a page of the walk through all contacts; what changed lately is told, to be read by whoever uses it."""
        body = self._first(place) if place.link == BEGINNING else self._page(place.link, _WALK)
        place = replace(place, began=place.began or self._now())
        changes = () if quietly else tuple(_lately(objects(body.get("value")), place.since - OVERLAP))
        if body.get("@odata.nextLink"):
            following = replace(place, link=self._kept(body["@odata.nextLink"]), since=place.since or place.began)
            return RemoteChanges(changes, following.written(), more=True)
        link = body.get("@odata.deltaLink")
        if not link:
            raise ChangesUntold(_UNTRACKED)
        return RemoteChanges(changes, Place(self._kept(link), False, place.began).written())

    def _first(self, place: Place) -> Row:
        """Return the first page of a walk; raise ChangesUntold where Dynamics refuses to track changes for us."""
        try:
            return self._page(place.link, _WALK)
        except PermissionMissing as error:
            if NO_USER in error.permissions:
                raise
            raise _untold(error) from None
        except RejectedByCRM as error:
            raise _untold(error) from None

    def _page(self, link: str, size: int) -> Row:
        prefer = {"Prefer": f"odata.track-changes,odata.maxpagesize={size}"}
        return self.client.call(Request("GET", ROOT + link, headers={**READING, **prefer}))

    def _read(self, rows: Sequence[Row]) -> list[RemoteChange]:
        """Return what became of the rows of a page. One that cannot be read is told without values."""
        gone = [_deletion(row) for row in rows if _is_deletion(row)]
        times = {str(row.get("contactid")).lower(): _modified(row) for row in rows if not _is_deletion(row)}
        found = self.contacts.read(list(times))
        return [_change(*seen, outcome) for seen, outcome in zip(times.items(), found, strict=True)] + gone

    def _kept(self, link: object) -> str:
        """Return what a cursor keeps of a link; raise ServerFault for one that is not of our environment's contacts."""
        path = self.client.own_path(str(link)).removeprefix(ROOT)
        if not path.startswith("contacts?") or len(path) > _LONGEST_LINK:
            raise ServerFault("Dynamics' list of changes goes on at an address that cannot be kept.")
        return path

    def _now(self) -> int:
        return time_told({"Date": self.client.heard.get("date", "")}, self.client.http.clock)


def _change(record_id: str, at: datetime | None, outcome: RemoteRecord | CRMError) -> RemoteChange:
    if isinstance(outcome, RejectedByCRM | PermissionMissing):
        return RemoteChange(record_id, "changed", at)  # gone by now, or kept from us: whoever reads it learns why
    if isinstance(outcome, CRMError):
        raise outcome
    if outcome.id != record_id:
        return RemoteChange(record_id, "merged", at, became=outcome.id)
    return RemoteChange(record_id, "changed", at, outcome)


def _lately(rows: Sequence[Row], since: int) -> Iterator[RemoteChange]:
    for row in rows:
        at = _modified(row)
        if at is None or at.timestamp() * 1000 >= since:
            yield RemoteChange(str(row.get("contactid")).lower(), "changed", at)


def _is_deletion(row: Mapping[str, object]) -> bool:
    return str(row.get("@odata.context", "")).endswith("/$deletedEntity")


def _deletion(row: Row) -> RemoteChange:
    return RemoteChange(str(row.get("id")).lower(), "deleted" if row.get("reason") == "deleted" else "changed")


def _modified(row: Row) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(row.get("modifiedon")))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _untold(error: CRMError) -> ChangesUntold:
    return ChangesUntold(crm_message=error.crm_message, status_code=error.status_code, request_id=error.request_id)
