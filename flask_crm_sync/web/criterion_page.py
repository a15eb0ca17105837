"""A criterion as a form: made, changed, switched, deleted; and what a change would mean before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from ..host.scan import is_scannable
from ..models.criterion import DEFAULT_SET
from ..qualification.bounds import CONTACT_FIELDS
from ..qualification.criteria import Criterion, CriterionInvalid
from ..qualification.store import Kept, add_criterion, change_criterion, find_criterion, remove_criterion, sets_of
from ..qualification.templates import find_template
from ..qualification.typed import as_typed, checked
from ..sync.refusals import ChoiceNotPossible
from .asked import number, short
from .criterion_words import asks_for, contact_word, status_word
from .door import door, this_account, this_sync
from .entrance import MANAGE, VIEW, back_to, page
from .notices import tell
from .rehearsed import Rehearsed, rehearsed
from .texts import gettext as _
from .texts import said

_BLANK: Mapping[str, str | list[str]] = {
    "name": "",
    "set_name": DEFAULT_SET,
    "enabled": "on",
    "priority": "0",
    "mode": "any",
    "who": "client",
    "min_messages": "0",
    "threshold": "0",
    "contact_weight": "0",
    "messages_weight": "0",
    "channel_weight": "0",
    "review": "on",
    "review_threshold": "70",
}
_CARRIED = ("csrf_token", "seen_version", "so_far", "differs")
_SCORES = ("threshold", "contact_weight", "messages_weight", "channel_weight")


@dataclass(frozen=True, slots=True)
class CriterionForm:
    """What the form shows: what was typed, stored or offered, and what is wrong with which field."""

    values: Mapping[str, str | list[str]]
    errors: Mapping[str, str] = field(default_factory=dict)
    kept: Kept | None = None
    problem: str = ""
    rehearsed: Rehearsed | None = None

    @property
    def shows_scores(self) -> bool:
        """Tell whether the scores are unfolded: where something is set, or wrong, in them."""
        return any(name in self.errors or self.values.get(name, "0") not in ("", "0") for name in _SCORES)


@page("/qualification/criteria/new", needs=MANAGE)
def new_criterion() -> ResponseReturnValue:
    """Show an empty form, or one filled from a template."""
    template = find_template(short(request.args, "template", 64))
    values = dict(_BLANK if template is None else as_typed(template.criterion))
    values["set_name"] = short(request.args, "set", 64) or DEFAULT_SET
    if template is not None:
        values |= {"name": said(template.title), "guidance": said(template.criterion.guidance)}
    return _shown(CriterionForm(values))


@page("/qualification/criteria/new", needs=MANAGE, methods=("POST",))
def create_criterion() -> ResponseReturnValue:
    """Keep a new criterion; what cannot be is said at the field."""
    try:
        criterion = checked(_typed())
        by = door().access.user_id()
        kept = add_criterion(this_sync(), this_account(), criterion, in_code=criteria_in_code(), by=by)
    except CriterionInvalid as invalid:
        return _refused(None, invalid)
    tell_from_when(kept)
    return back_to("qualification_settings")


@page("/qualification/criteria/<criterion_id>", needs=VIEW)
def criterion(criterion_id: str) -> ResponseReturnValue:
    """Show a criterion."""
    kept = _kept(criterion_id)
    return _shown(CriterionForm(as_typed(kept.criterion), kept=kept))


@page("/qualification/criteria/<criterion_id>", needs=MANAGE, methods=("POST",))
def save_criterion(criterion_id: str) -> ResponseReturnValue:
    """Change a criterion; what cannot be is said at the field."""
    kept = _kept(criterion_id)
    try:
        wanted = checked(_typed())
        changed = change_criterion(
            this_sync(),
            this_account(),
            criterion_id,
            wanted,
            seen_version=number(request.form, "seen_version"),
            in_code=criteria_in_code(),
            by=door().access.user_id(),
        )
    except CriterionInvalid as invalid:
        return _refused(kept, invalid)
    except ChoiceNotPossible as late:
        return _shown(CriterionForm(_again(), kept=kept, problem=said(str(late)))), 409
    tell_from_when(changed)
    return back_to("qualification_settings")


@page("/qualification/rehearsal", needs=MANAGE, methods=("POST",))
def rehearse_criterion() -> ResponseReturnValue:
    """Show, before anything is saved, what the criterion of the form would have made of the last 30 days."""
    criterion_id = short(request.args, "criterion", 64)
    kept = _kept(criterion_id) if criterion_id else None
    try:
        wanted = checked(_typed())
    except CriterionInvalid as invalid:
        return _refused(kept, invalid)
    form = CriterionForm(_again(), kept=kept, rehearsed=rehearsed(wanted, kept, criteria_in_code(), request.form))
    if "HX-Request" in request.headers:  # it goes on by itself
        return render_template("crm_sync/_rehearsed.html", **form_context(form), alone=True)
    return _shown(form)


@page("/qualification/criteria/<criterion_id>/delete", needs=MANAGE)
def confirm_delete_criterion(criterion_id: str) -> ResponseReturnValue:
    """Ask before a criterion is deleted."""
    kept = _kept(criterion_id)
    return render_template("crm_sync/criterion_delete.html", kept=kept, asks=asks_for(kept.criterion))


@page("/qualification/criteria/<criterion_id>/delete", needs=MANAGE, methods=("POST",))
def delete_criterion(criterion_id: str) -> ResponseReturnValue:
    """Delete a criterion; what it has decided stays decided."""
    kept = _kept(criterion_id)
    remove_criterion(this_sync(), this_account(), criterion_id, by=door().access.user_id())
    tell(_("“%(name)s” is deleted. What it has decided stays.", name=kept.criterion.name))
    return back_to("qualification_settings")


def tell_from_when(kept: Kept) -> None:
    """Say from when on a criterion counts; where it looks back, let a worker begin."""
    if kept.looks_back and is_scannable(this_sync().host.conversation):
        door().queues.wake()
        tell(_("Saved. The conversations of the last 30 days are judged by it now, in the background."))
    else:
        tell(_("Saved. It holds for conversations in which somebody writes from here on."))


def criteria_in_code() -> tuple[Criterion, ...]:
    """Return the criteria that the host gives in code; they hold for every account."""
    return tuple(getattr(door(), "criteria", ()))


def reviewer_is_there() -> bool:
    """Tell whether anybody reviews: a configured endpoint, or a reviewer of the host's own."""
    return bool(door().settings.ai_base_url or getattr(door(), "reviewer", None))


