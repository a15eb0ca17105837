"""CRM servers to build, test and show against: loopback only, over HTTPS, on stores of their own.

Nothing here is shared with the adapters: a server that borrows the client's idea of the protocol proves nothing.
"""

from __future__ import annotations

from .server import Sandbox, serve

__all__ = ["Sandbox", "serve"]
