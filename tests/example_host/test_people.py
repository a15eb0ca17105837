"""The generator of invented persons."""

from __future__ import annotations

from dataclasses import astuple

import phonenumbers
import pytest

from example_host.people import Person, edited, person

MANY = 20_000


@pytest.fixture(scope="module")
def world() -> list[Person]:
    return [person(1, index) for index in range(MANY)]


@pytest.fixture(scope="module")
def later(world: list[Person]) -> list[Person]:
    return [edited(1, index, before) for index, before in enumerate(world)]


def number(who: Person) -> phonenumbers.PhoneNumber:
    return phonenumbers.parse(who.phone, who.country)


def test_the_same_person_is_told_again(world: list[Person]) -> None:
    assert [person(1, index) for index in range(50)] == world[:50]
    assert person(2, 0) != world[0]


def test_no_two_persons_share_an_email_whatever_its_case(world: list[Person], later: list[Person]) -> None:
    emails = [who.email.lower() for who in world if who.email]
    changed = [new.email.lower() for new, old in zip(later, world, strict=True) if new.email and new.email != old.email]
    assert len({*emails, *changed}) == len(emails) + len(changed)
    assert changed


def test_no_two_persons_share_a_phone_however_it_is_written(world: list[Person], later: list[Person]) -> None:
    changed = [new for new, old in zip(later, world, strict=True) if new.phone != old.phone]
    numbers = [phonenumbers.format_number(number(who), 0) for who in [*world, *changed] if who.phone]
    assert len(set(numbers)) == len(numbers)
    assert changed


def test_phones_are_real_numbers_of_their_country(world: list[Person]) -> None:
    phones = [who for who in world if who.phone]
    assert all(phonenumbers.is_valid_number(number(who)) for who in phones)
    assert any(not who.phone.startswith("+") for who in phones if who.phone)


def test_few_give_only_a_phone_and_fewer_nothing(world: list[Person]) -> None:
    silent = sum(not who.email and not who.phone for who in world) / MANY
    phone_only = sum(not who.email and bool(who.phone) for who in world) / MANY
    assert silent == pytest.approx(0.01, abs=0.003)
    assert phone_only == pytest.approx(0.03, abs=0.005)


def test_emails_are_of_example_domains_and_some_are_of_mixed_case(world: list[Person]) -> None:
    emails = [who.email for who in world if who.email]
    assert all(email.lower().endswith(("@example.com", "@example.org", "@example.net")) for email in emails)
    assert any(email != email.lower() for email in emails)
    assert all(email.isascii() for email in emails)


def test_names_come_in_many_scripts(world: list[Person]) -> None:
    names = "".join(who.first_name or "" for who in world)
    assert all(sign in names for sign in "ÉłΕОعאश伟さ서𠮷ก")


def test_an_edit_changes_something_but_keeps_the_person_reachable(world: list[Person], later: list[Person]) -> None:
    changed = sum(new != old for new, old in zip(later, world, strict=True))
    assert changed > 0.9 * MANY
    assert all(bool(new.email) == bool(old.email) for new, old in zip(later, world, strict=True))
    assert all(new.phone or not old.phone for new, old in zip(later, world, strict=True))


def test_no_detail_is_an_empty_text(world: list[Person]) -> None:
    assert all("" not in astuple(who) for who in world)


def test_there_are_persons_beyond_the_last_fictional_number() -> None:
    late = person(1, 1_000_000)
    assert late.email
    assert late.phone is None
