"""The properties a fresh portal has, as far as a contact and note sync can meet them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

LIFECYCLE = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
"""In the order in which a contact may move."""
LEAD_STATUS = (
    "NEW",
    "OPEN",
    "IN_PROGRESS",
    "OPEN_DEAL",
    "UNQUALIFIED",
    "ATTEMPTED_TO_CONTACT",
    "CONNECTED",
    "BAD_TIMING",
)

# name, label, type, fieldType
_CONTACT_FIELDS = """
email|Email|string|text
firstname|First Name|string|text
lastname|Last Name|string|text
phone|Phone Number|string|phonenumber
mobilephone|Mobile Phone Number|string|phonenumber
company|Company Name|string|text
jobtitle|Job Title|string|text
website|Website URL|string|text
address|Street Address|string|text
city|City|string|text
state|State/Region|string|text
zip|Postal Code|string|text
country|Country/Region|string|text
message|Message|string|textarea
date_of_birth|Date of birth|string|text
numemployees|Number of Employees|string|text
annualrevenue|Annual Revenue|number|number
hubspot_owner_id|Contact owner|string|text
hs_additional_emails|Additional email addresses|string|text
hs_language|Preferred language|string|text
"""
_CONTACT_COMPUTED = """
hs_object_id|Record ID|number|number
createdate|Create Date|datetime|date
lastmodifieddate|Last Modified Date|datetime|date
hs_email_domain|Email Domain|string|text
hs_merged_object_ids|Merged record IDs|string|text
hs_calculated_merged_vids|Merged vids with timestamps of a contact|string|text
hs_searchable_calculated_phone_number|Primary phone number with country code removed|string|text
hs_object_source|Record source|string|text
hs_object_source_id|Record source ID|string|text
hs_unique_creation_key|Unique creation key|string|text
"""
_NOTE_FIELDS = """
hs_timestamp|Activity date|datetime|date
hs_note_body|Note body|string|html
hubspot_owner_id|Activity assigned to|string|text
hs_attachment_ids|Attached file IDs|string|text
"""
_NOTE_COMPUTED = """
hs_object_id|Record ID|number|number
hs_createdate|Create date|datetime|date
hs_lastmodifieddate|Last modified date|datetime|date
hs_body_preview|Body preview|string|text
hs_object_source|Record source|string|text
hs_object_source_id|Record source ID|string|text
"""
_CONTACT_CHOICES = {
    "lifecyclestage": ("Lifecycle Stage", "radio", LIFECYCLE),
    "hs_lead_status": ("Lead Status", "radio", LEAD_STATUS),
}
GROUPS = {
    "contacts": (("contactinformation", "Contact information"), ("emailinformation", "Email information")),
    "notes": (("notesinformation", "Note information"),),
}


def standard_properties(kind: str) -> Iterator[dict[str, Any]]:
    """Yield the definitions that every portal has for an object type."""
    contacts = kind == "contacts"
    group = GROUPS[kind][0][0]
    for text, computed in (
        (_CONTACT_FIELDS if contacts else _NOTE_FIELDS, False),
        (_CONTACT_COMPUTED if contacts else _NOTE_COMPUTED, True),
    ):
        for line in text.strip().splitlines():
            name, label, value_type, field_type = line.split("|")
            yield _standard(name, label, value_type, field_type, group, computed=computed)
    for name, (label, field_type, values) in (_CONTACT_CHOICES if contacts else {}).items():
        yield {**_standard(name, label, "enumeration", field_type, group), "options": [*_options(values)]}


def _standard(
    name: str, label: str, value_type: str, field_type: str, group: str, *, computed: bool = False
) -> dict[str, Any]:
    unique = name in ("email", "hs_unique_creation_key")
    return {
        "name": name,
        "label": label,
        "type": value_type,
        "fieldType": field_type,
        "groupName": group,
        "hubspotDefined": True,
        "calculated": computed,
        "hasUniqueValue": unique,
    }


def _options(values: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for order, value in enumerate(values):
        label = value.replace("_", " ").capitalize()
        yield {"label": label, "value": value, "hidden": False, "displayOrder": order}
