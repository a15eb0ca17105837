"""What a host can listen to: `blinker` signals, sent by the process in which it happened.

    from flask_crm_sync import client_synced

    @client_synced.connect_via(app)
    def note(app, *, operation):
        app.logger.info("client %s is in %s", operation.client_id, operation.crm)

A receiver runs in the app's context. One that fails is logged and breaks nothing.
"""

from __future__ import annotations

import logging
from typing import Any

from blinker import Namespace, Signal
from flask import Flask

_signals = Namespace()
_log = logging.getLogger(__name__)

client_synced = _signals.signal("client-synced")
"""Something of a client arrived in a CRM. `operation` has ids, kind, status and reason: no personal data."""

sync_failed = _signals.signal("sync-failed")
"""An operation failed for good and waits for a person. `operation` as above."""

connection_changed = _signals.signal("connection-changed")
"""A connection was made, tested, paused, resumed or ended. `connection` is a view without secrets."""

conversation_qualified = _signals.signal("conversation-qualified")
"""A conversation is qualified now, by the rules, a review or a person. `move` has ids, statuses and who decided."""

review_finished = _signals.signal("review-finished")
"""A review came to something, or was given up. `move` as above; its `outcome` is confirmed, upgraded, downgraded,
undecided or not_reviewed.
"""


def send(signal: Signal, app: Flask, **news: Any) -> None:
    """Tell every receiver; log those that fail."""
    for receiver in signal.receivers_for(app):
        try:
            receiver(app, **news)
        except Exception:
            _log.exception("A receiver of the signal %s failed.", getattr(signal, "name", signal))
