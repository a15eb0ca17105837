"""One criterion made ready: what it finds in a conversation, condition by condition, with the weight of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache

from ..host.records import ClientRecord, ConversationRecord
from .bounds import ALL, EVERYBODY
from .criteria import Criterion
from .folding import folded
from .terms import Term

CHANNEL, KEYWORDS, MESSAGES, CONTACT, SCORE, EXCLUDED = (
    "channel",
    "keywords",
    "messages",
    "contact",
    "score",
    "excluded",
)
MATCHES, EXCLUDES, PARTLY, NOTHING = "matches", "excludes", "partly", "nothing"
_SHOWN = 12
"""Keywords that a sentence names."""
_IN_WORDS = {"email": "e-mail", "phone": "phone", "company": "company"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What the rules look at: the record's facts, and the keys of the terms that were said."""

    channel: str
    messages: int
    contact: AbstractSet[str]
    by_client: AbstractSet[str]
    by_anybody: AbstractSet[str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition: whether it holds, what it adds to the score, what was asked for and found, in a sentence too."""

    condition: str
    holds: bool
    weight: int
    wanted: tuple[str, ...]
    found: tuple[str, ...]
    says: str


@dataclass(frozen=True, slots=True)
class Explained:
    """What one criterion made of a conversation: `result` is matches, excludes, partly or nothing."""

    criterion: Criterion
    result: str
    score: int
    findings: tuple[Finding, ...]
    decides: bool = False


class Ready:
    """A criterion with its keywords as they are looked for."""

    def __init__(self, criterion: Criterion) -> None:
        self.criterion = criterion
        self.required = _by_key(criterion.required)
        self.excluded = _by_key(criterion.excluded)
        self._weights = {key: criterion.weight(word) for key, word in self.required.items()}
        self._places = {key: place for place, key in enumerate(self.required)}
        self._needed = frozenset(self.required)
        self._forbidden = frozenset(self.excluded)
        self._channels = frozenset(map(_channel, criterion.channels))
        self._fields = frozenset(criterion.contact_fields)
        self._needs_all = criterion.mode == ALL
        self._of_everybody = criterion.who == EVERYBODY

    @property
    def terms(self) -> Iterator[Term]:
        """Yield what is to be looked for."""
        return map(Term.of, (*self.criterion.required, *self.criterion.excluded))

    @property
    def is_of_everybody(self) -> bool:
        """Tell whether it looks at all messages, not the client's alone."""
        return self._of_everybody

    def result(self, seen: Seen) -> tuple[str, int]:
        """Return what the criterion makes of a conversation, and its score where it matches or excludes (0 else)."""
        said = seen.by_anybody if self._of_everybody else seen.by_client
        if self._channels and seen.channel not in self._channels:
            return NOTHING, 0
        excluded = not self._forbidden.isdisjoint(said)
        if self.criterion.only_excludes:
            return (EXCLUDES, 0) if excluded else (NOTHING, 0)
        if not self._holds(seen, said):
            return (PARTLY if self._partly_holds(seen, said) else NOTHING), 0
        score = self.score(said)
        if score < self.criterion.threshold:
            return PARTLY, 0
        return (EXCLUDES if excluded else MATCHES), score

    def shown_reasons(self, seen: Seen) -> tuple[str, ...]:
        """Return what was said, in a sentence, where keywords are asked for."""
        if not self.required:
            return ()
        said = seen.by_anybody if self._of_everybody else seen.by_client
        found = self._said(said)
        return (f"Said: {_listed(found)}.",)

    def excluded_word(self, seen: Seen) -> str:
        """Return the first excluded keyword that was said where the criterion looks, "" where there is none."""
        if self._channels and seen.channel not in self._channels:
            return ""
        said = seen.by_anybody if self._of_everybody else seen.by_client
        return next((word for key, word in self.excluded.items() if key in said), "")

    def score(self, said: AbstractSet[str]) -> int:
        """Return the sum of the weights of the keywords that were said and of the other conditions that are set."""
        criterion = self.criterion
        return (
            sum([self._weights[key] for key in self._needed & said])
            + (criterion.channel_weight if self._channels else 0)
            + (criterion.messages_weight if criterion.min_messages else 0)
            + (criterion.contact_weight if self._fields else 0)
        )

    def _holds(self, seen: Seen, said: AbstractSet[str]) -> bool:
        if self._needed:
            heard = self._needed <= said if self._needs_all else not self._needed.isdisjoint(said)
            if not heard:
                return False
        return seen.messages >= self.criterion.min_messages and self._fields <= seen.contact

    def _said(self, said: AbstractSet[str]) -> tuple[str, ...]:
        """Return the required keywords that were said, as they were written and in their order."""
        return tuple(self.required[key] for key in sorted(self._needed & said, key=self._places.__getitem__))

    def _partly_holds(self, seen: Seen, said: AbstractSet[str]) -> bool:
        if not self._needed.isdisjoint(said):
            return True
        enough = 0 < self.criterion.min_messages <= seen.messages
        return enough or (bool(self._fields) and self._fields <= seen.contact)

    def explained(self, seen: Seen) -> Explained:
        """Return what came of every condition that is set."""
        result, _ = self.result(seen)
        findings = tuple(self._findings(seen))
        score = sum(finding.weight for finding in findings if finding.holds or finding.condition == KEYWORDS)
        if findings and self.criterion.threshold:
            findings = (*findings, _score_finding(score, self.criterion.threshold))
        return Explained(self.criterion, result, score, findings)

    def _findings(self, seen: Seen) -> Iterator[Finding]:
        criterion = self.criterion
        said = seen.by_anybody if self._of_everybody else seen.by_client
        if self._channels:
            holds = seen.channel in self._channels
            says = f"The channel is one of {_listed(criterion.channels)}."
            weight = criterion.channel_weight
            yield Finding(CHANNEL, holds, weight, criterion.channels, (seen.channel,) if seen.channel else (), says)
        if self.required:
            yield self._keywords(said)
        if criterion.min_messages:
            holds = seen.messages >= criterion.min_messages
            says = f"There are {seen.messages} messages; at least {criterion.min_messages} are needed."
            wanted, found = (str(criterion.min_messages),), (str(seen.messages),)
            yield Finding(MESSAGES, holds, criterion.messages_weight, wanted, found, says)
        if self._fields:
            yield self._contact(seen)
        if self.excluded:
            yield self._exclusion(said)

    def _keywords(self, said: AbstractSet[str]) -> Finding:
        found = self._said(said)
        missing = tuple(word for key, word in self.required.items() if key not in said)
        holds = bool(found) and not (self._needs_all and missing)
        if not found:
            says = "None of the required keywords was said."
        elif self._needs_all and missing:
            says = f"Said: {_listed(found)}. Missing: {_listed(missing)}."
        else:
            says = f"Said: {_listed(found)}."
        weight = sum(self._weights[key] for key in self._needed & said)
        return Finding(KEYWORDS, holds, weight, tuple(self.required.values()), found, says)

    def _contact(self, seen: Seen) -> Finding:
        wanted = self.criterion.contact_fields
        missing = tuple(_IN_WORDS[field] for field in wanted if field not in seen.contact)
        says = f"The client's record lacks: {_plain(missing)}." if missing else "The contact details are there."
        found = tuple(field for field in wanted if field in seen.contact)
        return Finding(CONTACT, not missing, self.criterion.contact_weight, wanted, found, says)

    def _exclusion(self, said: AbstractSet[str]) -> Finding:
        found = tuple(word for key, word in self.excluded.items() if key in said)
        says = f"An excluded keyword was said: {_listed(found)}." if found else "No excluded keyword was said."
        return Finding(EXCLUDED, not found, 0, self.criterion.excluded, found, says)


def _by_key(keywords: Sequence[str]) -> dict[str, str]:
    """Return the keywords by what they are looked for as; of those that are the same to the search, the first."""
    found: dict[str, str] = {}
    for keyword in keywords:
        found.setdefault(Term.of(keyword).key, keyword)
    return found


def _score_finding(score: int, threshold: int) -> Finding:
    says = f"The score is {score}; {threshold} is needed."
    return Finding(SCORE, score >= threshold, 0, (str(threshold),), (str(score),), says)


def _listed(words: Sequence[str]) -> str:
    """Name keywords in quotes, the first ones where there are many."""
    rest = len(words) - _SHOWN
    return _plain(f"“{word}”" for word in words[:_SHOWN]) + (f" (+{rest})" if rest > 0 else "")


def _plain(words: Iterator[str] | Sequence[str]) -> str:
    return ", ".join(words)


def seen_in(
    conversation: ConversationRecord,
    client: ClientRecord | None,
    by_client: AbstractSet[str],
    by_anybody: AbstractSet[str],
) -> Seen:
    """Return what criteria look at in a conversation of which it is known what was said."""
    return Seen(_channel(conversation.channel), len(conversation.messages), _contact_of(client), by_client, by_anybody)


@lru_cache(maxsize=256)
def _channel(name: str) -> str:
    """Channels are few, and the same for many conversations."""
    return folded(name).strip()


def _contact_of(client: ClientRecord | None) -> AbstractSet[str]:
    if client is None:
        return frozenset()
    given = {"email": client.email, "phone": client.phone, "company": client.company}
    return {name for name, value in given.items() if value.strip()}
