"""A criterion: what a conversation must show to be qualified, and what its review is to know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from ..errors import CRMSyncError
from ..models.criterion import DEFAULT_SET
from .bounds import ANY, CLIENT, problems, tidy

REVIEW_THRESHOLD = 70
"""The reviewer's score, of 100, from which its verdict counts, where nobody said otherwise."""

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_KEPT_ELSEWHERE = ("version", "created_at")
_LISTS = ("required", "excluded", "contact_fields", "channels")
_FLAGS = ("enabled", "review", "second_look")
_TEXTS = ("name", "set_name", "guidance")


class CriterionInvalid(CRMSyncError):
    """What was typed or given cannot be a criterion; `fields` maps the field's name to what is wrong with it."""

    code = "criterion_invalid"
    says = "The criterion cannot be used like this."
    advice = "Correct the marked field."

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


@dataclass(frozen=True)
class Criterion:
    """One rule of a set. Whatever exists is valid: making an impossible one raises CriterionInvalid.

    A condition that is empty, or zero, is not set. The criterion matches when every condition that is set holds and
    the weights of what was found reach the threshold. One with excluded keywords alone qualifies nobody: it only
    excludes.
    """

    name: str
    set_name: str = DEFAULT_SET
    enabled: bool = True
    priority: int = 0
    """Higher ones are asked first; the older one goes first among equals."""
    required: tuple[str, ...] = ()
    """Words and phrases; a * at the end stands for any ending."""
    mode: str = ANY
    """`any` keyword is enough, or `all` are needed."""
    excluded: tuple[str, ...] = ()
    """Where one of these is said, the conversation is unqualified instead."""
    who: str = CLIENT
    """Whose messages are searched for keywords: the `client`'s, or `all`."""
    min_messages: int = 0
    """How many messages the conversation has at least, whoever wrote them."""
    contact_fields: tuple[str, ...] = ()
    """Which of email, phone and company the client must have."""
    channels: tuple[str, ...] = ()
    """The channels that it looks at; all where there are none."""
    weights: Mapping[str, int] = field(default_factory=dict, hash=False)
    """What each required keyword adds, once, when it is found; 1 where nothing is said."""
    contact_weight: int = 0
    messages_weight: int = 0
    channel_weight: int = 0
    threshold: int = 0
    review: bool = True
    """Whether conversations that it qualifies are reviewed later."""
    review_threshold: int = REVIEW_THRESHOLD
    guidance: str = ""
    """What the reviewer should know besides, in the account's own words."""
    second_look: bool = False
    """Whether pending conversations in which part of it holds are worth a review."""
    version: int = 1
    created_at: datetime | None = None
    """When it was made, aware; None for those given in code, which are older than any other."""

    def __post_init__(self) -> None:
        """Bring lists and texts into one form, and refuse what no criterion can be."""
        for name in _LISTS:
            object.__setattr__(self, name, _listed(name, getattr(self, name)))
        for name in _TEXTS:
            object.__setattr__(self, name, _text(name, getattr(self, name)).strip())
        object.__setattr__(self, "weights", self._own_weights())
        if wrong := problems(_shallow(self)):
            raise CriterionInvalid(wrong)

    def weight(self, keyword: str) -> int:
        """Return what a required keyword adds when it is found."""
        return self.weights.get(keyword, 1)

    @property
    def only_excludes(self) -> bool:
        """Tell whether nothing but excluded keywords is set, so that it qualifies nobody."""
        return not (self.required or self.min_messages or self.contact_fields or self.channels)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON holds it, without version and instant, which the row has."""
        return {name: value for name, value in asdict(self).items() if name not in _KEPT_ELSEWHERE}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, version: int = 1, created_at: datetime | None = None) -> Criterion:
        """Return the criterion of a JSON object; keys that a later version added are no concern of ours.

        Raises CriterionInvalid.
        """
        known = {each.name for each in fields(cls)} - set(_KEPT_ELSEWHERE)
        given = {name: value for name, value in data.items() if name in known}
        if "name" not in given:
            raise CriterionInvalid({"name": "Give the criterion a name."})
        return cls(**given, version=version, created_at=created_at)

    def _own_weights(self) -> dict[str, int]:
        if not isinstance(self.weights, Mapping):
            raise CriterionInvalid({"required": "The weights are a mapping of keywords to whole numbers."})
        return {keyword: self.weights[keyword] for keyword in self.required if keyword in self.weights}


def in_order(criteria: Iterable[Criterion]) -> list[Criterion]:
    """Return the criteria in the order in which they are asked: by priority, the older first among equals."""
    return sorted(criteria, key=lambda each: (-each.priority, each.created_at or _LONG_AGO))


def _shallow(criterion: Criterion) -> dict[str, Any]:
    for name in _FLAGS:
        if not isinstance(getattr(criterion, name), bool):
            raise CriterionInvalid({name: "This is either on or off."})
    return {each.name: getattr(criterion, each.name) for each in fields(criterion)}


def _listed(name: str, given: Any) -> tuple[str, ...]:
    """A lone text is a likely slip in code: it would become a list of its letters."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise CriterionInvalid({name: "This is a list of texts."})
    return tidy(_text(name, each) for each in given)


def _text(name: str, given: Any) -> str:
    if not isinstance(given, str):
        raise CriterionInvalid({name: "This is a text."})
    return given
