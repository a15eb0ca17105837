"""Keep a Flask helpdesk's clients and conversations in step with its accounts' CRMs, exactly once.

from flask_crm_sync import CRMSync

app = create_app()
CRMSync(app)
"""

from __future__ import annotations

from .errors import ConfigurationError, CRMSyncError
from .extension import CRMSync
from .host.access import Access, Callables, FlaskLoginAccess
from .host.binding import ClientBinding, ConversationBinding, MessageBinding, Related
from .signals import client_synced, connection_changed, conversation_qualified, review_finished, sync_failed

__all__ = [
    "Access",
    "CRMSync",
    "CRMSyncError",
    "Callables",
    "ClientBinding",
    "ConfigurationError",
    "ConversationBinding",
    "FlaskLoginAccess",
    "MessageBinding",
    "Related",
    "client_synced",
    "connection_changed",
    "conversation_qualified",
    "review_finished",
    "sync_failed",
]
