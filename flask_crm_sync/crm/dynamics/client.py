"""Calls to one environment's Web API: single reads, pages, and batches in which each request has its own outcome."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid4, uuid5

from ...errors import (
    CredentialsRefused,
    CRMError,
    OutcomeUnknown,
    RateLimited,
    ReconnectRequired,
    RecordMissing,
    RejectedByCRM,
    ServerFault,
    Unreachable,
)
from ..http import Content, HTTPClient, Response
from .answers import Setting, allowance, failure, told
from .multipart import Answer, Request, batch_answers, batch_content, lower
from .refusals import PART_IN_TROUBLE, TOO_MUCH_WORK

ROOT = "/api/data/v9.2/"
MOST_REQUESTS = 1_000
"""Requests in one batch, at most: "Execute batch operations using the Web API"."""
_MOST_PAGES = 100
_ODATA = {"OData-Version": "4.0", "OData-MaxVersion": "4.0"}
READING = {"Accept": "application/json", "If-None-Match": "null", "Prefer": 'odata.include-annotations="*"'}
"""Headers of a read: not from a cache, and with the names behind lookups."""
_NAMES = UUID("c7f6a1de-3b0e-5d6c-9a55-3f7d1c1b64a2")

Row: TypeAlias = Mapping[str, Any]
Outcome: TypeAlias = Row | CRMError


def guid(text: str) -> str:
    """Return the GUID that a key or an id of ours stands for, as Dynamics writes it.

    Any other text gets a GUID made of it, always the same: as a key it is as good, and as an id it belongs to no row.
    """
    try:
        return str(UUID(text))
    except ValueError:
        return str(uuid5(_NAMES, text))


def get(path: str, **query: str) -> Request:
    """Return a read of a path below the API's root; the query's names get their `$`, its values are encoded."""
    asked = "&".join(f"${name}={quote(value, safe=',')}" for name, value in query.items())
    return Request("GET", ROOT + path + (f"?{asked}" if asked else ""), headers=READING)


class DynamicsClient:
    """One environment's Web API, with one token. `size` records go into a batch, fewer when Dynamics asks for it."""

    def __init__(self, http: HTTPClient, size: int) -> None:
        self.http, self.size = http, size
        self.heard: Mapping[str, str] = {}
        """Headers of the last answer, by lower-case name."""

    def call(self, request: Request) -> Row:
        """Make a read by itself and return its body; raise the CRMError that the answer means."""
        answer, setting = self._sent(request.method, request.path, request.headers, writes=False)
        error = failure(_whole(answer), setting, writes=False)
        if error is not None:
            raise error
        return answer.body if isinstance(answer.body, dict) else {}

    def rows(self, body: Row) -> Iterator[Row]:
        """Yield the rows of a collection from its first page on; raise CRMError where a later one cannot be had.

        The address of a next page is whole, and followed only where it leads to the same place.
        """
        for _page in range(_MOST_PAGES):
            value = body.get("value")
            yield from (row for row in (value if isinstance(value, list) else []) if isinstance(row, dict))
            link = body.get("@odata.nextLink")
            if not isinstance(link, str) or not link:
                return
            body = self.call(Request("GET", self.own_path(link), headers=READING))
        raise ServerFault(f"{self.http.host}: a list did not end after {_MOST_PAGES} pages.")

    def own_path(self, link: str) -> str:
        """Return path and query of a link to our own environment's API; raise ServerFault for any other."""
        own = f"{self.http.origin}{ROOT}"
        parts = urlsplit(link)
        if not link.startswith(own) or not link.isascii() or not link.isprintable() or "/.." in parts.path:
            raise ServerFault(f"{self.http.host}: the address of the next page leads elsewhere.")
        return link[len(self.http.origin) :]

    def batch(self, requests: Sequence[Request]) -> list[Outcome]:
        """Send requests in their order, `size` records a call, and return an outcome each.

        A refusal of a whole call did nothing and may not say which request is at fault: it is sent in halves until the
        faulty one stands alone. After a limit or a missing answer nothing more is sent.
        """
        found: dict[int, Outcome] = {}
        queue = deque(self._pieces(requests))
        halted: CRMError | None = None
        while queue:
            numbers = queue.popleft()
            if halted is not None:
                found.update(dict.fromkeys(numbers, halted))
                continue
            piece = [requests[number] for number in numbers]
            try:
                outcomes = self._outcomes(piece)
            except RejectedByCRM as refused:
                if len(numbers) > 1:
                    middle = (len(numbers) + 1) // 2
                    queue.extendleft((numbers[middle:], numbers[:middle]))
                else:
                    found[numbers[0]] = refused
            except CRMError as error:
                found.update(dict.fromkeys(numbers, error))
                halted = _halting([error])
            else:
                found.update(zip(numbers, outcomes, strict=False))
                if len(outcomes) < len(numbers):
                    queue.appendleft(numbers[len(outcomes) :])
                halted = _halting(outcomes)
        return [found[number] for number in range(len(requests))]

    def _pieces(self, requests: Sequence[Request]) -> Iterator[list[int]]:
        """Yield the numbers of the requests that go into one call each; what rides along makes no call of its own."""
        piece: list[int] = []
        records = 0
        for number, request in enumerate(requests):
            if (records >= self.size and not request.rides) or len(piece) >= MOST_REQUESTS:
                yield piece
                piece, records = [], 0
            piece.append(number)
            records += not request.rides
        if piece:
            yield piece

    def _outcomes(self, piece: Sequence[Request]) -> list[Outcome]:
        """Send one batch; return an outcome for each request, or for those before the one that ended it.

        Raises the CRMError that the answer to the whole means.
        """
        writes = any(request.writes for request in piece)
        headers = {"Prefer": "odata.continue-on-error"}
        response, setting = self._sent("POST", f"{ROOT}$batch", headers, batch_content(piece), writes=writes)
        whole = _whole(response)
        answers = batch_answers(whole.headers.get("content-type", ""), response.content)
        if not answers:
            self._slow_down([whole])
            raise _of_whole(failure(whole, setting, writes=writes)) or _silent(writes)
        self._slow_down([answer for answer in answers if answer is not None])
        given = _matched(piece, answers)
        if 400 <= response.status < 500 and given[-1] is not None:
            # Asked to go on after an error, it did not: what comes after the last answer was not carried out.
            piece = piece[: len(given)]
        missing = [None] * (len(piece) - len(given))
        return [_outcome(part, answer, setting) for part, answer in zip(piece, [*given, *missing], strict=True)]

    def _sent(
        self, method: str, path: str, headers: Mapping[str, str], content: Content | None = None, *, writes: bool
    ) -> tuple[Response, Setting]:
        request_id = str(uuid4())
        sent = {**_ODATA, **headers, "x-ms-client-request-id": request_id}
        response = self.http.call(method, path, content=content, headers=sent, raw=content is not None, writes=writes)
        self.heard = lower(response.headers.items())
        allowed = allowance(self.heard)
        if allowed is not None:
            self.http.learn(allowed)
        return response, Setting(self.http.clean, self.http.clock.now(), request_id)

    def _slow_down(self, answers: Sequence[Answer]) -> None:
        """Halve the batches where Dynamics says that they take too much of its time."""
        if any(told(answer.body)[0].lower() == TOO_MUCH_WORK for answer in answers):
            self.size = max(1, self.size // 2)


def _of_whole(error: CRMError | None) -> CRMError | None:
    """Return what an error means for a whole batch: an address that is gone is no word about any record."""
    if isinstance(error, RecordMissing):
        return ReconnectRequired("There is no Dynamics Web API at this address (any more).", status_code=404)
    return error


def _whole(response: Response) -> Answer:
    body = response.body if response.body is not None else {"error": {"message": response.text}}
    return Answer(response.status, lower(response.headers.items()), body)


def _matched(piece: Sequence[Request], answers: Sequence[Answer | None]) -> list[Answer | None]:
    """Return the answers up to the first that is not of its request; all after it are in doubt with it.

    Dynamics answers in the order of the requests, and names the row in most answers.
    """
    if len(answers) > len(piece):
        return [None]
    given: list[Answer | None] = []
    for part, answer in zip(piece, answers, strict=False):
        if answer is not None and not _speaks_of(part, answer):
            return [*given, None]
        given.append(answer)
    return given


def _speaks_of(part: Request, answer: Answer) -> bool:
    named = answer.headers.get("odata-entityid", "")
    if part.record_id and named and part.record_id not in named.lower():
        return False
    value = answer.body.get(part.id_column) if part.id_column and isinstance(answer.body, dict) else None
    return value is None or str(value).lower() == part.record_id


def _outcome(part: Request, answer: Answer | None, setting: Setting) -> Outcome:
    if answer is None:
        return _silent(part.writes) if part.writes else PART_IN_TROUBLE("A part of the batch got no whole answer.")
    error = failure(answer, setting, writes=part.writes, part=part)
    if error is not None:
        return error
    return answer.body if isinstance(answer.body, dict) else {}


def _silent(writes: bool) -> CRMError:
    if writes:
        return OutcomeUnknown("Dynamics' answer to the batch does not mention this record.")
    return ServerFault("Dynamics' answer to the batch cannot be read.")


def _halting(outcomes: Sequence[Outcome]) -> CRMError | None:
    """Return what the requests not yet sent are told; None where the next call may go out."""
    for outcome in outcomes:
        if isinstance(outcome, (RateLimited, CredentialsRefused, Unreachable, ServerFault)):
            return outcome
    if any(isinstance(outcome, OutcomeUnknown) for outcome in outcomes):
        return Unreachable("Not sent, as the call before it got no whole answer.")
    return None
