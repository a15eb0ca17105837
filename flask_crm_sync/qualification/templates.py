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


@dataclass(frozen=True)
class Template:
    """A ready-made criterion: `key` is what forms call it, `says` what it is for."""

    key: str
    title: str
    says: str
    criterion: Criterion


_OPENINGS = ("i want to", "i'd like to", "i would like to", "i need to", "can you", "could you", "please")
_VERBS = ("book", "reserve", "buy", "order", "schedule")
_CERTAIN = (
    *(f"{opening} {verb}" for opening in _OPENINGS for verb in _VERBS),
    *("book me", "book us", "booked", "reserved", "purchased", "need tickets", "i'll take", "price for"),
    *("your reservation", "your booking", "your appointment", "your order", "your ticket", "your tickets"),
    *("reservation for", "appointment for", "appointment with", "table for", "visit to", "cab", "taxi", "a ride"),
    *("gebucht", "reserviert", "bestellt", "gekauft", "ihre buchung", "ihre reservierung", "ihre bestellung"),
    *("ihr termin", "tisch für", "termin für", "zimmer für", "probefahrt", "taxi für"),
    *("tisch reservieren", "zimmer reservieren", "zimmer buchen", "termin vereinbaren", "termin ausmachen"),
    *("termin buchen", "gern buchen", "gerne buchen", "gern reservieren", "gerne reservieren", "gern bestellen"),
    *("gerne bestellen", "gern kaufen", "gerne kaufen", "bitte buchen", "bitte reservieren", "bitte bestellen"),
    *("ich nehme", "besichtigungstermin"),
)
_HINTS = (
    *("book", "reserve", "buy", "purchase", "order", "schedule", "appointment", "reservation", "booking"),
    *("tickets for", "tickets to", "how many tickets", "how many people", "a table", "a visit", "a viewing"),
    *("come by", "availability"),
    *("buchen", "reservieren", "kaufen", "bestellen", "buchung", "reservierung", "bestellung", "termin", "termine"),
    *("tickets für", "karten für", "einen tisch", "besichtig*", "vorbeikommen", "verfügbar"),
)


def _weighed(certain: tuple[str, ...], hints: tuple[str, ...]) -> Mapping[str, int]:
    return dict.fromkeys(hints, 1) | dict.fromkeys(certain, 2)


WANTS_TO_BUY = Template(
    "wants_to_buy",
    "Wants to buy, book or visit",
    "Somebody orders, books, reserves, makes an appointment or wants to come by.",
    Criterion(
        "Wants to buy, book or visit",
        required=(*_CERTAIN, *_HINTS),
        who="all",
        weights=_weighed(_CERTAIN, _HINTS),
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
        required=(
            *(
                "how much",
                "price",
                "prices",
                "pricing",
                "price list",
                "quote",
                "quotation",
                "an offer",
                "cost",
                "costs",
            ),
            *("rate for", "rates for", "discount", "what do you charge", "estimate"),
            *(
                "wie viel",
                "wieviel",
                "preis",
                "preise",
                "preisliste",
                "angebot",
                "kostenvoranschlag",
                "kosten",
                "kostet",
            ),
            *("rabatt",),
        ),
        guidance="Does the client want to know a price, or ask for an offer, because they consider buying?",
    ),
)
LEFT_CONTACT_DETAILS = Template(
    "left_contact_details",
    "Left contact details and wants to be called",
    "The client asks to be called or written to, and an e-mail address is known.",
    Criterion(
        "Left contact details and wants to be called",
        required=(
            *("call me", "call back", "ring me", "phone me", "text me", "e-mail me", "email me", "write to me"),
            *("contact me", "get back to me", "reach me", "my number is", "my phone number", "my e-mail", "my email"),
            *("rufen sie mich", "ruf mich", "rückruf", "zurückrufen", "schreiben sie mir", "melden sie sich"),
            *("meine nummer", "meine telefonnummer", "meine e-mail", "meine adresse", "erreichen sie mich"),
        ),
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
        excluded=(
            *("complaint", "complain", "refund", "money back", "cancel my", "cancel the", "cancel our", "cancellation"),
            *("unsubscribe", "stop writing", "scam", "lawyer"),
            *("beschwerde", "beschweren", "reklamation", "reklamieren", "rückerstattung", "geld zurück", "stornieren"),
            *("storno", "stornierung", "kündigen", "kündigung", "abbestellen", "anwalt"),
        ),
        review=False,
    ),
)
TEMPLATES = (WANTS_TO_BUY, ASKS_FOR_A_PRICE, LEFT_CONTACT_DETAILS, KEEPS_TALKING, COMPLAINT)


def find_template(key: str) -> Template | None:
    """Return the template by its key, None where there is none."""
    return next((template for template in TEMPLATES if template.key == key), None)
