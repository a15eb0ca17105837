"""Services such as e-mail, Slack and Teams, through Apprise: the `notify` extra of the package."""

from __future__ import annotations

import importlib
import logging
import mimetypes
import queue
import re
import threading
import warnings
from functools import cache, partial
from typing import Any

from ..config import Settings
from .guard import hushed, only_to
from .problems import (
    BARE_EMAIL,
    LOCAL_SERVICE,
    NO_ADDRESS,
    PACKAGE_MISSING,
    PLAIN_SERVICE,
    PRIVATE_ADDRESS,
    REFUSED,
    UNREACHABLE,
    CannotTell,
)
from .targets import check_host, may_be_told, on_loopback

_log = logging.getLogger(__name__)

_LOCAL = {"blink1", "dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "rsyslog", "syslog", "windows"}
_PLAIN = {"aprs"}
"""Services that know no encryption; those over HTTP are known by their address."""
_OUR_OWN = {"https", "http"}
_EMAIL = re.compile(r"(?:mailto:)?[^\s@:/]+@[^\s@:/]+")
_LONGEST = 2000
_SENDER = "CRM"


def check_service(url: str, settings: Settings) -> str:
    """Return what people may see of a service's address; raise CannotTell for one that is not to be used."""
    with hushed():
        plugin = _plugin(url, settings)
    host, name = _host(plugin), str(plugin.service_name)
    return f"{name} ({host})" if host else name


def tell(url: str, subject: str, text: str, settings: Settings, sender: str = _SENDER) -> None:
    """Send a message through a service, under a sender's name.

    Raises CannotTell where it fails, or takes more than `CRM_SYNC_NOTIFY_TIMEOUT` seconds.
    """
    answer: queue.SimpleQueue[CannotTell | None] = queue.SimpleQueue()
    work = partial(_answered, answer, url, subject, text, settings, sender)
    threading.Thread(target=work, daemon=True).start()
    try:
        problem = answer.get(timeout=settings.notify_timeout)
    except queue.Empty:
        raise CannotTell(UNREACHABLE) from None
    if problem is not None:
        raise problem


def is_installed() -> bool:
    """Tell whether the package that speaks to services is there."""
    try:
        return bool(_apprise())
    except CannotTell:
        return False


def _answered(
    answer: queue.SimpleQueue[CannotTell | None], url: str, subject: str, text: str, settings: Settings, sender: str
) -> None:
    refused: list[object] = []
    with hushed() as statuses:
        try:
            plugin = _plugin(url, settings, sender)
            with only_to(partial(may_be_told, settings=settings)) as refused:
                taken = _send(plugin, subject, text)
            problem = None if taken else CannotTell(REFUSED, statuses[-1] if statuses else None)
        except CannotTell as found:
            problem = found
        except Exception as error:  # whatever a service's module raises; its words may quote the address
            _log.warning("A service for notifications failed (%s).", type(error).__name__)
            problem = CannotTell(REFUSED)
    answer.put(CannotTell(PRIVATE_ADDRESS) if refused else problem)


def _send(plugin: Any, subject: str, text: str) -> bool:
    convert = importlib.import_module("apprise.conversion").convert_between
    body = convert("text", plugin.notify_format, text)
    return bool(plugin.notify(title=subject, body=body))


def _plugin(url: str, settings: Settings, sender: str = _SENDER) -> Any:
    """Return what speaks to a service; raise CannotTell for what must not be spoken to, or not like this."""
    apprise, scheme = _apprise(), url.partition("://")[0].lower()
    if _EMAIL.fullmatch(url):
        raise CannotTell(BARE_EMAIL)
    if scheme in _LOCAL:
        raise CannotTell(LOCAL_SERVICE)
    made = _made(apprise, url, sender)
    if made is None or (scheme in _OUR_OWN and _host(made)):  # a web address that no service knows as its own
        raise CannotTell(NO_ADDRESS)
    made.redirects = False
    made.socket_connect_timeout = made.socket_read_timeout = (
        settings.notify_timeout / 2
    )  # whatever its address asks for
    if not made.verify_certificate or (_is_plain(made) and not on_loopback(made.host, settings)):
        raise CannotTell(PLAIN_SERVICE)
    if _host(made):
        check_host(_host(made), made.port or 443, settings)
    return made


def _made(apprise: Any, url: str, sender: str) -> Any:
    """Return what the library makes of an address, None for nothing; it may look at no file for that.

    Raises CannotTell for an address that names a file to send, or to sign with: it would be read on the server.
    """
    if not url.isprintable() or len(url) > _LONGEST:
        return None
    asset = _asset(apprise, sender)
    with only_to(lambda _address: False):
        made = apprise.Apprise.instantiate(url, asset=asset)
    if any(isinstance(value, apprise.AppriseAttachment) and len(value) for value in vars(made or asset).values()):
        raise CannotTell(NO_ADDRESS)
    return made


def _is_plain(plugin: Any) -> bool:
    """Tell whether a service would be spoken to without encryption: as it was asked for, or as it always is."""
    asked = plugin.secure_protocol and plugin.protocol and not plugin.secure
    unsafe_mail = getattr(plugin, "secure_mode", "") == "insecure"
    always = str(getattr(plugin, "notify_url", "")).startswith("http://") or _PLAIN.intersection(_schemes(plugin))
    return bool(asked or unsafe_mail or always)


def _schemes(plugin: Any) -> tuple[str, ...]:
    found = plugin.secure_protocol or plugin.protocol or ()
    return (found,) if isinstance(found, str) else tuple(found)


def _asset(apprise: Any, sender: str) -> Any:
    """Return how the library behaves: no threads of its own, nothing kept on disk, no icons fetched.

    Messages come from `sender` and not from the library; it is a header too, and those are ASCII.
    """
    name = sender if sender.isascii() else _SENDER
    own = {"app_id": name, "app_desc": name, "app_url": ""}
    none = {"image_url_mask": None, "image_url_logo": None}
    return apprise.AppriseAsset(async_mode=False, secure_logging=True, **own, **none)


def _host(plugin: Any) -> str:
    """Return the host that an address names, "" for a service with hosts of its own."""
    named = getattr(plugin, "smtp_host", None) or (plugin.host if "host" in plugin.template_tokens else "")
    return str(named or "").strip("[]")


def _apprise() -> Any:
    try:
        apprise = importlib.import_module("apprise")
    except ImportError:
        raise CannotTell(PACKAGE_MISSING) from None
    _load_services()
    return apprise


@cache
def _load_services() -> None:
    """Let the library load its services, which it does at first use, without the warnings of old modules in it."""
    mimetypes.init()  # it reads a list of the system's, which no address names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        importlib.import_module("apprise").Apprise.instantiate("json://localhost")
