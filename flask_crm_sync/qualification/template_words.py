"""The keywords of the templates: what clients and agents say, in English and German. Data, not texts of ours."""

from __future__ import annotations

_OPENINGS = ("i want to", "i'd like to", "i would like to", "i need to", "can you", "could you", "please")
_VERBS = ("book", "reserve", "buy", "order", "schedule")
CERTAIN = (
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
HINTS = (
    *("book", "reserve", "buy", "purchase", "order", "schedule", "appointment", "reservation", "booking"),
    *("tickets for", "tickets to", "how many tickets", "how many people", "a table", "a visit", "a viewing"),
    *("come by", "availability"),
    *("buchen", "reservieren", "kaufen", "bestellen", "buchung", "reservierung", "bestellung", "termin", "termine"),
    *("tickets für", "karten für", "einen tisch", "besichtig*", "vorbeikommen", "verfügbar"),
)
PRICE = (
    *("how much", "price", "prices", "pricing", "price list", "quote", "quotation", "an offer", "cost", "costs"),
    *("rate for", "rates for", "discount", "what do you charge", "estimate"),
    *("wie viel", "wieviel", "preis", "preise", "preisliste", "angebot", "kostenvoranschlag", "rabatt"),
    *("kosten", "kostet"),
)
CALL_ME = (
    *("call me", "call back", "ring me", "phone me", "text me", "e-mail me", "email me", "write to me"),
    *("contact me", "get back to me", "reach me", "my number is", "my phone number", "my e-mail", "my email"),
    *("rufen sie mich", "ruf mich", "rückruf", "zurückrufen", "schreiben sie mir", "melden sie sich"),
    *("meine nummer", "meine telefonnummer", "meine e-mail", "meine adresse", "erreichen sie mich"),
)
COMPLAINING = (
    *("complaint", "complain", "refund", "money back", "cancel my", "cancel the", "cancel our", "cancellation"),
    *("unsubscribe", "stop writing", "scam", "lawyer"),
    *("beschwerde", "beschweren", "reklamation", "reklamieren", "rückerstattung", "geld zurück", "stornieren"),
    *("storno", "stornierung", "kündigen", "kündigung", "abbestellen", "anwalt"),
)
