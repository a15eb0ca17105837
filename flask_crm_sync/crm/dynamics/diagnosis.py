"""Diagnose: everything about an environment that commonly goes wrong, looked at without writing.

What Dynamics does not show to this user is said as such: a missing answer here is no trouble of the sync's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...errors import CRMError, PermissionMissing
from ..answers import instant
from ..base import Finding
from .accounts import CREATE, OFF
from .answers import allowance
from .client import DynamicsClient, Outcome, Row, get
from .fields import FIELDS
from .multipart import Request
from .setup import PROBES, environment_of, user_of
from .untold import ChangesUntold

_SKEW_SECONDS = 300.0
"""A clock that is further off makes tokens look expired, or not yet valid."""
_LOW_SHARE = 0.1
_NOTES = ("prvReadNote", "prvCreateNote", "prvWriteNote", "prvAppendNote")
_CONTACTS = ("prvReadContact", "prvCreateContact", "prvWriteContact", "prvAppendToContact")
_MATCHING = ("prvReadAccount", "prvAppendContact", "prvAppendToAccount")
_ERASING = ("prvDeleteContact", "prvDeleteNote")
_HOW_TO_GRANT = "Give the security role this privilege: Power Platform admin center, Settings, Security roles."


@dataclass(frozen=True, slots=True)
class _Seen:
    """What Dynamics answered to each question, by the question's name."""

    answers: Mapping[str, Outcome]

    def rows(self, name: str) -> list[Row]:
        """Return the rows of a collection, those of its first page."""
        value = self.row(name).get("value")
        return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []

    def row(self, name: str) -> Row:
        """Return a body, {} where there is none."""
        answer = self.answers.get(name)
        return {} if answer is None or isinstance(answer, CRMError) else answer

    def error(self, name: str) -> CRMError | None:
        """Return why there is no answer."""
        answer = self.answers.get(name)
        return answer if isinstance(answer, CRMError) else None


def diagnose(client: DynamicsClient, company: str) -> list[Finding]:
    """Look at user, privileges, lengths, duplicate rules, limit and clock; raise CRMError where we cannot sign in."""
    who = client.call(get("WhoAmI"))
    host = environment_of(client, who)
    privileges = _privileges(company)
    asked = _questions(user_of(who), privileges, company)
    seen = _Seen(dict(zip(asked, client.batch(list(asked.values())), strict=True)))
    return [
        Finding("good", "Connection", f"Dynamics 365 answers as {host}."),
        *_user(seen),
        *_tables(seen, company),
        *_rights(seen, privileges),
        *_lengths(seen),
        *_duplicates(seen),
        *_changes(seen),
        *_limit(client),
        *_clock(client),
    ]


def _privileges(company: str) -> tuple[str, ...]:
    accounts = () if company == OFF else (*_MATCHING, *(("prvCreateAccount",) if company == CREATE else ()))
    return (*_CONTACTS, *_NOTES, *accounts, *_ERASING)


def _questions(user: str, privileges: tuple[str, ...], company: str) -> dict[str, Request]:
    tables = [table for table in PROBES if table != "accounts" or company != OFF]
    asked = {table: get(table, select=PROBES[table], top="1") for table in tables}
    lengths = "EntityDefinitions(LogicalName='contact')/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata"
    asked["lengths"] = get(lengths, select="LogicalName,MaxLength")
    published = "baseentityname eq 'contact' and statecode eq 1"
    asked["tracking"] = get("EntityDefinitions(LogicalName='contact')", select="ChangeTrackingEnabled")
    asked["duplicates"] = get("duplicaterules", select="name", filter=published)
    if user:
        asked["user"] = get(f"systemusers({user})", select="fullname,applicationid,isdisabled")
        function = f"systemusers({user})/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName"
        asked.update({name: get(f"{function}(PrivilegeName='{name}')") for name in privileges})
    return asked


def _user(seen: _Seen) -> Iterator[Finding]:
    user = seen.row("user")
    if not user:
        yield Finding("note", "User", "Dynamics does not show which user the token stands for.")
    elif user.get("isdisabled") is True:
        yield Finding("problem", "User", "The user is disabled.", "Enable it in the Power Platform admin center.")
    elif user.get("applicationid"):
        yield Finding("good", "User", "Calls are made as an application user.")
    else:
        yield Finding("good", "User", "Calls are made as the person who signed in, with that person's rights.")


def _tables(seen: _Seen, company: str) -> Iterator[Finding]:
    needed = {"contacts": "Contacts", "annotations": "Notes", "accounts": "Accounts"}
    for table, about in needed.items():
        error = seen.error(table)
        if table == "accounts" and company == OFF:
            yield Finding("note", about, "Companies are not sent (CRM_SYNC_DYNAMICS_COMPANY is off).")
        elif error is None:
            yield Finding("good", about, f"{about} can be read.")
        else:
            yield _unreadable(about, error)


