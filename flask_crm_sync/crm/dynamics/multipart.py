"""The wire form of a `$batch`: many requests in one body, many answers in another. No meaning, only form.

Source: Dataverse, "Execute batch operations using the Web API". Requests are written in the one form shown there;
answers are read in any legal form. A part that is not whole is no answer: what it would have said stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from uuid import uuid4

from ..http import Content, encode, read_json

_CRLF = b"\r\n"
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})\b")
_GAP = re.compile(rb"\r?\n[ \t]*\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")


@dataclass(frozen=True, slots=True)
class Request:
    """One request within a batch; `path` begins with one slash and is percent-encoded.

    `record_id` is the GUID that its answer speaks of, in the column `id_column`, where it is known beforehand. One that
    `rides` along is not counted as a record of the batch.
    """

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    record_id: str = ""
    id_column: str = ""
    rides: bool = False

    @property
    def writes(self) -> bool:
        """Tell whether it changes anything."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer: `headers` by lower-case name, `body` the decoded JSON or None."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(repr=False, default=None)


def batch_content(requests: Sequence[Request]) -> Content:
    """Return the body of a batch call."""
    boundary = f"batch_{uuid4()}"
    head = _lines("Content-Type: application/http", "Content-Transfer-Encoding: binary")
    # The JSON is on one line and begins with a bracket, so no boundary can stand inside it.
    parts = [b"--" + boundary.encode() + _CRLF + head + _CRLF + _written(request) for request in requests]
    return Content(b"".join(parts) + _lines(f"--{boundary}--"), f'multipart/mixed; boundary="{boundary}"')


def _written(request: Request) -> bytes:
    typed = {} if request.body is None else {"Content-Type": "application/json; charset=utf-8"}
    headers = (f"{name}: {value}" for name, value in {**typed, **request.headers}.items())
    body = b"" if request.body is None else encode(request.body)
    return _lines(f"{request.method} {request.path} HTTP/1.1", *headers) + _CRLF + body + _CRLF


def _lines(*lines: str) -> bytes:
    return b"".join(line.encode("ascii") + _CRLF for line in lines)


def batch_answers(content_type: str, content: bytes) -> list[Answer | None] | None:
    """Return the answers of a batch in their order, None for each that is not whole; None for what is no batch."""
    boundary = _boundary(content_type)
    return list(_answers(boundary, content)) if boundary else None


def _boundary(content_type: str) -> bytes:
    """Return the boundary of a multipart type, empty for any other type."""
    if not content_type.lower().lstrip().startswith("multipart/"):
        return b""
    told = Message()
    told["Content-Type"] = " ".join(content_type.split())
    boundary = told.get_boundary()
    return boundary.encode("utf-8", "replace") if boundary else b""


def _answers(boundary: bytes, content: bytes) -> Iterator[Answer | None]:
    """Yield the answers of a multipart, those of the change sets within it in their place."""
    line = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(?:(--)[ \t]*(?=\r?\n|\Z)|[ \t]*(?=\r?\n))")
    start = -1
    for found in line.finditer(content):
        if start >= 0:
            yield from _part(content[start : found.start()])
        if found[1]:
            return
        start = found.end()
    if start >= 0:
        yield None  # without the closing boundary nobody knows whether the last part is whole


def _part(text: bytes) -> Iterator[Answer | None]:
    """Yield what one part holds: an answer, or those of a change set. Its headers end at the first empty line."""
    lines, rest = _split(text)
    boundary = _boundary(_headers(lines).get("content-type", ""))
    if boundary:
        yield from _answers(boundary, rest)
    else:
        yield _read(rest)


def _read(text: bytes) -> Answer | None:
    head, rest = _split(b"\n" + text.lstrip())
    first, _end, lines = head.lstrip().partition(b"\n")
    status = _STATUS.match(first)
    if status is None:
        return None
    headers, body = _headers(lines), rest.strip()
    announced = headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > len(rest):
        return None
    try:
        return Answer(int(status[1]), headers, read_json(body) if body else None)
    except (ValueError, RecursionError):
        # A refusal may come with a page instead of JSON; a success without its JSON is not whole.
        return Answer(int(status[1]), headers) if int(status[1]) >= 300 else None


def _split(text: bytes) -> tuple[bytes, bytes]:
    """Return what stands before the first empty line, and after it; `text` begins with a line end."""
    gap = _GAP.search(text)
    return (text[: gap.start()], text[gap.end() :]) if gap else (text, b"")


def _headers(text: bytes) -> dict[str, str]:
    """Return header lines by lower-case name; a line that begins with a blank goes on with the one before."""
    lines = _FOLD.sub(" ", text.decode("latin-1")).split("\n")
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, _colon, value in pairs}


def lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers by their names in lower case."""
    return {name.lower(): value for name, value in headers}
