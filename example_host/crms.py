"""The CRMs of a demonstration as they show a client and a note, in the helpdesk's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .check import Contact, Note

Values = dict[str, str]

HUBSPOT_NAMES = {
    "first_name": "firstname",
    "last_name": "lastname",
    "email": "email",
    "phone": "phone",
    "company": "company",
    "street": "address",
    "city": "city",
    "state": "state",
    "zip": "zip",
    "country": "country",
}
LEAD_NAMES = {
    "first_name": "FirstName",
    "last_name": "LastName",
    "email": "Email",
    "phone": "Phone",
    "company": "Company",
    "street": "Street",
    "city": "City",
    "state": "State",
    "zip": "PostalCode",
    "country": "Country",
}
DYNAMICS_NAMES = {  # a company is an account of its own there, and only linked where exactly one has the name
    "first_name": "firstname",
    "last_name": "lastname",
    "email": "emailaddress1",
    "phone": "telephone1",
    "street": "address1_line1",
    "city": "address1_city",
    "state": "address1_stateorprovince",
    "zip": "address1_postalcode",
    "country": "address1_country",
}
AUTOCHAT_NAMES = {
    "first_name": "first_name",
    "last_name": "last_name",
    "email": "email",
    "phone": "phone",
    "company": "company_name",
    "street": "street",
    "city": "city",
    "state": "state",
    "zip": "zip",
    "country": "country",
}


def as_it_is(values: Values) -> Values:
    """Return what a CRM without stand-ins holds."""
    return values


def without_salesforce_stand_ins(values: Values) -> Values:
    """Return the values without what stands for a last name or a company that nobody told."""
    stand_ins = {"last_name": "Unknown", "company": "[not provided]"}
    return {name: "" if stand_ins.get(name) == value else value for name, value in values.items()}


def without_autochat_stand_in(values: Values) -> Values:
    """Return the values without the person's own name or address in the company's place."""
    name = f"{values['first_name']} {values['last_name']}".strip()
    return values | {"company": ""} if values["company"] in {name, values["email"]} else values


@dataclass(frozen=True)
class Shown:
    """How one CRM shows things: its names of the helpdesk's fields, where a note's text is, what stands for a blank.

    Fields that are `never_blank` keep their value when the client's is cleared.
    """

    names: Mapping[str, str]
    note_body: str
    plain: Callable[[Values], Values] = as_it_is
    never_blank: frozenset[str] = frozenset()

    def contact(self, row: Mapping[str, Any]) -> Contact:
        """Return a contact under the helpdesk's names."""
        properties = row["properties"]
        values = {ours: str(properties.get(theirs) or "") for ours, theirs in self.names.items()}
        return Contact(str(row["id"]), self.plain(values))

    def note(self, row: Mapping[str, Any]) -> Note:
        """Return a note and whose it is."""
        ids = tuple(str(contact_id) for contact_id in row["contacts"])
        return Note(str(row["id"]), ids, str(row["properties"].get(self.note_body) or ""))


CRMS: Mapping[str, Shown] = {
    "salesforce": Shown(LEAD_NAMES, "Description", without_salesforce_stand_ins, frozenset({"last_name", "company"})),
    "hubspot": Shown(HUBSPOT_NAMES, "hs_note_body"),
    "dynamics": Shown(DYNAMICS_NAMES, "notetext"),
    "autochat": Shown(AUTOCHAT_NAMES, "description", without_autochat_stand_in, frozenset({"company"})),
}
