"""The usual names of what we look for in a host's models: the first that fits is taken.

Only mapped columns are found by these names. Where a word asks for a kind (a flag, an instant), a column of another
kind does not fit; a foreign key never fits a word that asks for a text, because a number would be sent for a name.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from .bound import plain_type

Aliases = Mapping[str, tuple[str, ...]]

ACCOUNT = (
    "account_id",
    "tenant_id",
    "organization_id",
    "organisation_id",
    "workspace_id",
)
"""Names of the tenant. `company_id` is not among them: in a helpdesk it mostly says for whom the client works."""

_UPDATED = (
    "updated_at",
    "date_modified",
    "modified_at",
    "last_modified",
    "last_modified_at",
    "date_updated",
    "last_updated",
    "updated_on",
    "modified_on",
    "updated",
    "modified",
)
_CREATED = ("created_at", "date_created", "created_on", "created")

CLIENT: Aliases = {
    "account": ACCOUNT,
    "first_name": ("first_name", "given_name", "firstname", "forename"),
    "last_name": ("last_name", "family_name", "lastname", "surname"),
    "name": ("name", "full_name", "fullname", "display_name"),
    "email": ("email", "email_address", "e_mail", "mail"),
    "phone": ("phone", "phone_number", "mobile", "mobile_phone", "telephone", "tel", "cell"),
    "company": ("company", "company_name", "organization", "organisation", "organization_name", "business_name"),
    "street": ("street", "address", "address_line1", "address_line_1", "address1", "street_address", "line1"),
    "city": ("city", "town", "locality"),
    "state": ("state", "region", "province", "county"),
    "zip": ("zip", "postal_code", "zip_code", "zipcode", "postcode", "post_code"),
    "country": ("country", "country_code", "country_name"),
    "sensitive": ("is_sensitive", "sensitive", "do_not_sync", "exclude_from_crm"),
    "tags": ("tags", "labels", "tag_list"),
    "updated_at": _UPDATED,
}

CONVERSATION: Aliases = {
    "client": ("client_id", "customer_id", "contact_id", "visitor_id"),
    "account": ACCOUNT,
    "channel": ("channel", "source", "medium", "origin"),
    "subject": ("subject", "title", "topic"),
    "summary": ("summary", "notes_summary", "ai_summary"),
    "url": ("url", "link", "permalink"),
    "closed": ("closed", "is_closed", "status", "state", "closed_at", "resolved_at", "ended_at"),
    "test": ("is_test", "test"),
    "started_at": ("started_at", "opened_at", *_CREATED),
    "last_message_at": ("last_message_at", "last_activity_at", "last_activity"),
    "updated_at": _UPDATED,
}

MESSAGE: Aliases = {
    "conversation": ("conversation_id", "chat_id", "ticket_id", "thread_id"),
    "text": ("text", "body", "content", "message"),
    "from_client": (
        "from_client",
        "is_from_client",
        "sender",
        "sender_type",
        "author_type",
        "direction",
        "sender_role",
        "role",
        "author",
    ),
    "at": ("sent_at", *_CREATED, "timestamp"),
}

_FLAGS = frozenset({"sensitive", "test"})
_INSTANTS = frozenset({"updated_at", "started_at", "last_message_at", "at"})
_KEYS = frozenset({"account", "client", "conversation"})


def fits(word: str, column: sa.Column[object]) -> bool:
    """Tell whether a column that has a usual name holds the kind of value that the word asks for."""
    kind = plain_type(column.type)
    if word in _KEYS:
        return True
    if word in _FLAGS:
        return isinstance(kind, sa.Boolean)
    if word in _INSTANTS:
        return isinstance(kind, sa.DateTime)
    if word in {"closed", "from_client"}:  # a bare number or a foreign key tells nothing
        return isinstance(kind, sa.Boolean | sa.String | sa.Enum | sa.DateTime) and not column.foreign_keys
    return not column.foreign_keys
