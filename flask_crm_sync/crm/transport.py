"""What lies under the HTTP client: a deadline for the whole exchange, an address check, TLS with a chosen authority.

A socket's time-out counts from one read to the next, so a server that drips a byte now and then holds a caller for
ever. Here each read and each write gets only what is left of the call's own deadline, name look-up included.
"""

from __future__ import annotations

import functools
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeAlias

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.poolmanager import PoolManager

from ..errors import ConfigurationError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = Literal["public", "private", "loopback"]
"""Where calls may lead: the public internet, private networks and this machine as well, or this machine alone."""
_OUTSIDE: Mapping[Network, str] = {
    "public": "is not on the public internet",
    "private": "is no machine's own",
    "loopback": "is not this machine's",
}


_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""How networks without IPv4 write its addresses (RFC 6052)."""


class AddressRefused(Exception):
    """The host's name leads to an address that calls may not lead to."""


class Exchange:
    """One call's deadline, and whether a byte of it has left.

    Sockets wait in real time, so this counts on the machine's clock whatever clock the caller lives by.
    """

    def __init__(self) -> None:
        self.sent = False
        self._end = 0.0

    def begin(self, seconds: float) -> None:
        """Start the deadline of a new call."""
        self.sent, self._end = False, time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left; raise TimeoutError when there are none."""
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the call's deadline has passed")
        return seconds


class _DeadlineSocket(ssl.SSLSocket):
    """A TLS socket whose every read and write is bounded by the exchange."""

    exchange: Exchange | None = None

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        if self.exchange is not None:
            self.settimeout(self.exchange.left())
        return super().recv_into(buffer, nbytes, flags)

    def send(self, data: Any, flags: int = 0) -> int:
        if self.exchange is not None:
            self.settimeout(self.exchange.left())
            self.exchange.sent = True
        return super().send(data, flags)


def trust(ca_file: str | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the given authority only, else the system's; made once per file and version.

    Raises ConfigurationError for a file that is not there or holds no certificate.
    """
    try:
        return _context(ca_file, Path(ca_file).stat().st_mtime_ns if ca_file else 0)
    except OSError:
        raise ConfigurationError(f"The certificate authority cannot be read from {ca_file}.") from None


@functools.lru_cache(maxsize=8)
def _context(ca_file: str | None, _version: int) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    paths = ssl.get_default_verify_paths()
    if ca_file is None and paths.cafile is None and paths.capath is None:
        context.load_verify_locations(requests.certs.where())
    if version("urllib3").startswith("1."):
        # It compares the certificate's names itself, and hands no IP address on to be compared here.
        context.check_hostname = False
    context.sslsocket_class = _DeadlineSocket
    return context


class _Connection(HTTPSConnection):
    """An HTTPS connection to a checked address, within the exchange's deadline."""

    def __init__(self, *args: Any, exchange: Exchange, network: Network, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._exchange, self._network = exchange, network

    def _new_conn(self) -> socket.socket:
        addresses = _look_up(self.host, self.port or 443, self._exchange.left())
        if not all(is_allowed(address[4][0], self._network) for address in addresses):
            raise AddressRefused(f"{self.host} leads to an address that {_OUTSIDE[self._network]}")
        return _first_to_answer(addresses, self._exchange)

    def connect(self) -> None:
        super().connect()
        if isinstance(self.sock, _DeadlineSocket):
            self.sock.exchange = self._exchange


def is_allowed(text: str, network: Network) -> bool:
    """Tell whether an address may be called.

    Addresses that are no one's own never may, above all the link-local ones, where clouds keep their machines'
    credentials.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if network == "loopback":
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback
    address = _meant(address)
    if address.is_loopback:
        return network == "private"
    if address.is_multicast or address.is_unspecified or address.is_reserved or address.is_link_local:
        return False
    return network == "private" or (address.is_global and not getattr(address, "is_site_local", False))


def _meant(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one leads to: written in its form, by a translator, or by a tunnel."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    translated = ipaddress.IPv4Address(int(address) % 2**32) if address in _TRANSLATED else None
    return address.ipv4_mapped or translated or address.sixtofour or address


def _look_up(host: str, port: int, seconds: float) -> list[Any]:
    """Resolve a name within the given time: the system's resolver knows no time-out, so a thread asks it."""
    answer: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=lambda: answer.put(_resolved(host, port)), daemon=True).start()
    try:
        found = answer.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"the name {host} was not resolved in time") from None
    if isinstance(found, OSError):
        raise found
    return list(found)


def _resolved(host: str, port: int) -> list[Any] | OSError:
    try:
        return list(socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        return error if isinstance(error, OSError) else OSError(f"{host} is not a host name")


def _first_to_answer(addresses: list[Any], exchange: Exchange) -> socket.socket:
    failure: OSError = OSError("the name leads nowhere")
    for family, kind, protocol, share, target in _with_shares(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(exchange.left() * share)
            sock.connect(target)
            # The TLS handshake comes next and keeps to this, in all.
            sock.settimeout(exchange.left())
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def _with_shares(addresses: list[Any]) -> Iterator[tuple[Any, Any, Any, float, Any]]:
    """Yield each address with its share of the time left, so that a dead one leaves some to the next."""
    for position, (family, kind, protocol, _name, target) in enumerate(addresses):
        yield family, kind, protocol, 1 / (len(addresses) - position), target


class _Pool(HTTPSConnectionPool):
    def __init__(self, *args: Any, exchange: Exchange, network: Network, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ConnectionCls = functools.partial(  # type: ignore[assignment]
            _Connection, exchange=exchange, network=network
        )


class Transport(HTTPAdapter):
    """The way to one origin for `requests`: our TLS context, our connections; no proxy and no retry of its own."""

    def __init__(self, exchange: Exchange, context: ssl.SSLContext, *, network: Network) -> None:
        self._pool = functools.partial(_Pool, exchange=exchange, network=network)
        self._context = context
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        """Make the pools with our context and connections."""
        self.poolmanager = PoolManager(connections, maxsize=maxsize, block=block, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = {"https": self._pool}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave trust to the context: `requests` would add its own bundle, or one that the environment names."""

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        """Return the pool for the request's origin."""
        return self.poolmanager.connection_from_url(request.url)

    def get_connection(self, url: Any, proxies: Any = None) -> Any:
        """Return the pool for the origin; this is what `requests` before 2.32 asks."""
        return self.poolmanager.connection_from_url(url)

    def forget_connections(self) -> None:
        """Close the pooled connections; the next call makes a new one."""
        self.poolmanager.clear()


def session(transport: Transport) -> requests.Session:
    """Return a session that knows this transport only, and takes nothing from the environment."""
    made = requests.Session()
    made.trust_env = False
    made.cookies.set_policy(_NoCookies())
    made.adapters.clear()
    made.mount("https://", transport)
    return made


class _NoCookies(DefaultCookiePolicy):
    """Keep no cookie: a call carries its credentials and nothing else."""

    def set_ok(self, cookie: Any, request: Any) -> bool:
        """Refuse every cookie."""
        return False
