"""Associations over HTTP: of one record, and in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..clock import iso
from .associations import Link, associate, check_types, dissociate, existing, linked_ids
from .batches import inputs_of
from .desk import Desk
from .errors import HubSpotError, object_not_found, validation
from .gate import Answer, Caller, json_body, json_value, page_start, whole_number
from .kinds import ASSOCIATION_TYPES, Kind, kind_named
from .records import as_id
from .writes import find

LARGEST_PAGE = 500
MOST_PAIRS = 2_000
Pair = tuple[Kind, Kind]


def list_links(caller: Caller, kind: str, record_id: str, to_kind: str) -> Answer:
    """Return what a record is linked to, up to 500 a page."""
    limit, after = whole_number("limit", LARGEST_PAGE, LARGEST_PAGE), page_start()
    here, there = _pair(kind, to_kind)
    with caller.desk.store.reading():
        record = find(caller.desk, here, record_id, None)
        if record is None:
            raise object_not_found()
        ids = linked_ids(caller.desk, record.id, there, after=after, limit=limit + 1)
    return 200, _page(here, there, ids, limit, "results")


def put_link(caller: Caller, kind: str, record_id: str, to_kind: str, to_id: str) -> Answer:
    """Link two records with the types in the body."""
    here, there = _pair(kind, to_kind)
    check_types(here, there, json_value())
    return 200, _labels(here, there, *_link(caller.desk, here, there, record_id, to_id))


def put_default_link(caller: Caller, kind: str, record_id: str, to_kind: str, to_id: str) -> Answer:
    """Link two records with the type that is usual between them."""
    here, there = _pair(kind, to_kind)
    ids = _link(caller.desk, here, there, record_id, to_id)
    return 200, _complete(caller.desk, [_default(here, there, *ids), _default(there, here, *reversed(ids))])


def delete_link(caller: Caller, kind: str, record_id: str, to_kind: str, to_id: str) -> Answer:
    """Undo the links between two records; none is no error."""
    here, there = _pair(kind, to_kind)
    with caller.desk.store.writing():
        ends = [find(caller.desk, here, record_id, None), find(caller.desk, there, to_id, None)]
        if None not in ends:
            dissociate(caller.desk, *(end.id for end in ends if end is not None))
    return 204, None


def list_labels(caller: Caller, kind: str, to_kind: str) -> Answer:
    """Return the association types between two object types; none has a label of its own."""
    here, there = _pair(kind, to_kind)
    return 200, {"results": [{**_spec(here, there), "label": None}]}


def batch_link(caller: Caller, kind: str, to_kind: str) -> Answer:
    """Link up to 2,000 pairs with the types named in each input."""
    here, there = _pair(kind, to_kind)

    def one(each: dict[str, Any]) -> list[dict[str, Any]]:
        check_types(here, there, each.get("types"))
        return [_labels(here, there, *_link(caller.desk, here, there, *_ends(each)))]

    return _batch(caller.desk, one, 201)


def batch_link_default(caller: Caller, kind: str, to_kind: str) -> Answer:
    """Link pairs with the type that is usual between them."""
    here, there = _pair(kind, to_kind)

    def one(each: dict[str, Any]) -> list[dict[str, Any]]:
        ids = _link(caller.desk, here, there, *_ends(each))
        return [_default(here, there, *ids), _default(there, here, *reversed(ids))]

    return _batch(caller.desk, one, 200)


def batch_read_links(caller: Caller, kind: str, to_kind: str) -> Answer:
    """Return what each of up to 1,000 records is linked to; those without links make error entries.

    A record with more than 500 links shows the first, and where to go on: ``after`` in an input of the next call.
    """
    here, there = _pair(kind, to_kind)

    def one(each: dict[str, Any]) -> list[dict[str, Any]]:
        record = find(caller.desk, here, str(each.get("id")), None, in_batch=True)
        after = as_id(str(each.get("after") or "0")) or 0
        ids = linked_ids(caller.desk, record.id, there, after=after, limit=LARGEST_PAGE + 1) if record else []
        if not ids:
            raise _no_links(here, there, str(each.get("id")))
        return [{"from": {"id": str(each["id"])}, **_page(here, there, ids, LARGEST_PAGE)}]

    return _batch(caller.desk, one, 200)


def batch_unlink(caller: Caller, kind: str, to_kind: str) -> Answer:
    """Undo links; each input names one record and a list of others."""
    _pair(kind, to_kind)
    with caller.desk.store.writing():
        for each in inputs_of(json_body(), most=MOST_PAIRS):
            for to in each.get("to") or []:
                from_id, to_id = map(as_id, _ends({"from": each.get("from"), "to": to}))
                if from_id is not None and to_id is not None:
                    dissociate(caller.desk, from_id, to_id)
    return 204, None


def _pair(kind: str, to_kind: str) -> Pair:
    here, there = kind_named(kind), kind_named(to_kind)
    if (here.name, there.name) not in ASSOCIATION_TYPES:
        raise validation(f"{here.name} and {there.name} cannot be associated")
    return here, there


def _ends(each: dict[str, Any]) -> tuple[str, str]:
    try:
        return str(each["from"]["id"]), str(each["to"]["id"])
    except (KeyError, TypeError):
        raise validation("Some required fields were not set: [from, to]") from None


def _link(desk: Desk, here: Kind, there: Kind, from_id: str, to_id: str) -> tuple[int, int]:
    with desk.store.writing():
        ids = existing(desk, here, from_id), existing(desk, there, to_id)
        associate(desk, here, ids[0], [Link(there, ids[1])])
    return ids


def _spec(here: Kind, there: Kind) -> dict[str, Any]:
    return {"category": "HUBSPOT_DEFINED", "typeId": ASSOCIATION_TYPES[here.name, there.name]}


def _row(here: Kind, there: Kind, to_id: int) -> dict[str, Any]:
    return {"toObjectId": str(to_id), "associationTypes": [_spec(here, there)]}


def _page(here: Kind, there: Kind, ids: list[int], limit: int, member: str = "to") -> dict[str, Any]:
    """Return a page of links, with where to go on when there are more ids than it holds."""
    body: dict[str, Any] = {member: [_row(here, there, each) for each in ids[:limit]]}
    if len(ids) > limit:
        body["paging"] = {"next": {"after": str(ids[limit - 1])}}
    return body


def _labels(here: Kind, there: Kind, from_id: int, to_id: int) -> dict[str, Any]:
    return {
        "fromObjectTypeId": here.type_id,
        "fromObjectId": str(from_id),
        "toObjectTypeId": there.type_id,
        "toObjectId": str(to_id),
        "labels": [],
    }


def _default(here: Kind, there: Kind, from_id: int, to_id: int) -> dict[str, Any]:
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": ASSOCIATION_TYPES[here.name, there.name]}
    return {"from": {"id": str(from_id)}, "to": {"id": str(to_id)}, "associationSpec": spec}


def _no_links(here: Kind, there: Kind, given: str) -> HubSpotError:
    return HubSpotError(
        404,
        "OBJECT_NOT_FOUND",
        f"No {there.singular} is associated with {here.singular} {given}.",
        context={"fromObjectId": [given], "fromObjectType": [here.type_id], "toObjectType": [there.type_id]},
        sub_category="crm.associations.NO_ASSOCIATIONS_FOUND",
    )


def _batch(desk: Desk, one: Callable[[dict[str, Any]], list[dict[str, Any]]], success: int) -> Answer:
    """Do each input by itself: a wrong one makes an error entry and stops nobody else."""
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    with desk.store.writing():
        for each in inputs_of(json_body(), most=MOST_PAIRS):
            try:
                results += one(each)
            except HubSpotError as error:
                errors.append(_entry(error))
    body = _complete(desk, results)
    if errors:
        body["numErrors"], body["errors"] = len(errors), errors
    return (207 if errors else success), body


def _entry(error: HubSpotError) -> dict[str, Any]:
    entry = {key: value for key, value in error.body().items() if key != "correlationId"}
    return {"context": {}, **entry}


def _complete(desk: Desk, results: list[dict[str, Any]]) -> dict[str, Any]:
    now = iso(desk.clock.now_ms())
    return {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
