"""Credentials as typed in: checked for what can never be a key, before any CRM is asked."""

from __future__ import annotations

from collections.abc import Mapping

from ..config import Settings
from ..crm.base import Adapter, AuthField
from ..errors import CredentialsIncomplete
from .flows import way_to_connect

LONGEST = 4096
"""Characters; the longest tokens that CRMs hand out today stay below a fifth of it."""

_AGAIN = "Copy it again, without anything around it."


def checked_credentials(
    adapter: type[Adapter], method: str, typed: Mapping[str, str], settings: Settings
) -> dict[str, str]:
    """Return what a way to connect asks for, trimmed and in its one right form.

    Raises CredentialsIncomplete naming each field that is empty, too long or holds what no key can hold, or an address
    that is not the CRM's, and UnsupportedFeature for a way that the CRM does not have.
    """
    fields = way_to_connect(adapter, method, settings).fields
    values = {field.name: typed.get(field.name, "").strip() for field in fields}
    wrong = {field.name: problem for field in fields if (problem := _problem(field, values[field.name]))}
    if wrong:
        raise CredentialsIncomplete(wrong)
    return adapter.checked(method, values, settings)


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