def _unreadable(about: str, error: CRMError) -> Finding:
    says = f"{about} cannot be read: {error.crm_message or error}"
    advice = _HOW_TO_GRANT if isinstance(error, PermissionMissing) else error.advice
    if about == "Accounts":
        return Finding("warning", about, says, f"{advice} Until then companies are not sent.")
    return Finding("problem", about, says, advice)


def _rights(seen: _Seen, privileges: tuple[str, ...]) -> Iterator[Finding]:
    told = [name for name in privileges if isinstance(seen.row(name).get("RolePrivileges"), list)]
    missing = [name for name in told if not seen.row(name)["RolePrivileges"]]
    yield from map(_missing, missing)
    if len(told) < len(privileges):
        unseen = ", ".join(name for name in privileges if name not in told)
        yield Finding("note", "Privileges", f"Dynamics does not show whether the user has: {unseen}.")
    elif not missing:
        yield Finding("good", "Privileges", "The user may read and write contacts and notes.")


def _missing(privilege: str) -> Finding:
    if privilege in _ERASING:
        says = f"{privilege} is missing; it is needed only to remove people who ask for that."
        return Finding("note", "Privileges", says, _HOW_TO_GRANT)
    about_accounts = privilege in _MATCHING or privilege == "prvCreateAccount"
    return Finding("warning" if about_accounts else "problem", "Privileges", f"{privilege} is missing.", _HOW_TO_GRANT)


def _lengths(seen: _Seen) -> Iterator[Finding]:
    lengths = {row.get("LogicalName"): row.get("MaxLength") for row in seen.rows("lengths")}
    if not lengths:
        yield Finding("note", "Columns", "Dynamics does not show how long its columns are.")
        return
    shorter = [
        f"{spec.label} takes {length} characters instead of {spec.max_length}"
        for spec in FIELDS
        if isinstance(length := lengths.get(spec.name), int) and length < spec.max_length
    ]
    if shorter:
        advice = "Longer values are refused by Dynamics, record by record. Widen the columns, or shorten the values."
        yield Finding("warning", "Columns", f"Columns were shortened: {'; '.join(shorter)}.", advice)
    else:
        yield Finding("good", "Columns", "The columns are as long as we expect.")


def _duplicates(seen: _Seen) -> Iterator[Finding]:
    if seen.error("duplicates"):
        yield Finding("note", "Duplicate rules", "Dynamics does not show its duplicate detection rules.")
        return
    names = [str(row.get("name") or "without a name") for row in seen.rows("duplicates")]
    if not names:
        yield Finding("good", "Duplicate rules", "No duplicate detection rule for contacts is published.")
        return
    yield Finding(
        "note",
        "Duplicate rules",
        f"Published for contacts: {', '.join(names)[:300]}.",
        "They do not hold up writes by the API unless the environment was changed to do so; a record that one refuses "
        "is failed with the reason, and is never sent again by itself.",
    )


def _changes(seen: _Seen) -> Iterator[Finding]:
    tracked = seen.row("tracking").get("ChangeTrackingEnabled")
    if tracked is True:
        yield Finding("good", "Changes", "Changes of contacts are tracked.")
    elif tracked is False:
        says = "Changes of contacts are not tracked: only webhooks tell what people edit in Dynamics."
        yield Finding("note", "Changes", says, f"To sync both ways: {ChangesUntold.advice}")
    else:
        yield Finding("note", "Changes", "Dynamics does not show whether changes of contacts are tracked.")


def _limit(client: DynamicsClient) -> Iterator[Finding]:
    told = allowance(client.heard)
    if told is None or told.limit is None or told.remaining is None:
        yield Finding("note", "API limit", "Dynamics does not say how much of its limit is left.")
        return
    says = f"{told.remaining:,} requests are left for these five minutes, on the server that answered."
    if told.remaining < _LOW_SHARE * told.limit:
        yield Finding("warning", "API limit", says, "If it stays so, another program uses the same user.")
    else:
        yield Finding("good", "API limit", says)


def _clock(client: DynamicsClient) -> Iterator[Finding]:
    try:
        skew = (instant(client.heard.get("date", "")) - client.http.clock.now()).total_seconds()
    except (ValueError, TypeError):
        yield Finding("note", "Clock", "Dynamics' answer does not tell its time.")
        return
    if abs(skew) > _SKEW_SECONDS:
        says = f"This machine's clock is {abs(skew) / 60:.0f} minutes off Dynamics'."
        yield Finding("warning", "Clock", says, "Let the machine set its clock by NTP: tokens live by the time.")
    else:
        yield Finding("good", "Clock", "This machine's clock agrees with Dynamics'.")
