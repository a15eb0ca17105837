"""Our tables, one idea a file, on a base of our own: `crm_sync_*`."""

from .audit import AuditEntry
from .base import Base, DatabaseClock, database_now
from .budget import Budget
from .change import Change
from .connection import Connection
from .database import Database
from .delivery import Delivery
from .heartbeat import Heartbeat
from .installation import Installation
from .link import Link
from .operation import Operation
from .scan import Scan
from .sign_in import SignIn
from .webhook import Webhook

__all__ = [
    "AuditEntry",
    "Base",
    "Budget",
    "Change",
    "Connection",
    "Database",
    "DatabaseClock",
    "Delivery",
    "Heartbeat",
    "Installation",
    "Link",
    "Operation",
    "Scan",
    "SignIn",
    "Webhook",
    "database_now",
]
