"""The columns of contacts: what each kind of attribute is to us, whatever an environment added or changed."""

from __future__ import annotations

from typing import Any

import pytest

from flask_crm_sync.crm.base import RemoteField
from flask_crm_sync.errors import CRMError, PermissionMissing

from .environment import Environment, Part, Told, refusal
from .office import Office


def _label(text: str) -> dict[str, Any]:
    return {"UserLocalizedLabel": {"Label": text, "LanguageCode": 1031}, "LocalizedLabels": []}


def _attribute(name: str, kind: str, **more: Any) -> dict[str, Any]:
    told = {"AttributeType": kind, "AttributeTypeName": {"Value": f"{kind}Type"}, "IsValidForUpdate": True}
    return {"LogicalName": name, "DisplayName": _label(name.title()), **told, **more}


def _options(*labels: str) -> dict[str, Any]:
    return {"Options": [{"Value": 100 + n, "Label": _label(label)} for n, label in enumerate(labels)]}


def _schema(env: Environment, rows: list[dict[str, Any]], **more: list[dict[str, Any]]) -> dict[str, RemoteField]:
    def answer(part: Part) -> Told:
        kind = part.path.split("Microsoft.Dynamics.CRM.")[-1].split("AttributeMetadata")[0]
        return Told(200, {"value": more.get(kind, []) if "Microsoft" in part.path else rows})

    env.answer = answer
    return {field.name: field for field in env.adapter().schema()}


def test_sandboxs_columns_have_the_types_lengths_and_options_that_it_tells(office: Office) -> None:
    schema = {field.name: field for field in office.adapter().schema()}
    assert (schema["birthdate"].type, schema["createdon"].type) == ("date", "datetime")
    assert (schema["numberofchildren"].type, schema["donotemail"].type) == ("number", "boolean")
    assert schema["gendercode"].options == (("1", "Male"), ("2", "Female"))
    assert (schema["description"].max_length, schema["firstname"].label) == (2000, "First Name")
    assert (schema["description"].lines, schema["firstname"].lines) == (True, False)
    assert [schema[name].default for name in ("gendercode", "customertypecode", "donotemail")] == ["", "1", "false"]
    assert [schema[name].writable for name in ("statecode", "createdon", "fullname")] == [False] * 3
    assert not schema.keys() & {"contactid", "masterid", "ownerid"}


def test_company_is_a_text_that_may_be_written_unless_companies_are_off(office: Office) -> None:
    for mode, writable in (("match", True), ("off", False)):
        schema = {field.name: field for field in office.adapter(dynamics_company=mode).schema()}
        company = schema["parentcustomerid"]
        assert (company.type, company.max_length, company.writable) == ("text", 160, writable)


def test_own_columns_of_an_environment_are_told_with_options_of_their_own_or_shared(env: Environment) -> None:
    schema = _schema(
        env,
        [
            _attribute("new_source", "Picklist", IsCustomAttribute=True),
            _attribute("new_shared", "Picklist", IsCustomAttribute=True),
            _attribute("new_topics", "Virtual", AttributeTypeName={"Value": "MultiSelectPicklistType"}),
            _attribute("new_code", "String", RequiredLevel={"Value": "SystemRequired"}),
        ],
        Picklist=[
            {"LogicalName": "new_source", "OptionSet": _options("Web", "Fair"), "GlobalOptionSet": None},
            {"LogicalName": "new_shared", "OptionSet": None, "GlobalOptionSet": _options("Gold")},
        ],
        MultiSelectPicklist=[{"LogicalName": "new_topics", "OptionSet": _options("Bikes")}],
        String=[{"LogicalName": "new_code", "MaxLength": 12}],
    )
    assert (schema["new_source"].custom, schema["new_source"].options) == (True, (("100", "Web"), ("101", "Fair")))
    assert schema["new_shared"].options == (("100", "Gold"),)
    assert (schema["new_topics"].type, schema["new_topics"].options) == ("choices", (("100", "Bikes"),))
    assert (schema["new_code"].required, schema["new_code"].max_length) == (True, 12)


@pytest.mark.parametrize(
    "hidden",
    [
        _attribute("createdbyname", "String", AttributeOf="createdby"),
        _attribute("secret", "String", IsValidForRead=False),
        _attribute("entityimage", "Virtual", AttributeTypeName={"Value": "ImageType"}),
        _attribute("", "String"),
        {"AttributeType": "String"},
    ],
)
def test_what_is_no_value_of_a_contact_is_left_out(env: Environment, hidden: dict[str, Any]) -> None:
    assert set(_schema(env, [hidden, _attribute("firstname", "String")])) == {"firstname"}


def test_label_falls_back_on_any_language_and_on_the_name(env: Environment) -> None:
    other = {"UserLocalizedLabel": None, "LocalizedLabels": [{"Label": "Vorname"}]}
    rows = [_attribute("firstname", "String", DisplayName=other), _attribute("nickname", "String", DisplayName=None)]
    schema = _schema(env, rows)
    assert (schema["firstname"].label, schema["nickname"].label) == ("Vorname", "nickname")


def test_definition_that_may_not_be_read_raises(env: Environment) -> None:
    env.answer = lambda part: refusal(403, "0x80040220", "missing prvReadAttribute")
    with pytest.raises(PermissionMissing) as raised:
        env.adapter().schema()
    assert isinstance(raised.value, CRMError)
    assert raised.value.permissions == ("prvReadAttribute",)


def test_reason_that_would_deactivate_a_contact_is_not_offered(env: Environment) -> None:
    states = {1: 0, 2: 1, 7: 0}
    options = [{"Value": one, "State": state, "Label": _label(str(one))} for one, state in states.items()]
    rows = {"LogicalName": "statuscode", "OptionSet": {"Options": options}}
    schema = _schema(env, [_attribute("statuscode", "Status")], Status=[rows])
    assert [value for value, _ in schema["statuscode"].options] == ["1", "7"]
