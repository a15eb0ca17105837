"""Every configuration key, once: name, default, how it is read, what it means.

Keys are read once, in `init_app`, into a frozen `Settings`. `app.config` wins over the environment; a key that nobody
knows is an error that names the nearest one, so that a misspelt key is never silently ignored.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from .errors import ConfigurationError

_PREFIX = "CRM_SYNC_"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("expected a text")
    return value.strip()


def _integer(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        number = int(value) if not isinstance(value, bool) else None
        if number is None or not low <= number <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return number

    return read


def _seconds(low: float, high: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        number = float(value)
        if not low <= number <= high:
            raise ValueError(f"expected seconds from {low:g} to {high:g}")
        return number

    return read


def _one_of(*choices: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return str(value)

    return read


def _encryption_keys(value: Any) -> tuple[bytes, ...]:
    parts = value.split(",") if isinstance(value, str) else list(value)
    return tuple(_encryption_key(part) for part in parts if part)


def _encryption_key(part: str | bytes) -> bytes:
    if isinstance(part, bytes) and len(part) == 32:
        return part
    text = part.decode("ascii") if isinstance(part, bytes) else part.strip()
    try:
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise ValueError(
            "expected 32 bytes in URL-safe base64, as `flask crm make-key` prints them, commas between keys"
        )
    return key


def _url_prefix(value: Any) -> str:
    prefix = "/" + _text(value).strip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9_.~-]+)+", prefix):
        raise ValueError("expected a path such as /crm")
    return prefix


def _loopback_origin(value: Any) -> str:
    parts = urlsplit(_text(value))
    if parts.scheme != "https" or parts.path.strip("/") or parts.query or parts.username:
        raise ValueError("expected an origin such as https://127.0.0.1:8443")
    if parts.hostname != "localhost" and not _is_loopback(parts.hostname or ""):
        raise ValueError("only loopback addresses may stand in for a CRM")
    return f"https://{parts.netloc}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _property_name(value: Any) -> str:
    name = _text(value)
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", name):
        raise ValueError("expected lower-case letters, digits and underscores, beginning with a letter")
    return name


def _key(default: Any, read: Callable[[Any], Any], doc: str) -> Any:
    return field(default=default, metadata={"read": read, "doc": doc})


@dataclass(frozen=True)
class Settings:
    """The extension's settings. The key of each is `CRM_SYNC_` and its name in capitals."""

    encryption_keys: tuple[bytes, ...] = _key(
        (), _encryption_keys, "Keys for secrets at rest, commas between them; the first encrypts, all open. Required."
    )
    redis_url: str = _key(
        "redis://127.0.0.1:6379/0",
        _text,
        "The Redis or Valkey of the job queues. `REDIS_URL` is taken where this is unset.",
    )
    app: str = _key(
        "", _text, "Where a plain `rq worker` finds the host's app, as in `flask --app`; `FLASK_APP` where unset."
    )
    client_model: str = _key("Client", _text, "Class name of the host's client model.")
    conversation_model: str = _key("Conversation", _text, "Class name of the host's conversation model.")
    message_model: str = _key(
        "Message", _text, "Class name of the host's message model; a host without one needs no change."
    )
    url_prefix: str = _key("/crm", _url_prefix, "Where the pages live in the host.")
    note_after_minutes: int = _key(
        30, _integer(1, 10080), "A conversation that has been silent for so long owes its note, closed or not."
    )
    retry_hours: int = _key(72, _integer(1, 8760), "A record that has been retried for so long becomes failed.")
    max_crashes: int = _key(
        5, _integer(2, 1000), "A record that took a worker down so often, the last times alone, is set aside."
    )
    lease_seconds: int = _key(90, _integer(10, 3600), "How long a worker may hold a connection without a sign of life.")
    slice_seconds: int = _key(
        60, _integer(5, 600), "How long one job works on a connection before others get their turn."
    )
    call_timeout: float = _key(30.0, _seconds(1, 300), "Seconds that one call to a CRM may take in all.")
    confirm_seconds: float = _key(
        60.0, _seconds(0, 3600), "How long an unanswered write rests before the CRM is read back."
    )
    hubspot_version: str = _key(
        "2026-09",
        _one_of("2026-09", "2026-03", "v3"),
        "Version of HubSpot's API; v3 for old portals, until September 2027.",
    )
    hubspot_key_property: str = _key(
        "crm_sync_client_key",
        _property_name,
        "Our own unique contact property in HubSpot, made where the key may make it.",
    )
    phone_region: str = _key(
        "", _text, "Country (ISO 3166 two letters) of phone numbers without a country code; needs the `phone` extra."
    )
    sandbox_url: str = _key(
        "", _loopback_origin, "Sends every CRM's calls to the sandbox: an https loopback origin. Never in production."
    )
    sandbox_ca: str = _key("", _text, "File with the sandbox's own certificate authority.")

    def __post_init__(self) -> None:
        if self.slice_seconds >= self.lease_seconds:
            raise ConfigurationError("CRM_SYNC_SLICE_SECONDS must be less than CRM_SYNC_LEASE_SECONDS.")
        if self.call_timeout >= self.lease_seconds:
            raise ConfigurationError("CRM_SYNC_CALL_TIMEOUT must be less than CRM_SYNC_LEASE_SECONDS.")
        if self.sandbox_url and not self.sandbox_ca:
            raise ConfigurationError(
                "CRM_SYNC_SANDBOX_URL needs CRM_SYNC_SANDBOX_CA, the file with the sandbox's authority."
            )


@dataclass(frozen=True)
class Key:
    """One configuration key, as the documentation shows it."""

    name: str
    default: Any
    doc: str


def keys() -> tuple[Key, ...]:
    """Return every configuration key in the order of its definition."""
    return tuple(Key(_PREFIX + f.name.upper(), f.default, f.metadata["doc"]) for f in fields(Settings))


def load_settings(config: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Read the settings from the app's configuration, then the environment.

    Raises ConfigurationError naming the key that is unknown, unreadable or missing.
    """
    _refuse_unknown(config, environ)
    values = {}
    for f in fields(Settings):
        raw = _raw(_PREFIX + f.name.upper(), config, environ)
        if raw is not None and raw != "":
            values[f.name] = _read(_PREFIX + f.name.upper(), f.metadata["read"], raw)
    fallback = _raw("REDIS_URL", config, environ)
    if "redis_url" not in values and fallback:
        values["redis_url"] = str(fallback)
    settings = Settings(**values)
    if not settings.encryption_keys:
        raise ConfigurationError(
            "CRM_SYNC_ENCRYPTION_KEYS is not set, and credentials are never stored unencrypted. "
            "Make a key with `flask-crm-sync-key` and keep it with the app's other secrets."
        )
    return settings


def _raw(name: str, config: Mapping[str, Any], environ: Mapping[str, str]) -> Any:
    value = config.get(name)
    return environ.get(name) if value is None else value


def _read(name: str, read: Callable[[Any], Any], raw: Any) -> Any:
    try:
        return read(raw)
    except (ValueError, TypeError, AttributeError, UnicodeError) as error:
        hint = str(error) if isinstance(error, ValueError) and "expected" in str(error) else "the value cannot be read"
        raise ConfigurationError(f"{name}: {hint}.") from None


def _refuse_unknown(config: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    known = [key.name for key in keys()]
    for name in [*config, *environ]:
        if isinstance(name, str) and name.startswith(_PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ConfigurationError(f"{name} is not a key that we know.{hint}")
