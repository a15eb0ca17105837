"""Criteria to start from, in English and German at once: made into an account's own, and changed there as one likes.

The keywords are general ways of saying something, not fitted to any one business. What is certain (a booking that was
made, somebody who says "I want to book") weighs 2; what may also be a mere question or an offer ("book", "a table")
weighs 1, so that it takes two of them. Where an agent may say it just as well ("your table is booked"), all messages
are looked at, because a client often says no more than "yes, please".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .criteria import Criterion
from .template_words import CALL_ME, CERTAIN, COMPLAINING, HINTS, PRICE


@dataclass(frozen=True)
class Template:
    """A ready-made criterion: `key` is what forms call it, `says` what it is for."""

    key: str
    title: str
    says: str
    criterion: Criterion


def _weighed(certain: tuple[str, ...], hints: tuple[str, ...]) -> Mapping[str, int]:
    return dict.fromkeys(hints, 1) | dict.fromkeys(certain, 2)


WANTS_TO_BUY = Template(
    "wants_to_buy",
    "Wants to buy, book or visit",
    "Somebody orders, books, reserves, makes an appointment or wants to come by.",
    Criterion(
        "Wants to buy, book or visit",
        required=(*CERTAIN, *HINTS),
        who="all",
        weights=_weighed(CERTAIN, HINTS),
        threshold=2,
        second_look=True,
        guidance="Does the client want to buy, order, book, reserve or visit something? Only asking is not enough.",
    ),
)
ASKS_FOR_A_PRICE = Template(
    "asks_for_a_price",
    "Asks for a price or an offer",
    "The client asks what something costs, or wants a quote.",
    Criterion(
        "Asks for a price or an offer",
        required=PRICE,
        guidance="Does the client want to know a price, or ask for an offer, because they consider buying?",
    ),
)
LEFT_CONTACT_DETAILS = Template(
    "left_contact_details",
    "Left contact details and wants to be called",
    "The client asks to be called or written to, and an e-mail address is known.",
    Criterion(
        "Left contact details and wants to be called",
        required=CALL_ME,
        contact_fields=("email",),
        guidance="Does the client want to be contacted about something that we sell?",
    ),
)
KEEPS_TALKING = Template(
    "keeps_talking",
    "A longer conversation with a company",
    "At least six messages, and the client's company and e-mail address are known.",
    Criterion(
        "A longer conversation with a company",
        min_messages=6,
        contact_fields=("email", "company"),
        guidance="Is this a company that considers buying from us?",
    ),
)
COMPLAINT = Template(
    "complaint",
    "Complaint or cancellation (excluded)",
    "Qualifies nobody: where the client complains or cancels, the conversation is unqualified.",
    Criterion(
        "Complaint or cancellation (excluded)",
        priority=100,
        excluded=COMPLAINING,
        review=False,
    ),
)
TEMPLATES = (WANTS_TO_BUY, ASKS_FOR_A_PRICE, LEFT_CONTACT_DETAILS, KEEPS_TALKING, COMPLAINT)


def find_template(key: str) -> Template | None:
    """Return the template by its key, None where there is none."""
    return next((template for template in TEMPLATES if template.key == key), None)
