"""The points on which Dataverse's and Entra's behaviour is not publicly settled, or that an administrator decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..switches import Switches, switch

Withheld = Literal[
    "none",
    "prvReadContact",
    "prvCreateContact",
    "prvWriteContact",
    "prvDeleteContact",
    "prvReadNote",
    "prvCreateNote",
    "prvWriteNote",
    "prvReadAccount",
    "prvCreateAccount",
]


@dataclass
class Dialect(Switches):
    """How this sandbox reads the open points. The defaults favour what is hardest on a client."""

    application_user: bool = switch(
        True, "The environment has an application user for apps. Without it Entra issues tokens that open nothing."
    )
    withheld_privilege: Withheld = switch(  # noqa: RUF009 - a field, by another name
        "none", "A privilege that the user's security role lacks."
    )
    entra_error: int = switch(
        0, "The AADSTS code that every token request is refused with, as in 53003 or 65001; 0 for none."
    )
    invalid_client_status: Literal["401", "400"] = switch(
        "401", "The status of invalid_client. The docs show 400 for errors in general."
    )
    secret_expired: bool = switch(False, "The client secrets of all apps have expired (7000222).")
    rotate_refresh_tokens: bool = switch(True, "A refresh brings a new refresh token; the old one stays valid.")
    precondition_codes: Literal["empty", "field"] = switch(
        "empty", "Codes of 412 and of a missing row: empty as the docs show, or those seen in the field."
    )
    duplicate_status: Literal["412", "500"] = switch(
        "412", "The status of a detected duplicate (0x80040333). Two pages of the documentation disagree."
    )
    change_tracking: bool = switch(True, "Change tracking is on for contacts.")
    delta_token_days: int = switch(7, "How many days a delta token lives. An older text says 90.")
    page_size: int = switch(5000, "The most rows of one page.")
    execution_ms: int = switch(20, "How long one operation is taken to keep the server busy.")
