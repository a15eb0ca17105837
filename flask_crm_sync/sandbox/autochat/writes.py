"""Creating, changing and deleting clients, by the API or by a person; each tells those who listen."""

from __future__ import annotations

from .clients import Activities, Activity, Client, Clients
from .errors import conflict, not_found
from .fields import CLIENT_FIELDS, Fields, check_complete
from .gate import Office


def create(office: Office, workspace: str, fields: Fields, *, by_person: bool = False) -> Client:
    """Make a client. Raises AutoChatError (400, 409)."""
    complete: Fields = {**dict.fromkeys(CLIENT_FIELDS), **fields}
    check_complete(complete, office.dialect)
    with office.store.writing():
        _check_address(office, workspace, complete, None)
        client = Clients(office.store, workspace).add(complete, office.clock.now_ms())
    _tell(office, "client.created", workspace, client, by_person=by_person)
    return client


def change(office: Office, workspace: str, client_id: str, fields: Fields, *, by_person: bool = False) -> Client:
    """Set the named fields of a client and leave the others. Raises AutoChatError (400, 404, 409)."""
    with office.store.writing():
        client = existing(office, workspace, client_id)
        fields = {**client.fields, **fields}
        check_complete(fields, office.dialect)
        _check_address(office, workspace, fields, client)
        client.fields, client.updated = fields, office.clock.now_ms()
        Clients(office.store, workspace).save(client)
    _tell(office, "client.updated", workspace, client, by_person=by_person)
    return client


def delete(office: Office, workspace: str, client_id: str) -> None:
    """Delete a client, as only people can; no event tells of it. Raises AutoChatError (404)."""
    with office.store.writing():
        client = existing(office, workspace, client_id)
        client.deleted = office.clock.now_ms()
        Clients(office.store, workspace).save(client)


def add_activity(office: Office, workspace: str, client_id: str, fields: Fields) -> Activity:
    """Put an entry on a client's timeline. Raises AutoChatError (404)."""
    with office.store.writing():
        client = existing(office, workspace, client_id)
        return Activities(office.store, workspace).add(client.id, fields, office.clock.now_ms())


def existing(office: Office, workspace: str, client_id: str) -> Client:
    """Return a client that is not deleted. Raises AutoChatError (404)."""
    client = Clients(office.store, workspace).get(client_id)
    if client is None:
        raise not_found("Client")
    return client


def _check_address(office: Office, workspace: str, fields: Fields, client: Client | None) -> None:
    address = (fields["email"] or "").lower()
    if not office.dialect.email_unique or not address:
        return
    owner = Clients(office.store, workspace).with_email(address)
    if owner is not None and (client is None or owner.id != client.id):
        raise conflict("A client with this email already exists")


def _tell(office: Office, event: str, workspace: str, client: Client, *, by_person: bool) -> None:
    if by_person or office.dialect.webhooks_echo:
        office.sender.tell(event, workspace, client.shown())
