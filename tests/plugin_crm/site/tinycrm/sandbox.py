"""Tiny CRM's own server, written from its (imagined) documentation and not from the adapter."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Request, Response, g, jsonify, request
from flask.typing import ResponseReturnValue

from flask_crm_sync.sandbox.calls import CallLog
from flask_crm_sync.sandbox.faults import FaultBook
from flask_crm_sync.sandbox.inspection import inspection
from flask_crm_sync.sandbox.switches import Switches

BASE = "/tiny/v1"
KEY = "tiny-sandbox-key"
_LIMITS = {"X-Tiny-Limit": "600", "X-Tiny-Left": "599"}
_REFUSALS = {"throttle": 429, "locked": 423, "missing_scopes": 403, "moving": 503}


@dataclass
class _Dialect(Switches):
    """Tiny CRM leaves nothing open."""


class _Refused(Exception):
    def __init__(self, status: int, error: str, name: str = "") -> None:
        super().__init__(error)
        self.answer = _refusal(status, error, name)


def _refusal(status: int, error: str, name: str = "") -> Response:
    answer = jsonify(error=error, field=name)
    answer.status_code = status
    answer.headers.update(_LIMITS)
    if status == 429:
        answer.headers["Retry-After"] = "20"
    return answer


@dataclass
class TinyCRM:
    """Everything in memory: people, notes, whether the key still opens."""

    calls: CallLog
    faults: FaultBook
    name: str = "tiny"
    label: str = "Tiny CRM"
    policies: tuple[str, ...] = ("MINUTE",)
    dialect: Switches = field(default_factory=_Dialect)
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    texts: dict[str, dict[str, Any]] = field(default_factory=dict)
    key_opens: bool = True
    ids: Iterable[int] = field(default_factory=lambda: itertools.count(1))

    # What the shared parts ask for

    def blueprints(self) -> Iterable[Blueprint]:
        return (_api(self), inspection(self, lambda: "tiny", lambda body: {"portal_id": body["portal_id"]}))

    def owns(self, path: str) -> bool:
        return path.startswith(BASE)

    def identify(self, request: Request) -> str | None:
        return "tiny" if request.headers.get("X-Tiny-Key") == KEY else None

    def refusal(self, kind: str, params: Mapping[str, Any], request: Request) -> Response:
        return _refusal(_REFUSALS.get(kind) or params["status"], f"Refused: {kind}.")

    def http_error(self, status: int, message: str) -> Response:
        return _refusal(status, message)

    def spoil_token(self, kind: str, request: Request) -> None:
        self.key_opens = False

    def overview(self) -> Mapping[str, int]:
        return {"people": len(self.people)}

    def start_afresh(self, portal_id: str | None = None) -> None:
        self.people.clear()
        self.texts.clear()
        self.key_opens = True
        self.faults.clear(self.name)
        self.calls.clear(self.name)

    def close(self) -> None:
        self.start_afresh()

    # A person's hands, and what arrived

    def figures(self, portal: str) -> dict[str, Any]:
        counts = self.calls.counts(self.name)
        return {
            "records": len(self.people),
            "notes": len(self.texts),
            "api_calls": sum(counts.values()),
            "calls": counts,
        }

    def contacts(self, portal: str) -> list[dict[str, Any]]:
        return [{"id": id, "properties": person, "archived": False} for id, person in self.people.items()]

    def notes(self, portal: str) -> list[dict[str, Any]]:
        return [
            {"id": id, "properties": text, "contacts": [text["person"]], "archived": False}
            for id, text in self.texts.items()
        ]

    def add_contact(self, properties: Any, portal: str) -> str:
        return str(self.make(dict(properties))["id"])

    def edit_contact(self, contact_id: str, properties: Any, portal: str) -> None:
        self.people[contact_id].update(properties)

    def delete_contact(self, contact_id: str, portal: str) -> None:
        del self.people[contact_id]

    # Its work

    def make(self, values: dict[str, Any]) -> dict[str, Any]:
        same = [p for p in self.people.values() if values.get("ref") and p.get("ref") == values["ref"]]
        if same:
            return {**same[0], "new": False}
        values["id"] = str(next(iter(self.ids)))
        self.people[values["id"]] = values
        return {**values, "new": True}

    def person(self, person_id: str) -> dict[str, Any]:
        if person_id not in self.people:
            raise _Refused(404, "No such person.")
        return self.people[person_id]


def _api(crm: TinyCRM) -> Blueprint:
    blueprint = Blueprint("tiny_api", __name__, url_prefix=BASE)
    blueprint.register_error_handler(_Refused, lambda refused: refused.answer)
    _add_people(blueprint, crm)
    _add_notes(blueprint, crm)

    @blueprint.before_request
    def admit() -> Response | None:
        opens = crm.key_opens and crm.identify(request)
        return None if opens else _refusal(401, "This key opens nothing.")

    @blueprint.after_request
    def tell_limits(response: Response) -> Response:
        response.headers.update(_LIMITS)
        return response

    @blueprint.get("/me")
    def me() -> ResponseReturnValue:
        return jsonify(id="tiny-1", name="Tiny account")

    return blueprint


def _add_people(blueprint: Blueprint, crm: TinyCRM) -> None:
    @blueprint.get("/people")
    def search() -> ResponseReturnValue:
        wanted = request.args.to_dict()
        found = [p for p in crm.people.values() if all(p.get(name) == value for name, value in wanted.items())]
        return jsonify(people=found)

    @blueprint.post("/people")
    def create() -> ResponseReturnValue:
        return jsonify(crm.make(_checked())), 201

    @blueprint.get("/people/<person_id>")
    def read(person_id: str) -> ResponseReturnValue:
        return jsonify(crm.person(person_id))

    @blueprint.patch("/people/<person_id>")
    def change(person_id: str) -> ResponseReturnValue:
        values = _checked()
        if any(person.get("ref") == values.get("ref") for person in crm.people.values()) or crm.person(person_id).get(
            "ref"
        ):
            values.pop("ref", None)
        crm.person(person_id).update(values)
        return jsonify(crm.person(person_id))


def _add_notes(blueprint: Blueprint, crm: TinyCRM) -> None:
    @blueprint.get("/people/<person_id>/notes")
    def of_person(person_id: str) -> ResponseReturnValue:
        crm.person(person_id)
        return jsonify(notes=[text for text in crm.texts.values() if text["person"] == person_id])

    @blueprint.post("/people/<person_id>/notes")
    def add(person_id: str) -> ResponseReturnValue:
        crm.person(person_id)
        text = {**_checked(), "person": person_id, "id": f"n{next(iter(crm.ids))}"}
        same = next((t for t in crm.texts.values() if t["ref"] == text["ref"]), None)
        return jsonify(same or crm.texts.setdefault(text["id"], text)), 201

    @blueprint.patch("/notes/<note_id>")
    def rewrite(note_id: str) -> ResponseReturnValue:
        if note_id not in crm.texts:
            raise _Refused(404, "No such note.")
        crm.texts[note_id].update(_checked())
        return jsonify(crm.texts[note_id])


def _checked() -> dict[str, Any]:
    """Return the values that a call brings, if Tiny CRM (and no fault) has anything against them."""
    values: dict[str, Any] = request.get_json()
    if values.get("mail") and "@" not in values["mail"]:
        raise _Refused(400, "This is no e-mail.", "mail")
    spoilt = [fault.params["text"] for fault in g.faults if fault.kind == "reject_matching"]
    if any(text in str(value) for text in spoilt for value in values.values()):
        raise _Refused(400, "This is not accepted.")
    return values
