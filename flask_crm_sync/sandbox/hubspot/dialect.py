"""The points on which HubSpot's behaviour is not publicly settled, each as a switch with a reason for its default."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args, get_type_hints


@dataclass
class Dialect:
    """How this sandbox reads the open points. The defaults favour what is hardest on a client."""

    repeat_trace_ids: bool = False
    """Whether result rows repeat ``objectWriteTraceId``; the documented example does not."""
    shuffle_results: bool = True
    """Whether batch results come in another order than the inputs; the order is not promised anywhere."""
    upsert_shows_key: bool = True
    """Whether an upsert's result shows the key property even where the input did not set it."""
    email_upsert_in_parts: bool = False
    """Whether a failing row of an upsert by e-mail fails alone; "partial upserts are not supported" says no."""
    batch_conflict_names_id: bool = False
    """Whether the 409 of a whole batch names the record in the way; both forms have been recorded."""
    unique_conflict_envelope: Literal["category", "validation"] = "category"
    """Whether a taken unique value is a category of its own or an entry of a validation error; both are 400."""
    unique_note_properties: Literal["refuse", "allow", "ignore"] = "refuse"
    """What creating a unique property on notes does: 400, works, or 201 with the flag dropped."""
    merge_keeps_primary_id: bool = False
    """Whether a merge keeps the primary's id (a beta) or makes a new one (the rule since January 2025)."""
    merged_ids_in_batches: Literal["resolve", "missing"] = "resolve"
    """Whether ids from before a merge work in batch calls; in single calls they always lead to the survivor."""
    additional_email_is_key: bool = True
    """Whether ``idProperty=email`` finds a record by one of its additional addresses."""
    create_needs_identity: bool = False
    """Whether a contact without e-mail, first and last name is refused; the two guides disagree."""
    lifecycle_backward: Literal["ignore", "refuse"] = "ignore"
    """What moving ``lifecyclestage`` back does."""
    search_lag_ms: int = 1000
    """How far the search index runs behind the records."""
    property_visible_after_ms: int = 0
    """How long a new property stays unreadable and unusable; 250 to 700 has been measured."""
    retry_after_on_429: bool = False
    """Whether a 429 carries ``Retry-After``; it is not documented there."""
    rate_limit_word: Literal["errorType", "category"] = "errorType"
    """Whether a 429 says ``errorType: RATE_LIMIT`` or ``category: RATE_LIMITS``; both are seen."""
    rotate_refresh_tokens: bool = False
    """Whether a refresh hands out a new refresh token and kills the old one."""

    def as_dict(self) -> dict[str, Any]:
        """Return all switches by name."""
        return asdict(self)

    def change(self, switches: dict[str, Any]) -> None:
        """Set several switches at once, or none. Raises ValueError naming the first bad one."""
        for name, value in switches.items():
            _check(name, value)
        for name, value in switches.items():
            setattr(self, name, value)

    def reset(self) -> None:
        """Go back to the defaults."""
        self.change(Dialect().as_dict())


_TYPES = get_type_hints(Dialect)


def _check(name: str, value: Any) -> None:
    if name not in {field.name for field in fields(Dialect)}:
        raise ValueError(f"no such switch: {name!r}")
    choices = get_args(_TYPES[name])
    if choices:
        if value not in choices:
            raise ValueError(f"{name} is one of {', '.join(choices)}, not {value!r}")
    elif type(value) is not _TYPES[name]:
        raise ValueError(f"{name} must be of type {_TYPES[name].__name__}, not {value!r}")
