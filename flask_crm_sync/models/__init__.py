"""Our tables, one idea a file, on a base of our own: `crm_sync_*`."""

from .base import Base, database_now
from .budget import Budget
from .change import Change
from .connection import Connection
from .database import Database
from .heartbeat import Heartbeat
from .installation import Installation
from .link import Link
from .operation import Operation
from .scan import Scan

__all__ = [
    "Base",
    "Budget",
    "Change",
    "Connection",
    "Database",
    "Heartbeat",
    "Installation",
    "Link",
    "Operation",
    "Scan",
    "database_now",
]
