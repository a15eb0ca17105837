"""Batch calls: up to 100 inputs, each with its own fate where it carries an ``objectWriteTraceId``."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from ..clock import iso
from .desk import Desk
from .errors import (
    HubSpotError,
    WholeBatchRefused,
    contact_exists,
    duplicate_ids,
    invalid_json,
    missing_rows,
    non_unique_key,
    validation,
)
from .kinds import Kind
from .records import Record
from .validation import normal_address
from .writes import archive, change, check_key, create, find

MOST_INPUTS = 100
Input = dict[str, Any]
Answer = tuple[int, dict[str, Any]]


class Outcome:
    """Collect what became of the inputs of one batch."""

    def __init__(self, desk: Desk, kind: Kind) -> None:
        self._desk, self._kind = desk, kind
        self._started = desk.clock.now_ms()
        self._results: list[dict[str, Any]] = []
        self._errors: list[dict[str, Any]] = []
        self._missing: list[str] = []

    def keep(self, record: Record, names: Iterable[str], *, trace: str | None = None, **more: Any) -> None:
        """Enter a success, shown with these properties."""
        row = {**record.shown(names), **more}
        if trace is not None and self._desk.dialect.repeat_trace_ids:
            row["objectWriteTraceId"] = trace
        self._results.append(row)

    def refuse(self, error: HubSpotError, trace: str | None) -> None:
        """Enter a failure of one row; without a trace id it is raised, as the failure of all."""
        if isinstance(error, WholeBatchRefused):
            raise error
        if trace is not None:
            self._errors.append(error.row(trace))
        elif error.category == "CONFLICT" and not self._desk.dialect.batch_conflict_names_id:
            raise contact_exists(None)
        else:
            raise error

    def missing(self, given: str) -> None:
        """Enter an input that leads to no record; all of them make one error entry."""
        self._missing.append(given)

    def answer(self, success: int) -> Answer:
        """Return status and body: ``success`` when all went well, else 207."""
        errors = [*self._errors]
        if self._missing:
            errors.append(missing_rows(self._kind.singular, self._missing))
        body: dict[str, Any] = {
            "status": "COMPLETE",
            "results": self._results,
            "startedAt": iso(self._started),
            "completedAt": iso(self._desk.clock.now_ms()),
        }
        if self._desk.dialect.shuffle_results:
            body["results"] = _shuffled(self._results)
        if errors:
            body["numErrors"], body["errors"] = len(errors), errors
        return (207 if errors else success), body


def _shuffled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows in another order, the same one every time for the same ids."""
    mixed = rows[:]
    random.Random(f"{len(rows)} {rows[0]['id']}" if rows else "").shuffle(mixed)  # noqa: S311 - repeatable on purpose
    return mixed if mixed != rows else rows[::-1]


def inputs_of(body: dict[str, Any], *required: str, most: int = MOST_INPUTS) -> list[Input]:
    """Return the inputs of a batch. Raises HubSpotError (400) for none, too many, or one that lacks a member."""
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise validation("Some required fields were not set: [inputs]")
    if len(inputs) > most:
        raise validation(f"The number of inputs is {len(inputs)}, which is over the limit of {most}")
    for each in inputs:
        if not isinstance(each, dict):
            raise invalid_json("each input must be an object")
        missing = [name for name in required if each.get(name) in (None, "")]
        if missing:
            raise validation(f"Some required fields were not set: [{', '.join(missing)}]")
        if not isinstance(each.get("properties", {}), dict):
            raise invalid_json("Cannot deserialize value of type `java.util.LinkedHashMap` (properties)")
    traces = Counter(each.get("objectWriteTraceId") for each in inputs)
    repeated = [trace for trace, count in traces.items() if trace is not None and count > 1]
    if repeated:
        raise validation(f"objectWriteTraceId must be unique in a batch: [{', '.join(map(str, repeated))}]")
    return inputs


def create_batch(desk: Desk, kind: Kind, inputs: list[Input]) -> Answer:
    """Create records; 201, or 207 with the rows that could not be."""

    def one(each: Input, outcome: Outcome) -> None:
        record = create(desk, kind, each["properties"], each.get("associations"))
        outcome.keep(record, each["properties"], trace=_trace(each))

    return _each(desk, kind, inputs, one, 201)


def update_batch(desk: Desk, kind: Kind, inputs: list[Input]) -> Answer:
    """Update records by id or by a custom unique property; unknown ones make one error entry."""
    for each in inputs:
        _check_update_key(desk, kind, each.get("idProperty"))
    found = [find(desk, kind, str(each["id"]), each.get("idProperty"), in_batch=True) for each in inputs]
    _check_distinct(inputs, found)
    targets = {id(each): record for each, record in zip(inputs, found, strict=True)}

    def one(each: Input, outcome: Outcome) -> None:
        record = targets[id(each)]
        if record is None:
            outcome.missing(str(each["id"]))
        else:
            outcome.keep(change(desk, record, each["properties"]), each["properties"], trace=_trace(each))

    return _each(desk, kind, inputs, one, 200)


