"""The points on which HubSpot's behaviour is not publicly settled, each as a switch with a reason for its default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..switches import Switches, switch


@dataclass
class Dialect(Switches):
    """How this sandbox reads the open points. The defaults favour what is hardest on a client."""

    repeat_trace_ids: bool = switch(False, "Result rows repeat objectWriteTraceId. The documented example does not.")
    shuffle_results: bool = switch(
        True, "Batch results come in another order than the inputs. No order is promised anywhere."
    )
    upsert_shows_key: bool = switch(
        True, "An upsert's result shows the key property even where the input did not set it."
    )
    email_upsert_in_parts: bool = switch(
        False, "A failing row of an upsert by e-mail fails alone. Documented: partial upserts are not supported there."
    )
    batch_conflict_names_id: bool = switch(
        False, "The 409 of a whole batch names the record in the way. Both forms have been recorded."
    )
    unique_conflict_envelope: Literal["category", "validation"] = switch(
        "category", "A taken unique value is a category of its own, or an entry of a validation error. Both are 400."
    )
    unique_note_properties: Literal["refuse", "allow", "ignore"] = switch(
        "refuse", "Creating a unique property on notes: 400, works, or 201 with the flag dropped."
    )
    merge_keeps_primary_id: bool = switch(
        False, "A merge keeps the primary's id (a beta) instead of making a new one (the rule since January 2025)."
    )
    merged_ids_in_batches: Literal["resolve", "missing"] = switch(
        "resolve", "Ids from before a merge in batch calls: the survivor under its own id, or not found."
    )
    additional_email_is_key: bool = switch(
        True, "idProperty=email also finds a record by one of its additional addresses."
    )
    create_needs_identity: bool = switch(
        False, "A contact without e-mail, first and last name is refused. The two guides disagree."
    )
    lifecycle_backward: Literal["ignore", "refuse"] = switch(
        "ignore", "Moving lifecyclestage back: nothing happens, or 400."
    )
    creation_tells_properties: bool = switch(
        True, "Apps are told of a new contact's properties one by one, beside its creation."
    )
    search_lag_ms: int = switch(1000, "How far the search index runs behind the records.")
    property_visible_after_ms: int = switch(
        0, "How long a new property stays unreadable and unusable. 250 to 700 has been measured."
    )
    retry_after_on_429: bool = switch(False, "A 429 carries Retry-After. It is not documented there.")
    rate_limit_word: Literal["errorType", "category"] = switch(
        "errorType", "A 429 says errorType RATE_LIMIT, or category RATE_LIMITS. Both are seen."
    )
    rotate_refresh_tokens: bool = switch(False, "A refresh hands out a new refresh token and kills the old one.")
