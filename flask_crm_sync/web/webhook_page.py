"""A connection's webhook: the address to register in the CRM, the secret that vouches for deliveries, an end to both.

The address shows whenever somebody who may change things looks. The secret is typed in here and never shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from ..crm import registry
from ..crm.webhooks import Webhooks
from ..errors import CredentialsIncomplete, SecretUnreadable
from ..sync.connections import find_connection
from ..sync.refusals import NotFound
from ..sync.webhooks import find_webhook, open_webhook, remove_webhook, set_secret
from .door import door, this_account, this_sync
from .entrance import MANAGE, back_to, page
from .notices import tell
from .texts import gettext as _
from .texts import said
from .webhooks import webhook_url

_LONGEST_SECRET = 1_000


@page("/connections/<crm>/webhook", needs=MANAGE)
def webhook(crm: str) -> ResponseReturnValue:
    """Show the address, whether a secret is set, and when something came last."""
    return _page(crm)


@page("/connections/<crm>/webhook", needs=MANAGE, methods=("POST",))
def make_webhook(crm: str) -> ResponseReturnValue:
    """Make the address where there is none."""
    _webhooks_or_404(crm)
    with suppress(SecretUnreadable):  # the page says so
        open_webhook(this_sync(), this_account(), crm, by=door().access.user_id())
    return back_to("webhook", crm=crm)


@page("/connections/<crm>/webhook/secret", needs=MANAGE, methods=("POST",))
def save_webhook_secret(crm: str) -> ResponseReturnValue:
    """Take the secret; what can be none is said at its field."""
    _webhooks_or_404(crm)
    typed = request.form.get("secret", "")[:_LONGEST_SECRET]
    try:
        set_secret(this_sync(), this_account(), crm, typed, by=door().access.user_id())
    except CredentialsIncomplete as error:
        return _page(crm, error.fields), 422
    except SecretUnreadable:
        return _page(crm), 422
    tell(_("The secret is saved. One that was there before stays good for a day."))
    return back_to("webhook", crm=crm)


@page("/connections/<crm>/webhook/remove", needs=MANAGE, methods=("POST",))
def delete_webhook(crm: str) -> ResponseReturnValue:
    """Forget the address and the secret."""
    _webhooks_or_404(crm)
    find_connection(this_sync(), this_account(), crm)
    with suppress(NotFound):  # there is none (any more)
        remove_webhook(this_sync(), this_account(), crm, by=door().access.user_id())
    tell(_("The address and its secret are deleted. What still comes there is refused."))
    return back_to("webhook", crm=crm)


def _page(crm: str, errors: Mapping[str, str] | None = None) -> str:
    webhooks, known, unreadable = _webhooks_or_404(crm), None, ""
    try:
        known = find_webhook(this_sync(), this_account(), crm)
    except SecretUnreadable as lost:
        unreadable = said(lost.says)
    return render_template(
        "crm_sync/webhook.html",
        connection=find_connection(this_sync(), this_account(), crm),
        webhook=known,
        unreadable=unreadable,
        url=webhook_url(known.token) if known is not None else "",
        is_reachable=bool(door().settings.public_url),
        help=said(webhooks.setting_up),
        error=said((errors or {}).get("secret", "")),
    )


def _webhooks_or_404(crm: str) -> Webhooks:
    adapter = registry.adapters().get(crm)
    return adapter.webhooks if adapter is not None and adapter.webhooks is not None else abort(404)
