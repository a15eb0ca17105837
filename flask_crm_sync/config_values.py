"""How configuration values are read: a text from the environment or a Python value from `app.config`.

Each reader returns the value in its one right form, or raises ValueError saying what was expected.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import ipaddress
import math
import re
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlsplit

from .language import is_zone

Pairs: TypeAlias = tuple[tuple[str, str], ...]


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("expected a text")
    return value.strip()


def integer(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        number = _number(value)
        if not low <= number <= high or number != int(number):
            raise ValueError(f"expected a whole number from {low} to {high}")
        return int(number)

    return read


def seconds(low: float, high: float) -> Callable[[Any], float]:
    return _between(low, high, "seconds")


def hours(low: float, high: float) -> Callable[[Any], float]:
    return _between(low, high, "hours")


def _between(low: float, high: float, unit: str) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        number = _number(value)
        if not low <= number <= high:
            raise ValueError(f"expected {unit} from {low:g} to {high:g}")
        return number

    return read


def _number(value: Any) -> float:
    """Return a number, and one that is in no range for what is none."""
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (ValueError, TypeError, OverflowError):
        return math.nan


def one_of(*choices: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return str(value)

    return read


def encryption_keys(value: Any) -> tuple[bytes, ...]:
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
            "expected 32 bytes in URL-safe base64, as `flask-crm-sync-key` prints them, commas between keys"
        )
    return key


def url_prefix(value: Any) -> str:
    prefix = "/" + text(value).strip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9_.~-]+)+", prefix):
        raise ValueError("expected a path such as /crm")
    return prefix


def loopback_origin(value: Any) -> str:
    parts = _split(value)
    if parts.scheme != "https" or parts.path.strip("/") or parts.query or parts.username:
        raise ValueError("expected an origin such as https://127.0.0.1:8443")
    if parts.hostname != "localhost" and not is_loopback(parts.hostname or ""):
        raise ValueError(
            "expected an address of this machine, such as https://127.0.0.1:8443: no other may be a sandbox"
        )
    return f"https://{parts.netloc}"


def _split(value: Any) -> SplitResult:
    """Return the parts of an address whose host and port can be such."""
    try:
        parts = urlsplit(text(value))
        sound = (parts.port or 1) and re.fullmatch(r"[\w.:-]*", parts.hostname or "")
    except ValueError:
        sound = None
    if not sound:
        raise ValueError("expected an address such as https://helpdesk.example.com, with a number for a port if any")
    return parts


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def property_name(value: Any) -> str:
    name = text(value)
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", name):
        raise ValueError("expected lower-case letters, digits and underscores, beginning with a letter")
    return name


def site(value: Any) -> str:
    """Read the address of a site, with the path below which it lives; plain http only on loopback."""
    parts = _split(value)
    plain = re.fullmatch(r"(/[A-Za-z0-9_.~-]+)*/?", parts.path)
    bare = plain and not (parts.query or parts.fragment or parts.username)
    safe = parts.scheme == "https" or (parts.scheme == "http" and _on_loopback(parts.hostname or ""))
    if not (bare and safe and parts.hostname):
        raise ValueError("expected an address such as https://helpdesk.example.com, or https://example.com/helpdesk")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def base_url(value: Any) -> str:
    """Read an https address with a path, without its last slash."""
    parts = _split(value)
    odd = parts.query or parts.fragment or parts.username or parts.port not in (None, 443)
    if parts.scheme != "https" or not parts.hostname or odd or not re.fullmatch(r"(/[A-Za-z0-9_.~-]+)*/?", parts.path):
        raise ValueError("expected an address such as https://abc.supabase.co/functions/v1/crm-api/v1")
    return f"https://{parts.hostname}{parts.path.rstrip('/')}"


def endpoint(value: Any) -> str:
    """Read the https address of a service, with a port and a path where it has them, without its last slash."""
    parts = _split(value)
    odd = parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme != "https" or not parts.hostname or odd or not re.fullmatch(r"(/[A-Za-z0-9_.~-]+)*/?", parts.path):
        raise ValueError("expected an https address such as https://llm.example.com/v1")
    return f"https://{parts.netloc}{parts.path.rstrip('/')}"


def api_version(value: Any) -> str:
    """Read a version such as 60.0, which JSON in an environment may have made a number."""
    version = text(str(value)).removeprefix("v")
    if not re.fullmatch(r"[1-9]\d{1,2}\.0", version):
        raise ValueError("expected a version such as 60.0")
    return version


def custom_field_name(value: Any) -> str:
    """Read the API name of a custom Salesforce field."""
    name = text(value)
    if not re.fullmatch(r"[A-Za-z]\w{0,76}__c", name, re.ASCII):
        raise ValueError("expected the API name of a custom field, ending in __c")
    return name


def tenant(value: Any) -> str:
    """Read a tenant of Microsoft Entra ID: its GUID, a domain of it, or `organizations`."""
    name = text(value).lower()
    guid = re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", name)
    if not guid and name != "organizations" and not re.fullmatch(r"([a-z0-9-]{1,63}\.)+[a-z]{2,63}", name):
        raise ValueError("expected the tenant's ID, a domain of it, or organizations")
    return name


def query_name(value: Any) -> str:
    """Read the name of a query parameter; `off` for none."""
    name = text(value)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.\[\]-]*", name):
        raise ValueError("expected the name of a query parameter, or off")
    return "" if name == "off" else name


def switch(value: Any) -> bool:
    """Read a yes or no."""
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if isinstance(value, bool):
        return value
    if str(value).strip().lower() not in words:
        raise ValueError("expected true or false")
    return words[str(value).strip().lower()]


def host_patterns(value: Any) -> tuple[str, ...]:
    """Read host names, commas between them; `*.example.com` stands for all names below example.com."""
    parts = value.split(",") if isinstance(value, str) else list(value)
    names = tuple(part.strip().lower() for part in parts if part.strip())
    if not all(re.fullmatch(r"(\*\.)?([a-z0-9-]+\.)+[a-z]{2,}", name) for name in names):
        raise ValueError("expected host names such as crm.example.com, commas between them")
    return names


def path_template(*, holes: tuple[str, ...] = ()) -> Callable[[Any], str]:
    """Read a path that may hold the named holes, such as {client_id}; `off` for none."""

    def read(value: Any) -> str:
        path = text(value)
        if path == "off":
            return ""
        plain = path
        for hole in holes:
            plain = plain.replace("{" + hole + "}", "x")
        if not re.fullmatch(r"(/[A-Za-z0-9_.~-]+)+", plain):
            shown = " with ".join(["a path such as /clients", *("{" + hole + "}" for hole in holes)])
            raise ValueError(f"expected {shown}, or off")
        return path

    return read


def names_by(*known: str) -> Callable[[Any], Pairs]:
    """Read pairs of a known word and a name, as a dict or as `word=name, word=name`; an empty name is off."""

    def read(value: Any) -> Pairs:
        pairs = _pairs(value)
        if {word for word, _ in pairs} - set(known):
            raise ValueError(f"expected only {', '.join(known)}")
        return pairs

    return read


def header_values(value: Any) -> Pairs:
    """Read extra headers, as a dict or as `Name=value, Name=value`."""
    headers = _pairs(value)
    if not all(re.fullmatch(r"[A-Za-z0-9-]+", name) and content.isprintable() for name, content in headers):
        raise ValueError("expected headers such as X-Tenant=acme")
    return headers


def _pairs(value: Any) -> Pairs:
    parts = value.items() if isinstance(value, Mapping) else [part.partition("=")[::2] for part in _parts(text(value))]
    return tuple((str(word).strip(), str(name).strip()) for word, name in parts)


def _parts(listed: str) -> list[str]:
    parts = [part for part in listed.split(",") if part.strip()]
    if not all("=" in part for part in parts):
        raise ValueError("expected pairs such as name=value, commas between them")
    return parts


def _on_loopback(host: str) -> bool:
    return host == "localhost" or is_loopback(host)


def time_zone(value: Any) -> str:
    """Read the name of a time zone."""
    name = text(value)
    if not is_zone(name):
        raise ValueError("expected the name of a time zone, such as Europe/Vienna")
    return name


def folder(value: Any) -> str:
    """Read the path of a folder that is there."""
    name = text(str(value))
    path = Path(name)
    if not path.is_dir():
        raise ValueError(f"expected the path of a folder; there is none at {name:.100}")
    return str(path)


def authority(value: Any) -> str:
    """Read the path of a file with the certificate of an authority."""
    path = text(str(value))
    try:
        ssl.create_default_context(cafile=path)
    except OSError:
        raise ValueError(f"expected a file with a certificate in PEM form; there is none at {path:.100}") from None
    return path


def region(value: Any) -> str:
    """Read a country of phone numbers: ISO 3166, two letters. Without the library it would be ignored in silence."""
    country = text(value).upper()
    try:
        known = importlib.import_module("phonenumbers").SUPPORTED_REGIONS
    except ImportError:
        raise ValueError("expected the `phone` extra to be installed: pip install flask-crm-sync[phone]") from None
    if country not in known:
        raise ValueError("expected a country of ISO 3166 in two letters, such as AT, or GB for the United Kingdom")
    return country
