"""Writing contacts: new ones under a GUID of our choice, others only while they are as they were read.

A write is tried a second time at once where the CRM's answer leaves a better one: a contact that was merged meanwhile
(its survivor is written), an account that cannot be bound (the rest is written).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...errors import (
    CRMError,
    Duplicate,
    InvalidRecord,
    OutcomeUnknown,
    PermissionMissing,
    RecordMissing,
    RejectedByCRM,
)
from ..base import RemoteField, RemoteRecord, Write, Written
from ..further import on_wire
from .accounts import Account
from .client import ROOT, Outcome, guid
from .contacts import Contacts
from .fields import COMPANY
from .multipart import Request

BIND = f"{COMPANY}_account@odata.bind"
_INACTIVE = (
    "The contact is deactivated in Dynamics, where it can be read only. Activate it there, then retry; it is never "
    "activated from here."
)


@dataclass(frozen=True, slots=True)
class Plan:
    """One write on its way: the contact's GUID, its values, the account to bind, and what is not sent and why."""

    contact: str
    new: bool
    values: Mapping[str, str]
    account: Account | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    further: Mapping[str, RemoteField] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """Return what is sent: blanks clear, and are left out of a new contact."""
        sent = {name: self._sent(name, value) for name, value in self.values.items() if value or not self.new}
        if COMPANY in sent:
            del sent[COMPANY]
            return {**sent, BIND: self.account.bind if self.account else None}
        return sent

    def _sent(self, name: str, text: str) -> Any:
        """Return a value as its column takes it: options are numbers, several are joined with commas."""
        more = self.further.get(name)
        if more is None:
            return text or None
        if more.type == "choices":
            return text.replace(";", ",") or None
        is_option = more.type == "choice" and text.lstrip("-").isdecimal()
        return int(text) if is_option else on_wire(more, text)

    def without_account(self, why: str) -> Plan:
        """Return the same write without the company."""
        values = {name: value for name, value in self.values.items() if name != COMPANY}
        return replace(self, values=values, account=None, refused={**self.refused, COMPANY: why})


Outcomes = dict[int, Written | CRMError]


def upsert(contacts: Contacts, writes: Sequence[Write]) -> list[Written | CRMError]:
    """Create or update contacts; a repeated create answers the contact that the first one made."""
    names = [write.values.get(COMPANY, "") for write in writes]
    trouble = contacts.accounts.resolve([name for name in names if name])
    if trouble is not None:
        return [trouble] * len(writes)
    plans = {number: _planned(contacts, write) for number, write in enumerate(writes)}
    found = _sent(contacts, plans)
    again = _second_look(contacts, plans, found)
    found.update(_sent(contacts, again))
    contacts.accounts.forget()
    _keep_rights_of_one_record_to_it(plans, found)
    return [found[number] for number in plans]


def _keep_rights_of_one_record_to_it(plans: Mapping[int, Plan], found: Outcomes) -> None:
    """A right that others of the same call had is missing on a contact alone: another business unit owns it."""
    went = {plans[number].new for number, outcome in found.items() if isinstance(outcome, Written)}
    for number, outcome in found.items():
        if isinstance(outcome, PermissionMissing) and plans[number].new in went:
            words = "The app's user may write other contacts in Dynamics, not this one: share it, or assign it anew."
            found[number] = RejectedByCRM(words, crm_message=outcome.crm_message, status_code=outcome.status_code)


def _planned(contacts: Contacts, write: Write) -> Plan:
    further = {field.name: field for field in contacts.further}
    plan = Plan(guid(write.record_id or write.key), write.record_id is None, write.values, further=further)
    company = write.values.get(COMPANY, "")
    chosen = contacts.accounts.choice(company) if company else None
    if isinstance(chosen, str):
        return plan.without_account(chosen)
    return replace(plan, account=chosen)


def _sent(contacts: Contacts, plans: Mapping[int, Plan]) -> Outcomes:
    """Send the plans that change anything, each account that is made before the first contact that needs it."""
    found: Outcomes = {}
    requests: list[Request] = []
    owners: list[int | None] = []
    made: set[str] = set()
    for number, plan in plans.items():
        if not plan.new and contacts.is_inactive(plan.contact):
            found[number] = RejectedByCRM(_INACTIVE)
        elif not plan.new and not plan.body:
            found[number] = _written(contacts, plan)
        else:
            if plan.account and plan.account.new and plan.account.id not in made:
                made.add(plan.account.id)
                requests.append(plan.account.request)
                owners.append(None)
            requests.append(_request(contacts, plan))
            owners.append(number)
    for owner, outcome in zip(owners, contacts.client.batch(requests), strict=True):
        if owner is not None:
            found[owner] = _outcome(contacts, plans[owner], outcome)
    return found


