"""Credentials as typed in: checked for what can never be a key, before any CRM is asked."""

from __future__ import annotations

from collections.abc import Mapping

from ..crm.base import Adapter, AuthField, AuthMethod
from ..errors import CredentialsIncomplete, UnsupportedFeature

LONGEST = 4096
"""Characters; the longest tokens that CRMs hand out today stay below a fifth of it."""

_AGAIN = "Copy it again, without anything around it."


def checked_credentials(adapter: type[Adapter], method: str, typed: Mapping[str, str]) -> dict[str, str]:
    """Return the credentials that a connection method asks for, trimmed.

    Raises CredentialsIncomplete naming each field that is empty, too long or holds what no key can hold, and
    UnsupportedFeature for a method that the CRM does not have.
    """
    fields = auth_method(adapter, method).fields
    values = {field.name: typed.get(field.name, "").strip() for field in fields}
    wrong = {field.name: problem for field in fields if (problem := _problem(field, values[field.name]))}
    if wrong:
        raise CredentialsIncomplete(wrong)
    return values


def auth_method(adapter: type[Adapter], name: str) -> AuthMethod:
    """Return a CRM's connection method by its name; raise UnsupportedFeature where it has no such method."""
    for method in adapter.auth_methods:
        if method.name == name:
            return method
    raise UnsupportedFeature(adapter.label, f"a connection by {name[:40]!r}")


def _problem(field: AuthField, value: str) -> str:
    if not value:
        return "" if field.optional else f"{field.label} is missing: paste it here."
    if len(value) > LONGEST:
        return f"{field.label} is too long: {len(value):,} characters, and at most {LONGEST:,} are possible. {_AGAIN}"
    if field.secret and not all("!" <= character <= "~" for character in value):
        return f"{field.label} holds spaces, line breaks or letters that no key has. {_AGAIN}"
    if not value.isprintable():
        return f"{field.label} holds line breaks or invisible characters. {_AGAIN}"
    return ""
