"""One operation and its answer, whether it came as a call of its own or as a part of a batch."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from .errors import DataverseError, bad_payload, bad_query

JSON = "application/json; odata.metadata=minimal"
_PREFERENCE = re.compile(r"([\w.\-]+)(?:\s*=\s*(\"[^\"]*\"|[^,;\s]+))?")


@dataclass
class Call:
    """One operation. ``path`` is decoded and starts after the version; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def options(self) -> dict[str, str]:
        """The members of the query; a plus sign is a space."""
        return dict(parse_qsl(self.query, keep_blank_values=True, errors="replace"))

    @property
    def preferences(self) -> dict[str, str]:
        """What ``Prefer`` asks for."""
        found = _PREFERENCE.findall(self.headers.get("prefer", ""))
        return {name.lower(): value.strip('"') for name, value in found}

    def header(self, name: str) -> str | None:
        """Return a header's value, or None."""
        return self.headers.get(name)

    def json_object(self, entity: str) -> dict[str, Any]:
        """Return the JSON object that the body is. Raises DataverseError (400, 415)."""
        kind = self.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind != "application/json":
            raise DataverseError(415, "0x80060888", f"A supported MIME type could not be found for '{kind}'.")
        try:
            value = json.loads(self.body)
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise bad_payload(entity, f"Microsoft.OData.ODataException: {error}") from None
        if not isinstance(value, dict):
            raise bad_payload(entity, "Microsoft.OData.ODataException: an object was expected.")
        return value


@dataclass
class Reply:
    """An answer. ``body`` None is no body, bytes go out as they are, everything else as JSON."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        """Return the body's bytes."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body or b""
        return json.dumps(self.body, separators=(",", ":"), ensure_ascii=False).encode()

    def all_headers(self) -> dict[str, str]:
        """Return the headers with those that every answer has."""
        kind = {} if self.body is None or isinstance(self.body, bytes) else {"Content-Type": JSON}
        return {**kind, "OData-Version": "4.0", **self.headers}


def refused(error: DataverseError) -> Reply:
    """Return a refusal as an answer, with the id that support asks for."""
    headers = {"REQ_ID": str(uuid4()), **error.headers}
    if error.status == 401:  # said by the web server in front, which knows no JSON
        return Reply(401, error.message.encode(), {"Content-Type": "text/plain", **headers})
    return Reply(error.status, error.body(), headers)


def check_versions(call: Call) -> None:
    """Refuse any OData version but 4.0. Raises DataverseError (400)."""
    if call.headers.get("odata-version", "4.0") != "4.0":
        raise bad_query("The 'OData-Version' header is not valid: only 4.0 is supported.")
