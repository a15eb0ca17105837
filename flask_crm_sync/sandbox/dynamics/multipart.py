"""Reading and writing ``multipart/mixed`` as a batch has it: to the letter, line ends and all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from uuid import uuid4

from .errors import DataverseError
from .exchange import Reply

CRLF = b"\r\n"
_BOUNDARY = re.compile(r"multipart/mixed\s*;(?:.*;)?\s*boundary=(\"[^\"]{1,70}\"|[^\s;\"]{1,70})\s*(?:;.*)?", re.I)
_REQUEST = re.compile(r"([A-Z]+) (\S+) HTTP/1\.1")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True)
class Part:
    """One operation of a batch as it was written down."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    content_id: str | None


@dataclass(frozen=True)
class ChangeSet:
    """Operations that succeed or fail together."""

    parts: tuple[Part, ...]


def malformed(detail: str) -> DataverseError:
    """Refuse a batch that cannot be read."""
    return DataverseError(400, "0x80048d19", f"The batch request is malformed: {detail}")


def read_batch(content_type: str, body: bytes) -> list[Part | ChangeSet]:
    """Return the items of a batch. Raises DataverseError (400) for anything but what the format says."""
    return [_item(headers, content) for headers, content in _split(content_type, body)]


def _item(headers: Mapping[str, str], content: bytes) -> Part | ChangeSet:
    kind = headers.get("content-type", "")
    if not kind.lower().startswith("multipart/mixed"):
        return _part(headers, content)
    parts = tuple(_part(inner, text) for inner, text in _split(kind, content))
    ids = [part.content_id for part in parts]
    if any(part.method == "GET" for part in parts):
        raise malformed("a change set holds no GET.")
    if None in ids or len(set(ids)) < len(ids):
        raise malformed("each operation of a change set has a Content-ID of its own.")
    return ChangeSet(parts)


def _part(headers: Mapping[str, str], content: bytes) -> Part:
    if headers.get("content-type", "").split(";")[0].strip().lower() != "application/http":
        raise malformed("the Content-Type of a part is application/http.")
    if headers.get("content-transfer-encoding", "").lower() != "binary":
        raise malformed("the Content-Transfer-Encoding of a part is binary.")
    line, _, rest = content.partition(CRLF)
    match = _REQUEST.fullmatch(_text(line))
    if match is None:
        raise malformed(f"'{_text(line)[:80]}' is no request line.")
    # A part without headers and body may end right after its request line: the delimiter's line end closes it.
    inner, body = _headers(rest) if rest else ({}, b"")
    return Part(match[1], match[2], inner, body.strip(), headers.get("content-id"))


def _split(content_type: str, body: bytes) -> Iterable[tuple[dict[str, str], bytes]]:
    """Yield headers and content of each part."""
    match = _BOUNDARY.fullmatch(content_type.strip())
    if match is None:
        raise malformed("the Content-Type is multipart/mixed with a boundary.")
    delimiter = b"--" + match[1].strip('"').encode()
    pieces = (CRLF + body).split(CRLF + delimiter)
    if len(pieces) < 3 or pieces[0].strip():
        raise malformed("it does not start with its boundary, or has no end.")
    if not pieces[-1].startswith(b"--") or pieces[-1][2:].strip():
        raise malformed("nothing follows the last boundary, and two dashes end it.")
    for piece in pieces[1:-1]:
        if not piece.startswith(CRLF):
            raise malformed("a boundary ends its line with CR LF.")
        yield _headers(piece[len(CRLF) :])


def _headers(text: bytes) -> tuple[dict[str, str], bytes]:
    """Return a block of headers by lower-case name, and what follows its blank line."""
    if text.startswith(CRLF):
        return {}, text[len(CRLF) :]
    block, blank, content = text.partition(CRLF + CRLF)
    if not blank and block.endswith(CRLF):
        block = block[: -len(CRLF)]
    found: dict[str, str] = {}
    for line in _text(block).split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name) or "\n" in value or "\r" in value:
            raise malformed(f"'{line[:80]}' is no header, or does not end with CR LF.")
        found[name.lower()] = value.strip()
    return found, content


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise malformed("headers are UTF-8.") from None


def write_batch(items: Iterable[bytes], kind: str) -> tuple[str, bytes]:
    """Return content type and body of an answer made of parts."""
    boundary = f"{kind}_{uuid4()}"
    opening = b"--" + boundary.encode()
    body = b"".join(opening + CRLF + item + CRLF for item in items)
    return f"multipart/mixed; boundary={boundary}", body + opening + b"--" + CRLF


def write_reply(reply: Reply, content_id: str | None) -> bytes:
    """Return one part of an answer."""
    outer = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    outer += [f"Content-ID: {content_id}"] if content_id is not None else []
    inner = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
    inner += [f"{name}: {value}" for name, value in reply.all_headers().items()]
    head = "\r\n".join([*outer, "", *inner, "", ""]).encode()
    return head + reply.content()


def write_nested(items: Iterable[bytes]) -> bytes:
    """Return the part that answers a change set."""
    kind, body = write_batch(items, "changesetresponse")
    return f"Content-Type: {kind}\r\n\r\n".encode() + body
