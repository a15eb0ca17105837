"""One field's row as a form: filled from what, when, with which values; tried on linked clients before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from ..crm.base import RemoteField
from ..errors import CRMSyncError
from ..host.records import CLIENT_FIELDS, ClientRecord
from ..sync.connections import ConnectionView
from ..sync.mapping.checking import Ground, MappingInvalid, check_rows, hints
from ..sync.mapping.filters import CUSTOM
from ..sync.mapping.preview import Sample, preview_sample
from ..sync.mapping.rows import FieldMapping, MappingRow
from ..sync.mapping.schema import ground_of, schema_of
from ..sync.mapping.store import described, find_mapping, save_rows, with_row, without_row
from ..sync.mapping.templates import FILTERS
from ..sync.refusals import ChoiceNotPossible
from .asked import number, short
from .door import door, this_account, this_sync
from .entrance import MANAGE, VIEW, back_to, may_manage, page
from .mapping_page import known_connection
from .mapping_words import mode_words, sense_words, source_word, type_word
from .notices import tell
from .texts import gettext as _
from .texts import said
from .words import explained

_LONGEST = 20_000
"""Characters of one input that are looked at."""


@dataclass(frozen=True, slots=True)
class RowForm:
    """What the form shows: what was typed or stored, what is wrong with which input, and what was tried."""

    row: MappingRow
    lines: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    sample: Sample | None = None


@page("/connections/<crm>/mapping/row", needs=VIEW)
def mapping_row(crm: str) -> ResponseReturnValue:
    """Show how a field is filled; without a field, which one can be added."""
    known = known_connection(crm)
    ground, mapping = _ground(known), find_mapping(this_sync(), known.account_id, crm)
    name = short(request.args, "field", 191)
    row = mapping.row(name) or _fresh(name, ground)
    return _shown(known, ground, mapping, RowForm(row, _lines(row)))


@page("/connections/<crm>/mapping/row", needs=MANAGE, methods=("POST",))
def save_mapping_row(crm: str) -> ResponseReturnValue:
    """Save a field's row, take it out, or show what it would change; what cannot be is said at the input."""
    known = known_connection(crm)
    ground, mapping = _ground(known), find_mapping(this_sync(), known.account_id, crm)
    name, deed = short(request.form, "field", 191), request.form.get("do", "")
    if deed == "remove":
        return _saved(known, ground, mapping, RowForm(_fresh(name, ground)), without_row(mapping.rows, name))
    form = _typed(name)
    rows = with_row(mapping.rows, form.row, instead=name)
    if ground.spec(name) is not None and form.row == _fresh(name, ground):
        rows = without_row(mapping.rows, name)  # filled as usual: there is nothing to keep
    try:
        if form.errors:
            raise MappingInvalid({name: form.errors})
        check_rows(rows, ground, kept=mapping.rows)
    except MappingInvalid as invalid:
        wrong = {place: said(sentence) for place, sentence in invalid.rows.get(name, {}).items()}
        problem = "" if wrong else said(str(invalid))
        return _shown(known, ground, mapping, replace(form, errors=wrong, problem=problem)), 422
    if deed == "try":
        return _tried(known, ground, mapping, form, rows)
    return _saved(known, ground, mapping, form, rows)


def _saved(
    known: ConnectionView, ground: Ground, mapping: FieldMapping, form: RowForm, rows: tuple[MappingRow, ...]
) -> ResponseReturnValue:
    seen, by = number(request.form, "seen_version"), door().access.user_id()
    try:
        save_rows(
            this_sync(), known.account_id, known.crm, rows, ground, seen_version=-1 if seen is None else seen, by=by
        )
    except MappingInvalid as invalid:
        return _shown(known, ground, mapping, replace(form, problem=said(str(invalid)))), 422
    except ChoiceNotPossible as late:
        return _shown(known, ground, mapping, replace(form, problem=said(str(late)))), 422
    tell(_("Saved. It holds for what is sent from here on: each client's next change carries it along."))
    return back_to("field_mapping", crm=known.crm)


