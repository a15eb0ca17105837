"""The fault book: which calls are to go wrong, how often, and in what way."""

from __future__ import annotations

import random
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Moment = Literal["before", "after", "rows", "webhook"]
OF_A_CALL: tuple[Moment, ...] = ("before", "after", "rows")
OF_A_WEBHOOK: tuple[Moment, ...] = ("webhook",)


@dataclass(frozen=True)
class FaultKind:
    """One way to go wrong: when it strikes, what it takes, and one line for the person choosing it."""

    name: str
    moment: Moment
    says: str
    params: Mapping[str, Any] = field(default_factory=dict)
    """Parameters with their defaults; a value given for one must have the same type."""
    choices: Mapping[str, Collection[Any]] = field(default_factory=dict)
    """The values that a parameter may have, where not all will do."""
    crms: Collection[str] = ()
    """The CRMs that can go wrong in this way, where not all can."""

    def is_of(self, crm: str) -> bool:
        """Say whether a CRM can go wrong in this way."""
        return not self.crms or crm in self.crms


_TELLING = ("autochat", "dynamics", "hubspot")
"""The CRMs that send webhooks."""

KINDS: dict[str, FaultKind] = {
    kind.name: kind
    for kind in (
        FaultKind("latency", "before", "Answer late.", {"ms": 1000}),
        FaultKind("drop_request", "before", "Hang up before doing any work."),
        FaultKind(
            "throttle",
            "before",
            "Refuse because a limit is reached; the policy says which of the CRM's limits.",
            {"policy": "", "retry_after": 0},
        ),
        FaultKind(
            "server_error",
            "before",
            "Answer 5xx, before or after the work was done.",
            {"status": 503, "committed": False},
            {"status": range(500, 600)},
        ),
        FaultKind(
            "html_error",
            "before",
            "A proxy answers with an HTML page.",
            {"status": 502},
            {"status": range(400, 600)},
        ),
        FaultKind("locked", "before", "Refuse because somebody else writes the record."),
        FaultKind("moving", "before", "Refuse because the account is being moved.", {"retry_after": 60}),
        FaultKind("missing_scopes", "before", "Refuse because the token lacks a permission.", {"scope": ""}),
        FaultKind("revoke_token", "before", "Revoke the token that the call carries."),
        FaultKind("expire_token", "before", "Let the token that the call carries expire."),
        FaultKind(
            "reject_matching", "rows", "Refuse records whose values contain a text.", {"text": "", "whole_batch": False}
        ),
        FaultKind("nonsense", "rows", "Chat about the weather instead.", crms=("reviewer",)),
        FaultKind("wrong_schema", "rows", "Answer with other members than were asked for.", crms=("reviewer",)),
        FaultKind("answer_cut_off", "rows", "Stop in the middle of the answer, out of tokens.", crms=("reviewer",)),
        FaultKind("refusal", "rows", "Decline to judge.", crms=("reviewer",)),
        FaultKind("invents_quotes", "rows", "Quote what nobody said, as proof.", crms=("reviewer",)),
        FaultKind("obeys_transcript", "rows", "Do whatever the transcript tells it.", crms=("reviewer",)),
        FaultKind("lose_reply", "after", "Do the work, then hang up without an answer."),
        FaultKind("malformed_json", "after", "Do the work, then answer with broken JSON."),
        FaultKind("truncated", "after", "Do the work, then stop in the middle of the answer.", {"share": 0.5}),
        FaultKind("slow_drip", "after", "Do the work, then send the answer byte by byte.", {"ms": 50}),
        FaultKind("webhook_twice", "webhook", "Deliver a webhook twice, byte for byte.", crms=_TELLING),
        FaultKind("webhook_forged", "webhook", "Vouch for a webhook with a wrong secret.", crms=_TELLING),
        FaultKind("webhook_late", "webhook", "Deliver a webhook after the next one.", crms=_TELLING),
        FaultKind("webhook_lost", "webhook", "Never deliver a webhook.", crms=_TELLING),
        FaultKind("webhook_stale", "webhook", "Date a webhook ten minutes back.", crms=("hubspot",)),
    )
}


