"""Calls to AutoChat CRM, one record at a time: its API knows no batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from ...config import Settings
from ...errors import ReconnectRequired, RecordMissing, RejectedByCRM
from ..http import HTTPClient
from .answers import allowance, failure
from .fields import Row

READ, WRITE, ACTIVITIES = "clients:read", "clients:write", "a scope covering activities"
"""What a key needs: two scopes by their documented names, and one of which no name is known."""

_MISPLACED = {
    404: "There are no clients at this address: check the base URL and CRM_SYNC_AUTOCHAT_CLIENT_PATH.",
    405: "The clients take no such call: check the base URL and CRM_SYNC_AUTOCHAT_UPDATE_METHOD.",
}


class AutoChatClient:
    """One installation's API with one key."""

    def __init__(self, http: HTTPClient, settings: Settings) -> None:
        self.http, self.settings = http, settings
        self._headers = dict(settings.autochat_headers) if _is_the_operators(http.host, settings) else {}
        self.heard = ""
        """The time that the last answer bears, as an HTTP date."""

    def call(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, json: Any = None, scope: str
    ) -> Any:
        """Make one call and return its body; raise the CRMError that the answer means."""
        writes = method != "GET"
        response = self.http.call(method, path, params=params, json=json, headers=self._headers, writes=writes)
        self.heard = response.headers.get("Date") or ""
        told = allowance(response.headers)
        if told is not None:
            self.http.learn(told)
        now = self.http.clock.now()
        error = failure(response, scope=scope, writes=writes, now=now, words=self.http.clean)
        if error is not None:
            raise error
        return response.body

    def list(self, params: Mapping[str, str] | None = None) -> Any:
        """Ask for clients and return the answer's body; raise ReconnectRequired where there is no such list."""
        try:
            return self.call("GET", self.settings.autochat_client_path, params=params, scope=READ)
        except RejectedByCRM as refused:
            raise self._misplaced(refused) or refused from None

    def add(self, body: Row) -> Row:
        """Make a client and return it as the CRM tells it; raise ReconnectRequired where none can be made there."""
        try:
            return entity(self.call("POST", self.settings.autochat_client_path, json=body, scope=WRITE))
        except RejectedByCRM as refused:
            raise self._misplaced(refused) or refused from None

    def get(self, record_id: str) -> Row:
        """Return a client."""
        return entity(self._of_record("GET", record_id, None, READ))

    def change(self, method: str, record_id: str, body: Row) -> Row:
        """Write a client by PUT or PATCH and return it, {} where the answer holds none."""
        return entity(self._of_record(method, record_id, body, WRITE))

    def _of_record(self, method: str, record_id: str, body: Row | None, scope: str) -> Any:
        path = f"{self.settings.autochat_client_path}/{quote(record_id, safe='')}"
        try:
            return self.call(method, path, json=body, scope=scope)
        except RecordMissing:
            # A function that was moved or taken down answers 404 to everything. That must not pass for a deleted
            # client, so the list of clients has to answer.
            self.list(self.narrow)
            raise
        except RejectedByCRM as refused:
            raise self._misplaced(refused) or refused from None

    @property
    def narrow(self) -> Mapping[str, str] | None:
        """Return parameters that make a list small, where the configuration knows any."""
        return {self.settings.autochat_search: "nobody@example.invalid"} if self.settings.autochat_search else None

    def _misplaced(self, refused: RejectedByCRM) -> ReconnectRequired | None:
        """Return the error for a path or method that is not there: the configuration's trouble, not the record's."""
        message = _MISPLACED.get(refused.status_code or 0)
        if message is None:
            return None
        return ReconnectRequired(message, crm_message=refused.crm_message, status_code=refused.status_code)


def _is_the_operators(host: str, settings: Settings) -> bool:
    """Tell whether the operator has named a host: below a wildcard anybody may own one, and type it in as theirs."""
    own = (urlsplit(address).hostname or "" for address in (settings.autochat_base_url, settings.sandbox_url))
    return host in {*own, *settings.autochat_hosts}


def entity(body: Any) -> Row:
    """Return the object in the envelope `{"data": {...}}`, {} where there is none."""
    data = body.get("data") if isinstance(body, dict) else None
    return data if isinstance(data, dict) else {}


def rows(body: Any) -> list[Row] | None:
    """Return the objects of a list, whose envelope is not documented; None where there is no list in it."""
    data = body.get("data", body) if isinstance(body, dict) else body
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        data = lists[0] if len(lists) == 1 else [data] if identifier(data) else None
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else None


def identifier(row: Row) -> str:
    """Return a row's id as text, "" where it has none."""
    value = row.get("id")
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
