"""Choosing what follows a qualification: which fields a CRM offers for it, and what is checked before it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from ..crm.base import Adapter, RemoteField
from ..crm.further import Unfit, in_form
from ..crm.registry import adapter_class
from ..errors import CRMSyncError
from ..models import Connection
from .audit import SETTINGS, record
from .context import Sync
from .follow_ups import OUTCOMES, FollowUp, FollowUps, read_follow_ups
from .mapping.schema import connection_row, schema_of

LONGEST_NAME = 100
AUDITED = "follow_up:"
"""What stands before an outcome and a part of what follows from it (`note`, `status`, `tag`) in the audit trail."""

_STATUS_TYPES, _TAG_TYPES = ("choice", "text"), ("choices", "text")
_table: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


class FollowUpsInvalid(CRMSyncError):
    """What was chosen cannot be; `faults` maps an input (`status`, `tag`, `status-confirmed`) to a sentence."""

    code = "follow_ups_invalid"
    says = "What is to follow cannot be kept like this."
    advice = "Correct the marked fields."

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(" ".join(faults.values()))
        self.faults = dict(faults)


@dataclass(frozen=True, slots=True)
class Offer:
    """The fields of a CRM that a status or a tag can be written to; `code` says what kept it from telling them.

    Where it describes none, people type a field's name, and nothing can be checked.
    """

    status: tuple[RemoteField, ...] = ()
    tags: tuple[RemoteField, ...] = ()
    usual_status: str = ""
    usual_tag: str = ""
    code: str = ""

    @property
    def is_described(self) -> bool:
        """Tell whether the CRM describes any field that can be chosen."""
        return bool(self.status or self.tags)

    def status_field(self, name: str) -> RemoteField | None:
        """Return the field of the name for a status, None where it is not offered."""
        return self._field(self.status, name)

    def tag_field(self, name: str) -> RemoteField | None:
        """Return the field of the name for tags, None where it is not offered."""
        return self._field(self.tags, name)

    def _field(self, offered: Iterable[RemoteField], name: str) -> RemoteField | None:
        if name and not self.is_described:
            return RemoteField(name, name, "text")
        return next((field for field in offered if field.name == name), None)


def offer_of(sync: Sync, account_id: str, crm: str) -> Offer:
    """Return what an account's CRM offers, asking it where it was never asked; raise NotFound."""
    adapter, known = adapter_class(crm), schema_of(sync, account_id, crm)
    return offered(adapter, known.fields, known.code)


def offered(adapter: type[Adapter], fields: Iterable[RemoteField], code: str = "") -> Offer:
    """Return the fields that are not ours anyway, can be written, and take what a status or a tag is. Pure."""
    own = {spec.name for spec in adapter.fields}
    free = [field for field in fields if field.writable and field.name not in own]
    return Offer(
        tuple(field for field in free if field.type in _STATUS_TYPES),
        tuple(field for field in free if field.type in _TAG_TYPES),
        adapter.status_field,
        adapter.tag_field,
        code,
    )


def find_follow_ups(sync: Sync, account_id: str, crm: str) -> FollowUps:
    """Return what follows on an account's connection; raise NotFound."""
    with sync.database.read() as database:
        return read_follow_ups(connection_row(database, account_id, crm))


def chosen_from(offer: Offer, status: str, tag: str, by_outcome: Mapping[str, FollowUp]) -> FollowUps:
    """Return a choice in its one right form; raise FollowUpsInvalid naming the inputs. Pure."""
    faults: dict[str, str] = {}
    status_field = _named(offer, "status", status, faults)
    tag_field = _named(offer, "tag", tag, faults)
    if status_field is not None and tag_field is not None and status_field.name == tag_field.name:
        faults["tag"] = "Choose another field than that of the status."
    chosen = {}
    for outcome in OUTCOMES:
        wanted = by_outcome.get(outcome, FollowUp())
        status_text = _formed(f"status-{outcome}", status_field, wanted.status, faults)
        tag_text = _formed(f"tag-{outcome}", tag_field, wanted.tag, faults)
        chosen[outcome] = FollowUp(wanted.note, status_text, tag_text)
    if faults:
        raise FollowUpsInvalid(faults)
    return FollowUps(status_field, tag_field, {outcome: one for outcome, one in chosen.items() if one})


def _named(offer: Offer, kind: str, name: str, faults: dict[str, str]) -> RemoteField | None:
    if not name:
        return None
    field = offer.status_field(name) if kind == "status" else offer.tag_field(name)
    if field is None or len(name) > LONGEST_NAME or not name.isprintable():
        faults[kind] = "The CRM has no such field that can be written."
        return None
    return field


def _formed(key: str, field: RemoteField | None, text: str, faults: dict[str, str]) -> str:
    if not text.strip():
        return ""
    if field is None:
        faults[key] = "Choose the field first."
        return ""
    try:
        return in_form(replace(field, required=False), text)
    except Unfit as fault:
        faults[key] = fault.quoting
        return ""


def save_follow_ups(sync: Sync, account_id: str, crm: str, chosen: FollowUps, *, by: str = "") -> None:
    """Keep what follows from now on, and who said so; raise NotFound, UnsupportedFeature where nothing can be written.

    Clients that qualified before get it with their next update.
    """
    now = sync.clock.now()
    with sync.database.write() as database:
        row = connection_row(database, account_id, crm)
        before = read_follow_ups(row)
        stored = chosen.to_json()
        if stored == row["follow_ups"]:
            return
        database.execute(
            _table.update().where(_table.c.id == row["id"]).values(follow_ups=stored or sa.null(), updated_at=now)
        )
        was, becomes = _told(before), _told(chosen)
        changed = [name for name in {**was, **becomes} if was.get(name) != becomes.get(name)]
        record(
            database,
            account_id,
            SETTINGS,
            now=now,
            by=by,
            subject_id=row["id"],
            crm=crm,
            before={name: was.get(name, "") for name in changed},
            after={name: becomes.get(name, "") for name in changed},
        )


def _told(chosen: FollowUps) -> dict[str, Any]:
    """Return a choice as the audit trail keeps it."""
    fields = {"status_field": chosen.status, "tag_field": chosen.tag}
    told: dict[str, Any] = {name: field.label for name, field in fields.items() if field in chosen.fields and field}
    for outcome in OUTCOMES:
        one = chosen.of(outcome)
        parts = {"note": one.note, "status": one.status, "tag": one.tag}
        told |= {f"{AUDITED}{outcome}:{part}": value for part, value in parts.items() if value}
    return told