def _tried(
    known: ConnectionView, ground: Ground, mapping: FieldMapping, form: RowForm, rows: tuple[MappingRow, ...]
) -> ResponseReturnValue:
    wanted = described(replace(mapping, rows=rows), ground)
    try:
        sample = preview_sample(this_sync(), known.account_id, known.crm, wanted)
    except CRMSyncError as error:
        why = explained(error.code)
        return _shown(known, ground, mapping, replace(form, problem=f"{why.says} {why.advice}")), 422
    return _shown(known, ground, mapping, replace(form, sample=sample))


def _ground(known: ConnectionView) -> Ground:
    return ground_of(this_sync(), known.crm, schema_of(this_sync(), known.account_id, known.crm))


def _fresh(name: str, ground: Ground) -> MappingRow:
    """Return the row of a field as it is filled while nobody has changed it."""
    spec = ground.spec(name)
    return MappingRow(name, source=spec.source if spec is not None else "")


def _typed(name: str) -> RowForm:
    given = {key: value[:_LONGEST] for key, value in request.form.items()}
    lines = given.get("values", "")
    pairs, wrong = _pairs(lines)
    texts: dict[str, Any] = {
        key: given.get(key, usual)
        for key, usual in (("kind", "attribute"), ("source", ""), ("mode", "merge"), ("here", "opt_out"))
    }
    row = MappingRow(
        name,
        **texts,
        there=given.get("there", "opt_out"),  # type: ignore[arg-type]  # checked with the row
        template=given.get("template", "").strip() if texts["kind"] == "template" else "",
        values=pairs,
        default=given.get("default", "").strip(),
    )
    return RowForm(_tidy(row), lines, {"values": wrong} if wrong else {})


def _tidy(row: MappingRow) -> MappingRow:
    """Leave out what a kind of row has no use for, so that equal rows are stored alike."""
    if row.kind == "off":
        return MappingRow(row.field, "off")
    if row.kind == "consent":
        return MappingRow(row.field, "consent", row.source, here=row.here, there=row.there)
    return replace(row, source="" if row.kind == "template" else row.source, here="opt_out", there="opt_out")


def _pairs(lines: str) -> tuple[tuple[tuple[str, str], ...], str]:
    found: list[tuple[str, str]] = []
    for line in filter(None, map(str.strip, lines.splitlines())):
        ours, equals, theirs = line.partition("=")
        if not equals:
            return tuple(found), _("Write each value in a line of its own: ours = theirs.")
        found.append((ours.strip(), theirs.strip()))
    return tuple(found), ""


def _lines(row: MappingRow) -> str:
    return "\n".join(f"{ours} = {theirs}" for ours, theirs in row.values)


def _shown(known: ConnectionView, ground: Ground, mapping: FieldMapping, form: RowForm) -> str:
    spec, target = ground.spec(form.row.field), ground.field(form.row.field)
    label = said(spec.label) if spec is not None else target.label if target is not None else form.row.field
    return render_template(
        "crm_sync/mapping_row.html",
        connection=known,
        manages=may_manage(),
        mapping=mapping,
        form=form,
        row=form.row,
        label=label,
        spec=spec,
        target=target,
        type_word=type_word,
        choices=_choices(ground, mapping),
        sources=[
            (one, source_word(one)) for one in (*CLIENT_FIELDS, "tags", *(CUSTOM + name for name in ground.custom))
        ],
        modes=mode_words(),
        senses=sense_words(),
        filters=sorted(FILTERS),
        hints=[said(hint) for hint in hints(form.row, ground)],
        names=_names(form.sample),
    )


def _choices(ground: Ground, mapping: FieldMapping) -> list[RemoteField]:
    taken = {row.field for row in mapping.rows} | {spec.name for spec in ground.specs}
    return sorted(
        (one for one in ground.fields if one.writable and one.name not in taken), key=lambda one: one.label.casefold()
    )


def _names(sample: Sample | None) -> dict[str, str]:
    """Return the names of the clients on whom a row was tried."""
    if sample is None:
        return {}
    with this_sync().database.read() as database:
        found = this_sync().host.load_clients(database, [one.client_id for one in sample.previews])
    own = (one for one in found.values() if isinstance(one, ClientRecord) and one.account_id == this_account())
    return {id: id for id in found} | {one.id: one.name for one in own}
