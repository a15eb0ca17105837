"""Where CRMs tell of changes: an entrance of its own, without session and CSRF token.

Nothing passes without the CRM's signature or secret. The answer is quick: the work is done later, by others.
"""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from ..crm.webhooks import Received
from ..errors import SecretUnreadable
from ..sync.guesses import UNKNOWN_TOKENS, count_strangers_try
from ..sync.inbound import ACCEPTED, FORGED, MALFORMED, find_receiver, receive
from ..sync.refusals import TooManyTries
from .addresses import public_address
from .door import door, this_sync

NAME = "crm_sync_webhooks"
MOST_BYTES = 256 * 1024
"""The longest body that is read. Dynamics leaves out what goes beyond; the others stay far below."""

_STATUS = {ACCEPTED: 204, FORGED: 401, MALFORMED: 400}
_log = logging.getLogger(__name__)

blueprint = Blueprint(NAME, __name__)


@blueprint.url_value_preprocessor
def spare_from_csrf(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Tell a host's CSRFProtect, in whatever order it was registered, that no browser comes this way."""
    protect = current_app.extensions.get("csrf")
    if protect is not None:
        protect.exempt(blueprint)


def take_delivery(token: str) -> ResponseReturnValue:
    """Answer a delivery: 204 for what is genuine, used or not; 401, 400, 404 or 413 for what is not.

    429 to who tries many addresses that nobody has. 503, upon which a CRM tries again, where we cannot tell.
    """
    try:
        receiver = find_receiver(this_sync(), token)
        if receiver is None:
            return _unknown()
        body = _body()
        if body is None:
            return _answer(413)
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(request.method, webhook_url(token), headers, body)
        verdict = receive(this_sync(), receiver, received)
        if verdict == ACCEPTED and receiver.two_way:
            door().queues.wake()
        return _answer(_STATUS[verdict])
    except HTTPException as refusal:  # cut off on the way, or longer than the host itself takes
        return _answer(refusal.code or 400)
    except (SQLAlchemyError, SecretUnreadable) as error:
        _log.error("A webhook could not be taken: %s", type(error).__name__)
        return _answer(503)


# OPTIONS is not answered, so that the address says nothing to anybody but by POST.
blueprint.add_url_rule("/hooks/<token>", "take", take_delivery, methods=["POST"], provide_automatic_options=False)


def _unknown() -> ResponseReturnValue:
    """Answer an address that nobody has; what CRMs send to one that somebody has is never counted."""
    try:
        count_strangers_try(this_sync(), UNKNOWN_TOKENS, request.remote_addr or "")
    except TooManyTries as refusal:
        return "", 429, {"Cache-Control": "no-store", "Retry-After": str(refusal.seconds)}
    return _answer(404)


def webhook_url(token: str) -> str:
    """Return the public address with a token."""
    return public_address(f"{NAME}.take", token=token)


def _body() -> bytes | None:
    """Return the raw body, None where it is longer than any webhook."""
    if request.content_length is not None:
        return None if request.content_length > MOST_BYTES else request.get_data(cache=False)
    parts, room = [], MOST_BYTES + 1
    while room and (part := request.stream.read(room)):
        parts.append(part)
        room -= len(part)
    return b"".join(parts) if room else None


def _answer(status: int) -> ResponseReturnValue:
    return "", status, {"Cache-Control": "no-store"}
