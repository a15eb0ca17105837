"""Invented persons, the same ones again for the same seed: names in twenty languages, e-mail, phone, address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from .names import CULTURES, Culture
from .phones import Phone, phone_of, second_phone_of
from .places import COUNTRIES

EMAIL_HOSTS = ("example.com", "example.org", "example.net")
COMPANIES = (
    "Northwind Bakery", "Café Überall", "Blue Door Studio", "Łódka & Syn", "Atelier d'Été", "Ocean Freight Pty Ltd",
    "Smith, Jones & Co.", "Ñandú Viajes", "東雲工業", "شركة الأفق", "Ромашка ТОВ", "Πέργαμος ΑΕ", "Tiny Robots <Labs>",
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """A client-to-be; `None` is what they did not tell. `country` is an ISO 3166 code of two letters."""

    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None
    company: str | None
    street: str | None
    city: str | None
    state: str | None
    zip: str | None
    country: str | None


def person(seed: int, index: int) -> Person:
    """Return person `index` of the world `seed`; e-mail and phone are theirs alone within that world."""
    rng = Random(f"person:{seed}:{index}")
    culture = rng.choice(CULTURES)
    given, family = rng.choice(culture.given), rng.choice(culture.family)
    email = email_of(rng, given[1], family[1], index)
    phone = phone_text(rng, phone_of(index, culture.country), culture.country)
    stranger = Person(given[0], family[0], email, phone, rare(rng, 0.4, rng.choice(COMPANIES)), *[None] * 5)
    return withholding(rng, at_home(rng, stranger, culture))


def withholding(rng: Random, full: Person) -> Person:
    """Return what the person tells: 1 % neither e-mail nor phone, 3 % only a phone, many only an e-mail."""
    share = rng.random()
    if share < 0.01:
        return replace(full, email=None, phone=None)
    if share < 0.04 and full.phone:
        return replace(full, email=None)
    if share < 0.36:
        return replace(full, phone=None)
    if share < 0.38:
        return replace(full, last_name=None)
    return full


def edited(seed: int, index: int, before: Person) -> Person:
    """Return person `index` some time later: moved, married, or with another number, e-mail or employer."""
    rng = Random(f"edited:{seed}:{index}")
    culture = next((known for known in CULTURES if known.country == before.country), CULTURES[0])
    new_phone = phone_text(rng, second_phone_of(index), before.country or "")
    new_email = f"{rng.choice(CULTURES[0].given)[1]}{index}.new@{rng.choice(EMAIL_HOSTS)}"
    changes = (
        lambda: at_home(rng, before, culture),
        lambda: replace(before, last_name=rng.choice([name for name, _ in culture.family if name != before.last_name])),
        lambda: replace(before, phone=new_phone or before.phone),
        lambda: replace(before, email=new_email if before.email else None, company="Self-employed"),
        lambda: replace(before, company=None if before.company else rng.choice(COMPANIES)),
    )
    return rng.choice(changes)()


def at_home(rng: Random, who: Person, culture: Culture) -> Person:
    """Return the person with an address in their country; one in five tells the country alone."""
    country = COUNTRIES[culture.country]
    if rng.random() < 0.2:
        return replace(who, country=culture.country)
    town = rng.choice(country.towns)
    street = rng.choice(country.streets).replace("#", str(rng.randint(1, 220)))
    code = "".join(str(rng.randint(1, 9)) if mark == "#" else mark for mark in town.zip)
    return replace(who, street=street, city=town.city, state=town.state or None, zip=code, country=culture.country)


def email_of(rng: Random, given: str, family: str, index: int) -> str:
    """Return an address that ends in the person's number, so that no two agree, whatever their case."""
    tag = rng.choice(("", "", "", "", "", "", "", "", "+shop", "+support"))
    address = f"{given}.{family}{index}{tag}@{rng.choice(EMAIL_HOSTS)}"
    return address.title() if rng.random() < 0.06 else address


def phone_text(rng: Random, phone: Phone | None, lives_in: str) -> str | None:
    """Write a number as its owner would: abroad always in full, at home more often the local way."""
    if phone is None:
        return None
    return phone.local if phone.country == lives_in and rng.random() < 0.6 else phone.e164


def rare(rng: Random, share: float, value: str) -> str | None:
    """Return the value in that share of cases."""
    return value if rng.random() < share else None
