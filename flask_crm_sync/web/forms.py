"""Connect forms, made from what an adapter says it needs: no page knows the name of a CRM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..config import Settings
from ..credentials.flows import missing_keys
from ..crm.base import Adapter, AuthMethod
from .texts import said


@dataclass(frozen=True, slots=True)
class FormField:
    """One input as the page shows it. A secret's `value` is always empty: what was typed never comes back."""

    id: str
    name: str
    label: str
    help: str
    secret: bool
    optional: bool = False
    placeholder: str = ""
    value: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class ConnectForm:
    """One way to connect, with what went wrong with it, if anything did.

    One that `signs_in` sends the person to the CRM; `missing` names the settings that it still needs.
    """

    method: str
    label: str
    fields: tuple[FormField, ...]
    signs_in: bool = False
    missing: tuple[str, ...] = ()
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
    adapter: type[Adapter],
    settings: Settings,
    typed: Mapping[str, str] | None = None,
    trouble: Trouble | None = None,
) -> Sequence[ConnectForm]:
    """Return a form for each way to connect, filled with what was typed (secrets excepted).

    Signing in is the easiest and comes first, unless the operator has not set it up: then it comes last.
    """
    forms = [_form(adapter, way, settings, typed or {}, trouble) for way in adapter.ways(settings)]
    return sorted(forms, key=lambda form: (bool(form.missing), not form.signs_in))


def _form(
    adapter: type[Adapter], way: AuthMethod, settings: Settings, typed: Mapping[str, str], trouble: Trouble | None
) -> ConnectForm:
    own = trouble if trouble is not None and trouble.method == way.name else Trouble(way.name, "")
    signs_in = way.grant == "authorization_code"
    return ConnectForm(
        method=way.name,
        label=said(way.label),
        fields=_fields(adapter.name, way, typed if own is trouble else {}, own.field_errors or {}),
        signs_in=signs_in,
        missing=missing_keys(adapter, settings) if signs_in else (),
        problem=own.problem,
        advice=own.advice,
        crm_words=own.crm_words,
        moves_to=own.moves_to,
    )


def _fields(crm: str, way: AuthMethod, typed: Mapping[str, str], errors: Mapping[str, str]) -> tuple[FormField, ...]:
    return tuple(
        FormField(
            id=f"crmsync-{crm}-{way.name}-{field.name}",
            name=field.name,
            label=said(field.label),
            help=said(field.help),
            secret=field.secret,
            optional=field.optional,
            placeholder=field.placeholder,
            value="" if field.secret else typed.get(field.name, "")[:500],
            error=said(errors.get(field.name, "")),
        )
        for field in way.fields
    )
