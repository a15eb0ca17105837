"""Secrets at rest: bound to their row, opened by any configured key, never shown."""

from __future__ import annotations

import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.errors import SecretUnreadable
from flask_crm_sync.vault import Place, Vault, make_key

ROW = UUID("11111111-2222-4333-8444-555555555555")
OTHER_ROW = UUID("11111111-2222-4333-8444-555555555556")
PLACE = Place("crm_sync_connection", ROW, "credentials")
OLD, NEW = b"o" * 32, b"n" * 32


@given(st.text(st.characters(exclude_categories=[]), max_size=300))
def test_what_was_sealed_opens_at_its_place(plain: str) -> None:
    vault = Vault([OLD])
    sealed = vault.seal(plain, PLACE)
    assert vault.open(sealed, PLACE) == plain
    assert sealed.isascii()


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place("crm_sync_connection", OTHER_ROW, "credentials"),
        Place("crm_sync_installation", ROW, "credentials"),
        Place("crm_sync_connection", ROW, "state_message"),
    ],
)
def test_ciphertext_copied_elsewhere_does_not_open(elsewhere: Place) -> None:
    vault = Vault([OLD])
    with pytest.raises(SecretUnreadable):
        vault.open(vault.seal("secret", PLACE), elsewhere)


def test_same_text_is_sealed_differently_each_time() -> None:
    vault = Vault([OLD])
    assert len({vault.seal("secret", PLACE) for _ in range(50)}) == 50


def test_first_key_seals_and_any_key_opens() -> None:
    sealed = Vault([OLD]).seal("secret", PLACE)
    rotating = Vault([NEW, OLD])
    assert rotating.open(sealed, PLACE) == "secret"
    assert not rotating.is_current(sealed)
    assert rotating.is_current(rotating.seal("secret", PLACE))
    assert Vault([NEW]).open(rotating.seal("secret", PLACE), PLACE) == "secret"


def test_secret_of_a_lost_key_says_what_to_do() -> None:
    with pytest.raises(SecretUnreadable, match="configured encryption keys") as lost:
        Vault([NEW]).open(Vault([OLD]).seal("secret", PLACE), PLACE)
    assert "CRM_SYNC_ENCRYPTION_KEYS" in lost.value.advice


@given(st.integers(min_value=0, max_value=10_000), st.integers(min_value=1, max_value=255))
def test_changed_ciphertext_never_opens(position: int, change: int) -> None:
    vault = Vault([OLD])
    version, key_id, nonce, ciphertext = vault.seal("a secret of some length", PLACE).split(".")
    raw = bytearray(base64.urlsafe_b64decode(ciphertext + "=="))
    raw[position % len(raw)] ^= change
    forged = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
    with pytest.raises(SecretUnreadable):
        vault.open(".".join((version, key_id, nonce, forged)), PLACE)


@pytest.mark.parametrize("nonsense", ["", "v1", "v1.a.b", "v2.a.b.c", "v1.☃.b.c", "v1....", "...", "a.b.c.d.e"])
def test_nonsense_is_unreadable_and_nothing_worse(nonsense: str) -> None:
    with pytest.raises(SecretUnreadable):
        Vault([OLD]).open(nonsense, PLACE)


def test_nothing_shows_a_key_or_a_secret() -> None:
    vault = Vault([OLD, NEW])
    assert repr(vault) == "<Vault with 2 keys>"
    with pytest.raises(SecretUnreadable) as refused:
        vault.open(vault.seal("canary-secret", PLACE), Place("other", ROW, "credentials"))
    assert "canary" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_made_keys_are_new_each_time_and_have_the_configured_form() -> None:
    made = {make_key() for _ in range(20)}
    assert len(made) == 20
    assert all(len(base64.urlsafe_b64decode(key + "=")) == 32 for key in made)
