"""``$batch``: operations one after the other, change sets as one, and what happens after a failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote

from flask import g

from .desk import Desk, WholeCallRefused
from .errors import DataverseError, no_resource
from .exchange import Call, Reply, refused
from .keys import service_path
from .multipart import ChangeSet, Part, malformed, read_batch, write_batch, write_nested, write_reply
from .service import perform

MOST = 1000


def run_batch(desk: Desk, call: Call) -> Reply:
    """Do the operations of a batch in their order. Raises DataverseError (400) where it cannot be read."""
    items = read_batch(call.headers.get("content-type", ""), call.body)
    _count(items)
    goes_on = "odata.continue-on-error" in call.preferences
    answers: list[bytes] = []
    failed = False
    with desk.store.writing():
        for item in items:
            answer, fine = _run(desk, item)
            answers.append(answer)
            failed = failed or not fine
            if failed and not goes_on:
                break
    kind, body = write_batch(answers, "batchresponse")
    return Reply(400 if failed and not goes_on else 200, body, {"Content-Type": kind})


def _count(items: Sequence[Part | ChangeSet]) -> None:
    number = sum(len(item.parts) if isinstance(item, ChangeSet) else 1 for item in items)
    g.items = max(1, number)
    if number > MOST:
        raise DataverseError(400, "0x80060888", f"The number of operations in the batch exceeds the limit of {MOST}.")


def _run(desk: Desk, item: Part | ChangeSet) -> tuple[bytes, bool]:
    if isinstance(item, ChangeSet):
        return _run_change_set(desk, item)
    reply = _answered(desk, item)
    return write_reply(reply, item.content_id), reply.status < 400


def _answered(desk: Desk, part: Part) -> Reply:
    try:
        return perform(desk, _call(part, part.target))
    except WholeCallRefused:
        raise
    except DataverseError as error:
        return refused(error)


class _Failed(Exception):
    """An operation of a change set failed; what the others did is undone."""

    def __init__(self, reply: Reply, content_id: str | None) -> None:
        super().__init__(content_id)
        self.answer = write_reply(reply, content_id)


def _run_change_set(desk: Desk, changes: ChangeSet) -> tuple[bytes, bool]:
    inside = replace(desk, references={})
    try:
        with desk.store.all_or_nothing():
            answers = [_run_change(inside, part) for part in changes.parts]
    except _Failed as failure:
        return write_nested([failure.answer]), False
    return write_nested(answers), True


def _run_change(desk: Desk, part: Part) -> bytes:
    try:
        reply = perform(desk, _call(part, _target(desk, part)))
    except WholeCallRefused:
        raise
    except DataverseError as error:
        raise _Failed(refused(error), part.content_id) from None
    if "OData-EntityId" in reply.headers:
        desk.references[f"${part.content_id}"] = reply.headers["OData-EntityId"]
    return write_reply(reply, part.content_id)


def _target(desk: Desk, part: Part) -> str:
    """Return what an operation is about, ``$1`` being the address that Content-ID 1 made."""
    name, slash, rest = part.target.partition("/")
    if not name.startswith("$") or name == "$batch":
        return part.target
    if name not in desk.references:
        raise DataverseError(400, "0x80060888", f"Content-ID Reference: '{name}' does not exist in the batch context.")
    return desk.references[name] + slash + rest


def _call(part: Part, target: str) -> Call:
    """Return an operation as if it had come alone; its address is absolute, or relative to the service."""
    if len(target) > 65_536:
        raise malformed("the address of an operation has up to 64 KB.")
    address, _, query = target.partition("?")
    path = service_path(unquote(address))
    if path == "$batch":
        raise malformed("a batch holds no batch.")
    if not path:
        raise no_resource(target)
    return Call(part.method, path, query, part.headers, part.body)
