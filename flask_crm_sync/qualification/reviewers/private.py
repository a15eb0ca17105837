"""The way to a reviewer that an operator runs on a private network, or on this machine.

Everything else stays as for any call: HTTPS, certificate checked, no redirect, one deadline. Addresses that are no
one's own stay refused, above all the link-local ones, where clouds keep their machines' credentials.
"""

from __future__ import annotations

import functools
import ipaddress
import socket
from typing import Any

from ...crm.http import HTTPClient
from ...crm.transport import (
    AddressRefused,
    Transport,
    _Connection,
    _first_to_answer,
    _look_up,
    _Pool,
    session,
    trust,
)


def open_to_private_addresses(client: HTTPClient, ca_file: str | None) -> None:
    """Let a client that has made no call yet reach private and loopback addresses too."""
    client._transport = PrivateTransport(client._exchange, trust(ca_file), allow_loopback=False)
    client._session = session(client._transport)


class PrivateTransport(Transport):
    """A transport whose connections may lead to private addresses."""

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        """Make the pools with connections of our own."""
        super().init_poolmanager(connections, maxsize, block, **kwargs)
        made = functools.partial(_PrivatePool, *self._pool.args, **self._pool.keywords)
        self.poolmanager.pool_classes_by_scheme = {"https": made}


class _PrivateConnection(_Connection):
    def _new_conn(self) -> socket.socket:
        addresses = _look_up(self.host, self.port or 443, self._exchange.left())
        if not all(_is_somebodys(address[4][0]) for address in addresses):
            raise AddressRefused(f"{self.host} leads to an address that no reviewer has")
        return _first_to_answer(addresses, self._exchange)


class _PrivatePool(_Pool):
    def __init__(self, *args: Any, exchange: Any, allow_loopback: bool, **kwargs: Any) -> None:
        super().__init__(*args, exchange=exchange, allow_loopback=allow_loopback, **kwargs)
        self.ConnectionCls = functools.partial(  # type: ignore[assignment]
            _PrivateConnection, exchange=exchange, allow_loopback=allow_loopback
        )


def _is_somebodys(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or address
    return not (mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified or mapped.is_reserved)
