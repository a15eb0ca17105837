"""CreateMultiple, UpdateMultiple and UpsertMultiple: many rows in one call, all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import g

from .desk import Desk, WholeCallRefused
from .errors import bad_payload
from .exchange import Call, Reply
from .keys import Address, find, read_address
from .records import create_at, found
from .tables import Table
from .writes import change, create

MOST = 1000
Target = dict[str, Any]


def create_multiple(desk: Desk, table: Table, call: Call) -> Reply:
    """Add rows; answer their ids."""
    with desk.store.all_or_nothing():
        ids = [create(desk, table, target).id for target in _targets(table, call)]
    context = f"{desk.base_url}/$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse"
    return Reply(200, {"@odata.context": context, "Ids": ids})


def update_multiple(desk: Desk, table: Table, call: Call) -> Reply:
    """Change rows that are there."""
    with desk.store.all_or_nothing():
        for target in _targets(table, call):
            change(desk, found(desk, _address(table, target)), target)
    return Reply(204)


def upsert_multiple(desk: Desk, table: Table, call: Call) -> Reply:
    """Change rows, or create those that are not there."""
    with desk.store.all_or_nothing():
        for target in _targets(table, call):
            address = _address(table, target)
            row = find(desk, address)
            if row is None:
                create_at(desk, address, target)
            else:
                change(desk, row, target)
    return Reply(204)


MESSAGES: Mapping[str, Callable[[Desk, Table, Call], Reply]] = {
    "CreateMultiple": create_multiple,
    "UpdateMultiple": update_multiple,
    "UpsertMultiple": upsert_multiple,
}


def _targets(table: Table, call: Call) -> list[Target]:
    targets = call.json_object(table.set_name).get("Targets")
    if not isinstance(targets, list) or not targets or not all(isinstance(each, dict) for each in targets):
        raise bad_payload(table.set_name, "'Targets' is a list of at least one entity.")
    if len(targets) > MOST:
        raise WholeCallRefused(400, "0x80044150", f"'Targets' holds more than {MOST} entities.")
    for target in targets:
        if target.get("@odata.type") not in (
            f"Microsoft.Dynamics.CRM.{table.name}",
            f"#Microsoft.Dynamics.CRM.{table.name}",
        ):
            raise bad_payload(table.set_name, "Each item of 'Targets' needs an '@odata.type' that names the table.")
    g.items += len(targets) - 1
    return targets


def _address(table: Table, target: Target) -> Address:
    """Return which row an item means: by ``@odata.id``, or by its primary key."""
    if "@odata.id" in target:
        return read_address(str(target["@odata.id"]))
    if not isinstance(target.get(table.id_name), str):
        raise bad_payload(table.set_name, f"An item of 'Targets' brings neither '@odata.id' nor '{table.id_name}'.")
    return Address(table, str(target[table.id_name]).lower())
