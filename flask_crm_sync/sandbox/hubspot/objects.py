"""Contacts and notes over HTTP: one at a time, in batches, merged, erased, searched."""

from __future__ import annotations

from typing import Any

from flask import g, request

from .associations import shown_links
from .batches import (
    archive_batch,
    create_batch,
    inputs_of,
    known_names,
    read_batch,
    shown_history,
    update_batch,
    upsert_batch,
)
from .desk import Desk
from .errors import HubSpotError, object_not_found, validation
from .gate import Answer, Caller, flag_in_query, json_body, names_in_query, page_start, whole_number
from .kinds import CONTACTS, Kind, kind_named
from .merge import erase, merge
from .records import Record
from .search import search
from .writes import archive, change, check_key, create, find


def create_one(caller: Caller, kind: str) -> Answer:
    """Create a record: 201."""
    body, of_kind = json_body(), kind_named(kind)
    with caller.desk.store.writing():
        record = create(caller.desk, of_kind, body.get("properties"), body.get("associations"))
    return 201, record.shown(record.properties)


def read_one(caller: Caller, kind: str, record_id: str) -> Answer:
    """Return a record; an id from before a merge returns the survivor."""
    of_kind = kind_named(kind)
    with caller.desk.store.reading():
        record = _found(caller.desk, of_kind, record_id, archived=flag_in_query("archived"))
        return 200, _full(caller.desk, record)


def update_one(caller: Caller, kind: str, record_id: str) -> Answer:
    """Change a record."""
    body, of_kind = json_body(), kind_named(kind)
    with caller.desk.store.writing():
        record = change(caller.desk, _found(caller.desk, of_kind, record_id), body.get("properties"))
    return 200, record.shown(body["properties"])


def archive_one(caller: Caller, kind: str, record_id: str) -> Answer:
    """Put a record in the recycle bin; one that is not there is no error."""
    with caller.desk.store.writing():
        record = find(caller.desk, kind_named(kind), record_id, None)
        if record is not None:
            archive(caller.desk, record)
    return 204, None


def list_all(caller: Caller, kind: str) -> Answer:
    """Return one page of records by rising id."""
    of_kind, limit = kind_named(kind), whole_number("limit", 10, 100)
    with caller.desk.store.reading():
        records = caller.desk.records(of_kind)
        found = records.page(after=page_start(), limit=limit + 1, archived=flag_in_query("archived"))
        body: dict[str, Any] = {"results": [_full(caller.desk, record) for record in found[:limit]]}
    if len(found) > limit:
        last = str(found[limit - 1].id)
        body["paging"] = {"next": {"after": last, "link": f"{request.base_url}?after={last}&limit={limit}"}}
    return 200, body


def batch_create(caller: Caller, kind: str) -> Answer:
    """Create up to 100 records."""
    inputs = _inputs("properties")
    with caller.desk.store.writing():
        return create_batch(caller.desk, kind_named(kind), inputs)


def batch_update(caller: Caller, kind: str) -> Answer:
    """Update up to 100 records."""
    inputs = _inputs("id", "properties")
    with caller.desk.store.writing():
        return update_batch(caller.desk, kind_named(kind), inputs)


def batch_upsert(caller: Caller, kind: str) -> Answer:
    """Update or create up to 100 records."""
    inputs = _inputs("id", "idProperty", "properties")
    with caller.desk.store.writing():
        return upsert_batch(caller.desk, kind_named(kind), inputs)


def batch_read(caller: Caller, kind: str) -> Answer:
    """Read up to 100 records."""
    inputs = _inputs("id")
    with caller.desk.store.reading():
        body, archived = json_body(), flag_in_query("archived")
        return read_batch(caller.desk, kind_named(kind), inputs, body, archived=archived)


def batch_archive(caller: Caller, kind: str) -> Answer:
    """Archive up to 100 records."""
    inputs = _inputs("id")
    with caller.desk.store.writing():
        archive_batch(caller.desk, kind_named(kind), inputs)
    return 204, None


def merge_two(caller: Caller, kind: str) -> Answer:
    """Merge two contacts and return the survivor."""
    body = json_body()
    _contacts_only(kind)
    primary, other = body.get("primaryObjectId"), body.get("objectIdToMerge")
    if not primary or not other:
        raise validation("Some required fields were not set: [primaryObjectId, objectIdToMerge]")
    with caller.desk.store.writing():
        survivor = merge(caller.desk, str(primary), str(other))
    return 200, survivor.shown([*CONTACTS.default_properties, "hs_merged_object_ids", "hs_calculated_merged_vids"])


def erase_one(caller: Caller, kind: str) -> Answer:
    """Delete a contact for good."""
    body = json_body()
    _contacts_only(kind)
    if not body.get("objectId"):
        raise validation("Some required fields were not set: [objectId]")
    with caller.desk.store.writing():
        erase(caller.desk, str(body["objectId"]), body.get("idProperty"))
    return 204, None


def search_all(caller: Caller, kind: str) -> Answer:
    """Search the index."""
    body = json_body()
    with caller.desk.store.reading():
        return search(caller.desk, kind_named(kind), body, len(request.get_data().decode()))


def _inputs(*required: str) -> list[dict[str, Any]]:
    inputs = inputs_of(json_body(), *required)
    g.items = len(inputs)
    return inputs


def _contacts_only(kind: str) -> None:
    if kind_named(kind) is not CONTACTS:
        raise HubSpotError(404, "OBJECT_NOT_FOUND", f"This operation is not available for {kind}")


def _found(desk: Desk, kind: Kind, given: str, *, archived: bool = False) -> Record:
    """Return the record that the path and ``idProperty`` name. Raises HubSpotError (400, 404)."""
    key = request.args.get("idProperty")
    if key not in (None, "hs_object_id"):
        check_key(desk, kind, str(key), "read" if request.method == "GET" else "update/upsert")
    record = desk.records(kind).archived(given) if archived else find(desk, kind, given, key)
    if record is None:
        raise object_not_found()
    return record


def _full(desk: Desk, record: Record) -> dict[str, Any]:
    """Return a record with what the query asks to see of it."""
    body = record.shown(known_names(desk, record.kind, names_in_query("properties")))
    if names := names_in_query("propertiesWithHistory"):
        body["propertiesWithHistory"] = shown_history(record, names)
    if words := names_in_query("associations"):
        body["associations"] = shown_links(desk, record.kind, record.id, words)
    return body
