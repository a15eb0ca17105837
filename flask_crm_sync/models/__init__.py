"""Our tables, one idea a file, on a base of our own: `crm_sync_*`."""

from .base import Base, DatabaseClock, database_now
from .budget import Budget
from .change import Change
from .connection import Connection
from .database import Database
from .heartbeat import Heartbeat
from .installation import Installation
from .link import Link
from .operation import Operation
from .scan import Scan
from .sign_in import SignIn

__all__ = [
    "Base",
    "Budget",
    "Change",
    "Connection",
    "Database",
    "DatabaseClock",
    "Heartbeat",
    "Installation",
    "Link",
    "Operation",
    "Scan",
    "SignIn",
    "database_now",
]
