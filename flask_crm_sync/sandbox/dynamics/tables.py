"""The tables of an environment and their columns, with the lengths that Dataverse enforces.

Lengths and types: Microsoft's entity reference and Common Data Model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

Kind = Literal["text", "memo", "whole", "flag", "choice", "state", "moment", "day", "guid", "lookup"]


@dataclass(frozen=True)
class Column:
    """One column. ``targets`` of a lookup: table name to navigation property."""

    name: str
    kind: Kind = "text"
    length: int = 0
    sets: Literal["client", "create", "server"] = "client"
    """Who sets it: the client, the client when it creates the row, or the server; what others send is ignored."""
    choices: Mapping[int, str] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    required: str = "None"
    default: Any = None
    format: str = ""
    label: str = ""

    @property
    def shown_as(self) -> str:
        """The name under which its value is read."""
        return f"_{self.name}_value" if self.kind == "lookup" else self.name


@dataclass(frozen=True)
class Table:
    """One table."""

    name: str
    set_name: str
    schema_name: str
    id_name: str
    title_name: str
    number: int
    privilege: str
    columns: tuple[Column, ...]
    read_only: bool = False

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Its columns by the name under which their values are read."""
        return {column.shown_as: column for column in self.columns}

    @cached_property
    def binds(self) -> dict[str, tuple[Column, str]]:
        """What ``@odata.bind`` may be put behind, in this very spelling: the lookup and the table it then points at."""
        return {
            navigation: (column, target)
            for column in self.columns
            for target, navigation in column.targets.items()
            if column.sets != "server"
        }


def _texts(length: int, *names: str, format: str = "") -> Iterable[Column]:
    return (Column(name, length=length, format=format) for name in names)


def _common(id_name: str, *, state: bool = True) -> tuple[Column, ...]:
    found = [
        Column(id_name, "guid", sets="create"),
        Column("createdon", "moment", sets="server"),
        Column("modifiedon", "moment", sets="server"),
        Column("overriddencreatedon", "day", sets="create"),
        *(
            Column(name, "lookup", sets="server", targets={"systemuser": name})
            for name in ("createdby", "modifiedby", "ownerid")
        ),
    ]
    if state:
        found += [
            Column("statecode", "state", choices={0: "Active", 1: "Inactive"}, default=0),
            Column("statuscode", "state", choices={1: "Active", 2: "Inactive"}, default=1),
        ]
    return tuple(found)


def _choice(name: str, *labels: str, default: int | None = None) -> Column:
    return Column(name, "choice", choices=dict(enumerate(labels, 1)), default=default)


CONTACT = Table(
    "contact",
    "contacts",
    "Contact",
    "contactid",
    "fullname",
    2,
    "Contact",
    (
        *_common("contactid"),
        Column("firstname", length=50, required="Recommended", label="First Name"),
        Column("lastname", length=50, required="ApplicationRequired", label="Last Name"),
        Column("fullname", length=160, sets="server", label="Full Name"),
        *_texts(100, "emailaddress1", "emailaddress2", "emailaddress3", format="Email"),
        *_texts(50, "telephone1", "telephone2", "telephone3", "mobilephone", "assistantphone", "managerphone"),
        *_texts(50, "business2", "home2", "callback", "pager", "fax", "middlename", "governmentid", "employeeid"),
        Column("company", length=50, format="Phone", label="Company Phone"),
        *_texts(250, "address1_line1", "address1_line2", "address1_line3"),
        *_texts(80, "address1_city", "address1_country"),
        Column("address1_stateorprovince", length=50),
        Column("address1_postalcode", length=20),
        Column("address1_composite", "memo", 1000, sets="server"),
        *_texts(100, "jobtitle", "nickname", "salutation", "department", "spousesname", "assistantname", "managername"),
        *_texts(200, "websiteurl", "ftpsiteurl", format="Url"),
        Column("suffix", length=10),
        Column("childrensnames", length=255),
        Column("externaluseridentifier", length=50),
        Column("description", "memo", 2000),
        Column("birthdate", "day"),
        Column("numberofchildren", "whole"),
        _choice("gendercode", "Male", "Female"),
        _choice("customertypecode", "Default Value", "Prospect", "Qualified", "Not Qualified", default=1),
        _choice("preferredcontactmethodcode", "Any", "Email", "Phone", "Fax", "Mail", default=1),
        *(
            Column(name, "flag", choices={0: "Allow", 1: "Do Not Allow"}, default=False)
            for name in ("donotemail", "donotphone", "donotfax", "donotpostalmail", "donotbulkemail")
        ),
        Column("merged", "flag", sets="server", choices={0: "No", 1: "Yes"}, default=False),
        Column("masterid", "lookup", sets="server", targets={"contact": "masterid"}),
        Column(
            "parentcustomerid",
            "lookup",
            targets={"account": "parentcustomerid_account", "contact": "parentcustomerid_contact"},
            label="Company Name",
        ),
    ),
)

ANNOTATION = Table(
    "annotation",
    "annotations",
    "Annotation",
    "annotationid",
    "subject",
    5,
    "Note",
    (
        *_common("annotationid", state=False),
        Column("subject", length=500, required="ApplicationRequired", label="Title"),
        Column("notetext", "memo", 100_000, format="RichText", label="Description"),
        Column("isdocument", "flag", choices={0: "No", 1: "Yes"}, default=False),
        Column("filename", length=255),
        Column("mimetype", length=256),
        Column("objectid", "lookup", targets={"contact": "objectid_contact", "account": "objectid_account"}),
        Column("objecttypecode", sets="server", length=100),
    ),
)

ACCOUNT = Table(
    "account",
    "accounts",
    "Account",
    "accountid",
    "name",
    1,
    "Account",
    (
        *_common("accountid"),
        Column("name", length=160, required="ApplicationRequired", label="Account Name"),
        Column("accountnumber", length=20),
        Column("emailaddress1", length=100, format="Email"),
        Column("telephone1", length=50),
        Column("websiteurl", length=200, format="Url"),
        Column("address1_city", length=80),
        Column("description", "memo", 2000),
        Column("merged", "flag", sets="server", choices={0: "No", 1: "Yes"}, default=False),
    ),
)

SYSTEM_USER = Table(
    "systemuser",
    "systemusers",
    "SystemUser",
    "systemuserid",
    "fullname",
    8,
    "User",
    (
        Column("systemuserid", "guid", sets="server"),
        Column("fullname", length=200, sets="server"),
        Column("internalemailaddress", length=100, sets="server"),
        Column("domainname", length=1024, sets="server"),
        Column("applicationid", "guid", sets="server"),
        Column("isdisabled", "flag", sets="server", choices={0: "Enabled", 1: "Disabled"}, default=False),
    ),
    read_only=True,
)

ORGANIZATION = Table(
    "organization",
    "organizations",
    "Organization",
    "organizationid",
    "name",
    1019,
    "Organization",
    (
        Column("organizationid", "guid", sets="server"),
        Column("name", length=160, sets="server"),
        Column("expirechangetrackingindays", "whole", sets="server"),
    ),
    read_only=True,
)

TABLES = (CONTACT, ANNOTATION, ACCOUNT, SYSTEM_USER, ORGANIZATION)
BY_SET = {table.set_name: table for table in TABLES}
BY_NAME = {table.name: table for table in TABLES}
