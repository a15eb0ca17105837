"""Secrets at rest: AES-256-GCM, bound to the row they belong to, with keys that can be rotated.

A stored secret is `v1.<key id>.<nonce>.<ciphertext>`, each part URL-safe base64. The associated data is table, row
and column, so that a ciphertext copied to another row does not open. The key for AES is derived from the configured
one by HKDF-SHA256.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import SecretUnreadable

_VERSION = "v1"
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret lives: it opens only there."""

    table: str
    row: UUID
    column: str

    def associated_data(self) -> bytes:
        """Return the bytes that bind a ciphertext to this place."""
        return f"{self.table}/{self.row.hex}/{self.column}".encode()


class Vault:
    """Encrypts with the first key, opens with any. Its repr shows no key."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = {_key_id(key): AESGCM(_derived(key)) for key in keys}
        self._first = _key_id(keys[0])

    def __repr__(self) -> str:
        return f"<Vault with {len(self._ciphers)} keys>"

    def seal(self, plain: str, place: Place) -> str:
        """Encrypt a text for one place."""
        nonce = os.urandom(_NONCE_BYTES)
        text = plain.encode("utf-8", "surrogatepass")  # CRMs cut their texts in the middle of a character now and then
        ciphertext = self._ciphers[self._first].encrypt(nonce, text, place.associated_data())
        return ".".join((_VERSION, self._first, _encode(nonce), _encode(ciphertext)))

    def open(self, sealed: str, place: Place) -> str:
        """Decrypt what `seal` made for the same place; raise SecretUnreadable where that cannot be."""
        try:
            version, key_id, nonce, ciphertext = sealed.split(".")
            if version != _VERSION:
                raise SecretUnreadable(f"The secret has version {version!r}, which this release does not know.")
            plain = self._ciphers[key_id].decrypt(_decode(nonce), _decode(ciphertext), place.associated_data())
        except KeyError:
            raise SecretUnreadable from None
        except (InvalidTag, ValueError):
            raise SecretUnreadable("A stored secret was changed, or copied from another place.") from None
        return plain.decode("utf-8", "surrogatepass")

    def is_current(self, sealed: str) -> bool:
        """Tell whether the first key made this."""
        return sealed.startswith(f"{_VERSION}.{self._first}.")


def make_key() -> str:
    """Return a new key in the form that CRM_SYNC_ENCRYPTION_KEYS takes."""
    return _encode(secrets.token_bytes(32))


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"flask_crm_sync key id" + key).hexdigest()[:8]


def _derived(key: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"flask_crm_sync secrets v1").derive(key)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
