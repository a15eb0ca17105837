"""Dataverse's refusals: one class for the envelope, and a function for each thing that can be wrong.

Codes and texts are those of the public error tables; where the documentation shows an empty code, the switch
``precondition_codes`` decides between it and the code that is seen in the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PAYLOAD = (
    "Error identified in Payload provided by the user for Entity :'{entity}', For more information on this error "
    "please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : {detail}"
)
BUSY_MS = "1,200,000"


class DataverseError(Exception):
    """A refusal: the HTTP status, and the code and message of its body."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        return {"error": {"code": self.code, "message": self.message}}


def unauthorized(tenant: str, resource: str) -> DataverseError:
    """Refuse a token that is absent, wrong or out of date; where to get one is said in a header."""
    where = (
        f"Bearer authorization_uri=https://login.microsoftonline.com/{tenant}/oauth2/authorize, resource_id={resource}/"
    )
    return DataverseError(401, "", "HTTP Error 401 - Unauthorized: Access is denied", {"WWW-Authenticate": where})


def not_a_member() -> DataverseError:
    """Refuse a sign-in that the environment has no user for."""
    return DataverseError(403, "0x80072560", "The user is not a member of the organization.")


def missing_privilege(user_id: str, privilege: str, entity: str) -> DataverseError:
    """Refuse what no security role of the user allows."""
    message = (
        f"Principal user (Id={user_id}, type=8, roleCount=1, privilegeCount=120, accessMode=4) is missing {privilege} "
        f"privilege on OTC for entity '{entity}'. context.Caller={user_id}."
    )
    return DataverseError(403, "0x80040220", message)


def does_not_exist(table: str, row_id: str, code: str = "0x80040217") -> DataverseError:
    """Say that there is no such row."""
    return DataverseError(404, code, f"{table.capitalize()} With Id = {row_id} Does Not Exist")


def no_row_with_key(table: str) -> DataverseError:
    """Say that no row has these key values."""
    message = f"A record with the specified key values does not exist in {table} entity"
    return DataverseError(404, "0x80060891", message)


def no_such_key(table: str) -> DataverseError:
    """Refuse columns that make up no key of the table."""
    message = f"The specified key attributes are not a defined key for the {table} entity"
    return DataverseError(400, "0x8006088a", message)


def already_there(code: str) -> DataverseError:
    """Refuse to create what exists."""
    return DataverseError(412, code, "A record with matching key values already exists.")


def key_violated(name: str) -> DataverseError:
    """Refuse a value that another row has in an alternate key."""
    message = (
        f"Entity Key {name} violated. A record with the same value for {name} already exists. "
        "A duplicate record cannot be created. Select one or more unique values and try again."
    )
    return DataverseError(412, "0x80060892", message)


def stale_version(code: str) -> DataverseError:
    """Refuse a change to another version than the one that is there."""
    message = "The version of the existing record doesn't match the RowVersion property provided."
    return DataverseError(412, code, message)


def duplicate_detected(status: int) -> DataverseError:
    """Refuse what a duplicate detection rule takes for a second copy."""
    message = "A record was not created or updated because a duplicate of the current record already exists."
    return DataverseError(status, "0x80040333", message)


def too_long(column: str, table: str, most: int) -> DataverseError:
    """Refuse a text over its column's length. Two spaces and all, as documented."""
    message = (
        f"A validation error occurred.  The length of the '{column}' attribute of the '{table}' entity exceeded the "
        f"maximum allowed length of '{most}'."
    )
    return DataverseError(400, "0x80044331", message)


def bad_payload(entity: str, detail: str) -> DataverseError:
    """Refuse a body that does not fit the table."""
    return DataverseError(400, "0x80048d19", PAYLOAD.format(entity=entity, detail=detail))


def no_property(name: str, table: str, status: int = 400) -> DataverseError:
    """Refuse a query that names a column which is not there."""
    message = f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table}'."
    return DataverseError(status, "0x80060888", message)


def bad_query(message: str) -> DataverseError:
    """Refuse a query that cannot be read."""
    return DataverseError(400, "0x80060888", message)


def no_resource(segment: str) -> DataverseError:
    """Say that a path leads nowhere."""
    return DataverseError(404, "0x80060888", f"Resource not found for the segment '{segment}'.")


def inactive(table: str, row_id: str) -> DataverseError:
    """Refuse a change to a deactivated row."""
    return DataverseError(400, "", f"{table.capitalize()} With Id = {row_id} is inactive. Inactive rows are read-only.")


def plugin_refused(text: str) -> DataverseError:
    """Refuse in the name of a customer's own plug-in."""
    return DataverseError(400, "0x80040265", f"A business rule refuses records with '{text}'.")


def expired_version() -> DataverseError:
    """Refuse a delta token that is too old."""
    message = "Version stamp associated with the client has expired. Please perform a full sync."
    return DataverseError(400, "0x80044352", message)


def not_tracked(table: str) -> DataverseError:
    """Refuse to track the changes of a table that is not set up for it."""
    return DataverseError(400, "0x80040203", f"Entity: {table} isn't enabled for change tracking.")


LIMITS: Mapping[str, str] = {
    "0x80072322": "Number of requests exceeded the limit of {requests} over time window of 300 seconds.",
    "0x80072321": (
        f"Combined execution time of incoming requests exceeded limit of {BUSY_MS} milliseconds over time window of "
        "300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later."
    ),
    "0x80072326": "Number of concurrent requests exceeded the limit of {concurrent}.",
}


def throttled(code: str, headers: Mapping[str, str], *, requests: int = 6000, concurrent: int = 52) -> DataverseError:
    """Refuse a call over one of the three service protection limits."""
    return DataverseError(429, code, LIMITS[code].format(requests=requests, concurrent=concurrent), headers)


def locked() -> DataverseError:
    """Refuse because somebody else holds the row: the SQL server gave up waiting, nothing was done."""
    return DataverseError(500, "0x80044151", "SQL timeout expired.")


def moving(retry_after: int) -> DataverseError:
    """Refuse because the environment is disabled while it is being moved."""
    return DataverseError(503, "0x8004a104", "The organization is disabled.", {"Retry-After": str(retry_after)})


def server_error(status: int) -> DataverseError:
    """Fail for no stated reason."""
    return DataverseError(status, "0x80040216", "An unexpected error occurred.")
