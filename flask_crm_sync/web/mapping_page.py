"""Field mapping of a connection: what fills each of the CRM's fields, who changed it, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from ..sync.connections import ConnectionView, find_connection
from ..sync.mapping.changes import MappingChange, mapping_changes
from ..sync.mapping.checking import Ground, MappingInvalid, wrong_with
from ..sync.mapping.rows import FieldMapping, MappingRow
from ..sync.mapping.schema import KnownSchema, connection_row, ground_of, refresh_schema, schema_of
from ..sync.mapping.store import find_mapping, restore_version
from ..sync.refusals import ChoiceNotPossible
from .asked import number
from .connection_page import adapter_or_404
from .door import door, this_account, this_sync
from .entrance import MANAGE, VIEW, back_to, may_manage, page
from .field_words import field_word
from .mapping_words import condition_words, filled_from, mode_words
from .notices import tell
from .texts import gettext as _
from .texts import said


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One field of the CRM as the list shows it; `is_usual` means that nobody has changed how it is filled."""

    name: str
    label: str
    filled: str
    when: str
    is_usual: bool
    is_off: bool
    problems: tuple[str, ...] = ()


@page("/connections/<crm>/mapping", needs=VIEW)
def field_mapping(crm: str) -> ResponseReturnValue:
    """Show what fills each field of the CRM."""
    return _shown(known_connection(crm))


@page("/connections/<crm>/mapping/refresh", needs=MANAGE, methods=("POST",))
def refresh_mapping(crm: str) -> ResponseReturnValue:
    """Read the CRM's fields anew."""
    known = known_connection(crm)
    with this_sync().database.read() as database:
        row = connection_row(database, known.account_id, crm)
    found = refresh_schema(this_sync(), row)
    if found.code and not found.is_undescribed:
        tell(_("The fields could not be read; what was known stays."), "bad")
    else:
        tell(_("The fields of %(crm)s are read anew.", crm=known.label))
    return back_to("field_mapping", crm=crm)


@page("/connections/<crm>/mapping/restore", needs=MANAGE, methods=("POST",))
def restore_mapping(crm: str) -> ResponseReturnValue:
    """Bring an older version back, as a new one."""
    known = known_connection(crm)
    version, seen = number(request.form, "version"), number(request.form, "seen_version")
    if version is None or seen is None:
        return _shown(known, _("Choose a version that is to hold again.")), 422
    ground = ground_of(this_sync(), crm, schema_of(this_sync(), known.account_id, crm))
    by = door().access.user_id()
    try:
        restore_version(this_sync(), known.account_id, crm, version, ground, seen_version=seen, by=by)
    except MappingInvalid as invalid:
        return _shown(known, _("That version cannot work any more: %(why)s", why=said(str(invalid)))), 422
    except ChoiceNotPossible as late:
        return _shown(known, said(str(late))), 409
    tell(_("Version %(number)s holds again.", number=version))
    return back_to("field_mapping", crm=crm)


def known_connection(crm: str) -> ConnectionView:
    """Return the account's connection to a CRM; answer 404 where it is not connected."""
    adapter_or_404(crm)
    known = find_connection(this_sync(), this_account(), crm)
    return known if known.is_connected and known.has_credentials else abort(404)


def _shown(known: ConnectionView, problem: str = "") -> str:
    sync = this_sync()
    schema = schema_of(sync, known.account_id, known.crm)
    mapping, ground = find_mapping(sync, known.account_id, known.crm), ground_of(sync, known.crm, schema)
    return render_template(
        "crm_sync/mapping.html",
        connection=known,
        manages=may_manage(),
        problem=problem,
        schema=schema,
        mapping=mapping,
        rows=_rows(mapping, ground),
        can_add=can_add(schema, mapping, ground),
        conditions=[condition_words(one) for one in mapping.filter.conditions],
        versions=[(one.version, what_changed(one, known.crm)) for one in _changes(known)],
    )


def what_changed(change: MappingChange, crm: str) -> list[str]:
    """Return in words what a version changed: the CRM's fields, and the filter of clients."""
    return [*(field_word(crm, name) for name in change.fields), *([_("filter of clients")] * change.has_other_filter)]


def _changes(known: ConnectionView) -> Sequence[MappingChange]:
    return mapping_changes(this_sync(), known.account_id, known.crm)


def can_add(schema: KnownSchema, mapping: FieldMapping, ground: Ground) -> bool:
    """Tell whether the CRM has a further field that may be written and is not mapped."""
    taken = {row.field for row in mapping.rows} | {spec.name for spec in ground.specs}
    return any(field.writable and field.name not in taken for field in schema.fields)


def _rows(mapping: FieldMapping, ground: Ground) -> Sequence[ShownRow]:
    """Return the usual fields first, changed or not, then the further ones."""
    usual = [_usual(spec.name, spec.label, spec.source, mapping, ground) for spec in ground.specs]
    further = (row for row in mapping.rows if ground.spec(row.field) is None)
    return [*usual, *(_changed(row, mapping, ground) for row in further)]


def _usual(name: str, label: str, source: str, mapping: FieldMapping, ground: Ground) -> ShownRow:
    row = mapping.row(name)
    if row is not None:
        return _changed(row, mapping, ground, said(label))
    return ShownRow(name, said(label), filled_from(MappingRow(name, source=source)), "", True, False)


def _changed(row: MappingRow, mapping: FieldMapping, ground: Ground, label: str = "") -> ShownRow:
    field = ground.field(row.field) or mapping.field(row.field)
    wrong = tuple(said(sentence) for _place, sentence in wrong_with(row, ground))
    when = _("the stricter value wins") if row.kind == "consent" else mode_words()[row.mode][0]
    shown = label or (field.label if field is not None else row.field)
    return ShownRow(
        row.field, shown, filled_from(row), "" if row.kind == "off" else when, False, row.kind == "off", wrong
    )
