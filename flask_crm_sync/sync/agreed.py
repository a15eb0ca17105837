"""What both sides last agreed on, and what was sent without an answer: digests, never values."""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from .plan import Plan

MAX_INTENTS = 8
"""How many unanswered writes of one record are told apart; an older one counts as the CRM's own edit."""


@dataclass(frozen=True, slots=True)
class Base:
    """What both sides last agreed on: per field the digest of ours as sent and of theirs as returned."""

    version: int
    fields: Mapping[str, tuple[str, str]]

    def to_json(self) -> dict[str, object]:
        """Return the form that is stored; a field on which both sides are the same has one digest instead of two."""
        fields = {name: ours if ours == theirs else [ours, theirs] for name, (ours, theirs) in self.fields.items()}
        return {"v": self.version, "f": fields}

    @classmethod
    def from_json(cls, stored: Mapping[str, object] | None) -> Base | None:
        """Read the stored form; None where nothing was agreed yet."""
        if not stored:
            return None
        fields = stored["f"]
        assert isinstance(fields, Mapping)
        pairs = {name: (kept, kept) if isinstance(kept, str) else (kept[0], kept[1]) for name, kept in fields.items()}
        return cls(int(str(stored["v"])), pairs)


@dataclass(slots=True)
class Digester:
    """Keyed digests of one link's fields, so that the base holds no second copy of personal data."""

    secret: bytes = field(repr=False)
    link_id: UUID
    known: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    """What was digested already: a value is digested when it is proposed, and again when it is settled."""

    def __call__(self, name: str, value: str) -> str:
        """Return the digest of a field's value; a blank is "" and shows as one."""
        if not value:
            return ""
        text = f"{name}\0{value}"
        if text not in self.known:
            self.known[text] = self._digest(text.encode("utf-8", "surrogatepass"))
        return self.known[text]

    def _digest(self, text: bytes) -> str:
        digest = hashlib.blake2b(text, key=self.secret, salt=self.link_id.bytes, digest_size=12).digest()
        return binascii.b2a_base64(digest, newline=False).decode()


def settled_base(
    base: Base | None,
    plan: Plan,
    ours: Mapping[str, str],
    theirs: Mapping[str, str],
    digest: Digester,
    *,
    version: int,
) -> Base:
    """Return the base after the plan was carried out; `theirs` is the record as the CRM returned it."""
    kept = dict(base.fields) if base is not None and base.version == version else {}
    for name in (*plan.agreed, *plan.writes):
        mine = digest(name, ours[name])
        other = theirs.get(name, ours[name])
        kept[name] = (mine, mine if other == ours[name] else digest(name, other))
    return Base(version, kept)


def with_intent(
    intents: Mapping[str, Sequence[str]], writes: Mapping[str, str], digest: Digester
) -> dict[str, list[str]]:
    """Return the intents with one more write noted, before it is sent."""
    noted = {name: list(digests) for name, digests in intents.items()}
    for name, value in writes.items():
        mine = digest(name, value)
        noted[name] = [*[d for d in noted.get(name, ()) if d != mine][-(MAX_INTENTS - 1) :], mine]
    return noted
