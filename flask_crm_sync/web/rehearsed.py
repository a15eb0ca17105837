"""What a changed criterion would have made of the last 30 days: a slice a request, the rest carried by the form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from werkzeug.datastructures import MultiDict

from ..qualification.criteria import Criterion
from ..qualification.store import Kept, kept_criteria
from ..qualification.trial import SHOWN, Rehearsal, rehearse
from .door import this_account, this_sync

SECONDS = 1.5
"""After so long the page answers, and goes on with the next request."""
_MOST_SLICES = 20
_LONGEST_ID = 191


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How far it has come, and the conversations with another result: number, status before and after.

    `carried` and `named` are what the form sends back to go on.
    """

    progress: Rehearsal
    differences: tuple[tuple[str, str, str], ...]
    carried: str

    @property
    def named(self) -> list[str]:
        """Return the differing conversations as the form carries them."""
        return [json.dumps(one) for one in self.differences]

    @property
    def share(self) -> int:
        """Return how much of the time it has come through, of 100."""
        whole, come = self.progress.until - self.progress.since, self.progress.at - self.progress.since
        return 100 if self.progress.done or not whole else int(100 * (come / whole))


def rehearsed(
    wanted: Criterion, kept: Kept | None, in_code: Sequence[Criterion], typed: MultiDict[str, str]
) -> Rehearsed:
    """Return the rehearsal of a criterion, gone on from where the form says; from the start for another criterion.

    What the form carries can be made up: that misleads nobody but who does it, and leads to no other account.
    """
    former = kept_criteria(this_sync(), this_account(), wanted.set_name, in_code)
    born = this_sync().clock.now() if kept is None else kept.criterion.created_at
    others = [one.criterion for one in former if kept is None or one.id != kept.id]
    before, after = [one.criterion for one in former], [*others, replace(wanted, created_at=born)]
    mark = _mark(before, after)
    progress, named = _carried(typed, mark)
    ends = this_sync().clock.monotonic() + SECONDS
    for _slice in range(_MOST_SLICES):
        progress = rehearse(this_sync(), this_account(), before, after, progress)
        if progress.done or this_sync().clock.monotonic() > ends:
            break
    assert progress is not None
    named += [(one.conversation_id, one.before, one.after) for one in progress.differences]
    carried = json.dumps({"mark": mark, **progress.to_json()})
    return Rehearsed(progress, tuple(dict.fromkeys(named))[:SHOWN], carried)


def _mark(before: Sequence[Criterion], after: Sequence[Criterion]) -> str:
    told = json.dumps([[one.to_json() for one in some] for some in (before, after)], sort_keys=True)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _carried(typed: MultiDict[str, str], mark: str) -> tuple[Rehearsal | None, list[tuple[str, str, str]]]:
    try:
        given = json.loads(typed.get("so_far", ""))
        if not isinstance(given, dict) or given.get("mark") != mark:
            return None, []
        progress = Rehearsal.from_json(given)
        named = [tuple(json.loads(one)) for one in typed.getlist("differs")[:SHOWN]]
    except (ValueError, TypeError, RecursionError):
        return None, []
    if not all(
        len(one) == 3 and all(isinstance(part, str) and len(part) <= _LONGEST_ID for part in one) for one in named
    ):
        return None, []
    return progress, [(id, before, after) for id, before, after in named]
