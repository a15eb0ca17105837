"""The extension as the small host meets it."""

from __future__ import annotations

from tests.small_host.fixtures import connection_id, environment, host, processes, running, sandbox, server

__all__ = ["connection_id", "environment", "host", "processes", "running", "sandbox", "server"]
