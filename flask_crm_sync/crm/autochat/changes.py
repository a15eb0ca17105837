"""Changed clients, where an installation can be asked for them.

Nothing of this is documented: neither a parameter that asks, nor the field that tells the time, nor how a list goes on.
So it is off until an operator names the parameter, and an answer is believed only where each client in it really
changed since the time that was asked for: a parameter that nobody knows is ignored, and everybody is listed. Of
deletions no list tells, nor does any webhook: reading the client does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ...errors import UnsupportedFeature
from ..base import RemoteChange, RemoteChanges
from ..feed import Feed, Reach, Sighting, fingerprint, time_told
from .answers import ChangesUnsure
from .client import identifier, rows
from .fields import Row
from .records import Records

REACH = Reach(300_000, 340)
"""A change may show up five minutes late, we suppose: how AutoChat CRM stores its clients is not documented."""
_SIZE, _PAGES = 100, 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Seen(Sighting):
    """A client in a list."""

    row: Row


class Changes:
    """What changes among the clients of one installation."""

    def __init__(self, records: Records) -> None:
        self.records, self.client, self.settings = records, records.client, records.client.settings

    def since(self, cursor: str) -> RemoteChanges:
        """Return what changed; raise UnsupportedFeature where no parameter is known, ValueError for no cursor.

        Raises ChangesUnsure for an answer that is no list of changes.
        """
        if not self.settings.autochat_changed_since:
            raise UnsupportedFeature("AutoChat CRM", "a list of changed clients that its documentation tells of")
        feed = Feed.of(cursor) if cursor else Feed(self._now())
        found = sorted(self._listed(feed.since), key=lambda seen: seen.at, reverse=True)
        fresh, following = feed.looked(found, REACH, now=self._told_now(), whole=True)
        return RemoteChanges(tuple(map(self._change, fresh if cursor else ())), following.written())

    def _listed(self, since: int) -> list[_Seen]:
        """Return the clients that changed since an instant, page by page until one tells nothing new."""
        found: dict[str, _Seen] = {}
        for number in range(1, _PAGES + 1):
            page = {seen.id: seen for seen in self._page(since, number)}
            if page.keys() <= found.keys():
                return list(found.values())
            found |= page
            if not dict(self.settings.autochat_paging).get("page"):
                return list(found.values())
        raise ChangesUnsure(f"The list of changed clients did not end after {_PAGES} pages.")

    def _page(self, since: int, number: int) -> Iterator[_Seen]:
        listed = rows(self.client.list({self.settings.autochat_changed_since: _moment(since), **self._place(number)}))
        if listed is None:
            raise ChangesUnsure("The answer holds no list of clients.")
        for row in listed:
            at = self._changed_at(row)
            if at < since - 1_000:  # told to the second, perhaps
                raise ChangesUnsure("The answer lists clients that did not change: the parameter seems to be ignored.")
            mark = fingerprint(identifier(row), str(row.get(self.settings.autochat_changed_field)))
            yield _Seen(identifier(row), at, mark, row)

    def _place(self, number: int) -> dict[str, str]:
        names = dict(self.settings.autochat_paging)
        told = {names.get("page", ""): str(number), names.get("size", ""): str(_SIZE)}
        return {name: value for name, value in told.items() if name}

    def _changed_at(self, row: Row) -> int:
        field = self.settings.autochat_changed_field
        try:
            at = datetime.fromisoformat(str(row.get(field)))
        except ValueError:
            raise ChangesUnsure(f"A client tells in {field} no time of its change.") from None
        return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // timedelta(milliseconds=1)

    def _change(self, seen: _Seen) -> RemoteChange:
        """Return a change with the client's values, where the list tells them all."""
        record = self.records.record(seen.row) if self.records.naming.is_whole(seen.row) else None
        return RemoteChange(seen.id, "changed", _EPOCH + timedelta(milliseconds=seen.at), record)

    def _now(self) -> int:
        return int(self.client.http.clock.now().timestamp() * 1000)

    def _told_now(self) -> int:
        return time_told({"Date": self.client.heard}, self.client.http.clock)


def _moment(instant: int) -> str:
    at = _EPOCH + timedelta(seconds=instant // 1000)
    return at.isoformat().replace("+00:00", "Z")
