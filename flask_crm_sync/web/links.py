"""The links that a host puts into its own menu."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import request, url_for

from .door import door
from .entrance import NAME
from .texts import gettext as _

_log = logging.getLogger(__name__)
_LOG = {f"{NAME}.{page}" for page in ("log", "entry", "why_client", "confirm_erase", "retry_all", "retrying")}
_AUDIT = {f"{NAME}.audit_trail"}
_QUALIFICATION = {
    f"{NAME}.{page}"
    for page in (
        *("qualification_settings", "new_criterion", "create_criterion", "criterion", "save_criterion"),
        *("confirm_delete_criterion", "rehearse_criterion", "try_criteria", "try_pasted"),
        *("conversation", "decide_conversation", "save_masking"),
    )
}
_CONFLICTS = {f"{NAME}.{page}" for page in ("conflicts", "decide_conflict", "decide_field")}
_OVERVIEW = {f"{NAME}.overview"}
_NEWS = {f"{NAME}.{page}" for page in ("notifications", "notification_preferences", "new_channel", "channel")}
_NEWS |= {f"{NAME}.{page}" for page in ("create_channel", "save_channel")}


@dataclass(frozen=True, slots=True)
class MenuLink:
    """One link of the menu."""

    label: str
    url: str
    active: bool


def crm_sync_links() -> list[MenuLink]:
    """Return the links to our pages; none for a user who may not see them.

    A host calls it on every page of its own, so that trouble with its access functions is logged and shows no links.
    """
    try:
        if door().access.account_id() is None or not door().access.can_view():
            return []
        manages = door().access.can_manage()
    except Exception:
        _log.exception("the links to the CRM pages are not shown: the host's access functions failed")
        return []
    here = request.endpoint or ""
    others = request.blueprint == NAME and here not in _LOG | _AUDIT | _CONFLICTS | _OVERVIEW | _NEWS | _QUALIFICATION
    links = [
        MenuLink(_("Overview"), url_for(f"{NAME}.overview"), here in _OVERVIEW),
        MenuLink(_("CRM Connection"), url_for(f"{NAME}.connection_page"), others),
        MenuLink(_("Qualification"), url_for(f"{NAME}.qualification_settings"), here in _QUALIFICATION),
        MenuLink(_("Sync Log"), url_for(f"{NAME}.log"), here in _LOG),
        MenuLink(_("Conflicts"), url_for(f"{NAME}.conflicts"), here in _CONFLICTS),
        MenuLink(_("Notifications"), url_for(f"{NAME}.notifications"), here in _NEWS),
    ]
    if manages:
        links.append(MenuLink(_("Audit trail"), url_for(f"{NAME}.audit_trail"), here in _AUDIT))
    return links
