"""The object types that are served, under every word HubSpot accepts for them."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import HubSpotError


@dataclass(frozen=True)
class Kind:
    """One object type."""

    name: str
    singular: str
    type_id: str
    created_property: str
    modified_property: str
    default_properties: tuple[str, ...]

    @property
    def always(self) -> tuple[str, str, str]:
        """The properties that come with every answer, asked for or not."""
        return (self.created_property, "hs_object_id", self.modified_property)


CONTACTS = Kind("contacts", "contact", "0-1", "createdate", "lastmodifieddate", ("email", "firstname", "lastname"))
NOTES = Kind("notes", "note", "0-46", "hs_createdate", "hs_lastmodifieddate", ())
KINDS = (CONTACTS, NOTES)
_BY_WORD = {word: kind for kind in KINDS for word in (kind.name, kind.singular, kind.type_id)}


def kind_named(word: str) -> Kind:
    """Return the object type for a path segment. Raises HubSpotError (400) for one that is not served."""
    found = _BY_WORD.get(word.lower())
    if found is None:
        raise HubSpotError(400, "VALIDATION_ERROR", f"Unable to infer object type from: {word}")
    return found


ASSOCIATION_TYPES = {("notes", "contacts"): 202, ("contacts", "notes"): 201}
"""The HUBSPOT_DEFINED type id of each direction."""