def upsert_batch(desk: Desk, kind: Kind, inputs: list[Input]) -> Answer:
    """Update or create by e-mail or by a custom unique property; by e-mail all rows succeed or none."""
    key = _one_key(inputs)
    check_key(desk, kind, key, "update/upsert")
    alone = key != "email" or desk.dialect.email_upsert_in_parts
    found = [find(desk, kind, str(each["id"]), key, in_batch=True) for each in inputs]
    _check_distinct_keys(inputs, key)
    _check_distinct(inputs, found)
    targets = {id(each): record for each, record in zip(inputs, found, strict=True)}

    def one(each: Input, outcome: Outcome) -> None:
        record = targets[id(each)]
        shown = {*each["properties"], *([key] if desk.dialect.upsert_shows_key else [])}
        if record is None:
            made = create(desk, kind, {key: each["id"], **each["properties"]})
            outcome.keep(made, shown, trace=_trace(each), new=True)
        else:
            outcome.keep(change(desk, record, each["properties"]), shown, trace=_trace(each), new=False)

    return _each(desk, kind, inputs, one, 200, rows_fail_alone=alone)


def read_batch(desk: Desk, kind: Kind, inputs: list[Input], body: dict[str, Any], *, archived: bool) -> Answer:
    """Read records by id or unique property; unknown ones make one error entry."""
    key, ids = body.get("idProperty"), [str(each["id"]) for each in inputs]
    if key not in (None, "hs_object_id"):
        check_key(desk, kind, key, "read")
    repeated = [given for given, count in Counter(ids).items() if count > 1]
    if repeated:
        raise duplicate_ids(repeated)
    names = known_names(desk, kind, body.get("properties"))
    outcome, seen = Outcome(desk, kind), set[int]()
    for given in ids:
        record = _read(desk, kind, given, key, archived=archived)
        if record is None:
            outcome.missing(given)
        elif record.id not in seen:
            seen.add(record.id)
            outcome.keep(record, names, **_history(record, body.get("propertiesWithHistory")))
    return outcome.answer(200)


def archive_batch(desk: Desk, kind: Kind, inputs: list[Input]) -> None:
    """Archive records; unknown ids pass without a word."""
    for each in inputs:
        record = find(desk, kind, str(each["id"]), None, in_batch=True)
        if record is not None:
            archive(desk, record)


def known_names(desk: Desk, kind: Kind, names: Any) -> list[str]:
    """Return the properties to show: those asked for that exist, else the defaults of the object type."""
    if not names:
        return list(kind.default_properties)
    if not isinstance(names, list):
        raise validation("properties must be a list of names")
    definitions = desk.definitions(kind)
    return [name for name in names if definitions.get(name) is not None]


def _read(desk: Desk, kind: Kind, given: str, key: str | None, *, archived: bool) -> Record | None:
    if not archived:
        return find(desk, kind, given, key, in_batch=True)
    return desk.records(kind).archived(given)


def _history(record: Record, names: Any) -> dict[str, Any]:
    return {"propertiesWithHistory": shown_history(record, names)} if names else {}


def shown_history(record: Record, names: Iterable[str]) -> dict[str, Any]:
    """Return past and present values of properties, newest first."""
    return {
        name: [
            {
                "value": each.value,
                "timestamp": iso(each.at_ms),
                "sourceType": each.source_type,
                "sourceId": each.source_id,
            }
            for each in record.revisions(name)
        ]
        for name in names
    }


def _each(
    desk: Desk,
    kind: Kind,
    inputs: list[Input],
    one: Callable[[Input, Outcome], None],
    success: int,
    *,
    rows_fail_alone: bool = True,
) -> Answer:
    outcome = Outcome(desk, kind)
    for each in inputs:
        try:
            one(each, outcome)
        except HubSpotError as error:
            outcome.refuse(error, _trace(each) if rows_fail_alone else None)
    return outcome.answer(success)


def _trace(each: Input) -> str | None:
    trace = each.get("objectWriteTraceId")
    return None if trace is None else str(trace)


def _check_update_key(desk: Desk, kind: Kind, key: str | None) -> None:
    """``batch/update`` takes custom unique properties only: neither ``email`` nor ``hs_object_id``."""
    if key is None:
        return
    if key in ("email", "hs_object_id"):
        raise non_unique_key("update/upsert", kind.type_id, key)
    check_key(desk, kind, key, "update/upsert")


def _one_key(inputs: list[Input]) -> str:
    keys = {each.get("idProperty") for each in inputs}
    if len(keys) != 1 or not isinstance(key := keys.pop(), str):
        raise validation("idProperty must be set, and be the same, on every input of an upsert")
    return key


def _check_distinct_keys(inputs: list[Input], key: str) -> None:
    values = [normal_address(str(each["id"])) if key == "email" else str(each["id"]) for each in inputs]
    repeated = [value for value, count in Counter(values).items() if count > 1]
    if repeated:
        raise duplicate_ids(repeated)


def _check_distinct(inputs: list[Input], found: list[Record | None]) -> None:
    """Refuse a batch in which two inputs lead to one record, or name one missing id twice."""
    led_to = Counter(record.id if record else str(each["id"]) for each, record in zip(inputs, found, strict=True))
    repeated = [str(each) for each, count in led_to.items() if count > 1]
    if repeated:
        raise duplicate_ids(repeated)
