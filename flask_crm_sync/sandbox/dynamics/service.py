"""Which operation a call means, and doing it."""

from __future__ import annotations

import re

from .bulk import MESSAGES
from .changes import is_tracking, read_changes
from .desk import Desk
from .errors import DataverseError, no_resource
from .exchange import Call, Reply, check_versions
from .keys import Address, read_key
from .metadata import read_message_filters, read_metadata
from .queries import read_condition, read_many
from .records import create_one, delete_one, read_one, upsert_one
from .tables import BY_SET, Table

_SET = re.compile(r"(?P<set>\w+)(?:\((?P<key>.*)\))?(?:/(?P<rest>[\w.$]+))?", re.S)
_MESSAGE = re.compile(r"Microsoft\.Dynamics\.CRM\.(\w+)")


def perform(desk: Desk, call: Call) -> Reply:
    """Do one operation; a batch is none. Raises DataverseError."""
    check_versions(call)
    if call.path in ("WhoAmI", "WhoAmI()"):
        return _who_am_i(desk, call)
    if call.path.startswith("EntityDefinitions"):
        return read_metadata(desk, call)
    if call.path == "sdkmessagefilters":
        return read_message_filters(desk, call)
    return _on_table(desk, call)


def template(path: str) -> str:
    """Return a path with keys left out, for counting calls."""
    return re.sub(r"\([^/]*\)", "({key})", path)


def _on_table(desk: Desk, call: Call) -> Reply:
    match = _SET.fullmatch(call.path)
    if match is None or match["set"] not in BY_SET:
        raise no_resource(call.path.split("/")[0].split("(")[0])
    table = BY_SET[match["set"]]
    if match["rest"]:
        return _below(desk, table, match["key"], match["rest"], call)
    if match["key"] is None:
        return _on_collection(desk, table, call)
    return _on_row(desk, Address(table, read_key(match["key"])), call)


def _on_collection(desk: Desk, table: Table, call: Call) -> Reply:
    if call.method == "GET":
        desk.require("Read", table)
        return read_changes(desk, table, call) if is_tracking(call) else read_many(desk, table, call)
    if call.method == "POST":
        return create_one(desk, table, call)
    raise _wrong_method(call)


def _on_row(desk: Desk, address: Address, call: Call) -> Reply:
    if call.method == "GET":
        desk.require("Read", address.table)
        return read_one(desk, address, call)
    if call.method == "PATCH":
        return upsert_one(desk, address, call)
    if call.method == "DELETE":
        return delete_one(desk, address, call)
    raise _wrong_method(call)


def _below(desk: Desk, table: Table, key: str | None, rest: str, call: Call) -> Reply:
    message = _MESSAGE.fullmatch(rest)
    if key is None and message and message[1] in MESSAGES and not table.read_only:
        if call.method != "POST":
            raise _wrong_method(call)
        return MESSAGES[message[1]](desk, table, call)
    if key is None and rest == "$count" and call.method == "GET":
        desk.require("Read", table)
        number = desk.rows.count(table, read_condition(desk, table, call.options))
        return Reply(200, str(number).encode(), {"Content-Type": "text/plain"})
    raise no_resource(rest)


def _who_am_i(desk: Desk, call: Call) -> Reply:
    if call.method != "GET":
        raise _wrong_method(call)
    body = {
        "@odata.context": f"{desk.base_url}/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
        "BusinessUnitId": desk.environment.business_unit_id,
        "UserId": desk.user_id,
        "OrganizationId": desk.environment.organization_id,
    }
    return Reply(200, body)


def _wrong_method(call: Call) -> DataverseError:
    return DataverseError(405, "0x80060888", f"The requested resource does not support http method '{call.method}'.")
