"""The one HTTP client. Every call to a CRM goes through it.

HTTPS only, certificate checked, hosts on the CRM's list, no redirect followed, one deadline for the whole call. What a
missing answer means is settled here: nothing left the machine -> `Unreachable`; something left and no whole answer
came -> `OutcomeUnknown` for a write, `Unreachable` for a read.
"""

from __future__ import annotations

import json as jsonlib
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Protocol, TypeAlias
from urllib.parse import urlencode, urlsplit

import requests
import urllib3

from ..clock import Clock
from ..errors import (
    CredentialsRefused,
    CRMError,
    InvalidRecord,
    OutcomeUnknown,
    ReconnectRequired,
    ServerFault,
    Unreachable,
)
from .transport import AddressRefused, Exchange, Network, Transport, session, trust

_LARGEST_BODY = 20 * 1024 * 1024
_LONGEST_TEXT = 1000
_IDLE_SECONDS = 15.0
_KEPT_SECRETS = 12
_REMOVED = "[removed]"
_BEARERS = re.compile(r"\bbearer\s+[^\s\"',;]+|\bpat-[a-z0-9]+-[\w-]+", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_MAY_HOLD_HALVES = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")
"""Half a character in JSON, or a half of a whole one: escaped, or as it must not stand in UTF-8."""
_HOST = re.compile(r"[a-z0-9._:-]+")


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a CRM's headers say of its limits; None where they say nothing."""

    limit: int | None = None
    remaining: int | None = None
    interval_seconds: float | None = None
    daily_limit: int | None = None
    daily_remaining: int | None = None


class Meter(Protocol):
    """The budget of one credential: asked before each call, told after each answer."""

    def spend(self, kind: str) -> None:
        """Take one call of the kind from the budget; raise RateLimited, nothing sent, where there is none."""
        ...

    def learn(self, allowance: Allowance) -> None:
        """Take over what the CRM's headers say."""
        ...


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer: `body` is the decoded JSON or None, `text` the cleaned beginning of what was not JSON.

    `content` is filled where the caller asked for the bytes as they came.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(repr=False)
    text: str = field(repr=False)
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Content:
    """A body that is not JSON: its bytes and their media type."""

    data: bytes = field(repr=False)
    media_type: str

    @classmethod
    def form(cls, values: Mapping[str, str]) -> Content:
        """Return a form, percent-encoded."""
        return cls(urlencode(values).encode("ascii"), "application/x-www-form-urlencoded")


Renewal: TypeAlias = Callable[[Mapping[str, str]], Mapping[str, str]]
"""Given the authorization headers that a CRM refused, returns those of a newer token; raises CRMError without one."""


def clean(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Return a CRM's own words without credentials and control characters, at most 1,000 characters."""
    for secret in secrets:
        text = text.replace(secret, _REMOVED)
    text = _CONTROLS.sub(" ", _BEARERS.sub(_REMOVED, text)).strip()
    # CRMs cut their texts in the middle of a character now and then, and no database stores the half.
    text = _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def host_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    """Tell whether a host is on the list; `*.example.com` stands for the names below example.com, not for itself.

    A text with other signs is no host: readers of addresses do not agree on where it ends (at a backslash, say).
    """
    host = host.lower().rstrip(".")
    if not _HOST.fullmatch(host):
        return False
    exact = {pattern.lower() for pattern in allowed if not pattern.startswith("*.")}
    endings = tuple(pattern[1:].lower() for pattern in allowed if pattern.startswith("*."))
    return host in exact or any(host.endswith(ending) and host != ending for ending in endings)


class HTTPClient:
    """Calls below one base URL (an origin, with a path where the API has one) with one set of credentials, in turn.

    `timeout` is the seconds that a call may take in all. `network` is where names may lead: `loopback` is for the
    sandbox. `renew` is asked for newer headers when a call is refused with 401, which is then
    made once more: a refused call did nothing. Raises ReconnectRequired for an origin not https or not on the list.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        allowed_hosts: tuple[str, ...],
        ca_file: str | None = None,
        timeout: float,
        meter: Meter | None = None,
        clock: Clock,
        network: Network = "public",
        renew: Renewal | None = None,
    ) -> None:
        self.host, self.origin = _checked_origin(base_url, allowed_hosts)
        self.base_path = urlsplit(base_url).path.rstrip("/")
        self.meter, self.clock, self.timeout = meter, clock, timeout
        self._renew = renew
        self._secrets: tuple[str, ...] = ()
        self._authorize(headers)
        self._exchange = Exchange()
        self._transport = Transport(self._exchange, trust(ca_file), network=network)
        self._session = session(self._transport)
        self._lock = threading.Lock()
        self._used_at, self._process = time.monotonic(), os.getpid()

    def __repr__(self) -> str:
        """Show the host, never the credentials."""
        return f"<HTTPClient {self.host}>"

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content: Content | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bool = False,
        writes: bool,
        kind: str = "call",
    ) -> Response:
        """Make one call and return its whole answer, whatever its status.

        `path` begins with one slash. `headers` come beside the client's own. With `raw` a good answer need not be
        JSON, and its bytes are kept. Raises RateLimited (by the meter, nothing sent), InvalidRecord (text that is not
        Unicode), Unreachable, OutcomeUnknown (a write without a whole answer), ServerFault (a read with a broken one).
        """
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError("a path begins with one slash")
        body = content if json is None else Content(encode(json), "application/json")
        call = _Call(method, path, params, body, headers or {}, raw, writes)
        with self._lock:
            outcome = self._metered(call, kind)
            if self._renew is not None and isinstance(outcome, Response) and outcome.status == 401:
                self._authorize(self._renew(self._authorization))
                outcome = self._metered(call, kind)
        if isinstance(outcome, CRMError):
            raise outcome
        return outcome

    def learn(self, allowance: Allowance) -> None:
        """Hand the limits that an answer told to the meter."""
        if self.meter is not None:
            self.meter.learn(allowance)

    def clean(self, text: str) -> str:
        """Return the CRM's own words without this client's credentials."""
        return clean(text, self._secrets)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _authorize(self, headers: Mapping[str, str]) -> None:
        """Take over authorization headers; the former ones stay secret."""
        self._authorization = dict(_checked_headers(headers))
        self._headers = {"Accept": "application/json", "Accept-Encoding": "identity", **self._authorization}
        self._secrets = (*_secrets(headers), *self._secrets)[:_KEPT_SECRETS]

    def _metered(self, call: _Call, kind: str) -> Response | CRMError:
        if self.meter is not None:
            self.meter.spend(kind)
        return self._exchanged(call)

    def _exchanged(self, call: _Call) -> Response | CRMError:
        # Errors are returned, and raised by the caller, so that no exception of the libraries below, which carry the
        # request and its headers, stays attached to ours.
        self._forget_stale_connections()
        typed = {"Content-Type": call.body.media_type} if call.body else {}
        self._exchange.begin(self.timeout)
        try:
            with self._session.request(
                call.method,
                self.origin + self.base_path + call.path,
                params=call.params,
                data=call.body.data if call.body else None,
                headers={**self._headers, **typed, **call.headers},
                timeout=self.timeout,
                allow_redirects=False,
                stream=True,
            ) as answer:
                content = _whole_body(answer)
        except AddressRefused as refused:
            return Unreachable(f"{refused}.")
        except (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
            return self._without_answer(error, call.writes)
        finally:
            self._used_at = time.monotonic()
        return self._understood(answer, content, call)

    def _forget_stale_connections(self) -> None:
        """Close what the server may have closed by now, and what a fork left to share with the parent."""
        if time.monotonic() - self._used_at > _IDLE_SECONDS or os.getpid() != self._process:
            self._transport.forget_connections()
            self._process = os.getpid()

    def _without_answer(self, error: Exception, writes: bool) -> CRMError:
        reason = _reason(error, self.timeout)
        if self._exchange.sent and writes:
            return OutcomeUnknown(f"{self.host}: {reason}, after the call was sent.")
        return Unreachable(f"{self.host}: {reason}.")

    def _understood(self, answer: requests.Response, content: bytes, call: _Call) -> Response | CRMError:
        text = ""
        body = _decoded(content)
        if body is _NOT_JSON:
            body, text = None, self.clean(content[: 4 * _LONGEST_TEXT].decode("utf-8", "replace"))
            if 200 <= answer.status_code < 300 and not call.raw:
                failure = OutcomeUnknown if call.writes else ServerFault
                message = f"{self.host}: the answer is not JSON."
                return failure(message, crm_message=text, status_code=answer.status_code)
        return Response(answer.status_code, answer.headers, body, text, content if call.raw else b"")


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    params: Mapping[str, str] | None
    body: Content | None
    headers: Mapping[str, str]
    raw: bool
    writes: bool


_NOT_JSON = object()


def encode(value: Any) -> bytes:
    """Return a value as compact UTF-8 JSON; raise InvalidRecord for text that is no Unicode."""
    try:
        return jsonlib.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidRecord("A text holds half a character (a lone surrogate) and cannot be sent.") from None


def read_json(content: bytes) -> Any:
    """Return what JSON holds, every character whole; raise ValueError or RecursionError for what cannot be read."""
    read = jsonlib.loads(content)
    return _whole(read) if _MAY_HOLD_HALVES.search(content) else read


def _decoded(content: bytes) -> Any:
    if not content.strip():
        return None
    try:
        return read_json(content)
    except (ValueError, RecursionError):
        return _NOT_JSON


def _whole(value: Any) -> Any:
    """Return what was read with a sign in the place of each half character: no page and no database takes the half."""
    if isinstance(value, str):
        return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return {_whole(name): _whole(one) for name, one in value.items()} if isinstance(value, dict) else value


def _whole_body(answer: requests.Response) -> bytes:
    """Read the body to its end; raise OSError where it is cut short or larger than any answer should be."""
    parts, size = [], 0
    for part in answer.iter_content(64 * 1024):
        parts.append(part)
        size += len(part)
        if size > _LARGEST_BODY:
            raise OSError("the answer is larger than 20 MB")
    announced = answer.headers.get("Content-Length", "")
    if announced.isdigit() and int(announced) > size and "Content-Encoding" not in answer.headers:
        raise OSError("the answer was cut short")
    return b"".join(parts)


def _reason(error: Exception, timeout: float) -> str:
    """Say in plain words why there was no answer; the libraries' own texts may quote the request."""
    if isinstance(error, requests.exceptions.SSLError):
        return "the certificate or the TLS handshake was not accepted"
    if isinstance(error, (requests.Timeout, TimeoutError)) or "timed out" in str(error) or "deadline" in str(error):
        return f"no whole answer within {timeout:g} seconds"
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return str(error)
    return "the connection could not be made, or broke"


def _checked_origin(base_url: str, allowed_hosts: tuple[str, ...]) -> tuple[str, str]:
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if parts.scheme != "https" or parts.username or parts.password or not host_allowed(host, allowed_hosts):
        shown = clean(host) or "(none)"
        raise ReconnectRequired(f"The address {shown} is not one of this CRM's, so nothing is sent there.")
    return host, f"https://{parts.netloc}"


def _checked_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise CredentialsRefused("The key holds a character that no key has. Copy it again, whole and alone.")
    return headers


def _secrets(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the header values and their words (the token after `Bearer`), the longest first."""
    words = {word for value in headers.values() for word in (value, *value.split()) if len(word) >= 8}
    return tuple(sorted(words, key=len, reverse=True))
