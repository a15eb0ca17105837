"""Points on which a vendor's behaviour is not publicly settled: a switch each, and the page that shows them."""

from __future__ import annotations

from dataclasses import asdict, field, fields
from typing import Any, Protocol, get_args, get_type_hints

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue


def switch(default: Any, says: str) -> Any:
    """Return a dataclass field with a reason for its default."""
    return field(default=default, metadata={"says": says})


class Switches:
    """What a dialect inherits: a dataclass whose fields are switches of type bool, int or a Literal of texts."""

    def as_dict(self) -> dict[str, Any]:
        """Return all switches by name."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]

    def change(self, wanted: dict[str, Any]) -> None:
        """Set several switches at once, or none. Raises ValueError naming the first bad one."""
        for name, value in wanted.items():
            self._check(name, value)
        for name, value in wanted.items():
            setattr(self, name, value)

    def reset(self) -> None:
        """Go back to the defaults."""
        self.change(type(self)().as_dict())

    def rows(self) -> list[tuple[str, Any, tuple[str, ...], str]]:
        """Return name, value, choices (none for a number) and explanation of each switch, for people."""
        explained = {each.name: str(each.metadata["says"]) for each in fields(self)}  # type: ignore[arg-type]
        return [(name, value, self._choices(name), explained[name]) for name, value in self.as_dict().items()]

    def read_form(self, form: dict[str, str]) -> dict[str, Any]:
        """Return what a form says as values. Raises ValueError for a number that is none."""
        return {name: self._read(name, text) for name, text in form.items()}

    def _choices(self, name: str) -> tuple[str, ...]:
        kind = self._types()[name]
        return ("true", "false") if kind is bool else get_args(kind)

    def _read(self, name: str, text: str) -> Any:
        kind = self._types().get(name)
        if kind is bool:
            return text == "true"
        return int(text) if kind is int else text

    def _check(self, name: str, value: Any) -> None:
        kind = self._types().get(name)
        if kind is None:
            raise ValueError(f"no such switch: {name!r}")
        choices = get_args(kind)
        if choices:
            if value not in choices:
                raise ValueError(f"{name} is one of {', '.join(choices)}, not {value!r}")
        elif type(value) is not kind:
            raise ValueError(f"{name} must be of type {kind.__name__}, not {value!r}")

    def _types(self) -> dict[str, Any]:
        return get_type_hints(type(self))


class Switchable(Protocol):
    """A CRM whose switches have a page."""

    @property
    def name(self) -> str:
        """Its name in addresses."""

    @property
    def label(self) -> str:
        """Its name for people."""

    @property
    def dialect(self) -> Switches:
        """Its switches."""

    def start_afresh(self, portal_id: str | None = None) -> None:
        """Empty it."""


def add_switch_page(blueprint: Blueprint, crm: Switchable) -> None:
    """Add ``/_sandbox/<crm>/switches`` and the button that empties the CRM."""
    address = f"/_sandbox/{crm.name}/switches"

    def shown(wrong: str = "") -> str:
        return render_template("sandbox/switches.html", crm=crm, switches=crm.dialect.rows(), wrong=wrong)

    @blueprint.get(address)
    def switches() -> ResponseReturnValue:
        return shown()

    @blueprint.post(address)
    def change() -> ResponseReturnValue:
        try:
            crm.dialect.change(crm.dialect.read_form(request.form.to_dict()))
        except ValueError as error:
            return shown(str(error)), 400
        return redirect(address, 303)

    @blueprint.post(f"/_sandbox/{crm.name}/reset")
    def reset() -> ResponseReturnValue:
        crm.start_afresh()
        return redirect("/_sandbox/", 303)
