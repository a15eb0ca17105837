"""What an environment says about its tables and columns, and which bulk messages they take."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from .conditions import meets
from .desk import Desk
from .errors import DataverseError, bad_query, no_resource
from .exchange import Call, Reply
from .expressions import read_filter
from .keys import add_alternate_key, alternate_keys
from .tables import TABLES, Column, Table

_PATH = re.compile(r"EntityDefinitions(?:\((?P<key>[^)]+)\))?(?:/(?P<rest>.+))?")
_MEMBER = re.compile(r"(?:LogicalName='(?P<name>\w+)'|(?P<id>[0-9a-fA-F-]{36}))")
_ATTRIBUTE = re.compile(r"Attributes\((?P<key>[^)]+)\)(?:/Microsoft\.Dynamics\.CRM\.(?P<cast>\w+)AttributeMetadata)?")
_ATTRIBUTES = re.compile(r"Attributes(?:/Microsoft\.Dynamics\.CRM\.(?P<cast>\w+)AttributeMetadata)?")
TYPES = {
    "text": "String",
    "memo": "Memo",
    "whole": "Integer",
    "flag": "Boolean",
    "choice": "Picklist",
    "state": "State",
    "moment": "DateTime",
    "day": "DateTime",
    "guid": "Uniqueidentifier",
    "lookup": "Lookup",
}
MESSAGES = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")


def read_metadata(desk: Desk, call: Call) -> Reply:
    """Answer a question about tables, columns or alternate keys; or add a key."""
    match = _PATH.fullmatch(call.path)
    if match is None:
        raise no_resource(call.path)
    if match["key"] is None:
        return _listed(desk, call, [_table(desk, each) for each in TABLES], "EntityDefinitions")
    table = _named(match["key"])
    if match["rest"] is None:
        return Reply(200, _chosen(call, _table(desk, table)))
    if match["rest"] == "Keys":
        return _keys(desk, table, call)
    return _attributes(desk, table, match["rest"], call)


def read_message_filters(desk: Desk, call: Call) -> Reply:
    """Answer which tables take which bulk message."""
    rows = [
        {
            "sdkmessagefilterid": _id(f"{message} {table.name}"),
            "sdkmessageid/name": message,
            "primaryobjecttypecode": table.name,
        }
        for message in MESSAGES
        for table in TABLES
        if not table.read_only
    ]
    return _listed(desk, call, rows, "sdkmessagefilters")


def _named(key: str) -> Table:
    match = _MEMBER.fullmatch(key.strip())
    if match is None:
        raise bad_query(f"Bad Request - Error in query syntax: '{key}' is no key.")
    for table in TABLES:
        if match["name"] == table.name or (match["id"] or "").lower() == _id(table.name):
            return table
    raise DataverseError(404, "0x80060888", f"Could not find an entity with name {key} in the metadata cache.")


def _attributes(desk: Desk, table: Table, rest: str, call: Call) -> Reply:
    one, many = _ATTRIBUTE.fullmatch(rest), _ATTRIBUTES.fullmatch(rest)
    if one is not None:
        return Reply(200, _chosen(call, _one(table, one["key"], one["cast"])))
    if many is None:
        raise no_resource(rest)
    printed = [_column(table, each) for each in table.columns if _is(each, many["cast"])]
    return _listed(desk, call, printed, f"EntityDefinitions('{table.name}')/Attributes")


def _one(table: Table, key: str, cast: str | None) -> dict[str, Any]:
    match = _MEMBER.fullmatch(key.strip())
    for column in table.columns:
        if match and match["name"] == column.name and _is(column, cast):
            return _column(table, column)
    raise DataverseError(404, "0x80060888", f"Could not find an attribute {key} on entity {table.name}.")


def _is(column: Column, cast: str | None) -> bool:
    return cast is None or cast == TYPES[column.kind]


def _keys(desk: Desk, table: Table, call: Call) -> Reply:
    if call.method == "POST":
        body = call.json_object("EntityKeyMetadata")
        name = str(body.get("SchemaName", ""))
        add_alternate_key(desk, table, name, [str(each) for each in body.get("KeyAttributes", [])])
        address = f"{desk.base_url}/EntityDefinitions(LogicalName='{table.name}')/Keys({_id(name)})"
        return Reply(204, None, {"OData-EntityId": address})
    rows = [
        {
            "MetadataId": _id(name),
            "SchemaName": name,
            "LogicalName": name.lower(),
            "KeyAttributes": columns,
            "EntityKeyIndexStatus": "Active",
        }
        for name, columns in alternate_keys(desk, table).items()
    ]
    return _listed(desk, call, rows, f"EntityDefinitions('{table.name}')/Keys")


def _listed(desk: Desk, call: Call, rows: Iterable[dict[str, Any]], of: str) -> Reply:
    options = call.options
    if options.get("$filter"):
        aliases = {name: value for name, value in options.items() if name.startswith("@")}
        expression = read_filter(options["$filter"], aliases)
        rows = [row for row in rows if meets(expression, row)]
    body = {"@odata.context": f"{desk.base_url}/$metadata#{of}", "value": [_chosen(call, row) for row in rows]}
    return Reply(200, body)


def _chosen(call: Call, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that ``$select`` and ``$expand`` name, all without one."""
    names = [name.strip() for name in call.options.get("$select", "").split(",") if name.strip()]
    expanded = re.findall(r"(\w+)(?:\([^)]*\))?", call.options.get("$expand", ""))
    if not names:
        return {name: value for name, value in row.items() if "/" not in name}
    unknown = [name for name in names if name not in row]
    if unknown:
        raise bad_query(f"Could not find a property named '{unknown[0]}'.")
    return {name: row[name] for name in dict.fromkeys(["MetadataId", *names, *expanded]) if name in row}


