"""The diagnosis: everything that commonly goes wrong with an org, each with what to do about it. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ...errors import CRMError
from ..answers import objects
from ..base import Finding
from .answers import Row, of_response
from .client import SalesforceClient
from .fields import NAMES_OF
from .ids import CONTACT, LEAD, TASK
from .setup import KINDS, about_user, described, organization
from .shapes import Shape, fields_of, key_faults, labels

_LOW_BUDGET = 0.2
_CLOCK_TOLERANCE = 300.0
_PERMISSION_SET = "In Salesforce: Setup, Permission Sets: give it to the user's permission set, then test again."


class Diagnosis:
    """Looks at one org with one token."""

    def __init__(self, client: SalesforceClient, key_field: str, identity: str) -> None:
        self.client, self.key_field, self.identity = client, key_field, identity

    def findings(self) -> list[Finding]:
        """Return what was found; raise CRMError where not even the limits can be asked."""
        answer = self.client.answer("GET", f"{self.client.base}/limits")
        error = of_response(answer, self.client.http.clean, writes=False)
        if error is not None:
            raise error
        found = [_budget(answer.body), self._clock(answer.headers), self._org()]
        for kind in KINDS:
            try:
                found += self._object(kind, described(self.client, kind))
            except CRMError as trouble:
                found.append(Finding("warning", kind, f"It could not be looked at: {trouble}", trouble.advice))
        return [*found, *_HINTS]

    def _org(self) -> Finding:
        try:
            org_id = organization(self.client, self.identity, about_user(self.client))
        except CRMError as trouble:
            return Finding("warning", "Connection", f"The org did not tell who it is: {trouble}", trouble.advice)
        return Finding("good", "Connection", f"Salesforce answers as org {org_id}; the token may use the API.")

    def _clock(self, headers: Mapping[str, str]) -> Finding:
        """Compare our clock with theirs: tokens and cursors depend on both."""
        try:
            theirs = parsedate_to_datetime(headers.get("Date") or "")
        except ValueError:
            return Finding("note", "Clock", "Salesforce's answer tells no time to compare with.")
        apart = abs((self.client.http.clock.now() - _aware(theirs)).total_seconds())
        if apart <= _CLOCK_TOLERANCE:
            return Finding("good", "Clock", "This machine's clock agrees with Salesforce's.")
        says = f"This machine's clock and Salesforce's are {apart:,.0f} seconds apart."
        return Finding("warning", "Clock", says, "Switch on time synchronisation on this machine.")

    def _object(self, kind: str, describe: Row | None) -> Iterator[Finding]:
        shape = Shape.of(kind, describe, self.key_field)
        if describe is None:
            level, advice = (
                "problem" if kind == LEAD else "warning",
                f"Read, Create and Edit on {kind}. {_PERMISSION_SET}",
            )
            yield Finding(level, kind, f"The user may not see {kind} records.", advice)  # type: ignore[arg-type]
            return
        yield from _rights(kind, shape)
        yield self._key(kind, describe)
        if kind == LEAD:
            yield from _demanded(describe)
        if kind in (LEAD, CONTACT):
            yield from _places(kind, describe)
        if kind == TASK:
            yield from _lists(shape)

    def _key(self, kind: str, describe: Row) -> Finding:
        faults = key_faults(fields_of(describe).get(self.key_field))
        if not faults:
            return Finding("good", kind, f"The field {self.key_field} is there, unique, and an External ID.")
        where = "Activity" if kind == TASK else kind
        return Finding(
            "note" if kind == CONTACT else "warning",
            kind,
            f"The field {self.key_field} {', '.join(faults)}.",
            f"In Salesforce: Setup, Object Manager, {where}, Fields: make a text field of 64 characters named "
            f"{self.key_field.removesuffix('__c')}, unique without regard to case, External ID; let the user edit it.",
        )


def _budget(body: Any) -> Finding:
    daily = body.get("DailyApiRequests") if isinstance(body, dict) else None
    most, left = (daily.get("Max"), daily.get("Remaining")) if isinstance(daily, dict) else (None, None)
    if not isinstance(most, int) or not isinstance(left, int):
        return Finding("note", "API budget", "Salesforce did not tell how many calls are left.")
    says = f"{left:,} of {most:,} API calls are left in these 24 hours."
    if left < most * _LOW_BUDGET:
        return Finding("warning", "API budget", says, "Look for other programs that use the API, or buy more calls.")
    return Finding("good", "API budget", says)


def _rights(kind: str, shape: Shape) -> Iterator[Finding]:
    for right in sorted(shape.denied):
        name = {"createable": "Create", "updateable": "Edit"}.get(right, right)
        yield Finding("problem", kind, f'The user lacks "{name}" on {kind}.', _PERMISSION_SET)
    if shape.hidden:
        says = f"The user may not see {labels(shape.hidden)}."
        yield Finding("warning", kind, says, f"Field-level security: Read and Edit. {_PERMISSION_SET}")
    fixed = (shape.not_settable | shape.not_changeable) - shape.hidden
    if fixed:
        says = f"The user may not write {labels(fixed)}; they are left alone."
        yield Finding("warning", kind, says, f"Field-level security: Edit. {_PERMISSION_SET}")
    if not shape.denied and not shape.hidden and not fixed:
        yield Finding("good", kind, "The user may see and write every field of ours.")


def _demanded(describe: Row) -> Iterator[Finding]:
    """Yield what the org demands of a lead beyond what we send."""
    for field in objects(describe.get("fields")):
        has_default = field.get("defaultedOnCreate") is not False or field.get("defaultValue") is not None
        demanded = field.get("nillable") is False and field.get("createable") is True and not has_default
        if demanded and field.get("name") not in NAMES_OF[LEAD]:
            says = f"The org demands the field {field.get('name')} of every lead, and the sync does not send it."
            yield Finding("problem", LEAD, says, "Give it a default value, or make it optional.")


def _places(kind: str, describe: Row) -> Iterator[Finding]:
    prefix = "Mailing" if kind == CONTACT else ""
    if f"{prefix}CountryCode" in fields_of(describe):
        yield Finding(
            "note",
            kind,
            "The org keeps states and countries as lists: what is not on them is left out, and the log says so.",
            'To take free text: Setup, "State and Country/Territory Picklists".',
        )


def _lists(shape: Shape) -> Iterator[Finding]:
    for name, wanted in (("Status", "Completed"), ("Priority", "Normal")):
        if name not in (shape.picks or {}):
            yield Finding(
                "warning",
                TASK,
                f'The list {name} has no value "{wanted}", so notes get the org\'s default.',
                f'Add the value "{wanted}" again, or let an automation of the org close such tasks.',
            )


def _aware(instant: datetime) -> datetime:
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


_HINTS = (
    Finding(
        "note",
        "Duplicate rules",
        "Salesforce tells of duplicate rules only when one refuses a lead. A rule that alerts can be overruled by "
        "CRM_SYNC_SALESFORCE_SAVE_DUPLICATES; a rule that blocks cannot.",
        'See Setup, "Duplicate Rules".',
    ),
    Finding(
        "note",
        "Grants",
        "Salesforce keeps about five grants for each user and app: one more sign-in silently ends the oldest.",
        "Sign in with a user of its own for each installation, or use client credentials.",
    ),
    Finding(
        "note",
        "Scopes",
        "The app needs the scopes api and refresh_token; without the second a sign-in ends with its session.",
        "In the app's OAuth settings: Manage user data via APIs (api), Perform requests at any time (refresh_token).",
    ),
)
