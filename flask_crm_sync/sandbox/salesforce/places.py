"""Countries and states where an org holds addresses to pick-lists: free text is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .errors import SalesforceError

_PLACES = json.loads((Path(__file__).parent / "data" / "places.json").read_text(encoding="utf-8"))
COUNTRIES = frozenset(_PLACES["countries"])
STATES: dict[str | None, list[str]] = _PLACES["states"]
"""Some of the states of some of the about ten countries that have any; others have none at all."""


def check(values: dict[str, Any], prefix: str) -> None:
    """Refuse a country or state that is in no list. Raises SalesforceError (400)."""
    state, country = values.get(f"{prefix}State"), values.get(f"{prefix}Country")
    label = f"{prefix} " if prefix else ""
    if country and country not in COUNTRIES:
        raise _unknown("country", "country/territory", "countries", f"{label}Country", f"{prefix}Country")
    if state and not country:
        message = f"A country/territory must be specified before specifying a state value for field: {label}State"
        raise SalesforceError(400, "FIELD_INTEGRITY_EXCEPTION", message, [f"{prefix}State"])
    if state and state not in STATES.get(country, []):
        raise _unknown("state", "state/province", "states", f"{label}State/Province", f"{prefix}State")


def _unknown(what: str, pick: str, many: str, label: str, field: str) -> SalesforceError:
    message = (
        f"There's a problem with this {what}, even though it may appear correct. Please select a {pick} from the list "
        f"of valid {many}.: {label}"
    )
    return SalesforceError(400, "FIELD_INTEGRITY_EXCEPTION", message, [field])