def _table(desk: Desk, table: Table) -> dict[str, Any]:
    return {
        "MetadataId": _id(table.name),
        "LogicalName": table.name,
        "SchemaName": table.schema_name,
        "EntitySetName": table.set_name,
        "LogicalCollectionName": table.set_name,
        "PrimaryIdAttribute": table.id_name,
        "PrimaryNameAttribute": table.title_name,
        "ObjectTypeCode": table.number,
        "DisplayName": _label(table.schema_name),
        "IsPrivate": False,
        "IsCustomEntity": False,
        "ChangeTrackingEnabled": desk.dialect.change_tracking and not table.read_only,
        "IsDuplicateDetectionEnabled": {"Value": table.name == "contact", "CanBeChanged": True},
    }


def _column(table: Table, column: Column) -> dict[str, Any]:
    kind = TYPES[column.kind]
    body: dict[str, Any] = {
        "@odata.type": f"#Microsoft.Dynamics.CRM.{kind}AttributeMetadata",
        "MetadataId": _id(f"{table.name}.{column.name}"),
        "LogicalName": column.name,
        "SchemaName": column.name,
        "EntityLogicalName": table.name,
        "AttributeType": kind,
        "AttributeTypeName": {"Value": f"{kind}Type"},
        "AttributeOf": None,
        "IsCustomAttribute": False,
        "IsPrimaryId": column.name == table.id_name,
        "IsPrimaryName": column.name == table.title_name,
        "IsValidForCreate": column.sets != "server" and column.kind != "state",
        "IsValidForUpdate": column.sets == "client",
        "IsValidForRead": True,
        "RequiredLevel": {"Value": column.required, "CanBeChanged": True},
        "DisplayName": _label(column.label or column.name),
    }
    if column.kind in ("text", "memo"):
        body |= {"MaxLength": column.length, "Format": column.format or "Text"}
    if column.kind in ("moment", "day"):
        body["Format"] = "DateOnly" if column.kind == "day" else "DateAndTime"
    if column.kind == "flag":
        body["DefaultValue"] = bool(column.default)
    if column.kind == "choice":
        body["DefaultFormValue"] = -1 if column.default is None else column.default
    if column.choices:
        options = [{"Value": number, "Label": _label(text)} for number, text in column.choices.items()]
        body["OptionSet"] = {"MetadataId": _id(column.name), "Options": options}
    if column.targets:
        body["Targets"] = [*column.targets]
    return body


def _label(text: str) -> dict[str, Any]:
    label = {"Label": text, "LanguageCode": 1033}
    return {"LocalizedLabels": [label], "UserLocalizedLabel": label}


def _id(text: str) -> str:
    return str(uuid5(NAMESPACE_OID, text))
