"""An environment that answers as a test says: each part of a batch by a function, put together byte by byte here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

import requests
import responses

from flask_crm_sync.clock import SystemClock
from flask_crm_sync.config import Settings
from flask_crm_sync.crm.dynamics import DynamicsAdapter
from flask_crm_sync.crm.http import Allowance, HTTPClient

ORIGIN = "https://org.crm4.dynamics.com"
ROOT = f"{ORIGIN}/api/data/v9.2/"
SETTINGS = Settings(encryption_keys=(b"k" * 32,), phone_region="US")
TRAITS = {"organization_id": "11111111-1111-4111-8111-111111111111", "environment": "org.crm4.dynamics.com"}


@dataclass(frozen=True)
class Part:
    """One request of a batch as it came in; `path` without the API's root, decoded."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Told:
    """One answer of a batch."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def written(self) -> str:
        """Return it as Dynamics prints it."""
        lines = [f"HTTP/1.1 {self.status} Told", "OData-Version: 4.0"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        text = "" if self.body is None else json.dumps(self.body)
        return "\r\n".join([*lines, "", text])


Answering = Callable[[Part], Told]


def refusal(status: int, code: str = "", message: str = "Refused.", **headers: str) -> Told:
    return Told(status, {"error": {"code": code, "message": message}}, headers)


class Meter:
    """A budget without end that keeps what it is told."""

    def __init__(self) -> None:
        self.spent: list[str] = []
        self.told: list[Allowance] = []

    def spend(self, kind: str) -> None:
        self.spent.append(kind)

    def learn(self, allowance: Allowance) -> None:
        self.told.append(allowance)


class Environment:
    """The environment of a test: `batches` holds the parts of each batch that came in."""

    def __init__(self, mock: responses.RequestsMock, answer: Answering | None = None) -> None:
        self.mock = mock
        self.answer: Answering = answer or (lambda part: Told(204))
        self.batches: list[list[Part]] = []
        self.headers: dict[str, str] = {}
        mock.add_callback("POST", f"{ROOT}$batch", self._batch)

    @property
    def parts(self) -> list[Part]:
        """Return every part that came in."""
        return [part for batch in self.batches for part in batch]

    def adapter(self, meter: Meter | None = None, **settings: Any) -> DynamicsAdapter:
        """Return an adapter that speaks to it."""
        http = HTTPClient(
            ORIGIN,
            headers={"Authorization": "Bearer a-token-of-the-tests"},
            allowed_hosts=DynamicsAdapter.allowed_hosts(SETTINGS),
            timeout=5.0,
            meter=meter,
            clock=SystemClock(),
        )
        return DynamicsAdapter(http, replace(SETTINGS, **settings), TRAITS)

    def _batch(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        parts = parsed(request)
        self.batches.append(parts)
        printed = [self._printed(self.answer(part).written()) for part in parts]
        headers = {"Content-Type": "multipart/mixed; boundary=batchresponse_1", **self.headers}
        return 200, headers, "".join(printed) + "--batchresponse_1--\r\n"

    @staticmethod
    def _printed(answer: str) -> str:
        head = "--batchresponse_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        return f"{head}{answer}\r\n"


def parsed(request: requests.PreparedRequest) -> list[Part]:
    """Take a batch apart by the form in which the documentation prints it, and no other."""
    boundary = re.fullmatch(r'multipart/mixed; boundary="(batch_[^"]+)"', request.headers["Content-Type"])
    assert boundary
    assert isinstance(request.body, bytes)
    text = request.body.decode()
    assert text.endswith(f"--{boundary[1]}--\r\n")
    pieces = text.removesuffix(f"--{boundary[1]}--\r\n").split(f"--{boundary[1]}\r\n")
    assert pieces[0] == ""
    return [_part(piece) for piece in pieces[1:]]


def _part(text: str) -> Part:
    mime, inner, body = text.split("\r\n\r\n", 2)
    assert mime == "Content-Type: application/http\r\nContent-Transfer-Encoding: binary"
    first, *lines = inner.split("\r\n")
    method, path, version = first.split(" ")
    assert version == "HTTP/1.1"
    assert path.startswith("/api/data/v9.2/")
    headers = dict(line.split(": ", 1) for line in lines)
    return Part(
        method, unquote(path.removeprefix("/api/data/v9.2/")), headers, json.loads(body) if body.strip() else None
    )
