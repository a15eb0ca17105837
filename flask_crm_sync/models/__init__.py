"""Our tables, one idea a file, on a base of our own: `crm_sync_*`."""

from .account import AccountSettings
from .agreement import Agreement
from .audit import AuditEntry
from .base import Base, DatabaseClock, database_now
from .budget import Budget
from .change import Change
from .channel import Channel
from .conflict import Conflict
from .connection import Connection
from .criterion import CriterionRow
from .database import Database
from .delivery import Delivery
from .erasure import Erased, Erasure, Receipt
from .heartbeat import Heartbeat
from .installation import Installation
from .link import Link
from .mapping import MappingVersion, Schema
from .notice import Notice
from .notification import Notification
from .operation import Operation
from .qualification import Judgement, Qualification
from .retry_run import RetryRun
from .scan import Scan
from .seen_notice import SeenNotice
from .sign_in import SignIn
from .undo import Overwritten
from .webhook import Webhook

__all__ = [
    "AccountSettings",
    "Agreement",
    "AuditEntry",
    "Base",
    "Budget",
    "Change",
    "Channel",
    "Conflict",
    "Connection",
    "CriterionRow",
    "Database",
    "DatabaseClock",
    "Delivery",
    "Erased",
    "Erasure",
    "Heartbeat",
    "Installation",
    "Judgement",
    "Link",
    "MappingVersion",
    "Notice",
    "Notification",
    "Operation",
    "Overwritten",
    "Qualification",
    "Receipt",
    "RetryRun",
    "Scan",
    "Schema",
    "SeenNotice",
    "SignIn",
    "Webhook",
    "database_now",
]
