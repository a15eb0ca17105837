"""Calls to Salesforce: queries, and writes of many records in which each gets an outcome of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from ...errors import CRMError, OutcomeUnknown, RejectedByCRM, ServerFault
from ..answers import objects
from ..feed import time_told
from ..http import Content, HTTPClient, Response
from ..outcomes import halting, pieces
from .answers import Refusal, Result, Row, allowance, failure, of_response, result
from .ids import id18

T = TypeVar("T")

BATCH = 200
"""Records in one write, at most: "sObject Collections" of the REST API Developer Guide."""
_RETRIEVE = 2_000
_QUERIES = 5
"""Queries in one composite call, at most."""
_PAGES = 500
"""Pages of one query, at most: a million rows. More is no answer to what we ask."""
_OURS = {"Sforce-Call-Options": "client=flask-crm-sync"}
"""Names us in the org's change events."""


class SalesforceClient:
    """Salesforce's REST API in one version, at one org."""

    def __init__(self, http: HTTPClient, version: str) -> None:
        self.http, self.base = http, f"/services/data/v{version}"
        self.now = 0
        """Salesforce's time at its last answer, in milliseconds since 1970."""

    def answer(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        writes: bool = False,
    ) -> Response:
        """Make one call to a whole path and return its answer, whatever its status."""
        sent = {**_OURS, **(headers or {})}
        response = self.http.call(method, path, params=params, json=json, headers=sent, writes=writes)
        self.now = time_told(response.headers, self.http.clock)
        told = allowance(response.headers)
        if told is not None:
            self.http.learn(told)
        return response

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        writes: bool = False,
    ) -> Any:
        """Make one call below the version's path and return its body; raise the CRMError that the answer means."""
        response = self.answer(method, self.base + path, params=params, json=json, headers=headers, writes=writes)
        error = of_response(response, self.http.clean, writes=writes)
        if error is not None:
            raise error
        return response.body

    def form(self, path: str, values: Mapping[str, str]) -> Response:
        """Post a form to a whole path and return its answer, which may be empty."""
        return self.http.call("POST", path, content=Content.form(values), raw=True, writes=True)

    def retrieve(self, kind: str, record_ids: Iterable[str], fields: Sequence[str]) -> dict[str, Row]:
        """Read records of one kind by id, those that are there; raise CRMError."""
        found: dict[str, Row] = {}
        for ids in pieces(list(record_ids), _RETRIEVE):
            body = {"ids": ids, "fields": list(fields)}
            rows = objects(self.call("POST", f"/composite/sobjects/{kind}", json=body))
            found.update({id18(row.get("Id")): row for row in rows})
        return found

    def queries(self, statements: Sequence[str], *, deleted_too: bool = False) -> list[list[Row]]:
        """Carry out SOQL queries in as few calls as may be, and return all rows of each; raise CRMError."""
        resource = "queryAll" if deleted_too else "query"
        found: list[list[Row]] = []
        for part in pieces(list(statements), _QUERIES):
            if len(part) == 1:
                answers = [self.call("GET", f"/{resource}", params={"q": part[0]})]
            else:
                answers = self._together([f"{self.base}/{resource}?q={quote(text, safe='')}" for text in part])
            found += [list(self._rows(answer)) for answer in answers]
        return found

    def _together(self, urls: Sequence[str]) -> list[Any]:
        asked = [{"method": "GET", "url": url, "referenceId": f"q{number}"} for number, url in enumerate(urls)]
        body = self.call("POST", "/composite", json={"compositeRequest": asked})
        parts = {part.get("referenceId"): part for part in objects(_member(body, "compositeResponse"))}
        return [self._part(parts.get(f"q{number}")) for number in range(len(urls))]

    def _part(self, part: Row | None) -> Any:
        """Return the body of one answer in a composite one; raise CRMError."""
        status = part.get("httpStatusCode") if part else None
        if part is None or not isinstance(status, int):
            raise ServerFault("Salesforce's answer lacks one of the queries.")
        error = failure(status, part.get("body"), "", self.http.clean, writes=False)
        if error is not None:
            raise error
        return part.get("body")

    def _rows(self, body: Any) -> Iterator[Row]:
        """Yield the rows of a query, page by page; a page that is not read would look like an absence."""
        yield from objects(_member(body, "records"))
        for _page in range(_PAGES):
            following = _member(body, "nextRecordsUrl")
            if _member(body, "done") is not False or not isinstance(following, str):
                return
            body = self._page(following)
            yield from objects(_member(body, "records"))
        raise ServerFault("The pages of Salesforce's answer come to no end.")

    def _page(self, address: str) -> Any:
        """Return a further page of a query. Of its address only the path counts, so that no other host is called."""
        path = urlsplit(address).path
        if not path.startswith("/services/data/"):
            raise ServerFault("Salesforce's answer leads to a next page outside its API.")
        response = self.answer("GET", path)
        error = of_response(response, self.http.clean, writes=False)
        if error is not None:
            raise error
        return response.body

    def write(
        self,
        method: str,
        path: str,
        records: Sequence[Row],
        *,
        headers: Mapping[str, str] | None = None,
        halted: CRMError | None = None,
    ) -> list[Result]:
        """Write records, two hundred in a call, each for itself, and return what became of each, in order.

        With `halted`, and after a call that got no answer, nothing (more) is sent.
        """

        def send(numbers: Sequence[int]) -> Any:
            body = {"allOrNone": False, "records": [records[number] for number in numbers]}
            return self.call(method, path, json=body, headers=headers, writes=True)

        return self._in_rounds(len(records), send, halted)

    def delete(self, record_ids: Sequence[str]) -> list[Result]:
        """Delete records of whatever kinds, two hundred in a call, each for itself; return what became of each."""

        def send(numbers: Sequence[int]) -> Any:
            ids = ",".join(record_ids[number] for number in numbers)
            params = {"ids": ids, "allOrNone": "false"}
            return self.call("DELETE", "/composite/sobjects", params=params, writes=True)

        return self._in_rounds(len(record_ids), send, None)

    def _in_rounds(self, count: int, send: Callable[[Sequence[int]], Any], halted: CRMError | None) -> list[Result]:
        """Send numbered records, and return what became of each, in order.

        A refusal of a whole call wrote nothing and may not say which record is at fault: the call is halved until the
        faulty one stands alone.
        """
        results: dict[int, Result] = {}
        queue = deque(pieces(list(range(count)), BATCH))
        while queue:
            numbers = queue.popleft()
            if halted is not None:
                results.update(dict.fromkeys(numbers, Refusal(halted)))
                continue
            try:
                answer = send(numbers)
            except RejectedByCRM as refused:
                if len(numbers) > 1:
                    queue.extendleft(reversed(pieces(numbers, (len(numbers) + 1) // 2)))
                else:
                    results[numbers[0]] = Refusal(refused)
            except CRMError as error:
                results.update(dict.fromkeys(numbers, Refusal(error)))
                halted = halting([error])
            else:
                results.update(zip(numbers, self._results(answer, len(numbers)), strict=True))
        return [results[number] for number in range(count)]

    def _results(self, answer: Any, count: int) -> list[Result]:
        if not isinstance(answer, list) or len(answer) != count:
            return [Refusal(OutcomeUnknown("Salesforce's answer does not match what was sent."))] * count
        return [result(item, self.http.clean) for item in answer]


def _member(body: Any, name: str) -> Any:
    return body.get(name) if isinstance(body, dict) else None
