"""Trying criteria out before they count: on one conversation, and on those of the last 30 days. Nothing is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ..host.bound import BindingFailure
from ..host.messages import WHOLE
from ..host.records import ClientRecord, ConversationRecord, MessageRecord
from ..host.scan import ScanRow, is_scannable, scan
from ..models.qualification import QUALIFIED
from ..sync.context import Sync
from ..sync.refusals import NotFound
from .conditions import Explained
from .criteria import Criterion
from .rules import Judged, compile_rules

DAYS = 30
SLICE = 500
"""Conversations that one call looks at, so that a page answers soon and goes on with the next call."""
SHOWN = 50
"""Conversations with a different result that are named; all are counted."""
LONGEST = 100_000
"""Characters of a pasted conversation that are read."""

_BATCH = 50
_CLIENTS, _AGENTS = ("client", "customer", "visitor", "user", "kunde", "kundin"), ("agent", "support", "mitarbeiter")
_SPEAKER = re.compile(rf"[ \t]*({'|'.join(_CLIENTS + _AGENTS)})[ \t]*:(.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trial:
    """What criteria make of one conversation, and what each of them found in it."""

    judged: Judged
    explained: tuple[Explained, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A conversation that other criteria judge otherwise: status by the former and by the changed ones, and why."""

    conversation_id: str
    before: str
    after: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How far a rehearsal has come, and what it has found so far.

    `since` and `until` are the days that are looked at. It goes on behind (`at`, `id`) until it is `done`. `before`
    and `after` count the conversations that qualify by the former and by the changed criteria, `different` those with
    another status, of which the first 50 are named. `possible` is False where the host's conversations cannot be
    listed by time.
    """

    since: datetime
    until: datetime
    at: datetime
    id: str = ""
    looked_at: int = 0
    before: int = 0
    after: int = 0
    different: int = 0
    differences: tuple[Difference, ...] = ()
    done: bool = False
    possible: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return where it goes on and the counts, for a form to carry; the named conversations are not in it."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        return {"instants": [getattr(self, name).isoformat() for name in _INSTANTS], "id": self.id, **numbers}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rehearsal:
        """Return the rehearsal of what a form carried; raise ValueError where it is no such thing."""
        try:
            since, until, at = (_aware(text) for text in data["instants"])
            numbers: dict[str, Any] = {name: max(0, int(data[name])) for name in _NUMBERS}
            found = cls(since, until, at, str(data["id"]), **numbers)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError("not a rehearsal") from error
        if not since <= at <= until or until - since > _SPAN:
            raise ValueError("not a rehearsal")
        return found


def _aware(text: str) -> datetime:
    """Return the instant of a text; raise ValueError for one without a zone, OverflowError for one that UTC has not."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("without a zone")
    return at.astimezone(UTC)


_NUMBERS = ("looked_at", "before", "after", "different")
_INSTANTS = ("since", "until", "at")
_SPAN = timedelta(days=DAYS)


def try_out(
    criteria: Sequence[Criterion], conversation: ConversationRecord, client: ClientRecord | None = None
) -> Trial:
    """Return what the criteria make of a conversation, with every condition explained."""
    rules = compile_rules(criteria)
    return Trial(rules.judge(conversation, client), rules.explain(conversation, client))


def picked(sync: Sync, account_id: str, conversation_id: str) -> tuple[ConversationRecord, ClientRecord | None]:
    """Return an account's conversation with its client; raise NotFound where it has none such, or it cannot be read."""
    with sync.database.read() as connection:
        found = sync.host.load_conversations(connection, [conversation_id], ends=WHOLE).get(conversation_id)
        if not isinstance(found, ConversationRecord) or found.account_id != account_id:
            raise NotFound("There is no such conversation.")
        client = sync.host.load_clients(connection, [found.client_id]).get(found.client_id)
    return found, client if isinstance(client, ClientRecord) and client.account_id == account_id else None


