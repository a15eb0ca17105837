"""Whether a JSON body could be read into HubSpot's types at all, before anybody asks what it means."""

from __future__ import annotations

from typing import Any

from .errors import HubSpotError, invalid_json

SCALAR = (str, int, float)
_MEMBERS: dict[str, tuple[type, ...]] = {
    "inputs": (list,),
    "associations": (list,),
    "types": (list,),
    "filterGroups": (list,),
    "filters": (list,),
    "values": (list,),
    "sorts": (list,),
    "options": (list,),
    "propertiesWithHistory": (list,),
    "properties": (dict, list),
    "from": (dict,),
    "to": (dict, list),
    "throttling": (dict,),
    "hasUniqueValue": (bool,),
    "hidden": (bool,),
    "formField": (bool,),
    "active": (bool,),
    "displayOrder": (int,),
    "limit": (int,),
    **dict.fromkeys(("name", "label", "description", "type", "fieldType", "groupName", "targetUrl"), (str,)),
    **dict.fromkeys(("idProperty", "propertyName", "operator", "direction", "associationCategory"), (str,)),
    **dict.fromkeys(("eventType", "query"), (str,)),
    **dict.fromkeys(("id", "objectWriteTraceId", "value", "highValue", "after", "associationTypeId"), SCALAR),
    **dict.fromkeys(("primaryObjectId", "objectIdToMerge", "objectId"), SCALAR),
}
_LISTS_OF_TEXTS = ("values", "propertiesWithHistory")


def check_members(value: Any) -> None:
    """Refuse a body in which a member has a type that nobody could read. Raises HubSpotError (400)."""
    if isinstance(value, list):
        for each in value:
            check_members(each)
    elif isinstance(value, dict):
        for name, member in value.items():
            if member is not None:
                _check_member(name, member)


def _check_member(name: str, member: Any) -> None:
    wanted = _MEMBERS.get(name)
    if wanted is not None and not isinstance(member, wanted):
        raise _unreadable(name)
    if name == "properties":
        _check_properties(member)
    elif name in _LISTS_OF_TEXTS:
        _check_scalars(name, member)
    else:
        check_members(member)


def _check_properties(member: Any) -> None:
    """A write maps names to values, a read lists names."""
    if isinstance(member, dict):
        _check_scalars("properties", [each for each in member.values() if each is not None])
    elif not all(isinstance(each, str) for each in member):
        raise _unreadable("properties")


def _check_scalars(name: str, found: list[Any]) -> None:
    if not all(isinstance(each, SCALAR) for each in found):
        raise _unreadable(name)


def _unreadable(name: str) -> HubSpotError:
    return invalid_json(f"Cannot deserialize the value of `{name}`")