def _request(contacts: Contacts, plan: Plan) -> Request:
    """Return a create that never touches a contact which is there, or an update that never recreates one.

    A contact that was just read is written only while it is that version: a person's edit in between is merged first.
    """
    known = None if plan.new else contacts.standing(plan.contact)
    condition = {"If-None-Match": "*"} if plan.new else {"If-Match": (known.etag if known else "") or "*"}
    return Request("PATCH", f"{ROOT}contacts({plan.contact})", plan.body, condition, plan.contact, "contactid")


def _outcome(contacts: Contacts, plan: Plan, outcome: Outcome) -> Written | CRMError:
    return outcome if isinstance(outcome, CRMError) else _written(contacts, plan)


def _written(contacts: Contacts, plan: Plan) -> Written:
    """Return the contact as it is now: Dynamics answers a write with nothing, and takes the texts as they are."""
    blanks = contacts.blanks if plan.new else {}
    company = {COMPANY: plan.account.name} if plan.account else {}
    values = {**blanks, **plan.values, **company}
    return Written(RemoteRecord(plan.contact, values, contacts.record_url(plan.contact)), plan.new, plan.refused)


def _second_look(contacts: Contacts, plans: Mapping[int, Plan], found: Outcomes) -> dict[int, Plan]:
    """Read what was refused, settle what that tells, and return what is worth sending in another form."""
    doubtful = {number: plan for number, plan in plans.items() if _doubtful(contacts, plan, found[number])}
    wanted = {plan.contact for number, plan in doubtful.items() if not plan.new or _is_there(found[number])}
    states = contacts.look(wanted) if wanted else {}
    again: dict[int, Plan] = {}
    for number, plan in doubtful.items():
        error = found[number]
        assert isinstance(error, CRMError)
        judged = _judged_new(plan, error, states) if plan.new else _judged_old(contacts, plan, error, states)
        if isinstance(judged, Plan):
            again[number] = judged
        else:
            found[number] = judged
    return again


def _doubtful(contacts: Contacts, plan: Plan, outcome: Written | CRMError) -> bool:
    """Tell whether a refusal may have a reason that is not the record's own; one that was not sent has not."""
    if isinstance(outcome, InvalidRecord) and outcome.fields:
        return False
    if isinstance(outcome, Duplicate):
        return _is_there(outcome)
    refused = isinstance(outcome, RejectedByCRM | PermissionMissing)
    return refused and (plan.account is not None if plan.new else not contacts.is_inactive(plan.contact))


def _is_there(outcome: Written | CRMError) -> bool:
    """Tell whether a create met its own GUID: only an earlier attempt of ours can have made it."""
    return isinstance(outcome, Duplicate) and outcome.existing_id is not None


def _judged_new(
    plan: Plan, error: CRMError, states: Mapping[str, RemoteRecord | CRMError]
) -> Plan | Written | CRMError:
    if not _is_there(error):
        return plan.without_account(_unbindable(error))
    state = states[plan.contact]
    if isinstance(state, RecordMissing):
        return OutcomeUnknown("Dynamics has this contact and has it not, at the same time.")
    if isinstance(state, CRMError):
        return state
    if _agrees(plan, state):
        return Written(state, created=False, refused=plan.refused)
    # It was made by an earlier attempt, of other values, or edited since: it is to be merged with, not to be believed.
    return Duplicate(existing_id=plan.contact, crm_message=error.crm_message, status_code=error.status_code)


def _agrees(plan: Plan, state: RemoteRecord) -> bool:
    """Tell whether a contact holds what was to be written."""
    meant = {**plan.values, **({COMPANY: plan.account.name} if plan.account else {})}
    return all(state.values.get(name, "") == value for name, value in meant.items())


def _judged_old(
    contacts: Contacts, plan: Plan, error: CRMError, states: Mapping[str, RemoteRecord | CRMError]
) -> Plan | CRMError:
    state = states[plan.contact]
    if isinstance(state, CRMError):
        return state
    if state.id != plan.contact:
        return replace(plan, contact=state.id)
    if contacts.is_inactive(plan.contact):
        return RejectedByCRM(_INACTIVE, crm_message=error.crm_message, status_code=error.status_code)
    return plan.without_account(_unbindable(error)) if plan.account else error


def _unbindable(error: CRMError) -> str:
    return f"the account could not be bound to the contact: {error.crm_message or error}"