def form_context(form: CriterionForm) -> dict[str, Any]:
    """Return what the form's template shows beside what is typed."""
    return {
        "form": form,
        "sets": [one.name for one in sets_of(this_sync(), this_account(), criteria_in_code())],
        "contact_fields": [(name, contact_word(name)) for name in CONTACT_FIELDS],
        "manages": door().access.can_manage(),
        "reviewer_is_there": reviewer_is_there(),
        "status_word": status_word,
    }


def _kept(criterion_id: str) -> Kept:
    return find_criterion(this_sync(), this_account(), criterion_id)


def _typed() -> dict[str, list[str]]:
    return {name: request.form.getlist(name) for name in request.form if name not in _CARRIED}


def _again() -> dict[str, str | list[str]]:
    """Return what was typed, as the form shows it again."""
    typed: dict[str, str | list[str]] = {name: values[-1] for name, values in _typed().items()}
    typed["contact_fields"] = request.form.getlist("contact_fields")
    channels = request.form.get("channels", "")
    return typed | {"channels": [one.strip() for one in channels.split(",")]}


def _refused(kept: Kept | None, invalid: CriterionInvalid) -> ResponseReturnValue:
    return _shown(CriterionForm(_again(), _in_words(invalid), kept)), 422


def _in_words(invalid: CriterionInvalid) -> dict[str, str]:
    return {name: said(sentence) for name, sentence in invalid.fields.items()}


def _shown(form: CriterionForm) -> str:
    return render_template("crm_sync/criterion.html", **form_context(form))
