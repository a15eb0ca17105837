"""Calls to HubSpot: the path table, and batches in which each input gets an outcome of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ...errors import CRMError, OutcomeUnknown, RejectedByCRM
from ..answers import objects
from ..feed import time_told
from ..http import HTTPClient
from ..outcomes import halting, pieces
from .answers import Setting, allowance, context, failure, row_error

BATCH = 100
"""Inputs in one batch call, at most: HubSpot's guides to objects and associations."""

Row: TypeAlias = Mapping[str, Any]
Marks: TypeAlias = Callable[[Row], Iterable[Hashable]]


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things are in one version of the API."""

    contacts: str
    notes: str
    properties: str
    contact_notes: str
    notes_of_contact: str
    account: str

    @classmethod
    def of(cls, version: str) -> Paths:
        """Return the paths of a dated version such as 2026-09, or of v3 (whose associations are v4)."""
        if version == "v3":
            objects, properties, associations = "/crm/v3/objects", "/crm/v3/properties", "/crm/v4/associations"
            linked = "/crm/v4/objects"
        else:
            objects, properties = f"/crm/objects/{version}", f"/crm/properties/{version}"
            associations, linked = f"/crm/associations/{version}", f"/crm/objects/{version}"
        return cls(
            contacts=f"{objects}/contacts",
            notes=f"{objects}/notes",
            properties=f"{properties}/contacts",
            contact_notes=f"{associations}/contacts/notes",
            notes_of_contact=f"{linked}/contacts/{{}}/associations/notes",
            account=f"/account-info/{version}/details",
        )


@dataclass(slots=True)
class BatchAnswer:
    """What a batch came to: result rows in no order, failures by input name, and errors that name no input.

    `halted` is set when a call failed in a way that makes further calls pointless or unsafe for now.
    """

    rows: list[Row] = field(default_factory=list)
    failures: dict[str, CRMError] = field(default_factory=dict)
    unnamed: list[CRMError] = field(default_factory=list)
    halted: CRMError | None = None


class HubSpotClient:
    """HubSpot's API in one version, with one key."""

    def __init__(self, http: HTTPClient, version: str, time_zone: str) -> None:
        self.http, self.paths, self._time_zone = http, Paths.of(version), time_zone
        self.further: frozenset[str] = frozenset()
        self.now = 0
        """HubSpot's time at its last answer, in milliseconds since 1970."""

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        writes: bool = False,
        kind: str = "call",
    ) -> Row:
        """Make one call and return its body, {} where that is no object; raise the CRMError that the answer means."""
        response = self.http.call(method, path, params=params, json=json, writes=writes, kind=kind)
        self.now = time_told(response.headers, self.http.clock)
        told = allowance(response.headers)
        if told is not None:
            self.http.learn(told)
        error = failure(response, self._setting(), writes=writes)
        if error is not None:
            raise error
        return response.body if isinstance(response.body, dict) else {}

    def batch(
        self,
        path: str,
        inputs: Mapping[str, Row],
        *,
        writes: bool,
        extra: Row | None = None,
        halted: CRMError | None = None,
        doubt: Callable[[], CRMError | None] | None = None,
        traced: bool = True,
    ) -> BatchAnswer:
        """Send named inputs, a hundred at a time; writes carry trace ids unless the call takes none.

        A refusal of a whole batch wrote nothing and may not say which input is at fault: the batch is halved until the
        faulty one stands alone. Before that `doubt` is asked whether no input is at fault but the portal's set-up.
        """
        answer = BatchAnswer(halted=halted)
        queue = deque(pieces(list(inputs), BATCH))
        while queue:
            names = queue.popleft()
            if answer.halted is not None:
                answer.failures.update(dict.fromkeys(names, answer.halted))
                continue
            part = {name: inputs[name] for name in names}
            try:
                body = self.call("POST", path, json=_batch_body(part, extra, traced=writes and traced), writes=writes)
            except RejectedByCRM as refused:
                trouble, doubt = (doubt() if doubt else None), None
                if trouble is not None:
                    answer.failures.update(dict.fromkeys(names, trouble))
                    answer.halted = trouble
                elif len(names) > 1:
                    queue.extendleft(reversed(pieces(names, (len(names) + 1) // 2)))
                else:
                    answer.failures.update(dict.fromkeys(names, refused))
            except CRMError as error:
                answer.failures.update(dict.fromkeys(names, error))
                answer.halted = halting([error])
            else:
                self._take(body, part, answer)
        return answer

    def _take(self, body: Row, part: Mapping[str, Row], answer: BatchAnswer) -> None:
        """Sort the rows and row errors of one answer into the whole."""
        answer.rows += objects(body.get("results"))
        for row in objects(body.get("errors")):
            error = row_error(row, self._setting())
            names = _names(row, part)
            answer.failures.update(dict.fromkeys(names, error))
            if not names:
                answer.unnamed.append(error)

    def _setting(self) -> Setting:
        return Setting(self.http.clean, self.http.clock.now(), self._time_zone, self.further)


def outcomes(
    answer: BatchAnswer, inputs: Mapping[str, Row], *, of_row: Marks, of_input: Marks
) -> dict[str, Row | CRMError]:
    """Give each input of a write its result row or its error.

    Results come in no certain order, so a row belongs to the input whose trace id it repeats, else to the one input
    that bears one of its marks (a key, an e-mail, an id), else to the only input left. What remains is unknown.
    """
    waiting = {name: body for name, body in inputs.items() if name not in answer.failures}
    found, spare = _paired(answer.rows, waiting, of_row, of_input)
    left = [name for name in waiting if name not in found]
    if len(left) == 1 and len(spare) == 1 and not answer.unnamed:
        found[left.pop()] = spare[0]
    elif len(left) == 1 and len(answer.unnamed) == 1 and not spare:
        return {**answer.failures, **found, left[0]: answer.unnamed[0]}
    silence = OutcomeUnknown("HubSpot's answer does not mention this record.")
    return {**answer.failures, **found, **dict.fromkeys(left, silence)}


def identifier(row: Row) -> str:
    """Return a row's id as text, "" where it has none."""
    value = row.get("id")
    return str(value) if isinstance(value, (str, int)) else ""


def properties(row: Row) -> dict[str, str]:
    """Return a row's properties as texts, blanks as ""."""
    values = row.get("properties")
    items = values.items() if isinstance(values, dict) else ()
    return {str(name): "" if value is None else str(value) for name, value in items}


def _paired(
    rows: Iterable[Row], inputs: Mapping[str, Row], of_row: Marks, of_input: Marks
) -> tuple[dict[str, Row | CRMError], list[Row]]:
    bearers: dict[Hashable, set[str]] = {}
    for name, body in inputs.items():
        for mark in of_input(body):
            bearers.setdefault(mark, set()).add(name)
    found: dict[str, Row | CRMError] = {}
    spare: list[Row] = []
    for row in rows:
        trace = row.get("objectWriteTraceId")
        told = isinstance(trace, str) and trace in inputs
        named = [{trace}] if told else [bearers.get(mark, set()) for mark in of_row(row)]
        owner = next((name for names in named if len(names) == 1 for name in names if name not in found), None)
        if owner is None:
            spare.append(row)
        else:
            found[owner] = row
    return found, spare


def _batch_body(part: Mapping[str, Row], extra: Row | None, *, traced: bool) -> Row:
    # A trace id for each input is what makes HubSpot report failures row by row instead of refusing the batch.
    inputs = [{**body, "objectWriteTraceId": name} if traced else body for name, body in part.items()]
    return {"inputs": inputs, **(extra or {})}


def _names(error: Row, part: Mapping[str, Row]) -> list[str]:
    """Return the inputs that a row error speaks of: by trace id, else by an id that they hold."""
    traced = [name for name in context(error, "objectWriteTraceId") if name in part]
    if traced:
        return traced
    ids = {*context(error, "ids"), *context(error, "id")}
    return [name for name, body in part.items() if ids & _ids(body)] or (list(part) if len(part) == 1 else [])


def _ids(body: Row) -> set[str]:
    targets = (identifier(link["to"]) for link in body.get("associations", ()))
    return {identifier(body), *targets} - {""}
