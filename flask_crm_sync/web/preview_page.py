"""Preview: what sending a client, or the newest ones, would write, beside what is there now, and what it would cost."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from ..errors import CRMSyncError
from ..host.records import ClientRecord
from ..sync.connections import ConnectionView, own_words
from ..sync.mapping.preview import Preview, Sample, preview_client, preview_newest
from ..sync.refusals import NotFound
from ..sync.search import matching_clients
from .asked import short
from .door import this_account, this_sync
from .entrance import VIEW, page
from .field_words import field_labels
from .mapping_page import known_connection
from .texts import gettext as _
from .words import explained

_MOST_FOUND = 20


@page("/connections/<crm>/preview", needs=VIEW)
def preview(crm: str) -> ResponseReturnValue:
    """Show the form, the clients that a search finds, or what sending one or the newest would do; write nothing."""
    known = known_connection(crm)
    client_id, searched = short(request.args, "client", 191).strip(), short(request.args, "search", 191).strip()
    try:
        if "newest" in request.args:
            return _shown(known, "", newest=preview_newest(this_sync(), known.account_id, crm))
        if not client_id:
            return _shown(known, searched, found=_found(known, searched))
        return _shown(known, searched, made=preview_client(this_sync(), known.account_id, crm, client_id))
    except NotFound:
        return _shown(known, client_id, problem=_("There is no such client."))
    except CRMSyncError as error:
        why, words = explained(error.code), own_words(error)
        said_by_crm = _("%(crm)s says: %(words)s", crm=known.label, words=words) if words else ""
        return _shown(known, searched, trouble=" ".join(filter(None, (why.says, why.advice, said_by_crm))))


def _found(known: ConnectionView, searched: str) -> list[tuple[str, str]]:
    """Return the account's clients that a search finds: id and name."""
    if not searched:
        return []
    sync = this_sync()
    with sync.database.read() as database:
        ids = matching_clients(sync.host, database, known.account_id, searched)
        loaded = sync.host.load_clients(database, ids[: _MOST_FOUND + 1]).values()
    own = (one for one in loaded if isinstance(one, ClientRecord) and one.account_id == known.account_id)
    return [(one.id, one.name) for one in own]


def _shown(
    known: ConnectionView,
    searched: str,
    *,
    found: list[tuple[str, str]] | None = None,
    made: Preview | None = None,
    newest: Sample | None = None,
    problem: str = "",
    trouble: str = "",
) -> str:
    return render_template(
        "crm_sync/preview.html",
        connection=known,
        searched=searched,
        found=found,
        made=made,
        newest=newest,
        names=_names([one.client_id for one in (newest.previews if newest else filter(None, [made]))]),
        field_label=field_labels(known.crm),
        problem=problem,
        trouble=trouble,
    )


def _names(client_ids: list[str]) -> dict[str, str]:
    sync = this_sync()
    with sync.database.read() as database:
        loaded = sync.host.load_clients(database, client_ids)
    own = (one for one in loaded.values() if isinstance(one, ClientRecord) and one.account_id == this_account())
    return {id: id for id in loaded} | {one.id: one.name for one in own}
