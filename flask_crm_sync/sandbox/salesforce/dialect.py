"""Points on which orgs differ, or Salesforce's behaviour is not publicly settled, each as a switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..switches import Switches, switch


@dataclass
class Dialect(Switches):
    """How this sandbox behaves. Where nothing is settled, the default is what is hardest on a client."""

    session_minutes: int = switch(120, "How long an access token lives. No answer tells; the org's policy decides.")
    daily_requests: int = switch(100_000, "API calls an org has in 24 hours, where the org names no number itself.")
    page_size: int = switch(2000, "Most records on one page of a query; small pages show whether a client goes on.")
    plays_login_host: bool = switch(
        False, "Token calls are answered as login.salesforce.com would: client credentials are refused."
    )
    client_credentials_user: bool = switch(True, "The app has a run-as user for client credentials.")
    rotate_refresh_tokens: bool = switch(
        False, "A refresh hands out a new refresh token; using an old one revokes everything."
    )
    require_pkce: bool = switch(True, "Authorising needs a code challenge (S256), as new apps must.")
    scope_on_refresh: Literal["refuse", "ignore"] = switch("refuse", "A refresh that names scopes.")
    userinfo_needs_identity: bool = switch(True, "The userinfo call needs an identity scope beside the API's.")
    own_instance_url: bool = switch(
        False, "Token answers name this sandbox's own origin instead of the org's My Domain."
    )
    duplicate_rule: Literal["off", "alert", "block"] = switch(
        "off", "A lead or contact with a known e-mail: let in, stopped unless allowSave=true is sent, or stopped."
    )
    misspelt_duplicate_key: bool = switch(True, "Duplicate answers say duplicateResut, as recorded ones do.")
    restricted_places: bool = switch(False, "State and country are pick-lists (the default in new orgs).")
    restricted_task_picklists: bool = switch(False, "Task status and priority are renamed and restricted.")
    assignment_rule: bool = switch(False, "New leads go to a queue unless Sforce-Auto-Assign: FALSE is sent.")
    convert_maps_key: bool = switch(False, "Converting a lead copies our key field to the contact. An admin's choice.")
    key_finds_converted: bool = switch(True, "An upsert's key finds a converted lead, and fails on it. Unconfirmed.")
    deleted_says: Literal["ENTITY_IS_DELETED", "NOT_FOUND"] = switch(
        "ENTITY_IS_DELETED", "Writing a deleted record by its id: both have been told."
    )
    composite_uri_limit: bool = switch(True, "Queries inside a composite call obey the URI limit. Unconfirmed.")
