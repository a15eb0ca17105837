"""Deleted contacts. HubSpot lists them by id, not by time, so that a look at them goes through the whole bin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace

from ...errors import ServerFault
from ..answers import objects
from ..base import RemoteChange
from ..webhooks import instant_of_milliseconds
from .client import HubSpotClient, Row, identifier
from .finding import next_page
from .times import milliseconds

PAGE = 100
"""Contacts on a page of a list, at most."""
_OVERLAP = 300_000
_DAY = 86_400
_REST = 30
"""Seconds that the bin is left alone for each page that the last look took beyond the first: deletions may be told
late, and a full bin must not eat up the calls of a day. HubSpot empties it after 90 days."""


@dataclass(frozen=True, slots=True)
class Bin:
    """How the deleted contacts were looked through.

    Deletions up to `since` were told; `newest` is the latest that the running look met (milliseconds of HubSpot's
    clock). `after` is where that look goes on, None while none runs. `began` is when the last look began (seconds of
    our clock), `pages` what it took.
    """

    since: int
    newest: int
    after: str | None
    pages: int
    began: int

    @classmethod
    def unopened(cls, since: int, now: float) -> Bin:
        """Return a bin whose deletions count from an instant on."""
        return cls(since, since, None, 0, int(now))

    @classmethod
    def of(cls, values: list[object]) -> Bin:
        """Read the form that a cursor holds."""
        return cls(*values)  # type: ignore[arg-type]

    def written(self) -> list[object]:
        """Return the form that a cursor holds."""
        return list(astuple(self))

    def may_be_opened(self, now: float) -> bool:
        """Tell whether it has rested since the last look."""
        return now >= self.began + _REST * (self.pages - 1)

    def is_due(self, now: float) -> bool:
        """Tell whether it was last looked at a day ago: what else tells of deletions is a hint."""
        return now >= self.began + _DAY

    def opened(self, now: float) -> Bin:
        """Return it at the beginning of a look."""
        return replace(self, after="", pages=0, began=int(now))

    def page(self, client: HubSpotClient) -> tuple[list[RemoteChange], Bin]:
        """Read the next page of a look: the deletions that it tells, and the bin after it; raise CRMError."""
        params = {"archived": "true", "limit": str(PAGE), "properties": "hs_object_id"}
        answer = client.call("GET", client.paths.contacts, params={**params, **self._place()})
        deleted = {identifier(row): _archived_at(row) for row in objects(answer.get("results"))}
        told = {record_id: at for record_id, at in deleted.items() if at > self.since - _OVERLAP}
        newest = max([self.newest, *deleted.values()])
        following = next_page(answer)
        if following and following == self.after:
            raise ServerFault("The pages of HubSpot's deleted contacts come to no end.")
        seen = replace(self, newest=newest, pages=self.pages + 1, after=following or None)
        changes = [RemoteChange(record_id, "deleted", instant_of_milliseconds(at)) for record_id, at in told.items()]
        return changes, seen if following else replace(seen, since=newest)

    def _place(self) -> Mapping[str, str]:
        return {"after": self.after} if self.after else {}


def _archived_at(row: Row) -> int:
    """Return when a contact was deleted; it was changed then, too."""
    return milliseconds(row.get("archivedAt") or row.get("updatedAt"))
