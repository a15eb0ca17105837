"""What people do with leads and contacts by hand and no REST call does: converting and merging."""

from __future__ import annotations

from .desk import Desk
from .errors import SalesforceError, deleted, not_found
from .records import Record, moment
from .writes import check_writeable, touch

COPIED = {
    "FirstName": "FirstName",
    "LastName": "LastName",
    "Salutation": "Salutation",
    "Title": "Title",
    "Email": "Email",
    "Phone": "Phone",
    "MobilePhone": "MobilePhone",
    "Fax": "Fax",
    "LeadSource": "LeadSource",
    "Description": "Description",
    "Street": "MailingStreet",
    "City": "MailingCity",
    "State": "MailingState",
    "PostalCode": "MailingPostalCode",
    "Country": "MailingCountry",
}
"""Which field of a lead becomes which field of a contact; own fields only where an administrator says so."""


def convert(desk: Desk, lead: Record) -> Record:
    """Make a contact and an account of a lead; the lead stays, read only. Raises SalesforceError (400, 404)."""
    check_writeable(desk, lead)
    account = desk.records("Account").add({"Name": lead.values["Company"]}, desk.user_id, desk.now())
    copied = {theirs: lead.values[ours] for ours, theirs in COPIED.items() if ours in lead.values}
    key = desk.org.settings.key_field
    if desk.dialect.convert_maps_key and key in lead.values:
        copied[key] = lead.values[key]
    contact = desk.records("Contact").add(
        {**copied, "AccountId": account.id, "OwnerId": desk.user_id}, desk.user_id, desk.now()
    )
    lead.values |= {
        "IsConverted": True,
        "Status": "Closed - Converted",
        "ConvertedContactId": contact.id,
        "ConvertedAccountId": account.id,
        "ConvertedDate": moment(desk.now())[:10],
    }
    touch(desk, lead)
    _move_tasks(desk, lead, contact)
    return contact


def merge(desk: Desk, primary: Record | None, other: Record | None) -> Record:
    """Merge a record into another of its type: it is deleted and names the winner. Raises SalesforceError."""
    if primary is None or other is None:
        raise not_found()
    if primary.deleted or other.deleted:
        raise deleted()
    if primary.kind != other.kind or primary.id == other.id:
        raise SalesforceError(400, "MERGE_FAILED", "Two different records of one type can be merged.", [])
    other.deleted, other.master = True, primary.id
    touch(desk, other)
    _move_tasks(desk, other, primary)
    return touch(desk, primary)


def _move_tasks(desk: Desk, old: Record, new: Record) -> None:
    for task in list(desk.records("Task").having("WhoId", [old.id])):
        task.values["WhoId"] = new.id
        touch(desk, task)
