"""Connect forms, made from what an adapter says it needs: no page knows the name of a CRM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..crm.base import Adapter, AuthMethod
from .texts import gettext as _


@dataclass(frozen=True, slots=True)
class FormField:
    """One input as the page shows it. A secret's `value` is always empty: what was typed never comes back."""

    id: str
    name: str
    label: str
    help: str
    secret: bool
    value: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class ConnectForm:
    """One way to connect, with what went wrong with it, if anything did."""

    method: str
    label: str
    fields: tuple[FormField, ...]
    problem: str = ""
    advice: str = ""
    crm_words: str = ""
    moves_to: str = ""
    """The other account in the CRM that the credentials belong to, when the user must confirm the move."""

    @property
    def has_errors(self) -> bool:
        """Tell whether there is anything to correct."""
        return bool(self.problem) or any(field.error for field in self.fields)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a connect form did not go through."""

    method: str
    problem: str
    advice: str = ""
    crm_words: str = ""
    field_errors: Mapping[str, str] | None = None
    moves_to: str = ""


def connect_forms(
    adapter: type[Adapter], typed: Mapping[str, str] | None = None, trouble: Trouble | None = None
) -> Sequence[ConnectForm]:
    """Return a form for each way to connect, filled with what was typed (secrets excepted)."""
    return [_form(adapter.name, method, typed or {}, trouble) for method in adapter.auth_methods]


def _form(crm: str, method: AuthMethod, typed: Mapping[str, str], trouble: Trouble | None) -> ConnectForm:
    own = trouble if trouble is not None and trouble.method == method.name else Trouble(method.name, "")
    errors = own.field_errors or {}
    fields = tuple(
        FormField(
            id=f"crmsync-{crm}-{method.name}-{field.name}",
            name=field.name,
            label=_(field.label),
            help=_(field.help),
            secret=field.secret,
            value="" if field.secret else typed.get(field.name, "")[:500],
            error=_(errors.get(field.name, "")),
        )
        for field in method.fields
    )
    return ConnectForm(method.name, _(method.label), fields, own.problem, own.advice, own.crm_words, own.moves_to)
