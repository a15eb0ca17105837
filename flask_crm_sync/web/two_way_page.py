"""Two-way sync of a connection: on or off, which way each field goes, who wins, and whether clients are made here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from ..crm.base import Adapter, FieldSpec
from ..errors import CRMSyncError, SecretUnreadable, UnsupportedFeature
from ..host.writing import writable_fields
from ..sync.connections import ConnectionView, own_words
from ..sync.mapping.coming_home import sources_at_home
from ..sync.mapping.store import find_mapping
from ..sync.merge import FieldRule
from ..sync.reach import reach
from ..sync.two_way import CONFLICT_RULES, DIRECTIONS, TwoWay, find_two_way, save_two_way, start_of_changes
from ..sync.webhooks import find_webhook
from .connection_page import adapter_or_404, connected_or_404
from .door import door, this_sync
from .entrance import MANAGE, VIEW, back_to, may_manage, page
from .notices import tell
from .texts import gettext as _
from .texts import said
from .two_way_words import direction_words, rule_words
from .words import explained


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field as the page shows it. One that is not `writable` cannot come here; its value is only sent."""

    name: str
    label: str
    direction: str
    conflict: str
    writable: bool
    is_mapped: bool = False
    """Whether the field mapping fills it in another way, so that nothing of it comes here."""

    @property
    def directions(self) -> tuple[str, ...]:
        """Return the directions that the field can go."""
        return DIRECTIONS if self.writable else ("out", "off")


@page("/connections/<crm>/two-way", needs=VIEW)
def two_way(crm: str) -> ResponseReturnValue:
    """Show whether and how the CRM's edits come here."""
    known = connected_or_404(crm)
    return _shown(known, find_two_way(this_sync(), known.account_id, crm))


@page("/connections/<crm>/two-way", needs=MANAGE, methods=("POST",))
def save_two_way_settings(crm: str) -> ResponseReturnValue:
    """Change it; switched on, the CRM is asked first whether it can tell of its changes."""
    known = connected_or_404(crm)
    stored, wanted = find_two_way(this_sync(), known.account_id, crm), _typed(crm)
    start = None
    if wanted.on and not stored.on:
        try:
            start = _start(known)
        except CRMSyncError as error:
            return _shown(known, wanted, _problem(known, error)), 422
    save_two_way(this_sync(), known.account_id, crm, wanted, by=door().access.user_id(), start=start)
    door().queues.wake()
    tell(_("Saved."))
    return back_to("two_way", crm=crm)


def _start(known: ConnectionView) -> str | None:
    """Return from where on the CRM tells of its changes; None for one that tells by webhooks alone."""
    if not _can_be_asked(known.crm):
        return None
    try:
        return start_of_changes(this_sync(), known.account_id, known.crm)
    except UnsupportedFeature:
        return None


def _problem(known: ConnectionView, error: CRMSyncError) -> str:
    meaning, words = explained(error.code), own_words(error)
    theirs = _("%(crm)s says: %(words)s", crm=known.label, words=words) if words else ""
    return " ".join(part for part in (meaning.says, meaning.advice, theirs) if part)


def _typed(crm: str) -> TwoWay:
    form = request.form
    rules = {}
    for row in _rows(crm, {}):
        direction = form.get(f"direction-{row.name}", row.direction)
        conflict = form.get(f"conflict-{row.name}", row.conflict)
        if direction not in row.directions or conflict not in CONFLICT_RULES:
            abort(422)
        rules[row.name] = FieldRule(direction, conflict)  # type: ignore[arg-type]
    return TwoWay("on" in form, "create_clients" in form, rules)


def _rows(crm: str, rules: Mapping[str, FieldRule]) -> list[FieldRow]:
    writable = writable_fields(this_sync().host)
    return [
        _row(spec, rules.get(spec.name, FieldRule()), spec.source in writable) for spec in adapter_or_404(crm).fields
    ]


def _row(spec: FieldSpec, rule: FieldRule, writable: bool) -> FieldRow:
    direction = rule.direction if writable else {"both": "out", "in": "off"}.get(rule.direction, rule.direction)
    return FieldRow(spec.name, said(spec.label), direction, rule.conflict, writable)


def _mapped(known: ConnectionView, rows: Iterable[FieldRow]) -> list[FieldRow]:
    """Mark what the field mapping fills from something else than its usual attribute, or not at all."""
    mapping = find_mapping(this_sync(), known.account_id, known.crm)
    home = sources_at_home(adapter_or_404(known.crm).fields, mapping)
    return [replace(row, is_mapped=row.name not in home) for row in rows]


def _can_be_asked(crm: str) -> bool:
    return "changes" in adapter_or_404(crm).capabilities


def _hears(adapter: type[Adapter], account_id: str) -> bool:
    """Tell whether webhooks of the connection are believed: there is an address, and a secret."""
    if adapter.webhooks is None:
        return False
    try:
        known = find_webhook(this_sync(), account_id, adapter.name)
    except SecretUnreadable:
        return False
    return known is not None and known.has_secret


def _shown(known: ConnectionView, form: TwoWay, problem: str = "") -> str:
    adapter = adapter_or_404(known.crm)
    whom = reach(this_sync(), known.account_id, known.id, set_name=known.settings.criteria_set, qualified_only=False)
    return render_template(
        "crm_sync/two_way.html",
        connection=known,
        form=form,
        rows=_mapped(known, _rows(known.crm, form.rules)),
        directions=direction_words(known.label),
        conflict_rules=rule_words(known.label),
        linked=whom.linked,
        can_be_asked=_can_be_asked(known.crm),
        has_webhooks=adapter.webhooks is not None,
        hears=_hears(adapter, known.account_id),
        minutes=door().settings.poll_minutes,
        writes_contacts=known.settings.sync_contacts,
        manages=may_manage(),
        problem=problem,
    )
