"""The points that AutoChat's documentation leaves open, each as a switch with a reason for its default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..switches import Switches, switch


@dataclass
class Dialect(Switches):
    """How this sandbox reads the open points. The defaults favour what is hardest on a client."""

    put: Literal["replace", "merge"] = switch(
        "replace", "PUT empties the fields that the call leaves out, or leaves them as they are."
    )
    patch_taken: bool = switch(True, "PATCH changes the fields that it names; else it answers 405. It is undocumented.")
    search_by: Literal["nothing", "email", "email_and_phone"] = switch(
        "nothing", "Which query parameters find clients. Any other is ignored, and everybody is returned."
    )
    search_is_loose: bool = switch(True, "A search also returns clients whose value merely contains what is asked for.")
    changed_since: Literal["nothing", "updated_since"] = switch(
        "nothing", "Which query parameter lists only clients that changed since a moment. Any other is ignored."
    )
    company_name_required: bool = switch(True, "A client without company_name is refused.")
    email_unique: bool = switch(False, "A second client with the same e-mail address is refused with 409.")
    unknown_fields_refused: bool = switch(True, "A field that AutoChat does not know is a 400; else it is dropped.")
    activities: bool = switch(True, "There is a path for a client's activities; else it answers 404.")
    activities_listed: bool = switch(False, "A client's activities can be read; else that answers 405.")
    paging_shown: bool = switch(True, "Lists carry page, limit and total beside data.")
    retry_after_on_429: bool = switch(False, "A 429 carries Retry-After. It is not documented.")
    webhook_shape: Literal["flat", "nested"] = switch(
        "flat", "A webhook's data holds the client's fields, or holds them under client. Two pages disagree."
    )
    webhook_encoding: Literal["hex", "base64"] = switch("hex", "How the signature of a webhook is written.")
    webhooks_echo: bool = switch(True, "Writes through the API fire webhooks too, not only those of people.")