def pasted(text: str, *, channel: str = "", contact: Iterable[str] = ()) -> tuple[ConversationRecord, ClientRecord]:
    """Return a conversation that somebody pasted, and a client who has the named contact details.

    "Client:" or "Agent:" at a line's beginning starts a message; what stands before the first of them is the client's.
    """
    has: dict[str, Any] = {name: "given" for name in contact if name in ("email", "phone", "company")}
    said = tuple(_messages(text[:LONGEST]))
    return ConversationRecord("", "", "", channel, messages=said), ClientRecord("", "", **has)


def rehearse(
    sync: Sync,
    account_id: str,
    former: Sequence[Criterion],
    changed: Sequence[Criterion],
    so_far: Rehearsal | None = None,
) -> Rehearsal:
    """Judge the next slice of an account's conversations of the last 30 days by the former and the changed criteria.

    Memory is that of one batch. Handing the result in again goes on, until it is `done`. Conversations that change
    while it runs are left out from where it began.
    """
    progress = so_far or _beginning(sync.clock.now())
    if not is_scannable(sync.host.conversation):
        return replace(progress, done=True, possible=False)
    rules = compile_rules(former), compile_rules(changed)
    for _ in range(SLICE // _BATCH):
        if progress.done:
            break
        rows, results = _next(sync, account_id, progress)
        for conversation, client in results:
            progress = _counted(progress, conversation.id, *(each.judge(conversation, client) for each in rules))
        ended = len(rows) < _BATCH or rows[-1].at > progress.until
        at, id = (progress.at, progress.id) if ended else (rows[-1].at, rows[-1].id)
        progress = replace(progress, at=at, id=id, done=ended)
    return progress


def _beginning(now: datetime) -> Rehearsal:
    return Rehearsal(now - _SPAN, now, now - _SPAN)


def _next(
    sync: Sync, account_id: str, progress: Rehearsal
) -> tuple[list[ScanRow], list[tuple[ConversationRecord, ClientRecord | None]]]:
    """Return the next rows, and those of them that are the account's conversations, with their clients."""
    with sync.database.read() as connection:
        rows = scan(sync.host.conversation, connection, progress.at, progress.id, _BATCH, account_id=account_id)
        wanted = [row.id for row in rows if row.at <= progress.until]
        loaded = sync.host.load_conversations(connection, wanted, ends=WHOLE)
        readable = [each for each in loaded.values() if isinstance(each, ConversationRecord)]
        own = [each for each in readable if each.account_id == account_id and not each.test]
        clients = sync.host.load_clients(connection, {each.client_id for each in own})
    return rows, [(each, _client(clients, each)) for each in own]


def _client(
    clients: Mapping[str, ClientRecord | BindingFailure], conversation: ConversationRecord
) -> ClientRecord | None:
    found = clients.get(conversation.client_id)
    return found if isinstance(found, ClientRecord) else None


def _counted(progress: Rehearsal, id: str, before: Judged, after: Judged) -> Rehearsal:
    differs = before.status != after.status
    named = progress.differences
    if differs and len(named) < SHOWN:
        named = (*named, Difference(id, before.status, after.status, after.reasons))
    return replace(
        progress,
        looked_at=progress.looked_at + 1,
        before=progress.before + (before.status == QUALIFIED),
        after=progress.after + (after.status == QUALIFIED),
        different=progress.different + differs,
        differences=named,
    )


def _messages(text: str) -> Iterable[MessageRecord]:
    from_client, lines = True, list[str]()
    for line in text.splitlines():
        speaker = _SPEAKER.fullmatch(line)
        if speaker:
            yield from _message(from_client, lines)
            from_client, lines = speaker[1].casefold() in _CLIENTS, [speaker[2]]
        else:
            lines.append(line)
    yield from _message(from_client, lines)


def _message(from_client: bool, lines: Sequence[str]) -> Iterable[MessageRecord]:
    said = "\n".join(lines).strip()
    if said:
        yield MessageRecord(from_client, said)