@dataclass
class Fault:
    """One entry of the book, with how often it was met (``seen``) and how often it struck (``fired``)."""

    id: int
    crm: str
    kind: str
    params: dict[str, Any]
    method: str | None = None
    path: str | None = None
    portal: str | None = None
    times: int | None = None
    probability: float = 1.0
    seed: int = 0
    after: int = 0
    seen: int = 0
    fired: int = 0

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)  # noqa: S311 - repeatable on purpose

    @property
    def spent(self) -> bool:
        """Say whether it has struck as often as it was meant to."""
        return self.times is not None and self.fired >= self.times

    def strikes(self, method: str, path: str, portal: str | None) -> bool:
        """Decide about one call, and count it."""
        if self.spent or not self._matches(method, path, portal):
            return False
        self.seen += 1
        if self.seen <= self.after or (self.probability < 1 and self._dice.random() >= self.probability):
            return False
        self.fired += 1
        return True

    def _matches(self, method: str, path: str, portal: str | None) -> bool:
        return (
            self.method in (None, method) and (self.path is None or self.path in path) and self.portal in (None, portal)
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the entry as JSON-ready data."""
        names = ("id", "crm", "kind", "params", "method", "path", "portal", "times", "probability", "seed", "after")
        return {name: getattr(self, name) for name in (*names, "seen", "fired", "spent")}


class FaultBook:
    """Hold the faults of all CRMs; calls ask it what is to happen to them."""

    def __init__(self) -> None:
        self.policies: dict[str, Collection[str]] = {}
        """The names of the limits that each CRM knows, the usual one first."""
        self._faults: list[Fault] = []
        self._last_id = 0
        self._lock = threading.Lock()

    def add(self, crm: str, kind: str, *, params: Mapping[str, Any] | None = None, **match: Any) -> Fault:
        """Enter a fault. ``match``: method, path (a substring), portal, times, probability, seed, after.

        Raises ValueError naming what is wrong with it.
        """
        known = [each.name for each in KINDS.values() if each.is_of(crm)]
        if kind not in known:
            raise ValueError(f"no such fault: {kind!r}; there are {', '.join(known)}")
        fields = _checked_match(match)
        complete = _checked_params(KINDS[kind], params or {})
        policies = self.policies.get(crm, ())
        if complete.get("policy") and complete["policy"] not in policies:
            raise ValueError(f"policy cannot be {complete['policy']!r}; it is one of {', '.join(policies)}")
        with self._lock:
            self._last_id += 1
            fault = Fault(id=self._last_id, crm=crm, kind=kind, params=complete, **fields)
            self._faults.append(fault)
        return fault

    def listed(self, crm: str | None = None) -> list[Fault]:
        """Return the entries in the order they were made, spent ones included."""
        with self._lock:
            return [fault for fault in self._faults if crm in (None, fault.crm)]

    def remove(self, fault_id: int) -> bool:
        """Strike an entry out; say whether it was there."""
        with self._lock:
            before = len(self._faults)
            self._faults = [fault for fault in self._faults if fault.id != fault_id]
            return len(self._faults) < before

    def clear(self, crm: str | None = None) -> None:
        """Strike out all entries, or those of one CRM."""
        with self._lock:
            self._faults = [fault for fault in self._faults if crm not in (None, fault.crm)]

    def take(
        self, crm: str, method: str, path: str, portal: str | None, *, moments: Collection[Moment] = OF_A_CALL
    ) -> list[Fault]:
        """Return the faults that strike this call (or webhook), in the order they were entered."""
        if not self._faults:
            return []
        with self._lock:
            return [
                fault
                for fault in self._faults
                if fault.crm == crm and KINDS[fault.kind].moment in moments and fault.strikes(method, path, portal)
            ]


_MATCH: dict[str, type] = {
    "method": str,
    "path": str,
    "portal": str,
    "times": int,
    "probability": float,
    "seed": int,
    "after": int,
}


def _checked_match(match: Mapping[str, Any]) -> dict[str, Any]:
    unknown = match.keys() - _MATCH.keys()
    if unknown:
        raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
    fields = {name: _as(_MATCH[name], value, name) for name, value in match.items() if value is not None}
    if "method" in fields:
        fields["method"] = fields["method"].upper()
    if not 0 <= fields.get("probability", 1.0) <= 1:
        raise ValueError("probability lies between 0 and 1")
    return fields


def _checked_params(kind: FaultKind, params: Mapping[str, Any]) -> dict[str, Any]:
    unknown = params.keys() - kind.params.keys()
    if unknown:
        raise ValueError(f"{kind.name} takes {', '.join(kind.params) or 'no parameters'}, not {', '.join(unknown)}")
    given = {name: _as(type(kind.params[name]), value, name) for name, value in params.items()}
    for name, allowed in kind.choices.items():
        if name in given and given[name] not in allowed:
            raise ValueError(f"{name} cannot be {given[name]!r}; it is one of {allowed}")
    return {**kind.params, **given}


def _as(wanted: type, value: Any, name: str) -> Any:
    """Read a value from JSON or from a form field as the type it is meant to have."""
    if wanted is bool and isinstance(value, str):
        return value.lower() in ("1", "true", "on", "yes")
    try:
        return wanted(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be of type {wanted.__name__}, not {value!r}") from None
